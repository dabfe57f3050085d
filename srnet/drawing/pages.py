"""HTML pages that need nothing else: no script, no network, no other file."""

import io
from typing import Any

import matplotlib.style
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from srnet.drawing.style import STYLE


def render(template: str, **content: Any) -> str:
    """A page from a template, whose path is that inside the package; all texts are escaped."""
    environment = Environment(
        loader=PackageLoader("srnet", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(template).render(content)


def svg_element(figure: Figure) -> Markup:
    """A figure as an element of a page."""
    file = io.StringIO()
    with matplotlib.style.context(["default", STYLE]):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib's links open a new window
    text = file.getvalue().replace(' target="_blank"', "")
    return Markup(text[text.index("<svg") :])
