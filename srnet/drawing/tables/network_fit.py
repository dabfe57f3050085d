"""The networks of regressions or classifications: sizes, settings and fit to their task."""

import pandas as pd

from srnet.drawing.latex_table import TASK, Number, Paper, Text

PAPER = Paper(
    "How the networks were trained, and how well they fit their task (R², or accuracy) on the rows "
    "that trained them and on those held out. 300/20000: of 20000 epochs only 300.",
    (
        TASK,
        Text("Layers", "sizes"),
        Text(
            "Optimiser,\nrate",
            lambda frame: [
                f"{name} {rate:g}"
                for name, rate in zip(frame["optimiser"], frame["lr"], strict=True)
            ],
        ),
        Text("Epochs", "trained"),
        Number("R²,\ntraining", "r2_train", decimals=3),
        Number("R²,\nheld out", "r2_test", decimals=3),
        Number("Training\nrows (%)", "accuracy_train", decimals=1, times=100),
        Number("Held-out\nrows (%)", "accuracy_test", decimals=1, times=100),
        Number("Largest\nclass (%)", "majority_share", decimals=1, times=100),
        Text("Warnings", "warnings", width=0.13),
    ),
)

COLUMNS = (
    *(
        "task",
        "family",
        "rows",
        "sizes",
        "optimiser",
        "lr",
        "epochs",
        "full_epochs",
        "batch",
        "standardised",
    ),
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

    A measure that no network has is left out. ``trained`` are the epochs as a text, ``300/20000``
    if the training was shortened. Warnings are reduced to their names, such as ``constant
    network``, because the measures show the rest.

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
    trained = [
        f"{epochs}" if epochs >= full else f"{epochs}/{full}"
        for epochs, full in zip(table["epochs"], table["full_epochs"], strict=True)
    ]
    table.insert(list(table).index("full_epochs") + 1, "trained", trained)
    return table.assign(warnings=names)
