"""Orthogonal columns and what they fit, against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet.model.regression import back_substitute, coefficients, gains, orthogonalise, project

RNG = np.random.default_rng(0)
COLUMNS = RNG.normal(1, 2, (30, 3)) * [1.0, 1e-3, 1e4]
H = RNG.normal(0, 1, (30, 2))


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_parts_are_orthogonal_and_make_up_the_columns(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    columns = rng.normal(0, 1, (20, count)) * 10.0 ** rng.integers(-5, 6, count)
    parts, squares, shares = orthogonalise(columns)
    lengths = np.sqrt(squares)
    np.testing.assert_allclose(
        parts.T @ parts / np.outer(lengths, lengths), np.eye(count), atol=1e-12
    )
    scale = np.linalg.norm(columns, axis=0)
    np.testing.assert_allclose(parts @ shares / scale, columns / scale, atol=1e-12)
    np.testing.assert_array_equal(np.tril(shares, -1), 0)
    np.testing.assert_array_equal(np.diag(shares), 1)


@pytest.mark.parametrize(
    "column", [np.zeros(30), COLUMNS[:, 0], COLUMNS @ [2.0, -3.0, 1e-4]], ids=["0", "twice", "sum"]
)
def test_a_column_that_is_linear_in_those_before_has_no_length(column: np.ndarray) -> None:
    parts, squares, shares = orthogonalise(np.column_stack([COLUMNS, column]))
    assert (squares[:3] > 0).all()
    assert squares[3] == 0
    np.testing.assert_array_equal(parts[:, 3], 0)
    weights = back_substitute(shares, coefficients(parts, squares, H))
    np.testing.assert_array_equal(weights[3], 0)
    np.testing.assert_allclose(weights[:3], np.linalg.lstsq(COLUMNS, H, rcond=None)[0], rtol=1e-9)


def test_what_lies_in_the_space_of_the_parts() -> None:
    parts, squares, _ = orthogonalise(COLUMNS)
    expected = COLUMNS @ np.linalg.lstsq(COLUMNS, H, rcond=None)[0]
    np.testing.assert_allclose(project(parts, squares, H), expected, atol=1e-12)


def test_the_columns_are_left_as_they_are() -> None:
    columns = COLUMNS.copy(order="F")
    orthogonalise(columns)
    np.testing.assert_array_equal(columns, COLUMNS)


@given(st.integers(0, 10**6))
def test_gains_add_up_to_r_squared(seed: int) -> None:
    rng = np.random.default_rng(seed)
    f, h = rng.normal(5, 1, (40, 3)), rng.normal(-2, 1, (40, 2))
    found, before = gains(list(f.T), h), 0.0
    for count in range(1, 4):
        design = np.column_stack([np.ones(40), f[:, :count]])
        left = h - design @ np.linalg.lstsq(design, h, rcond=None)[0]
        r2 = 1 - np.sum(left**2) / np.sum((h - h.mean(axis=0)) ** 2)
        assert found[count - 1] == pytest.approx(r2 - before, abs=1e-12)
        before = r2


def test_what_adds_nothing_gains_nothing() -> None:
    f = COLUMNS[:, 0]
    first, *others = gains([f, 2 * f - 1, np.full(30, 3.0)], H)
    assert first > 0
    assert others == [0.0, 0.0]
    assert gains([f], np.full((30, 2), 4.0)) == [0.0]
