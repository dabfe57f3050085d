"""RISE on superpixels."""

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.search.evaluator import Evaluator
from srnet.validation import Integer


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
        Number of masks, at least 2; each is one pass.
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
    with measure_cost(evaluator) as cost:
        shown = np.random.default_rng(seed).random((samples, evaluator.superpixels)) < share
        scores = evaluator.probabilities(shown) @ shown / (samples * share)
    return rank_scores(scores, cost)
