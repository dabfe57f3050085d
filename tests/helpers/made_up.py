"""Small layers of a made-up network."""

import numpy as np
from numpy.typing import NDArray

from srnet.networks.layers import Layers


def layers(
    widths: tuple[int, ...] = (2, 3, 3, 1), rows: int = 40, valid: int = 12, seed: int = 7
) -> Layers:
    """Layers of a random sigmoid network with a linear output, validation rows from a wider box."""
    rng = np.random.default_rng(seed)
    matrices = [rng.normal(0, 1.5, (a, b)) for a, b in zip(widths, widths[1:], strict=False)]
    biases = [rng.normal(0, 0.5, b) for b in widths[1:]]

    def values(x: NDArray[np.float64]) -> list[NDArray[np.float32]]:
        all_values = [x]
        for i, (matrix, bias) in enumerate(zip(matrices, biases, strict=True)):
            x = x @ matrix + bias
            if i + 1 < len(matrices):
                x = 1 / (1 + np.exp(-x))
            all_values.append(x)
        return [v.astype(np.float32) for v in all_values]

    return Layers(
        {
            "train": values(rng.uniform(-1, 1, (rows, widths[0]))),
            "valid": values(rng.uniform(-2, 2, (valid, widths[0]))),
        },
        name="made-up",
    )


def classifier(
    widths: tuple[int, ...] = (2, 3, 3, 2), rows: int = 60, valid: int = 0, seed: int = 7
) -> Layers:
    """Layers of a random network that classifies: softmax output, centred so that several classes
    are predicted."""
    values = layers(widths, rows, max(valid, 1), seed).splits
    middle = np.median(np.vstack([v[-1] for v in values.values()]), axis=0)
    spread = np.std(np.vstack([v[-1] for v in values.values()]), axis=0)
    splits = {}
    for split, (*below, y) in values.items():
        powers = np.exp(3 * (y - middle) / spread)
        split_values = [*below, (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)]
        splits[split] = split_values if split == "train" or valid else [v[:0] for v in split_values]
    return Layers(splits, name="classifier")
