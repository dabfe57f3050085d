"""Every published number beside ours, with verdict and reason."""

import pandas as pd

from srnet.drawing.images.style import network_label
from srnet.drawing.latex_table import PRESET, Number, Paper, Text
from srnet.drawing.methods import judgements
from srnet.wording import method_name


def _method(method: str) -> str:
    """``SRNet``, or of two that are compared the other one."""
    ours, against, other = method.partition(" against ")
    return f"/ {method_name(other)}" if against else method_name(ours)


PAPER = Paper(
    "Every published number beside ours, with the interval over the runs. Of a claim about two "
    "methods ours is the ratio of their medians. What was not run is left out.",
    (
        Text("Task", "task", show=network_label),
        Text("Method", "method", width=0.12, show=_method),
        PRESET,
        Number("Published", "published"),
        Number("Ours", "ours", brackets=("ours_low", "ours_high")),
        Text("Verdict", judgements, width=0.23),
    ),
    groups="claim",
    select=lambda frame: frame[frame["verdict"] != "not run"],
)


def draw(verdict: pd.DataFrame) -> pd.DataFrame:
    """One row per number and preset.

    Parameters
    ----------
    verdict
        As ``srnet.results.verdict.verdict`` returns it; the column ``kind`` is left out.
    """
    table = verdict.drop(columns="kind")
    text = table.select_dtypes(include=["object", "string"]).columns
    return table.assign(**{column: table[column].fillna("") for column in text})
