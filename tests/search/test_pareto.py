"""The Pareto front and the choice of a model from it."""

import numpy as np
import pytest

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.model.srnet import SRNet
from srnet.search.individual import Individual
from srnet.search.pareto import front, select, select_by_fidelity

COMPLEXITY = [1, 2, 3, 5, 9]
FITNESS = [10.0, 9.0, 1.0, 0.9, 0.8]


def test_accuracy_takes_the_lowest_fitness() -> None:
    assert select(COMPLEXITY, FITNESS, "accuracy") == 4


def test_best_takes_the_steepest_fall_among_the_accurate() -> None:
    assert select(COMPLEXITY, FITNESS, "best") == 2
    # a steep fall among models that are far from the lowest fitness does not count
    assert select([1, 2, 3, 4], [100.0, 10.0, 1.2, 1.0], "best") == 2
    assert select([1, 2, 9], [100.0, 10.0, 1.0], "best") == 2


def test_knee_is_farthest_below_the_line() -> None:
    assert select(COMPLEXITY, FITNESS, "knee") == 2


@pytest.mark.parametrize("how", ["accuracy", "best", "knee"])
def test_one_model_is_chosen(how: str) -> None:
    assert select([4], [0.5], how) == 0


def test_bad_choices_are_named() -> None:
    with pytest.raises(UserError, match=r"'how' is 'nicest'; allowed are accuracy, best, knee"):
        select(COMPLEXITY, FITNESS, "nicest")
    with pytest.raises(UserError, match="front is empty"):
        select([], [])
    with pytest.raises(
        UserError, match=r"complexities \[1, 1\]; each must be above the one before"
    ):
        select([1, 1], [2.0, 1.0], "best")


def individual(complexity: int, fitness: float) -> Individual:
    program = Program(1, (), tuple(("sin", (i,)) for i in range(complexity)), complexity)
    model = SRNet(((program,),), (np.ones((1, 1)),), (np.zeros(1),))
    return Individual((), model, (fitness,), fitness)


def test_the_front_holds_what_no_simpler_one_matches() -> None:
    chosen = front(
        [individual(*pair) for pair in ((3, 1.0), (1, 5.0), (2, 5.0), (3, 2.0), (4, 1.0))]
    )
    assert [(one.model.complexity, one.fitness) for one in chosen] == [(1, 5.0), (3, 1.0)]
    assert front([]) == []


def test_of_equals_the_first_stays() -> None:
    first, second = individual(2, 1.0), individual(2, 1.0)
    assert front([first, second])[0] is first


@pytest.mark.parametrize(
    ("fidelity", "wanted", "chosen"),
    [
        ([0.2, 0.9, 0.96, 0.99], 0.95, 2),  # the simplest that is faithful enough
        ([0.2, 0.9, 0.95, 0.99], 0.95, 2),
        ([0.2, 0.9, 0.96, 0.99], 1.0, 3),
        ([0.2, 0.5, 0.6], 0.95, 2),  # none is: the best, or one that is as good
        ([0.2, 0.599, 0.6], 0.95, 1),
        ([0.2, 0.596, 0.6], 0.95, 2),
        ([0.2, 0.9899, 0.99], 1.0, 1),
        ([0.2, 0.98, 0.99], 1.0, 2),
        ([0.2, 0.9965, 0.998], 1.0, 2),  # half more unexplained, and a little
        ([0.2, 0.9968, 0.998], 1.0, 1),
        ([0.2, 0.999999, 1.0], 1.0, 1),
        ([0.2, 0.999, 1.0], 1.0, 2),
        ([0.7, 0.2, 0.1], 0.95, 0),  # more fitted is not more faithful
        ([-3.0, -1.0, -np.inf], 0.95, 1),
        ([-np.inf, -np.inf], 0.95, 0),
        ([0.3], 0.95, 0),
    ],
)
def test_the_simplest_that_is_faithful_enough(
    fidelity: list[float], wanted: float, chosen: int
) -> None:
    assert select_by_fidelity(fidelity, wanted) == chosen
