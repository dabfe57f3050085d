"""Error of explanations against the network by method and box, as in the paper."""

import numpy as np
import pandas as pd

from srnet.drawing.latex_table import METHOD, PRESET, TASK, Number, Paper
from srnet.drawing.methods import group_by_method

# medians: an error far outside the training box has no useful mean
PAPER = Paper(
    "Root mean squared error against the network, in units of its output: median over {seeds} "
    "(interquartile range). A run that is not finite at some point counts as infinite.",
    (
        TASK,
        METHOD,
        PRESET,
        Number("Training", "train", brackets=("train_iqr",)),
        Number("Validation", "valid", brackets=("valid_iqr",)),
        Number("Test", "test", brackets=("test_iqr",)),
    ),
)

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
    and its interquartile range (train, train_iqr, …), in units of the output, where a seed that is
    not finite at some point counts as infinite, as in the verdict; test_near, the median RMSE at
    neighbours of the test points; test_support, the effective number of samples of a local fit
    there; nonfinite, the number of outputs of all seeds and boxes that are not finite.
    """
    rows = []
    for names, group in group_by_method(fidelity):
        row: dict[str, object] = {
            **names,
            "seeds": group["seed"].nunique(),
            "points": group["points"].max(),
        }
        errors = group["rmse"].where(group["nonfinite"] == 0, np.inf)
        for box in BOXES:
            error = errors[group["box"] == box]
            # values that occur, for nothing lies between a number and infinity
            low, high = error.quantile([0.25, 0.75], interpolation="nearest")
            row |= {box: error.median(), f"{box}_iqr": np.nan if np.isinf(low) else high - low}
        test = group[group["box"] == "test"]
        row |= {"test_near": test["rmse_near"].median(), "test_support": test["support"].median()}
        rows.append(row | {"nonfinite": int(group["nonfinite"].sum())})
    return pd.DataFrame(rows)
