"""How much explanations of the same points move when only the seed changes."""

import numpy as np
import pandas as pd

from srnet.drawing.methods import by_method
from srnet.metrics import movement


def draw(answers: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method.

    Parameters
    ----------
    answers
        One row per task, method, preset, seed, point and quantity: ``value``, or the slope by an
        input.

    Returns
    -------
    task, method, preset, seeds, points; value_moves and slopes_move, the median over the points of
    the standard deviation over the seeds, of all slopes together (the root of their summed
    variances); nonfinite, points for which a seed gives no finite answer and which the medians
    leave out. NaN where there is one seed.
    """
    rows = []
    for names, group in by_method(answers):
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
