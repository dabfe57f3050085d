"""Captions: Jinja templates filled with numbers from the frames that a figure or table shows."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined, Undefined

from srnet.drawing.methods import name_presets
from srnet.escaping import escape_rst
from srnet.wording import count_text


def fill_in(
    template: str,
    frames: Mapping[str, pd.DataFrame],
    *,
    escape: Callable[[str], str] = escape_rst,
    **context: Any,
) -> str:
    """Fill in the caption of a figure or table, as reStructuredText, or another page.

    What is filled in is escaped: it is text there, and no template for the report, which renders a
    caption once more by Jinja.

    Parameters
    ----------
    template
        A Jinja template. It can use the frames and the context by name; ``seeds``, the number of
        runs per task and preset as text (``30 seeds``), if a frame counts them; ``count_text``;
        ``name_presets``; and ``not_finite``, which counts the infinite and missing values of a
        column.
    escape
        Makes a text safe in the language of the page.

    Raises
    ------
    jinja2.UndefinedError
        If the template uses an unknown name.
    """
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=partial(_escape, escape),
    )
    variables = {
        **frames,
        **context,
        "count_text": count_text,
        "name_presets": name_presets,
        "not_finite": _count_not_finite,
        "seeds": _seed_text(frames),
    }
    return environment.from_string(template).render(variables)


def _escape(escape: Callable[[str], str], value: object) -> object:
    """A filled-in text; a number stays as it is, and so does what is undefined, an error."""
    if isinstance(value, int | float | np.number | Undefined):
        return value
    return escape(value if isinstance(value, str) else str(value))


def _seed_text(frames: Mapping[str, pd.DataFrame]) -> str:
    if "runs" in frames:
        return count_text(frames["runs"].groupby(["task", "preset"]).size(), "seed")
    if "history" in frames:
        return count_text(frames["history"]["runs"], "seed")
    return ""


def _count_not_finite(column: pd.Series) -> int:
    return int((~np.isfinite(column)).sum())
