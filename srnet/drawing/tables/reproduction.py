"""Every published number beside ours, with verdict and reason."""

import pandas as pd


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
