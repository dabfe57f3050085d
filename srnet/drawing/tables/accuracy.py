"""Share of rows for which an explanation gives the network's class, by method (the paper's table of
accuracies)."""

import pandas as pd

from srnet.drawing.methods import by_method


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
        One row per task and method.

    Returns
    -------
    task, method, preset, seeds; rows explained per seed, mean and standard deviation of the
    accuracy over the seeds, and the published mean, of the training rows and of the rows held out;
    the network's own accuracy on either, the share of its largest class and the number of classes
    it predicts; nonfinite, and a remark where the network is constant.
    """
    known = networks.set_index("task").to_dict("index")
    published = {
        (row["task"], str(row["method"]).lower()): row
        for row in published_classification.to_dict("records")
    }
    rows = []
    for names, group in by_method(agreement.assign(percent=100 * agreement["accuracy"])):
        network, theirs = known[names["task"]], published.get((names["task"], names["method"]), {})
        row = {**names, "seeds": group["seed"].nunique()}
        for split in ("train", "test"):
            here = group[group["split"] == split]
            row |= {
                f"{split}_rows": here["rows"].max(),
                split: here["percent"].mean(),
                f"{split}_std": here["percent"].std(ddof=0),
                f"{split}_published": theirs.get(f"{split}_accuracy_percent", float("nan")),
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
