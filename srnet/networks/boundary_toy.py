"""A toy problem of two inputs and four classes, with the points that
:mod:`srnet.networks.boundary` adds: the data of the figure ``undersampling``."""

import numpy as np
import pandas as pd

from srnet.networks.boundary import boundary_points
from srnet.typing import Floats, StrPath

ROWS, DRAWS, KEPT, GRID = 200, 10_000, 200, 151


def make_toy(seed: int = 0) -> pd.DataFrame:
    """Four distant clusters of rows, a network that separates them, and the points near its
    decision boundary.

    Returns
    -------
    A table with a row per point: part (``data``; ``boundary``, an added point; ``grid``, a point of
    an even grid), x0, x1, and class, a number: the true one for data, else the network's.
    """
    from sklearn.datasets import make_blobs
    from sklearn.neural_network import MLPClassifier

    centres = [(-2.2, -1.8), (-1.6, 2.0), (2.0, 1.6), (1.8, -2.2)]
    x, classes = make_blobs(ROWS, centers=np.array(centres), cluster_std=0.5, random_state=seed)
    network = MLPClassifier(
        (10, 10),
        activation="logistic",
        solver="lbfgs",
        alpha=1e-3,
        max_iter=2000,
        random_state=seed,
    )
    network.fit(x, classes)
    low, high = x.min(axis=0) - 0.5, x.max(axis=0) + 0.5
    added = boundary_points(
        network.predict_proba,
        list(zip(low, high, strict=True)),
        np.random.default_rng(seed),
        DRAWS,
        KEPT,
    )
    grid = np.stack(np.meshgrid(*np.linspace(low, high, GRID).T, indexing="ij"), axis=-1).reshape(
        -1, 2
    )
    parts: dict[str, tuple[Floats, Floats]] = {
        "data": (x, classes),
        "boundary": (added, network.predict(added)),
        "grid": (grid, network.predict(grid)),
    }
    return pd.concat(
        [
            pd.DataFrame({"part": part, "x0": points[:, 0], "x1": points[:, 1], "class": labels})
            for part, (points, labels) in parts.items()
        ],
        ignore_index=True,
    )


def write_toy(out: StrPath) -> None:
    """Write the toy problem as CSV."""
    from srnet.io.frames import write_table

    write_table(make_toy(), out)
