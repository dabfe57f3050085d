"""The greedy search: superpixel by superpixel, the best one next."""

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, score_ranking
from srnet.images.comparison.baselines.objectives import Objective
from srnet.images.search.evaluator import Evaluator


def greedy(
    evaluator: Evaluator, objective: str = "probability", passes: int | None = None
) -> Attribution:
    """Rank superpixels by greedy search, as SMDL does ("Less is More", ICLR 2024, algorithm 1).

    Every step evaluates the set so far with each of the remaining superpixels and keeps the best.
    All n take n (n + 1) / 2 - 1 sets. Where the passes do not suffice for the next step, the
    remaining superpixels keep the order of their last values.

    Parameters
    ----------
    evaluator
        The network.
    objective
        See :class:`~srnet.images.comparison.baselines.objectives.Objective`; ``smdl`` is SMDL's.
    passes
        The most passes; None for no limit.

    Raises
    ------
    UserError
        If there is no such objective, or the passes do not suffice for the first step.
    """
    n = evaluator.superpixels
    shown, left, values = np.zeros(n, dtype=bool), np.arange(n), np.zeros(n)
    ranking: list[int] = []
    with measure_cost(evaluator) as cost:
        worth = Objective(evaluator, objective, passes)
        while len(left) > 1 and worth.affords(len(left)):
            values = worth.extensions(shown, left)
            best = values.argmax()
            shown[left[best]] = True
            ranking.append(left[best])
            left, values = np.delete(left, best), np.delete(values, best)
        ranking += left[np.argsort(-values, kind="stable")].tolist()
    return score_ranking(ranking, cost)
