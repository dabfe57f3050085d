"""A ranking by chance."""

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.search.evaluator import Evaluator


def random(evaluator: Evaluator, seed: int = 0) -> Attribution:
    """Random scores, the baseline that any method must beat."""
    with measure_cost(evaluator) as cost:
        scores = np.random.default_rng(seed).random(evaluator.superpixels)
    return rank_scores(scores, cost)
