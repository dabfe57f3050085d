"""Backward elimination: shorter and shorter, at the least cost."""

import numpy as np
import pytest
from helpers.random_programs import random_program
from hypothesis import assume, given
from hypothesis import strategies as st

from srnet.cgp.costs import Costs, layer_complexity
from srnet.cgp.program import Program
from srnet.cgp.reduction import reductions
from srnet.search.elimination import eliminate, measure
from srnet.typing import Floats

RNG = np.random.default_rng(1)
X = RNG.uniform(-1, 1, (60, 3))
INPUTS = tuple(Program(3, (), (), i) for i in range(3))
PRODUCT = Program(3, (), (("mul", (0, 1)),), 3)
SINE = Program(3, (2.0,), (("mul", (2, 3)), ("sin", (4,))), 5)
CONSTANT = Program(3, (1.0,), (), 3)


def least_squares_error(programs: tuple[Program, ...], x: Floats, h: Floats) -> float:
    """By NumPy."""
    columns = np.column_stack([np.ones(len(x)), *(program(x) for program in programs)])
    return float(np.mean((h - columns @ np.linalg.lstsq(columns, h, rcond=None)[0]) ** 2))


@given(seed=st.integers(0, 10**6))
def test_errors_are_those_of_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    programs = tuple(random_program(seed + i, ("add", "mul", "sin"), inputs=3) for i in range(3))
    h = rng.normal(5, 2, (60, 2))
    found = measure(programs, X, h)
    assert found.programs == programs
    assert found.error == pytest.approx(least_squares_error(programs, X, h), rel=1e-8)


def test_the_complexity_counts_the_additions_that_join_formulas() -> None:
    assert measure([PRODUCT, SINE, INPUTS[0]], X, X).complexity == 1 + 2 + 0 + 2
    assert measure([INPUTS[0]], X, X).complexity == 0


def test_what_is_not_finite_has_an_infinite_error() -> None:
    logarithm = Program(3, (), (("ln", (0,)),), 3)
    assert measure([PRODUCT, logarithm], X, X).error == np.inf
    huge = Program(3, (1e300,), (("mul", (0, 3)), ("mul", (4, 3))), 5)
    assert measure([huge], X, X).error == np.inf


def test_linear_in_others_or_constant_adds_nothing() -> None:
    h = RNG.normal(size=(60, 2))
    alone = measure([PRODUCT], X, h).error
    assert measure([PRODUCT, PRODUCT, CONSTANT], X, h).error == pytest.approx(alone, rel=1e-12)
    assert measure([CONSTANT], X, h).error == pytest.approx(h.var(axis=0).mean(), rel=1e-12)


@pytest.mark.parametrize("fewer", [True, False])
@given(seed=st.integers(0, 10**6))
def test_every_step_is_shorter_and_its_error_is_true(fewer: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    functions = ("add", "mul", "sin", "div", "square", "sqrt")
    programs = tuple(random_program(seed + i, functions, inputs=3, size=3) for i in range(3))
    x, h = rng.uniform(0.5, 2, (50, 3)), rng.normal(size=(50, 2))
    start = measure(programs, x, h, (("mul", 2), ("sin", 3)))
    assume(np.isfinite(start.error))
    assume(all(program.used_inputs() for program in programs))  # others are not reduced
    steps = list(eliminate(start, x, h, fewer=fewer))
    lengths = [start.complexity, *(step.complexity for step in steps)]
    assert all(after < before for before, after in zip(lengths, lengths[1:], strict=False))
    for step in steps:
        assert step.error == pytest.approx(least_squares_error(step.programs, x, h), rel=1e-6)
        assert len(step.programs) == 3 if not fewer else 1 <= len(step.programs) <= 3
    if fewer:
        assert lengths[-1] == 0 or not steps


@pytest.mark.parametrize(
    "costs",
    [(), (("mul", 9),), (("sin", 9),), (("square", 9),)],
    ids=lambda costs: str(dict(costs)),
)
def test_a_step_takes_the_least_rise_for_what_it_saves(costs: Costs) -> None:
    """By trying all there is, with NumPy."""
    square = Program(3, (), (("square", (0,)), ("sin", (3,))), 4)
    programs = (Program(3, (), (("mul", (0, 1)), ("mul", (3, 2))), 4), square)
    h = np.column_stack([X[:, 0] * X[:, 1] * X[:, 2], np.sin(X[:, 0] ** 2)])
    h += 0.2 * X[:, [1, 2]]
    error = least_squares_error(programs, X, h)
    tried = [*((program,) for program in programs)]
    tried += [(shorter, programs[1]) for shorter in reductions(programs[0])]
    tried += [(programs[0], shorter) for shorter in reductions(programs[1])]
    whole = layer_complexity(programs, costs)
    prices = [
        (least_squares_error(each, X, h) - error) / (whole - layer_complexity(each, costs))
        for each in tried
    ]
    first = next(eliminate(measure(programs, X, h, costs), X, h))
    assert first.error == pytest.approx(
        least_squares_error(tried[int(np.argmin(prices))], X, h), rel=1e-9
    )
    assert first.complexity == layer_complexity(first.programs, costs)


def test_what_is_not_needed_goes_first() -> None:
    """h is linear in x0·x1 and x2, of which a sine and x0 say nothing more."""
    h = np.column_stack([PRODUCT(X) + 2 * X[:, 2], PRODUCT(X) - X[:, 2]])
    start = measure([SINE, PRODUCT, INPUTS[0], INPUTS[2]], X, h)
    steps = list(eliminate(start, X, h))
    exact = [step for step in steps if step.error < 1e-20]
    assert set(exact[-1].programs) == {PRODUCT, INPUTS[2]}
    assert exact == steps[: len(exact)]
    assert len(steps[-1].programs) == 1
    assert steps[-1].complexity == 0


def test_the_linear_regression_loses_its_weakest_input_first() -> None:
    """With inputs that are orthogonal, the order is that of the weights."""
    x = RNG.normal(size=(60, 6))
    x = np.linalg.qr(x - x.mean(axis=0))[0]
    inputs = [Program(6, (), (), i) for i in range(6)]
    weights = np.array([3.0, 0.1, 2.0, 0.5, 7.0, 1.0])
    h = (x @ weights)[:, None]
    steps = list(eliminate(measure(inputs, x, h), x, h))
    left = [[program.output for program in step.programs] for step in steps]
    assert left == [[0, 2, 3, 4, 5], [0, 2, 4, 5], [0, 2, 4], [0, 4], [4]]
    gone = np.cumsum(np.sort(weights**2)[:5]) / 60
    np.testing.assert_allclose([step.error for step in steps], gone, rtol=1e-9)


def test_constants_are_fitted_again() -> None:
    """sin(2 x2 + 0.3) loses its shift where there is none; with factor 1.8 for 2 it is found
    again."""
    h = np.sin(2 * X[:, 2:])
    shifted = Program(3, (1.8, 0.3), (("mul", (2, 3)), ("add", (5, 4)), ("sin", (6,))), 7)
    steps = list(eliminate(measure([shifted], X, h), X, h))
    two = next(step for step in steps if step.complexity == 2)
    assert two.error < 1e-12


def test_one_formula_without_a_node_ends_it() -> None:
    assert list(eliminate(measure([INPUTS[0]], X, X), X, X)) == []
    assert list(eliminate(measure(INPUTS, X, X), X, X, fewer=False)) == []


def test_a_layer_that_is_constant() -> None:
    h = np.full((60, 2), 0.1)
    steps = list(eliminate(measure([SINE, PRODUCT, INPUTS[0]], X, h), X, h))
    assert steps[-1].complexity == 0
    assert all(step.error < 1e-30 for step in steps)


def test_formulas_of_no_length_do_no_harm() -> None:
    h = RNG.normal(size=(60, 1))
    steps = list(eliminate(measure([CONSTANT, PRODUCT, PRODUCT], X, h), X, h))
    assert steps[-1].complexity == 0
    assert steps[0].error <= measure([PRODUCT], X, h).error * (1 + 1e-9)
