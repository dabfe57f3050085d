"""The formula and fitness of every network in its best run, as in the paper."""

import pandas as pd

from srnet.drawing.latex_table import PRESET, TASK, Formula, Number, Paper

PAPER = Paper(
    "The formula of every whole network in the best run.",
    (
        TASK,
        PRESET,
        Number("Fitness", "fitness"),
        Number("R²", "r2", decimals=3),
        Number("Nodes", "active_nodes", decimals=0),
        Formula(),
    ),
)


def draw(formulas: pd.DataFrame) -> pd.DataFrame:
    """One row per task, preset and network output.

    Parameters
    ----------
    formulas
        One row per task, preset, layer (1 …, or ``network``) and formula.

    Returns
    -------
    task, preset, seed, class (of a classification's logit; left out if there is none), formula,
    latex, fitness, normalised (MSE over variance), r2, active_nodes.
    """
    networks = formulas[formulas["layer"] == "network"]
    table = networks.assign(active_nodes=networks["complexity"])
    return table[
        [
            "task",
            "preset",
            "seed",
            *["class"] * bool(table["class"].notna().any()),
            "formula",
            "latex",
            "fitness",
            "normalised",
            "r2",
            "active_nodes",
        ]
    ].reset_index(drop=True)
