"""The formula of every layer and its MSE, of the best run (the paper's table of hidden
semantics)."""

import pandas as pd


def draw(formulas: pd.DataFrame) -> pd.DataFrame:
    """One row per task, preset and layer: fᵢ, the MSE of fᵢ·wᵢ + bᵢ against the network's layer,
    and its active nodes."""
    layers = formulas[formulas["layer"] != "network"]
    last = layers.groupby(["task", "preset"])["layer"].transform(
        lambda layer: layer.astype(int).max()
    )
    names = layers["layer"].astype(int)
    table = layers.assign(
        layer=names.astype(str).where(names < last, "output"), active_nodes=layers["complexity"]
    )
    return table[
        ["task", "preset", "seed", "layer", "formula", "latex", "mse", "active_nodes"]
    ].reset_index(drop=True)
