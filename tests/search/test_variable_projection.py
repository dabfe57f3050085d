"""All constants fitted together: exact laws come back, and nothing gets worse."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.program import Program
from srnet.search import variable_projection
from srnet.search.variable_projection import design, fit_constants
from srnet.typing import Floats

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (80, 2))
X0 = Program(2, (), (), 0)


def sine(factor: float, shift: float) -> Program:
    """sin(factor · x0 + shift)"""
    return Program(2, (factor, shift), (("mul", (0, 2)), ("add", (4, 3)), ("sin", (5,))), 6)


def reciprocal(shift: float) -> Program:
    """1 / (x1 + shift)"""
    return Program(2, (1.0, shift), (("add", (1, 3)), ("div", (2, 4))), 5)


def error(programs: tuple[Program, ...], x: Floats, h: Floats) -> float:
    """By NumPy."""
    columns = np.column_stack([np.ones(len(x)), *(program(x) for program in programs)])
    return float(np.mean((h - columns @ np.linalg.lstsq(columns, h, rcond=None)[0]) ** 2))


def test_the_constants_of_an_exact_law_are_recovered() -> None:
    """Two outputs of a sine, a reciprocal and a bare input."""
    law = (sine(1.7, 0.4), reciprocal(3.0), X0)
    weights = RNG.normal(size=(3, 2))
    h = np.column_stack([program(X) for program in law]) @ weights + [0.5, -2.0]
    fitted = fit_constants((sine(1.4, 0.0), reciprocal(4.0), X0), X, h, 50)
    assert fitted[2] == X0
    assert fitted[0].constants == pytest.approx((1.7, 0.4), abs=1e-6)
    assert fitted[1].constants[1] == pytest.approx(3.0, abs=1e-6)
    assert [program.nodes for program in fitted] == [program.nodes for program in law]
    assert error(fitted, X, h) < 1e-18


@given(seed=st.integers(0, 10**6))
def test_it_never_gets_worse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    programs = tuple(
        random_program(seed + i, ("add", "mul", "sin", "div", "square"), size=3) for i in range(2)
    )
    h = rng.normal(size=(40, 2))
    x = rng.uniform(0.5, 2, (40, 2))
    before = error(programs, x, h) if np.isfinite(design(programs, x)).all() else np.inf
    fitted = fit_constants(programs, x, h, 5)
    assert [(p.nodes, p.output) for p in fitted] == [(p.nodes, p.output) for p in programs]
    if np.isfinite(before):
        assert error(fitted, x, h) <= before * (1 + 1e-9)


def test_the_jacobian_is_near_the_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kaufman's leaves out what is small with the residual: on an exact law it is exact. Several
    outputs, and a bare input beside."""
    calls: list[Any] = []

    def record(residuals: Any, jacobian: Any, start: Floats, *options: Any) -> Floats:
        calls.append((residuals, jacobian))
        return start

    monkeypatch.setattr(variable_projection, "minimise", record)
    law = (sine(1.7, 0.4), X0, reciprocal(3.0))
    h = np.column_stack([program(X) for program in law]) @ RNG.normal(size=(3, 2))
    fit_constants((sine(1.5, 0.3), X0, reciprocal(3.3)), X, h, 30)
    ((residuals, jacobian),) = calls
    at = np.array([1.7, 0.4, 1.0, 3.0])
    exact = scipy.optimize.approx_fprime(at, residuals, 1e-7)
    np.testing.assert_allclose(jacobian(at), exact, atol=1e-5)
    assert np.abs(exact).max() > 0.1
    # elsewhere the gradient of the squared error is right even so
    at = np.array([1.5, 0.3, 1.0, 3.3])
    slope = scipy.optimize.approx_fprime(at, lambda c: np.sum(residuals(c) ** 2), 1e-6)
    np.testing.assert_allclose(
        2 * jacobian(at).T @ residuals(at), slope, atol=1e-4 * np.abs(slope).max()
    )


def test_it_is_as_good_as_a_fit_of_everything_by_scipy() -> None:
    """Weights, bias and constants together, from the same start."""
    h = np.tanh(X[:, :1]) + 0.3 * X[:, 1:] ** 2
    fitted = fit_constants((sine(1.0, 0.0),), X, h, 100)

    def residuals(p: Floats) -> Floats:
        return (p[0] * np.sin(p[1] * X[:, 0] + p[2]) + p[3]) - h[:, 0]

    free = scipy.optimize.least_squares(residuals, [1.0, 1.0, 0.0, 0.0])
    assert error(fitted, X, h) == pytest.approx(np.mean(free.fun**2), rel=1e-6)


def test_without_constants_or_rows_the_formulas_stay() -> None:
    assert fit_constants((X0,), X, X, 5) == (X0,)
    programs = (sine(1.0, 0.0), reciprocal(3.0))  # four constants, three values
    assert fit_constants(programs, X[:3], X[:3, :1] ** 2, 5) == programs


def test_a_start_that_is_not_finite_is_left_or_becomes_finite() -> None:
    logarithm = Program(2, (-1.0,), (("add", (0, 2)), ("ln", (3,))), 4)  # of x0 - 1 < 0
    (fitted,) = fit_constants((logarithm,), X, X[:, :1], 5)
    assert fitted == logarithm or np.isfinite(fitted(X)).all()


def test_formulas_that_are_the_same_are_no_obstacle() -> None:
    h = np.sin(1.7 * X[:, :1])
    fitted = fit_constants((sine(1.5, 0.1), sine(1.5, 0.1), X0, X0), X, h, 40)
    assert np.isfinite(design(fitted, X)).all()
    assert error(fitted, X, h) <= error((sine(1.5, 0.1), X0), X, h)


def test_the_design_has_a_column_of_ones() -> None:
    np.testing.assert_array_equal(design((X0,), X), np.column_stack([np.ones(80), X[:, 0]]))
    np.testing.assert_array_equal(design((), X), np.ones((80, 1)))


def test_the_given_formulas_are_left_as_they_are() -> None:
    start = sine(1.4, 0.0)
    fit_constants((start,), X, np.sin(X[:, :1]), 10)
    assert start == replace(start, constants=(1.4, 0.0))
