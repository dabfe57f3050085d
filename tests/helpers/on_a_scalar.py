"""Layers that read affine images of one scalar, as every layer after the first, on scalars of
several kinds."""

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.genome import Grid
from srnet.cgp.primitives import CLASSIFICATION, REGRESSION
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerSearch, Symbolic

TRAIN, VALID = 1100, 300
ROWS = TRAIN + VALID
SLOPES, CENTRES = np.array([1.0, 0.7, -0.4]), np.array([0.1, 0.5, 2.0])


def scalar(kind: str) -> NDArray[np.float32]:
    rng = np.random.default_rng(3)
    values = {
        "normal": rng.normal(0, 1, ROWS),
        "heavy tails": np.tan(rng.uniform(-1.57, 1.57, ROWS)),
        "two values": rng.choice([-1.0, 2.0], ROWS),
        "large": 1e5 + rng.normal(0, 1, ROWS),
        "small": 1e-6 * rng.normal(0, 1, ROWS),
        "positive": rng.uniform(0.5, 2, ROWS),
    }
    return values[kind].astype(np.float32)


KINDS = ("normal", "heavy tails", "two values", "large", "small", "positive")


def layer_on(
    kind: str, functions: tuple[str, ...] = REGRESSION, width: int = 3
) -> tuple[LayerSearch, Symbolic]:
    """A layer that reads three affine images of the scalar, with bins; targets are smooth functions
    of it and noise."""
    f = scalar(kind)
    rng = np.random.default_rng(width)
    wave = np.sin(np.outer(f / np.abs(f).max(), np.arange(1, width + 1))) + 0.05 * rng.normal(
        0, 1, (ROWS, width)
    )
    target = Target.of(wave[:TRAIN], wave[TRAIN:], 256)
    layer = LayerSearch(1, Grid(3, 2, 5, 5, functions), target, 7, 1, 256)
    centre = float(f[:TRAIN].mean(dtype=np.float64))
    below = Symbolic(f, SLOPES, CENTRES - SLOPES * centre, centre, CENTRES)
    layer.receive(layer.inputs(below))
    return layer, below


LAYERS = {
    (kind, name): layer_on(kind, fs)
    for kind in KINDS
    for name, fs in (("plain", REGRESSION), ("protected", CLASSIFICATION))
}
