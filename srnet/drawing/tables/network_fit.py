"""The networks: sizes, settings, and how well they fit their own task; those of regressions, or
those of classifications."""

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
    """One row per task; a measure that no network here has is left out.

    A warning is shown by its name, such as ``constant network``, for the measures tell the rest.
    """
    table = networks[list(COLUMNS)].dropna(axis="columns", how="all")
    names = [
        ", ".join(warning.split(":")[0] for warning in text.split("; "))
        for text in table["warnings"]
    ]
    return table.assign(warnings=names)
