"""The surrogate: a sum over the superpixels shown, fitted to what was evaluated anyway; its weights rank them."""

from dataclasses import dataclass

import numpy as np

from srnet.images.archive import Archive
from srnet.images.evaluator import Floats, Genomes

TINY = 1e-12  # in place of 0, where no superpixel counts


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


def fit(genomes: Genomes, values: Floats, strength: float = 1.0, prior: Floats | float = 0.0) -> Surrogate:
    """Ridge regression of values (m,) on superpixels shown (m, n); ``strength`` is the penalty on the squared distance of the weights
    from ``prior``."""
    shown = genomes.astype(np.float64)
    start = np.broadcast_to(np.asarray(prior, dtype=np.float64), shown.shape[1])
    rest = values - shown @ start
    mean, middle = shown.mean(axis=0), rest.mean()
    centred = shown - mean
    change = np.linalg.solve(centred.T @ centred + strength * np.eye(shown.shape[1]), centred.T @ (rest - middle))
    return Surrogate(start + change, float(middle - mean @ change))


def surrogate(archive: Archive, values: Floats) -> Surrogate:
    """Fitted to all evaluations of a search; ``values`` is the archive's probability or log-odds.

    Where every superpixel was shown alone and hidden alone, the weights are drawn to the mean of those two effects: the genomes of a
    search resemble each other, and among superpixels that always come together a regression cannot tell which of them counts.
    """
    alone = np.eye(archive.genomes.shape[1], dtype=bool)
    empty = np.zeros((1, len(alone)), dtype=bool)
    prior: Floats | float = 0.0
    if archive.knows(np.concatenate([empty, alone, ~alone])).all():
        prior = (values[archive.places(alone)] - values[archive.places(empty)] + values[0] - values[archive.places(~alone)]) / 2
    return fit(archive.genomes, values, prior=prior)


def scores(archive: Archive) -> Floats:
    """Importance of the superpixels, (n,), at most 1: the mean of what each adds to the probability and what it adds to the log-odds,
    each divided by its largest. Log-odds also tell apart what adds to a probability near 1, and order well what is shown first; the
    probability what is hidden first.
    """
    weights = [surrogate(archive, values).weights for values in (archive.probability, archive.log_odds)]
    return np.mean([one / max(float(np.abs(one).max()), TINY) for one in weights], axis=0)
