"""The report of a reproduction: a template filled in with numbers from the tidy tables, as captions
are. A number without a run is *not run*, and what came out is said by the verdict alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from srnet.drawing.captions import fill_in
from srnet.drawing.images.style import network_label
from srnet.escaping import escape_markdown
from srnet.results.provenance import Provenance, describe_provenance, times_table
from srnet.results.summary import count_verdicts, table_markdown
from srnet.results.verdict import NOT_RUN, VERDICTS, geometric_mean
from srnet.wording import duration_text, method_name


class Markdown(str):
    """A text that is Markdown already."""


def fill_in_report(template: str, frames: Mapping[str, pd.DataFrame], content: Provenance) -> str:
    """Fill in the template of a report.

    Parameters
    ----------
    template
        A Jinja template in Markdown. Beside the tidy tables by name it can use ``name``,
        ``configuration``, ``provenance`` (a sentence), ``times`` (of the rules), ``inf``,
        ``duration_text``, ``method_name``, what captions can use, and the functions of this module.
    content
        Of provenance.json.
    """
    text = {name: _without_missing_text(frame) for name, frame in frames.items()}
    verdict = text["verdict"]
    text["verdict"] = verdict.assign(task=verdict["task"].map(network_label))
    return fill_in(
        template,
        text,
        escape=lambda value: value if isinstance(value, Markdown) else escape_markdown(value),
        tables=text,
        inf=np.inf,
        duration_text=duration_text,
        method_name=method_name,
        name=content["name"],
        configuration=content["configuration"],
        provenance=describe_provenance(content),
        times=times_table(content),
        number=number,
        published=published,
        interval=interval,
        verdict_table=lambda: Markdown(verdict_table(text["verdict"])),
        verdict_counts=verdict_counts,
        error_ratios=error_ratios,
        geometric_mean=lambda values: geometric_mean(values.to_numpy()),
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number to so many significant digits; ∞, or *not run* where there is none."""
    if value is None or pd.isna(value):
        return NOT_RUN
    return "∞" if np.isinf(value) else f"{value:.{digits}g}"


def interval(row: Mapping[str, Any]) -> str:
    """Our number of a row of the verdict with its interval."""
    if pd.isna(row["ours"]):
        return NOT_RUN
    return f"{number(row['ours'])} [{number(row['ours_low'])}, {number(row['ours_high'])}]"


def published(row: Mapping[str, Any]) -> str:
    """What it is compared with: a range, or a limit."""
    if pd.isna(row["published_low"]):
        limit = "below" if row["kind"] == "order" else "at most"
        return f"{limit} {number(row['published_high'])}"
    return f"{number(row['published_low'])} to {number(row['published_high'])}"


def verdict_counts(rows: pd.DataFrame) -> str:
    """The verdicts of some rows, counted: ``3 reproduced, 1 not run``."""
    counts = rows["verdict"].value_counts()
    return ", ".join(f"{counts[name]} {name}" for name in VERDICTS if name in counts)


def verdict_table(verdict: pd.DataFrame) -> str:
    """A line by claim and by preset or method, a column by verdict, in Markdown; of a claim of
    which nothing was run there is none."""
    known = verdict[~(verdict["verdict"] == NOT_RUN).groupby(verdict["claim"]).transform("all")]
    return table_markdown(count_verdicts(known)) if len(known) else ""


def error_ratios(fidelity: pd.DataFrame, box: str, method: str, preset: str) -> pd.Series:
    """By task, the median RMSE of SRNet's runs over that of another method, in a box; infinite
    where a formula is not finite."""
    rows = fidelity[fidelity["box"] == box]
    errors = rows["rmse"].where(rows["nonfinite"] == 0, np.inf)
    ours = (rows["method"] == "srnet") & (rows["preset"] == preset)
    medians = [
        errors[which].groupby(rows["task"]).median() for which in (ours, rows["method"] == method)
    ]
    with np.errstate(all="ignore"):
        return (medians[0] / medians[1]).dropna()


def _without_missing_text(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.select_dtypes(include=["object", "string"]).columns
    return frame.assign(**{column: frame[column].fillna("") for column in text})
