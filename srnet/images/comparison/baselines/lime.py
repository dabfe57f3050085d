"""LIME for images by the ``lime`` package."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.search.evaluator import Evaluator
from srnet.typing import Floats
from srnet.validation import Integer


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
        Number of samples, at least 2; each is one pass.
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

    with measure_cost(evaluator) as cost, _hide_progress_bar():
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
    return rank_scores(scores, cost)


@contextmanager
def _hide_progress_bar() -> Iterator[None]:
    """Turn off the progress bar of the ``lime`` package."""
    from lime import lime_image

    bar, lime_image.tqdm = lime_image.tqdm, lambda rows: rows
    try:
        yield
    finally:
        lime_image.tqdm = bar
