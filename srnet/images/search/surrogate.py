"""The surrogate: a Gaussian process that predicts the log-odds of genomes not yet evaluated."""

from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.typing import Floats

# The kernel is linear in the superpixels, plus interactions of all orders, which decay with the
# number of superpixels that differ. Only ratios matter, so the scale of the log-odds does not.
INTERACTIONS = 1.0  # variance of the interactions, relative to a linear coefficient's
REACH = 5.0  # decay length of the interactions, in superpixels that differ
NOISE = 0.1  # variance of the noise


class Surrogate:
    """A Gaussian process over genomes: a constant, a linear part and interactions.

    Parameters
    ----------
    genomes
        (m, n) evaluated genomes.
    values
        (m,) their values, such as log-odds.
    """

    def __init__(self, genomes: Genomes, values: Floats) -> None:
        self._genomes = genomes.astype(np.float64)
        self._mean = float(values.mean())
        self._factor = cho_factor(
            self._kernel(self._genomes, self._genomes) + NOISE * np.eye(len(genomes))
        )
        self._weights = cho_solve(self._factor, values - self._mean)

    @classmethod
    def from_archive(cls, archive: Archive) -> Self:
        """Fit the log-odds of all evaluated genomes."""
        return cls(archive.genomes, archive.log_odds)

    def predict(self, genomes: Genomes) -> Floats:
        """Predicted values, (k,), of genomes (k, n)."""
        return self._mean + self._kernel(genomes.astype(np.float64), self._genomes) @ self._weights

    def predict_flips(self, genome: Genomes) -> Floats:
        """Predicted values, (n,), of a genome (n,) with each superpixel flipped in turn."""
        same = self._genomes == genome
        alike = INTERACTIONS * np.exp((same.sum(axis=1) - len(genome)) / REACH) * self._weights
        interactions = alike @ np.where(same, np.exp(-1 / REACH), np.exp(1 / REACH))
        slopes = self._weights @ (self._genomes - 0.5)
        return (
            self._mean + interactions + (genome - 0.5) @ slopes + np.where(genome, -slopes, slopes)
        )

    def covariance(self, genomes: Genomes) -> Floats:
        """Posterior covariance, (k, k), of genomes (k, n), in units of the kernel."""
        new = genomes.astype(np.float64)
        across = self._kernel(new, self._genomes)
        return self._kernel(new, new) - across @ cho_solve(self._factor, across.T)

    @staticmethod
    def _kernel(first: Floats, second: Floats) -> Floats:
        differing = first.sum(axis=1)[:, None] + second.sum(axis=1) - 2 * first @ second.T
        return (first - 0.5) @ (second - 0.5).T + INTERACTIONS * np.exp(-differing / REACH)
