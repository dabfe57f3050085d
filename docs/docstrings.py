"""Sections `Returns` without a type. Types stand in the signatures and our docstrings do not repeat
them; napoleon would take the text for the type."""

import re
from typing import Any

from sphinx.application import Sphinx

UNTYPED = re.compile(r"^(Returns\n-+\n)((?:\S.*\n)+)(?!\s+\S)", re.MULTILINE)


def indent_returns(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Set the text below an empty type."""
    text = UNTYPED.sub(
        lambda found: f"{found[1]}:\n    {' '.join(found[2].split())}\n", "\n".join([*lines, ""])
    )
    lines[:] = text.split("\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", indent_returns, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
