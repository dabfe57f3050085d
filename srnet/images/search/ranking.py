"""The ranking of superpixels for early insertion and deletion.

Shown in its order, they raise the probability of the class early; hidden in its order, they lower
it early.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.images.search.surrogate import NOISE, Surrogate
from srnet.typing import Floats

Order = NDArray[np.intp]

# Genomes evaluated before the order is planned again.
BATCH = 2
# Weight of the fall of the probability (deletion) against its rise (insertion). It is less because
# the search already evaluates genomes without the superpixels that carry the class.
FALL_WEIGHT = 0.5
# Difference between superpixels of equal score, so that sorting the scores gives the order.
SCORE_STEP = 1e-9


def plan_order(
    surrogate: Surrogate, sizes: Floats, temperature: float = 1.0
) -> tuple[Order, Floats]:
    """Order the superpixels greedily by their gain in p(shown) - p(hidden) per pixel.

    Parameters
    ----------
    surrogate
        Predicts the log-odds of p.
    sizes
        (n,) share of the pixels in each superpixel.
    temperature
        Divides the log-odds.

    Returns
    -------
    The superpixels, (n,), and their gains, (n,) in that order.
    """
    n = len(sizes)
    shown = np.zeros(n, dtype=bool)
    order, gains = np.empty(n, dtype=np.intp), np.empty(n)
    contrast = float(np.diff(expit(surrogate.predict(np.stack([~shown, shown])) / temperature))[0])
    for place in range(n):
        after = expit(surrogate.predict_flips(shown) / temperature) - expit(
            surrogate.predict_flips(~shown) / temperature
        )
        best = int(np.where(shown, -np.inf, (after - contrast) / sizes).argmax())
        order[place], gains[place], contrast = best, after[best] - contrast, float(after[best])
        shown[best] = True
    return order, gains


def leading_sets(order: NDArray[np.integer]) -> Genomes:
    """(n, n) genomes that show the first superpixel of an order, the first two, …, all of them."""
    n = len(order)
    genomes = np.zeros((n, n), dtype=bool)
    genomes[:, order] = np.tril(np.ones((n, n), dtype=bool))
    return genomes


def refine(archive: Archive, sizes: Floats) -> None:
    """Use the remaining passes where the surrogate is least certain about the planned order.

    The candidates are the leading sets of the order and their complements. Those with the largest
    standard deviation of the probability, weighted by the pixels that they stand for, are
    evaluated, ``BATCH`` at a time; then the order is planned again. It ends when no pass is left or
    all candidates are known.
    """
    while archive.passes_left >= 1:
        surrogate = Surrogate.from_archive(archive)
        order, _ = plan_order(surrogate, sizes)
        shown = leading_sets(order)[:-1]
        width = (sizes[order[:-1]] + sizes[order[1:]]) / 2
        genomes, width = (
            np.concatenate([shown, ~shown]),
            np.concatenate([width, FALL_WEIGHT * width]),
        )
        new = ~archive.contains(genomes)
        if not new.any():
            return
        archive.evaluate(
            _select_uncertain(
                surrogate, genomes[new], width[new], min(BATCH, int(archive.passes_left))
            )
        )


def _select_uncertain(surrogate: Surrogate, genomes: Genomes, width: Floats, count: int) -> Genomes:
    """Select genomes one by one, each the least certain given that those before are known.

    Parameters
    ----------
    width
        (m,) weights of the genomes.
    count
        The number to select, at most m.
    """
    covariance = surrogate.covariance(genomes)
    probability = expit(surrogate.predict(genomes))
    weight = width * probability * (1 - probability)
    chosen: list[int] = []
    for _ in range(min(count, len(genomes))):
        deviation = weight * np.sqrt(np.maximum(covariance.diagonal(), 0))
        deviation[chosen] = -1
        index = int(deviation.argmax())
        chosen.append(index)
        covariance = covariance - np.outer(covariance[:, index], covariance[index]) / (
            covariance[index, index] + NOISE
        )
    return genomes[chosen]


def compute_scores(order: Order, gains: Floats) -> Floats:
    """Compute the importance of the superpixels, (n,), decreasing in the given order.

    It is the gain in p(shown) - p(hidden), averaged where a later superpixel gains more. The scores
    sum to 2 (p(whole) - p(empty)) as predicted by the surrogate.
    """
    decreasing = isotonic_regression(gains, increasing=False).x - SCORE_STEP * np.arange(len(order))
    scores = np.empty(len(order))
    scores[order] = decreasing
    return scores
