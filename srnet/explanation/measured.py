"""A model measured on a network's layers, as RUN.json tells it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from srnet.model.srnet import SRNet, readable_expressions
from srnet.networks.layers import Layers

if TYPE_CHECKING:
    pass


def measured(model: SRNet, layers: Layers) -> dict[str, Any]:
    """A model and its errors as RUN.json holds them, over training and validation rows."""
    losses = model.losses(layers)
    r2s: list[float | None] = []
    for i, loss in enumerate(losses):
        values = np.vstack([layers.splits[split][i + 1] for split in ("train", "valid")]).astype(
            np.float64
        )
        variance = float(np.mean(np.square(values - values.mean(axis=0))))
        r2s.append(1.0 - loss / variance if variance > 0 else None)
    return {
        "layer_losses": losses,
        "layer_r2": r2s,
        "r2": r2s[-1],
        "normalised": None if r2s[-1] is None else 1.0 - r2s[-1],
        "complexity": model.complexity,
        "expressions": model.expressions(),
        "network_expressions": readable_expressions(model),
        "constants": [list(program.constants) for program in model.programs],
        "programs": [program.to_json() for program in model.programs],
        "weights": [weights.tolist() for weights in model.weights],
        "biases": [biases.tolist() for biases in model.biases],
    }
