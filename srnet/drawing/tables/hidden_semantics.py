"""The formulas and MSE of every layer in the best run, as in the paper's hidden semantics."""

import pandas as pd

from srnet.drawing.latex_table import PRESET, TASK, Formula, Number, Paper, Text

PAPER = Paper(
    "The formulas of every layer in the best run, and the layer's mean squared error (MSE) against "
    "the network's.",
    (
        TASK,
        PRESET,
        Text("Layer", "layer"),
        Number("MSE", "mse"),
        Number("Nodes", "active_nodes", decimals=0),
        Formula(),
    ),
)


def draw(formulas: pd.DataFrame) -> pd.DataFrame:
    """One row per task, preset, layer and formula.

    Parameters
    ----------
    formulas
        One row per task, preset, layer (1 …, or ``network``) and formula.

    Returns
    -------
    task, preset, seed, layer (``output`` for the last), formula and latex, mse (of all formulas of
    the layer together against the network's layer), active_nodes (of this formula).
    """
    layers = formulas[formulas["layer"] != "network"]
    last = layers.groupby(["task", "preset"])["layer"].transform(
        lambda layer: layer.astype(int).max()
    )
    numbers = layers["layer"].astype(int)
    table = layers.assign(
        layer=numbers.astype(str).where(numbers < last, "output"), active_nodes=layers["complexity"]
    )
    return table[
        ["task", "preset", "seed", "layer", "formula", "latex", "mse", "active_nodes"]
    ].reset_index(drop=True)
