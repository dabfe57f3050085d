"""Complexity against fitness: the Pareto front of a run and the choice of one model from it."""

import math
from collections.abc import Sequence
from itertools import pairwise

from srnet.errors import UserError
from srnet.search.individual import Individual
from srnet.validation import Choice

SELECTIONS = ("accuracy", "best", "knee")


def front(individuals: Sequence[Individual]) -> list[Individual]:
    """The individuals that no simpler or equally simple one matches in fitness, simplest first."""
    chosen: list[Individual] = []
    for individual in sorted(individuals, key=lambda each: (each.model.complexity, each.fitness)):
        if not chosen or individual.fitness < chosen[-1].fitness:
            chosen.append(individual)
    return chosen


def select(complexity: Sequence[int], fitness: Sequence[float], how: str = "accuracy") -> int:
    """The position of one model of a front that is sorted by complexity.

    Parameters
    ----------
    how
        ``accuracy``: the lowest fitness. ``best``: of those within 1.5 times the lowest fitness,
        the one where the logarithm of the fitness falls most steeply with complexity. ``knee``: the
        greatest distance below the line from the simplest to the most complex model, both axes
        scaled to 0 … 1, fitness as its logarithm.

    Raises
    ------
    UserError
        If the front is empty or not in the order of complexity, or ``how`` unknown.
    """
    Choice(SELECTIONS).check("how", how)
    if not fitness:
        raise UserError(
            "the Pareto front is empty; a run with at least one finite composite is needed"
        )
    if any(after <= before for before, after in pairwise(complexity)):
        raise UserError(
            f"the Pareto front has the complexities {list(complexity)}; each must be above the "
            f"one before"
        )
    last = len(fitness) - 1
    logs = [math.log(max(value, 1e-300)) for value in fitness]
    if how == "accuracy" or last == 0:
        return min(range(last + 1), key=lambda i: fitness[i])
    if how == "best":
        lowest = min(fitness)
        steepness = [
            0.0,
            *(
                (logs[i - 1] - logs[i]) / (complexity[i] - complexity[i - 1])
                for i in range(1, last + 1)
            ),
        ]
        return max(
            (i for i in range(last + 1) if fitness[i] <= 1.5 * lowest), key=lambda i: steepness[i]
        )
    span_x, span_y = complexity[-1] - complexity[0], logs[0] - logs[-1]
    below = [
        1.0 - (complexity[i] - complexity[0]) / span_x - (logs[i] - logs[-1]) / span_y
        if span_y > 0
        else 0.0
        for i in range(last + 1)
    ]
    return max(range(last + 1), key=lambda i: below[i])


# A fidelity this close to the best is as good, for validation rows are a sample: it may be lower by
# a share of what the best leaves unexplained, at most the second number, plus the third.
_SHARE, _MOST, _LEAST = 0.5, 0.002, 0.0003


def select_by_fidelity(fidelity: Sequence[float], wanted: float) -> int:
    """The position of the simplest model, of several in the order of complexity, that is faithful
    enough: with a fidelity on validation rows of ``wanted``, or close to the best."""
    best = max(fidelity)
    enough = min(wanted, best - min(_SHARE * (1.0 - best), _MOST) - _LEAST)
    return next(i for i, value in enumerate(fidelity) if value >= enough or value == best)
