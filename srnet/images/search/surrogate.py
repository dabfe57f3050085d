"""The surrogate: what the classifier would say of superpixels not asked about yet, from those that
were."""

from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.typing import Floats

# The kernel: a sum over the superpixels, and all their interactions, which fade with the number of
# superpixels that differ. Only the ratios matter, so the scale of the log-odds does not.
INTERACTIONS = 1.0
REACH = 5.0  # superpixels that differ
NOISE = 0.1


class Surrogate:
    """A Gaussian process over genomes: a constant, a sum over the superpixels shown, and
    interactions.

    Parameters
    ----------
    genomes
        (m, n) evaluated.
    values
        (m,) what came out, log-odds for example.
    """

    def __init__(self, genomes: Genomes, values: Floats) -> None:
        self._known = genomes.astype(np.float64)
        self._middle = float(values.mean())
        self._factor = cho_factor(
            self._kernel(self._known, self._known) + NOISE * np.eye(len(genomes))
        )
        self._weights = cho_solve(self._factor, values - self._middle)

    @classmethod
    def of(cls, archive: Archive) -> Self:
        """Fitted to the log-odds of all that was evaluated."""
        return cls(archive.genomes, archive.log_odds)

    def __call__(self, genomes: Genomes) -> Floats:
        """Values expected, (k,), of genomes (k, n)."""
        return self._middle + self._kernel(genomes.astype(np.float64), self._known) @ self._weights

    def flipped(self, genome: Genomes) -> Floats:
        """Values expected, (n,), of one genome (n,) with each superpixel in turn the other way."""
        same = self._known == genome
        alike = INTERACTIONS * np.exp((same.sum(axis=1) - len(genome)) / REACH) * self._weights
        one_off = alike @ np.where(same, np.exp(-1 / REACH), np.exp(1 / REACH))
        slopes = self._weights @ (self._known - 0.5)
        return self._middle + one_off + (genome - 0.5) @ slopes + np.where(genome, -slopes, slopes)

    def covariance(self, genomes: Genomes) -> Floats:
        """Of what is expected, (k, k), in units of the kernel."""
        asked = genomes.astype(np.float64)
        across = self._kernel(asked, self._known)
        return self._kernel(asked, asked) - across @ cho_solve(self._factor, across.T)

    @staticmethod
    def _kernel(one: Floats, other: Floats) -> Floats:
        differing = one.sum(axis=1)[:, None] + other.sum(axis=1) - 2 * one @ other.T
        return (one - 0.5) @ (other - 0.5).T + INTERACTIONS * np.exp(-differing / REACH)
