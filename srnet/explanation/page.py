"""An explanation as one HTML page that needs nothing else: no script, no network."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup

from srnet.drawing.pages import render, svg_element
from srnet.errors import UserError
from srnet.escaping import printable
from srnet.explanation.neighbourhood import describe_point
from srnet.model.srnet import legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from srnet.model.srnet import SRNet


class PageContent(Protocol):
    """What a page needs of an explanation (:class:`srnet.explanation.result.Explanation`)."""

    run: dict[str, Any]

    @property
    def model(self) -> "SRNet": ...
    @property
    def models(self) -> "Sequence[PageContent]": ...
    @property
    def layers(self) -> Sequence[Any]: ...
    @property
    def input_names(self) -> list[str]: ...
    @property
    def columns(self) -> list[str] | None: ...
    @property
    def quality(self) -> str: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def complexity(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    def equation(self, output: int = 0) -> str: ...
    def plot(self) -> "Figure": ...


_MOST_OUTPUTS = 5
_LINE = 80  # characters of LaTeX
# What a formula consists of. Names of columns come from tables: nothing else reaches the page.
_ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mpadded"),
}
_ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form"),
    *("separator", "symmetric", "width", "height", "depth", "lspace", "rspace", "minsize"),
    *("maxsize", "linethickness"),
}


def render_page(found: PageContent) -> str:
    """The page: every model of the Pareto front behind its point, its outputs typeset, the layers,
    the plots where the explanation has rows, and how it was made."""
    models = found.models
    texts = [layer.formulas for layer in found.layers]
    chosen = next(
        (i for i, each in enumerate(models) if [own.formulas for own in each.layers] == texts), None
    )
    shown = [_model(each, f"model-{i}", i == chosen) for i, each in enumerate(models)]
    if chosen is None:
        shown.append(_model(found, "result", True))
    try:
        figure = svg_element(found.plot())
    except UserError:  # a loaded explanation has no rows
        figure = Markup("")
    return render(
        "explanation/page.html",
        title=printable(f"{found.model.task} as formulas"),
        quality=found.quality,
        warnings=[printable(warning) for warning in found.warnings],
        legend=[
            printable(line)
            for line in (
                *describe_point(found.run),
                *legend(found.model, found.input_names, found.columns),
            )
        ],
        loss=found.model.loss_name,
        front=_front(models, chosen) if len(models) > 1 else "",
        models=shown,
        layers=[
            {
                "name": printable(layer.name),
                "formulas": [printable(text) for text in layer.formulas],
                "r2": _number(layer.r2, ".4f"),
                "mse": _number(layer.mse, ".3g"),
                "complexity": layer.complexity,
            }
            for layer in found.layers
        ],
        figure=figure,
        made=[(key, printable(value)) for key, value in _origin(found.run).items()],
    )


def _model(found: PageContent, name: str, is_chosen: bool) -> dict[str, Any]:
    """A model with the formulas of its outputs."""
    last = found.layers[-1]
    shown = min(found.outputs, _MOST_OUTPUTS)
    return {
        "id": name,
        "chosen": is_chosen,
        "complexity": found.complexity,
        "mse": _number(last.mse, ".3g"),
        "r2": _number(last.r2, ".4f"),
        "outputs": [[_math(part) for part in _parts(found.equation(i))] for i in range(shown)],
        "left": found.outputs - shown,
    }


def _parts(latex: str) -> list[str]:
    """A formula in lines: no browser breaks one."""
    parts, depth, start = [], 0, 0
    for token in re.finditer(r"\\.|[{(]|[})]| [+-] ", latex):
        text = token[0]
        depth += (text in "{(") - (text in "})")
        if depth == 0 and text.startswith(" ") and token.start() - start > _LINE:
            parts.append(latex[start : token.start()])
            start = token.start()
    return [*parts, latex[start:]]


def _math(latex: str) -> Markup:
    """A formula as MathML; as LaTeX where that cannot be made of it."""
    try:
        math = convert(latex, display="block")
        tree = ElementTree.fromstring(math)
    except Exception:  # a library that reads names of any kind
        return Markup("<code>{}</code>").format(latex)
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    attributes = {name for element in tree.iter() for name in element.attrib}
    if not (names <= _ELEMENTS and attributes <= _ATTRIBUTES):
        return Markup("<code>{}</code>").format(latex)
    return Markup(math)


def _front(models: Sequence[PageContent], chosen: int | None) -> Markup:
    from srnet.drawing.figures.front import draw

    return svg_element(
        draw(
            [each.complexity for each in models],
            [each.layers[-1].mse for each in models],
            chosen,
            models[0].model.loss_name,
            [f"#model-{i}" for i in range(len(models))],
        )
    )


def _origin(run: dict[str, Any]) -> dict[str, str]:
    """The origin of a run, by what it tells."""
    told: dict[str, Any] = {key: run.get(key) for key in ("preset", "seed", "evaluations")}
    told |= {f"{split} rows": count for split, count in run.get("rows", {}).items()}
    told |= run.get("software", {})
    return {key: str(value) for key, value in told.items() if value is not None}


def _number(value: float | None, form: str) -> str:
    return "undefined" if value is None else format(value, form)
