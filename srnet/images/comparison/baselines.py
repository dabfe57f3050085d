"""What E-LIME is compared with: LIME, RISE and chance, on the same superpixels, fill and network
evaluations."""

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
        (n,), large for what speaks for the class.
    ranking
        (n,) superpixels, most important first.
    passes
        Network evaluations spent.
    seconds
        Time spent.
    """

    scores: Floats
    ranking: NDArray[np.intp]
    passes: int
    seconds: float


def lime(evaluator: Evaluator, samples: int = 1000, seed: int = 0) -> Attribution:
    """LIME for images by the ``lime`` package with its defaults (Ribeiro, Singh and Guestrin 2016),
    freshly seeded.

    The package draws the samples, weighs them (cosine kernel of width 0.25) and fits the ridge
    regression. It is handed an image of one pixel per superpixel, white where shown and black where
    hidden, and the evaluator turns those back into the real images; so all methods explain the same
    superpixels with the same fill.

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

    with _spent(evaluator) as spent, _quiet():
        found = LimeImageExplainer(random_state=seed).explain_instance(
            np.ones((1, n, 3)),
            classify,
            labels=(1,),
            top_labels=None,
            hide_color=0,
            num_samples=samples,
            segmentation_fn=lambda _: np.arange(n)[None],
        )
    scores = np.zeros(n)
    for superpixel, weight in found.local_exp[1]:
        scores[superpixel] = weight
    return _attribution(scores, spent)


def rise(
    evaluator: Evaluator, samples: int = 1000, seed: int = 0, share: float = 0.5
) -> Attribution:
    """RISE (Petsiuk, Das and Saenko 2018) with superpixels in place of its grid: the mean
    probability of the random masks that show a superpixel, over ``samples`` masks that show each
    with probability ``share``.

    Raises
    ------
    UserError
        If ``samples`` is not at least 2.
    """
    Integer(2).check("samples", samples)
    with _spent(evaluator) as spent:
        shown = np.random.default_rng(seed).random((samples, evaluator.superpixels)) < share
        scores = evaluator.probabilities(shown) @ shown / (samples * share)
    return _attribution(scores, spent)


def random(evaluator: Evaluator, seed: int = 0) -> Attribution:
    """Scores by chance: what any method must beat."""
    with _spent(evaluator) as spent:
        scores = np.random.default_rng(seed).random(evaluator.superpixels)
    return _attribution(scores, spent)


def top(attribution: Attribution, count: int) -> NDArray[np.bool_]:
    """The first ``count`` superpixels of a ranking, (n,), as the ``lime`` package chooses them:
    only those of positive score."""
    selected = np.zeros(len(attribution.scores), dtype=bool)
    selected[attribution.ranking[:count]] = True
    return selected & (attribution.scores > 0)


class _Spent:
    passes = 0
    seconds = 0.0


@contextmanager
def _spent(evaluator: Evaluator) -> Iterator[_Spent]:
    spent, passes, started = _Spent(), evaluator.passes, time.perf_counter()
    yield spent
    spent.passes, spent.seconds = evaluator.passes - passes, time.perf_counter() - started


def _attribution(scores: Floats, spent: _Spent) -> Attribution:
    return Attribution(scores, np.argsort(-scores, kind="stable"), spent.passes, spent.seconds)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the package's own progress bar."""
    from lime import lime_image

    bar, lime_image.tqdm = lime_image.tqdm, lambda rows: rows
    try:
        yield
    finally:
        lime_image.tqdm = bar
