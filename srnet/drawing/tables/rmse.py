"""Error of the explanations against the network, by method and box (the paper's table of
interpolation and extrapolation)."""

import pandas as pd

from srnet.drawing.methods import by_method

BOXES = ("train", "valid", "test")


def draw(fidelity: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method.

    Parameters
    ----------
    fidelity
        One row per task, method, preset, seed and box: points, nonfinite, rmse, rmse_near, support.

    Returns
    -------
    task, method, preset, seeds, points (of each box); by box the median of the RMSE over the seeds
    and its interquartile range (``train``, ``train_iqr``, …); ``test_near``, the median RMSE at
    neighbours of the test points; ``test_support``, samples that a local fit rests on there;
    ``nonfinite``, outputs that are not finite, of all seeds and boxes.
    """
    rows = []
    for names, group in by_method(fidelity):
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
