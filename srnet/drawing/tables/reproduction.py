"""Every published number beside ours, with the verdict and its reason."""

import pandas as pd


def draw(verdict: pd.DataFrame) -> pd.DataFrame:
    """One row per number and preset, as ``srnet.results.verdict.verdict`` gives them, without the
    kind of the rule."""
    table = verdict.drop(columns="kind")
    text = table.select_dtypes(include=["object", "string"]).columns
    return table.assign(**{column: table[column].fillna("") for column in text})
