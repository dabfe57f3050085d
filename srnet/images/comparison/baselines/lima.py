"""LiMA: a greedy search from both ends of the ranking."""

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, score_ranking
from srnet.images.comparison.baselines.objectives import Objective
from srnet.images.search.evaluator import Evaluator


def lima(
    evaluator: Evaluator,
    objective: str = "lima",
    passes: int | None = None,
    weakest: int = 8,
) -> Attribution:
    """Rank superpixels from both ends (LiMA: Chen et al. 2025, arXiv 2504.00470).

    From the paper: a step adds the best superpixel to the front of the ranking, as a greedy search
    does. Of those that were worst in it, it adds the one to the back that adds least to the set of
    those already there. So a step ranks two superpixels. Objective and ``weakest`` are those of the
    authors' public code. We choose what happens at the limit of passes: the remaining superpixels
    keep the order of their last values, between front and back.

    Parameters
    ----------
    evaluator
        The network.
    objective
        See :class:`~srnet.images.comparison.baselines.objectives.Objective`.
    passes
        The most passes; None for no limit.
    weakest
        Number of candidates for the back; with fewer superpixels left, only the front grows.

    Raises
    ------
    UserError
        If there is no such objective, or the passes do not suffice for the first step.
    """
    n = evaluator.superpixels
    first, last = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    left, values = np.arange(n), np.zeros(n)
    front: list[int] = []
    back: list[int] = []
    with measure_cost(evaluator) as cost:
        worth = Objective(evaluator, objective, passes)
        while len(left) > 1 and worth.affords(len(left)):
            values = worth.extensions(first, left)
            best = values.argmax()
            first[left[best]] = True
            front.append(left[best])
            left, values = np.delete(left, best), np.delete(values, best)
            if len(left) >= weakest and worth.affords(weakest):
                candidates = np.argsort(values, kind="stable")[:weakest]
                worst = candidates[worth.extensions(last, left[candidates]).argmin()]
                last[left[worst]] = True
                back.append(left[worst])
                left, values = np.delete(left, worst), np.delete(values, worst)
        middle = left[np.argsort(-values, kind="stable")].tolist()
    return score_ranking([*front, *middle, *back[::-1]], cost)
