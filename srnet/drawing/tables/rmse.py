"""Error of explanations against the network by method and box, as in the paper."""

import pandas as pd

from srnet.drawing.methods import group_by_method

BOXES = ("train", "valid", "test")


def draw(fidelity: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method.

    Parameters
    ----------
    fidelity
        One row per task, method, preset, seed and box: points, nonfinite, rmse, rmse_near, support.

    Returns
    -------
    task, method, preset, seeds, points (of each box); for each box the median RMSE over the seeds
    and its interquartile range (train, train_iqr, …), in units of the output; test_near, the median
    RMSE at neighbours of the test points; test_support, the effective number of samples of a local
    fit there; nonfinite, the number of outputs of all seeds and boxes that are not finite.
    """
    rows = []
    for names, group in group_by_method(fidelity):
        row: dict[str, object] = {
            **names,
            "seeds": group["seed"].nunique(),
            "points": group["points"].max(),
        }
        for box in BOXES:
            error = group.loc[group["box"] == box, "rmse"]
            row |= {box: error.median(), f"{box}_iqr": error.quantile(0.75) - error.quantile(0.25)}
        test = group[group["box"] == "test"]
        row |= {"test_near": test["rmse_near"].median(), "test_support": test["support"].median()}
        rows.append(row | {"nonfinite": int(group["nonfinite"].sum())})
    return pd.DataFrame(rows)
