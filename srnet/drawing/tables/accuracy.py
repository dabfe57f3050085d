"""Share of rows to which an explanation gives the network's class, by method, as in the paper."""

import pandas as pd

from srnet.drawing.methods import group_by_method


def draw(
    agreement: pd.DataFrame, networks: pd.DataFrame, published_classification: pd.DataFrame
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
        One row per task and method: train_accuracy_percent, test_accuracy_percent.

    Returns
    -------
    task, method, preset, seeds; for the training rows and for the held-out rows, the number of rows
    explained per seed, mean and standard deviation of the accuracy over the seeds, the published
    mean and the network's own accuracy; the share of the largest class and the number of classes
    that the network predicts; nonfinite; a remark if the network is constant.
    """
    by_task = networks.set_index("task").to_dict("index")
    published = {
        (row["task"], str(row["method"]).lower()): row
        for row in published_classification.to_dict("records")
    }
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
            }
        row |= {
            f"network_{split}": 100 * network[f"accuracy_{split}"] for split in ("train", "test")
        }
        row |= {
            "largest_class": 100 * network["majority_share"],
            "predicted_classes": int(network["predicted_classes"]),
        }
        row["nonfinite"] = int(group["nonfinite"].sum())
        row["remark"] = "constant network: no evidence" if network["predicted_classes"] == 1 else ""
        rows.append(row)
    return pd.DataFrame(rows)
