"""The networks of regressions or classifications: sizes, settings and fit to their task."""

import pandas as pd

COLUMNS = (
    *("task", "family", "rows", "sizes", "optimiser", "lr", "epochs", "batch", "standardised"),
    *("train_loss", "test_loss", "r2_train", "r2_test"),
    *(
        "accuracy_train",
        "accuracy_test",
        "majority_share",
        "classes",
        "predicted_classes",
        "predicted_counts",
    ),
    "warnings",
)


def draw(networks: pd.DataFrame) -> pd.DataFrame:
    """One row per task.

    A measure that no network has is left out. Warnings are reduced to their names, such as
    ``constant network``, because the measures show the rest.

    Parameters
    ----------
    networks
        One row per task with the columns ``COLUMNS``.
    """
    table = networks[list(COLUMNS)].dropna(axis="columns", how="all")
    names = [
        ", ".join(warning.split(":")[0] for warning in text.split("; "))
        for text in table["warnings"]
    ]
    return table.assign(warnings=names)
