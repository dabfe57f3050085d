"""Nonlinear least squares: known minima, as good as SciPy, never worse than the start, and the same
bits wherever arrays lie."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from srnet.search.levenberg_marquardt import minimise
from srnet.typing import Floats

ONE = np.ones(2)


def rosenbrock(p: Floats) -> Floats:
    return np.array([10 * (p[1] - p[0] ** 2), 1 - p[0]])


def rosenbrock_slopes(p: Floats) -> Floats:
    return np.array([[-20 * p[0], 10.0], [-1.0, 0.0]])


def test_the_minimum_of_a_curved_valley() -> None:
    found = minimise(rosenbrock, rosenbrock_slopes, np.array([-1.2, 1.0]), ONE, 100)
    assert found == pytest.approx([1, 1], abs=1e-6)


@given(seed=st.integers(0, 10**6))
def test_a_linear_problem_takes_one_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    slopes, h = rng.normal(size=(30, 4)), rng.normal(size=30)
    found = minimise(lambda p: slopes @ p - h, lambda p: slopes, np.ones(4), np.ones(4), 2)
    np.testing.assert_allclose(found, np.linalg.lstsq(slopes, h, rcond=None)[0], rtol=1e-8)


def test_dependent_parameters_are_no_obstacle() -> None:
    """a·b·x: only the product matters; and a third does nothing."""
    x = np.linspace(-1, 1, 20)
    found = minimise(
        lambda p: p[0] * p[1] * x - 6 * x,
        lambda p: np.column_stack([p[1] * x, p[0] * x, 0 * x]),
        np.array([1.0, 1.0, 5.0]),
        np.ones(3),
        50,
    )
    assert found[0] * found[1] == pytest.approx(6, abs=1e-6)
    assert found[2] == pytest.approx(5.0)


def wave(x: Floats, h: Floats) -> tuple[Any, Any]:
    """Residuals and derivatives of a·sin(b·x + c)."""
    return (
        lambda p: p[0] * np.sin(p[1] * x + p[2]) - h,
        lambda p: np.column_stack(
            [
                np.sin(p[1] * x + p[2]),
                p[0] * x * np.cos(p[1] * x + p[2]),
                p[0] * np.cos(p[1] * x + p[2]),
            ]
        ),
    )


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 40))
def test_it_never_ends_worse_than_it_began(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    residuals, slopes = wave(rng.uniform(-3, 3, 25), rng.normal(size=25))
    start = rng.normal(0, 3, 3)
    calls = []

    def counted(p: Floats) -> Floats:
        calls.append(1)
        return np.asarray(residuals(p))

    found = minimise(counted, slopes, start, np.maximum(np.abs(start), 1e-3), steps)
    assert np.sum(residuals(found) ** 2) <= np.sum(residuals(start) ** 2)
    assert 1 <= len(calls) <= steps


def test_it_is_as_good_as_scipy() -> None:
    """Of many starts, in as many evaluations."""
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(100):
        residuals, slopes = wave(rng.uniform(-3, 3, 25), rng.normal(size=25))
        start = rng.normal(0, 2, 3)
        scale = np.maximum(np.abs(start), 1e-3)
        ours = minimise(residuals, slopes, start, scale, 20)
        theirs = scipy.optimize.least_squares(
            residuals, start, slopes, method="lm", x_scale=scale, max_nfev=20
        ).x
        ratios.append(np.sum(residuals(ours) ** 2) / np.sum(residuals(theirs) ** 2))
    assert np.mean(np.log(ratios)) < 0.02
    assert np.median(ratios) == pytest.approx(1, abs=1e-6)


def test_what_is_not_finite_or_flat_is_left() -> None:
    start = np.array([1.0, 2.0])
    flat = minimise(lambda p: np.ones(3), lambda p: np.zeros((3, 2)), start, ONE, 9)
    np.testing.assert_array_equal(flat, start)
    exact = minimise(lambda p: np.zeros(3), lambda p: np.ones((3, 2)), start, ONE, 9)
    np.testing.assert_array_equal(exact, start)
    refused = np.full(3, 1e150)
    np.testing.assert_array_equal(
        minimise(lambda p: refused, lambda p: np.eye(3)[:, :2], start, ONE, 9), start
    )


def test_where_arrays_lie_in_memory_does_not_matter() -> None:
    """As it does for SciPy 1.17.1, whose least squares gave 4 of 76 fits more than one result."""
    rng = np.random.default_rng(0)
    x, h = rng.uniform(-3, 3, 85), rng.normal(size=85)

    def moved(values: Floats, offset: int) -> Floats:
        place = np.empty(values.size + 8)[offset : offset + values.size]
        place[:] = values.ravel()
        return place.reshape(values.shape)

    found = set()
    for offset in range(8):
        residuals, slopes = wave(moved(x, offset), moved(h, offset))
        start = np.array([1.0, 1.0, 0.3])
        found.add(
            minimise(
                lambda p, o=offset, r=residuals: moved(r(p), o),  # type: ignore[misc]
                lambda p, o=offset, s=slopes: moved(s(p), o),  # type: ignore[misc]
                start,
                np.ones(3),
                30,
            ).tobytes()
        )
    assert len(found) == 1
