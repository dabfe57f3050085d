"""The formulas of one task's best runs, typeset: every layer and the whole network."""

import math
from collections import Counter
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from srnet.drawing.style import PAGE, colours_of, format_number, styled
from srnet.drawing.typesetting import SIZE, fit_lines, measure, space_functions

WIDEST = 24  # characters of a label without remark
MARGIN, REMARK, LEFT, GAP = 0.08, 0.62, 1.4, 0.07  # inches

# Text, x, height above and depth below the baseline (inches), matplotlib text options.
_Piece = tuple[str, float, float, float, dict[str, Any]]


@styled
def draw(formulas: pd.DataFrame) -> Figure:
    """A block per preset: best run, fitness, the layers' formulas and MSE, and every output.

    The outputs are formulas of the inputs alone. Long formulas are broken into lines.

    Parameters
    ----------
    formulas
        The rows of one task: task, preset, seed, layer (1 …, or ``network``), class (of an output
        of a classification), latex, mse, fitness, r2.
    """
    lines: list[list[_Piece]] = []
    for preset, colour in colours_of(formulas["preset"]).items():
        block = formulas[formulas["preset"] == preset]
        lines.append([(_heading(block), MARGIN, 0.15, 0.05, {"color": colour, "weight": "bold"})])
        outputs = 0
        ranks = Counter(int(layer) for layer in block["layer"] if layer != "network")
        last, shown = max(ranks, default=0), Counter[int]()
        for row in block.to_dict("records"):
            remark = f"MSE {format_number(row['mse'])}" if math.isfinite(row["mse"]) else ""
            if row["layer"] == "network":
                name = row["class"]
                label = f"logit of {name}"[:WIDEST] if isinstance(name, str) else "network"
                prefix, outputs = f"y_{{{outputs}}} = ", outputs + 1
            else:
                layer = int(row["layer"])
                shown[layer] += 1
                label = "output layer" if layer == last else f"layer {layer}"
                if shown[layer] > 1:  # name and MSE are the layer's and stand beside its first
                    label = remark = ""
                index = f"{layer}" if ranks[layer] == 1 else f"{layer},{shown[layer]}"
                prefix = f"f_{{{index}}} = "
            aligned = "aligned" in row["latex"]  # every step has its own left-hand side
            for i, line in enumerate(
                fit_lines(row["latex"], PAGE - LEFT - 2 * MARGIN, SIZE, "" if aligned else prefix)
            ):
                _, above, below = measure(line, SIZE)
                pieces: list[_Piece] = [
                    (f"${space_functions(line)}$", MARGIN + LEFT, above, below, {})
                ]
                if i == 0 and label:
                    pieces.append((label, MARGIN, 0.1, 0.02, {"color": "0.35"}))
                    pieces.append(
                        (remark, MARGIN + REMARK, 0.1, 0.02, {"color": "0.35", "fontsize": 6})
                    )
                lines.append(pieces)
    height = 2 * MARGIN + sum(_height(pieces) for pieces in lines)
    figure = Figure(figsize=(PAGE, height))
    y = height - MARGIN
    for pieces in lines:
        y -= max(above for _, _, above, _, _ in pieces)
        for text, x, _, _, options in pieces:
            figure.text(x / PAGE, y / height, text, va="baseline", **{"fontsize": SIZE, **options})
        y -= _height(pieces) - max(above for _, _, above, _, _ in pieces)
    return figure


def _height(pieces: list[_Piece]) -> float:
    return max(piece[2] for piece in pieces) + max(piece[3] for piece in pieces) + GAP


def _heading(block: pd.DataFrame) -> str:
    first = block.iloc[0]
    r2 = f", R² {first['r2']:.4f}" if math.isfinite(first["r2"]) else ""
    return (
        f"{first['task']}, {first['preset']}, best run (seed {first['seed']}): fitness "
        f"{format_number(first['fitness'])}{r2}"
    )
