"""Captions with their numbers filled in: a template sees the frames that the artifact is drawn
from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from srnet.drawing.style import counted


def fill_in(template: str, frames: Mapping[str, pd.DataFrame], **context: Any) -> str:
    """The caption of an artifact.

    Parameters
    ----------
    template
        Jinja: it has the frames by name, the context by name, ``seeds``, the number of runs per
        task and preset (``30 seeds``; where there is a frame that counts them), ``counted``, and
        ``not_finite``, the number of values of a column that are infinite or missing.

    Raises
    ------
    jinja2.UndefinedError
        If the template names what there is not.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    known = {
        **frames,
        **context,
        "counted": counted,
        "not_finite": _not_finite,
        "seeds": _seeds(frames),
    }
    return environment.from_string(template).render(known)


def _seeds(frames: Mapping[str, pd.DataFrame]) -> str:
    if "runs" in frames:
        return counted(frames["runs"].groupby(["task", "preset"]).size(), "seed")
    if "history" in frames:
        return counted(frames["history"]["runs"], "seed")
    return ""


def _not_finite(column: pd.Series) -> int:
    return int((~np.isfinite(column)).sum())
