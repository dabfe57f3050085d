"""The formula of every whole network and its fitness, of the best run (the paper's table of overall
expressions)."""

import pandas as pd


def draw(formulas: pd.DataFrame) -> pd.DataFrame:
    """One row per task, preset and network output: the composed formula, fitness, MSE over
    variance, R² and active nodes."""
    networks = formulas[formulas["layer"] == "network"]
    table = networks.assign(active_nodes=networks["complexity"])
    return table[
        [
            "task",
            "preset",
            "seed",
            "formula",
            "latex",
            "fitness",
            "normalised",
            "r2",
            "active_nodes",
        ]
    ].reset_index(drop=True)
