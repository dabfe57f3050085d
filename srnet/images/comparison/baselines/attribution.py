"""What a method says of the superpixels of an image, and what it cost."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srnet.images.comparison.shared_evaluator import SharedEvaluator
from srnet.images.search.evaluator import Evaluator
from srnet.typing import Floats


@dataclass(frozen=True)
class Attribution:
    """Scores of superpixels.

    Attributes
    ----------
    scores
        (n,) importance, large if the superpixel supports the class.
    ranking
        (n,) superpixels, most important first.
    passes
        Number of network passes: images evaluated, forwards and backwards counted alike.
    seconds
        Duration in seconds.
    """

    scores: Floats
    ranking: NDArray[np.intp]
    passes: int
    seconds: float


class Cost:
    """Passes and seconds of a block of code, see :func:`measure_cost`."""

    passes = 0
    seconds = 0.0


@contextmanager
def measure_cost(evaluator: Evaluator) -> Iterator[Cost]:
    """Measure the passes of the evaluator and the seconds that a block of code takes.

    What another method evaluated before counts as if it were evaluated again.
    """
    cost, passes, started = Cost(), evaluator.passes, _read_clock(evaluator)
    yield cost
    cost.passes, cost.seconds = evaluator.passes - passes, _read_clock(evaluator) - started


def _read_clock(evaluator: Evaluator) -> float:
    saved = evaluator.seconds_saved if isinstance(evaluator, SharedEvaluator) else 0.0
    return time.perf_counter() + saved


def rank_scores(scores: Floats, cost: Cost) -> Attribution:
    """Rank superpixels by their scores, (n,)."""
    return Attribution(scores, np.argsort(-scores, kind="stable"), cost.passes, cost.seconds)


def score_ranking(ranking: Sequence[int] | NDArray[np.integer], cost: Cost) -> Attribution:
    """Score superpixels by their place in a ranking (n,): n for the first, 1 for the last."""
    order = np.asarray(ranking, dtype=np.intp)
    scores = np.empty(len(order))
    scores[order] = np.arange(len(order), 0, -1)
    return Attribution(scores, order, cost.passes, cost.seconds)


def top(attribution: Attribution, count: int) -> NDArray[np.bool_]:
    """Select the first ``count`` superpixels of a ranking, (n,) bool, except those not positive.

    The ``lime`` package selects the same.
    """
    selected = np.zeros(len(attribution.scores), dtype=bool)
    selected[attribution.ranking[:count]] = True
    return selected & (attribution.scores > 0)
