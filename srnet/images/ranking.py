"""The surrogate: log-odds as a sum over the superpixels shown, fitted to what was evaluated anyway; its weights rank them."""

from dataclasses import dataclass

import numpy as np

from srnet.images.archive import Archive
from srnet.images.evaluator import Floats, Genomes


@dataclass(frozen=True)
class Surrogate:
    """value ≈ intercept + weights · shown.

    Attributes
    ----------
    weights
        (n,) one per superpixel.
    intercept
        Value of the empty image.
    """

    weights: Floats
    intercept: float

    def __call__(self, genomes: Genomes) -> Floats:
        """Predicted values, (m,)."""
        return self.intercept + genomes @ self.weights


def fit(genomes: Genomes, values: Floats, strength: float = 1.0) -> Surrogate:
    """Ridge regression of values (m,) on superpixels shown (m, n); ``strength`` is the penalty on the squared weights."""
    shown = genomes.astype(np.float64)
    mean, middle = shown.mean(axis=0), values.mean()
    centred = shown - mean
    weights = np.linalg.solve(centred.T @ centred + strength * np.eye(shown.shape[1]), centred.T @ (values - middle))
    return Surrogate(weights, float(middle - mean @ weights))


def scores(archive: Archive) -> Floats:
    """Importance of the superpixels, (n,), from all evaluations of a search."""
    return fit(archive.genomes, archive.probability).weights
