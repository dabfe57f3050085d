"""Share of rows to which an explanation gives the network's class, by method, as in the paper."""

import pandas as pd

from srnet.drawing.latex_table import METHOD, PRESET, Number, Paper
from srnet.drawing.methods import group_by_method, judgements_by_method

PAPER = Paper(
    "Rows for which an explanation predicts the network's class, in percent: mean ± standard "
    "deviation over {seeds}, beside the published numbers.",
    (
        METHOD,
        PRESET,
        Number("Training\nrows", "train", decimals=1, spread="train_std"),
        Number("published", "train_published", decimals=1, spread="train_published_std"),
        Number("Held-out\nrows", "test", decimals=1, spread="test_std"),
        Number("published", "test_published", decimals=1, spread="test_published_std"),
    ),
    groups=lambda frame: [
        f"{task}: {remark}" if remark else task
        for task, remark in zip(frame["task"], frame["remark"], strict=True)
    ],
)


def draw(
    agreement: pd.DataFrame,
    networks: pd.DataFrame,
    published_classification: pd.DataFrame,
    agreement_claims: pd.DataFrame,
) -> pd.DataFrame:
    """One row per task and method; accuracies in percent.

    Parameters
    ----------
    agreement
        One row per task, method, preset, seed and split: rows, nonfinite, accuracy (0–1, against
        the network's class).
    networks
        One row per task: accuracy_train, accuracy_test (against the true class), majority_share,
        predicted_classes.
    published_classification
        One row per task and method: train_accuracy_percent, train_std, test_accuracy_percent,
        test_std.
    agreement_claims
        The verdict on the accuracies.

    Returns
    -------
    task, method, preset, seeds; for the training rows and for the held-out rows, the number of rows
    explained per seed, mean and standard deviation of the accuracy over the seeds, the published
    ones and the network's own accuracy; the share of the largest class and the number of classes
    that the network predicts; nonfinite; a remark: why the numbers are not comparable, or that the
    network is constant.
    """
    by_task = networks.set_index("task").to_dict("index")
    published = {
        (row["task"], str(row["method"]).lower()): row
        for row in published_classification.to_dict("records")
    }
    apart = judgements_by_method(agreement_claims[agreement_claims["verdict"] == "not comparable"])
    rows = []
    for names, group in group_by_method(agreement.assign(percent=100 * agreement["accuracy"])):
        network, reported = (
            by_task[names["task"]],
            published.get((names["task"], names["method"]), {}),
        )
        row = {**names, "seeds": group["seed"].nunique()}
        for split in ("train", "test"):
            part = group[group["split"] == split]
            row |= {
                f"{split}_rows": part["rows"].max(),
                split: part["percent"].mean(),
                f"{split}_std": part["percent"].std(ddof=0),
                f"{split}_published": reported.get(f"{split}_accuracy_percent", float("nan")),
                f"{split}_published_std": reported.get(f"{split}_std", float("nan")),
            }
        row |= {
            f"network_{split}": 100 * network[f"accuracy_{split}"] for split in ("train", "test")
        }
        row |= {
            "largest_class": 100 * network["majority_share"],
            "predicted_classes": int(network["predicted_classes"]),
        }
        row["nonfinite"] = int(group["nonfinite"].sum())
        said = apart.get((names["task"], names["method"], names["preset"]), "")
        constant = "constant network" if network["predicted_classes"] == 1 else ""
        row["remark"] = said or constant
        rows.append(row)
    return pd.DataFrame(rows)
