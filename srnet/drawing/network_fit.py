"""The networks: sizes, settings, and how well they fit their own task."""

import pandas as pd

COLUMNS = (
    "task",
    "family",
    "rows",
    "sizes",
    "optimiser",
    "lr",
    "epochs",
    "batch",
    "train_loss",
    "test_loss",
    "r2_train",
    "r2_test",
    "accuracy_train",
    "accuracy_test",
    "majority_share",
    "predicted_classes",
    "warnings",
)


def draw(networks: pd.DataFrame) -> pd.DataFrame:
    """One row per task; a measure that no network here has is left out."""
    return networks[list(COLUMNS)].dropna(axis="columns", how="all")
