"""How much explanations of the same points change with the seed."""

import numpy as np
import pandas as pd

from srnet.drawing.latex_table import METHOD, PRESET, TASK, Number, Paper
from srnet.drawing.methods import group_by_method
from srnet.metrics import movement

PAPER = Paper(
    "How far the explanations of the same {points} move over {seeds}: standard deviation, median "
    "over the points. Values are in standard deviations of the network's output (classification: "
    "probabilities), slopes per standard deviation of the inputs.",
    (
        TASK,
        METHOD,
        PRESET,
        Number("Seeds", "seeds", decimals=0),
        Number("Value moves", "value_moves"),
        Number("Slopes move", "slopes_move"),
        Number("Points not finite", "nonfinite", decimals=0),
    ),
)


def draw(answers: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method.

    Parameters
    ----------
    answers
        One row per task, method, preset, seed, point and quantity (``value``, or the input of a
        slope): answer.

    Returns
    -------
    task, method, preset, seeds, points; value_moves and slopes_move, the standard deviation over
    the seeds (of all slopes: the root of their summed variances), as a median over the points and
    NaN for a single seed; nonfinite, the number of points without a finite answer for some seed,
    which the medians leave out.
    """
    rows = []
    for names, group in group_by_method(answers):
        table = group.pivot(index=["seed", "point"], columns="quantity", values="answer")
        seeds, points = (table.index.unique(level).size for level in ("seed", "point"))
        values = table.to_numpy(np.float64).reshape(seeds, points, -1)
        is_value = np.asarray(table.columns == "value")
        moves = [movement(values[:, :, chosen]) for chosen in (is_value, ~is_value)]
        row: dict[str, object] = {**names, "seeds": seeds, "points": points}
        for name, moved in zip(("value_moves", "slopes_move"), moves, strict=True):
            row[name] = (
                float(np.nanmedian(moved)) if seeds > 1 and np.isfinite(moved).any() else np.nan
            )
        rows.append(row | {"nonfinite": int((~np.isfinite(values)).any(axis=(0, 2)).sum())})
    return pd.DataFrame(rows)
