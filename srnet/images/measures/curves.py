"""The probability of a class as superpixels are shown, or hidden, one after the other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.typing import Floats


class Curve(NamedTuple):
    """A probability by the share of pixels that are shown, or hidden.

    Attributes
    ----------
    shares
        (k + 1,) share of the pixels, from 0 to 1.
    probabilities
        (k + 1,) probability of the class.
    """

    shares: Floats
    probabilities: Floats

    @property
    def area(self) -> float:
        """Area under the curve by the trapezoidal rule."""
        return float(np.trapezoid(self.probabilities, self.shares))


def insertion_curve(archive: Archive, steps: NDArray[np.integer]) -> Curve:
    """The curve from nothing to the whole image: superpixels are shown step by step.

    Parameters
    ----------
    archive
        Evaluates the network on an image; it evaluates nothing twice.
    steps
        (n,) the step 0 … k-1 of each superpixel.
    """
    return _curve(archive, steps, cumulative_sets(steps))


def deletion_curve(archive: Archive, steps: NDArray[np.integer]) -> Curve:
    """The curve from the whole image to nothing: superpixels are hidden step by step.

    See :func:`insertion_curve`.
    """
    return _curve(archive, steps, ~cumulative_sets(steps))


def cumulative_sets(steps: NDArray[np.integer]) -> Genomes:
    """(k + 1, n) genomes that show nothing, the first step, the first two, …, everything."""
    return steps[None] < np.arange(steps.max() + 2)[:, None]


def _curve(archive: Archive, steps: NDArray[np.integer], genomes: Genomes) -> Curve:
    segments = archive.evaluator.segments
    sizes = np.bincount(segments.ravel(), minlength=len(steps)) / segments.size
    shares = np.cumsum(np.bincount(steps, weights=sizes))
    return Curve(np.concatenate([[0.0], shares]), archive.probabilities(genomes))
