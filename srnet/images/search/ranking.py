"""The ranking of the superpixels: an order in which the class appears early as they are shown and
goes early as they are hidden."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.images.search.surrogate import NOISE, Surrogate
from srnet.typing import Floats

Order = NDArray[np.intp]

# Genomes asked about between two plans of the order.
ASKED = 2
# What it counts to know how the probability falls, compared with how it rises. Falling needs less:
# the search itself asks for the superpixels without which the class is gone.
FALL = 0.5
# Between superpixels of equal score, so that the order can be read off the scores.
APART = 1e-9


def plan(surrogate: Surrogate, sizes: Floats, temperature: float = 1.0) -> tuple[Order, Floats]:
    """The order (n,) by greed: next comes what adds most, per pixel, to p(shown) - p(all but those)
    as the surrogate expects it; and what each adds, (n,) in that order.

    Parameters
    ----------
    sizes
        (n,) share of the pixels in each superpixel.
    temperature
        p is that of the log-odds divided by it.
    """
    n = len(sizes)
    shown = np.zeros(n, dtype=bool)
    order, gains = np.empty(n, dtype=np.intp), np.empty(n)
    contrast = float(np.diff(expit(surrogate(np.stack([~shown, shown])) / temperature))[0])
    for place in range(n):
        after = expit(surrogate.flipped(shown) / temperature) - expit(
            surrogate.flipped(~shown) / temperature
        )
        best = int(np.where(shown, -np.inf, (after - contrast) / sizes).argmax())
        order[place], gains[place], contrast = best, after[best] - contrast, float(after[best])
        shown[best] = True
    return order, gains


def leading(order: NDArray[np.integer]) -> Genomes:
    """(n, n), the first superpixel of an order, the first two, … all of them."""
    n = len(order)
    found = np.zeros((n, n), dtype=bool)
    found[:, order] = np.tril(np.ones((n, n), dtype=bool))
    return found


def refine(archive: Archive, sizes: Floats) -> None:
    """Spend the passes that are left where the planned order is least certain.

    Asked about are the leading superpixels of the order, and all but those, wherever the
    probability's standard deviation, times the pixels that it stands for, is the largest; after
    every few answers the order is planned anew.
    """
    while archive.left >= 1:
        expected = Surrogate.of(archive)
        order, _ = plan(expected, sizes)
        shown = leading(order)[:-1]
        width = (sizes[order[:-1]] + sizes[order[1:]]) / 2
        genomes, width = np.concatenate([shown, ~shown]), np.concatenate([width, FALL * width])
        new = ~archive.knows(genomes)
        if not new.any():
            return
        archive.places(
            _least_certain(expected, genomes[new], width[new], min(ASKED, int(archive.left)))
        )


def _least_certain(expected: Surrogate, genomes: Genomes, width: Floats, count: int) -> Genomes:
    """Those to ask about, one after another, each given that the ones before were answered."""
    covariance = expected.covariance(genomes)
    probability = expit(expected(genomes))
    worth = width * probability * (1 - probability)
    chosen: list[int] = []
    for _ in range(min(count, len(genomes))):
        deviation = worth * np.sqrt(np.maximum(covariance.diagonal(), 0))
        deviation[chosen] = -1
        one = int(deviation.argmax())
        chosen.append(one)
        covariance = covariance - np.outer(covariance[:, one], covariance[one]) / (
            covariance[one, one] + NOISE
        )
    return genomes[chosen]


def scores(order: Order, gains: Floats) -> Floats:
    """Importance of the superpixels, (n,), falling in the given order: what each adds to p(shown) -
    p(all but those) when its turn comes. Where a later one adds more, they share their mean. Their
    sum is 2 (p(whole) - p(empty)), as the surrogate expects it.
    """
    falling = isotonic_regression(gains, increasing=False).x - APART * np.arange(len(order))
    found = np.empty(len(order))
    found[order] = falling
    return found
