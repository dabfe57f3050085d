"""Baselines for E-LIME on the same superpixels and fill: LIME, RISE and random scores."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.evaluator import Evaluator
from srnet.typing import Floats
from srnet.validation import Integer


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
        Number of network evaluations.
    seconds
        Duration in seconds.
    """

    scores: Floats
    ranking: NDArray[np.intp]
    passes: int
    seconds: float


def lime(evaluator: Evaluator, samples: int = 1000, seed: int = 0) -> Attribution:
    """LIME for images by the ``lime`` package with its defaults (Ribeiro, Singh, Guestrin 2016).

    The package draws samples, weights them (cosine kernel of width 0.25) and fits a ridge
    regression. It sees an image with one pixel per superpixel, white if shown and black if hidden;
    the evaluator turns its samples into real images, so that all methods explain the same
    superpixels with the same fill.

    Parameters
    ----------
    evaluator
        The network.
    samples
        Number of samples, at least 2.
    seed
        Seed of the samples.

    Raises
    ------
    UserError
        If ``samples`` is not at least 2.
    """
    from lime.lime_image import LimeImageExplainer

    Integer(2).check("samples", samples)
    n = evaluator.superpixels

    def classify(images: NDArray[Any]) -> Floats:
        probability = evaluator.probabilities(images[:, 0, :, 0] > 0.5)
        return np.stack([1 - probability, probability], axis=1)

    with _measure_cost(evaluator) as cost, _hide_progress_bar():
        explanation = LimeImageExplainer(random_state=seed).explain_instance(
            np.ones((1, n, 3)),
            classify,
            labels=(1,),
            top_labels=None,
            hide_color=0,
            num_samples=samples,
            segmentation_fn=lambda _: np.arange(n)[None],
        )
    scores = np.zeros(n)
    for superpixel, weight in explanation.local_exp[1]:
        scores[superpixel] = weight
    return _attribution(scores, cost)


def rise(
    evaluator: Evaluator, samples: int = 1000, seed: int = 0, share: float = 0.5
) -> Attribution:
    """RISE (Petsiuk, Das and Saenko 2018) with superpixels instead of its grid.

    The score of a superpixel is the mean probability of the class over the random masks that show
    it.

    Parameters
    ----------
    evaluator
        The network.
    samples
        Number of masks, at least 2.
    seed
        Seed of the masks.
    share
        Probability that a mask shows a superpixel.

    Raises
    ------
    UserError
        If ``samples`` is not at least 2.
    """
    Integer(2).check("samples", samples)
    with _measure_cost(evaluator) as cost:
        shown = np.random.default_rng(seed).random((samples, evaluator.superpixels)) < share
        scores = evaluator.probabilities(shown) @ shown / (samples * share)
    return _attribution(scores, cost)


def random(evaluator: Evaluator, seed: int = 0) -> Attribution:
    """Random scores, the baseline that any method must beat."""
    with _measure_cost(evaluator) as cost:
        scores = np.random.default_rng(seed).random(evaluator.superpixels)
    return _attribution(scores, cost)


def top(attribution: Attribution, count: int) -> NDArray[np.bool_]:
    """Select the first ``count`` superpixels of a ranking, (n,) bool, except those not positive.

    The ``lime`` package selects the same.
    """
    selected = np.zeros(len(attribution.scores), dtype=bool)
    selected[attribution.ranking[:count]] = True
    return selected & (attribution.scores > 0)


class _Cost:
    """Passes and seconds of a block of code."""

    passes = 0
    seconds = 0.0


@contextmanager
def _measure_cost(evaluator: Evaluator) -> Iterator[_Cost]:
    cost, passes, started = _Cost(), evaluator.passes, time.perf_counter()
    yield cost
    cost.passes, cost.seconds = evaluator.passes - passes, time.perf_counter() - started


def _attribution(scores: Floats, cost: _Cost) -> Attribution:
    return Attribution(scores, np.argsort(-scores, kind="stable"), cost.passes, cost.seconds)


@contextmanager
def _hide_progress_bar() -> Iterator[None]:
    """Turn off the progress bar of the ``lime`` package."""
    from lime import lime_image

    bar, lime_image.tqdm = lime_image.tqdm, lambda rows: rows
    try:
        yield
    finally:
        lime_image.tqdm = bar
