"""Fidelity of every layer in the best runs, beside the bound by principal components."""

import pandas as pd

from srnet.drawing.latex_table import PRESET, TASK, Number, Paper, Text

PAPER = Paper(
    "R² of every layer in the best run by its number of formulas, and the bound by as many "
    "principal components. Agreement: rows with the network's class.",
    (
        TASK,
        PRESET,
        Text("Layer", "layer"),
        Number("Units", "units", decimals=0),
        Number("Formulas", "formulas", decimals=0),
        Number("Nodes", "active_nodes", decimals=0),
        Number("R²", "r2", decimals=4),
        Number("Bound", "bound", decimals=4),
        Number("Agreement (%)", "agreement", decimals=1, times=100),
    ),
)

COMPONENTS = "components"


def draw(layer_r2: pd.DataFrame) -> pd.DataFrame:
    """One row per task, preset and layer.

    Parameters
    ----------
    layer_r2
        One row per task, layer and source (a preset, or ``components``): units, formulas, r2,
        agreement, complexity.

    Returns
    -------
    task, preset, layer (``output`` for the last), units, formulas, active_nodes (with the additions
    that join the formulas), r2, bound (R² of as many principal components), agreement (share of
    the rows with the network's class: of the output of a classification, which has neither). A
    column without values is left out.
    """
    bounds = layer_r2[layer_r2["source"] == COMPONENTS].rename(columns={"r2": "bound"})
    keys = ["task", "layer", "formulas"]
    table = layer_r2[layer_r2["source"] != COMPONENTS].merge(
        bounds[[*keys, "bound"]], how="left", on=keys
    )
    last = table["layer"] == table.groupby("task")["layer"].transform("max")
    table = table.assign(
        preset=table["source"],
        layer=table["layer"].astype(str).where(~last, "output"),
        active_nodes=table["complexity"].astype(int),
    )
    # all layers of a preset together, as in the other tables
    table = pd.concat([group for _, group in table.groupby(["task", "preset"], sort=False)])
    columns = ["task", "preset", "layer", "units", "formulas", "active_nodes"]
    table = table[[*columns, "r2", "bound", "agreement"]].reset_index(drop=True)
    return table.dropna(axis="columns", how="all")
