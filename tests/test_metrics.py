"""Known answers: errors, agreement and movement, and what is not finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score
from threadpoolctl import threadpool_limits

from srnet.metrics import (
    agreement,
    component_shares,
    largest_share,
    movement,
    normalised_error,
    r_squared,
    rmse,
)

NUMBERS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=20)


def column(*values):
    return np.array(values, float)[:, None]


def test_rmse():
    assert rmse(column(1, 2, 3), column(1, 2, 3)) == (0, 0)
    assert rmse(column(0, 0), column(3, 4)) == (pytest.approx(np.sqrt(12.5)), 0)
    assert rmse(np.zeros((1, 2)), np.array([[3.0, 4.0]])) == (pytest.approx(np.sqrt(12.5)), 0)


def test_rmse_counts_what_is_not_finite():
    error, nonfinite = rmse(column(0, 0, 0, 0), column(1, np.nan, np.inf, -1))
    assert (error, nonfinite) == (1, 2)
    error, nonfinite = rmse(column(0, 0), column(np.nan, np.inf))
    assert np.isnan(error)
    assert nonfinite == 2


def test_rmse_beside_a_pole():
    assert rmse(column(0, 0), column(1e200, 1e200)) == (pytest.approx(1e200), 0)


@given(NUMBERS, st.floats(1e-3, 1e3))
def test_rmse_scales_with_the_outputs(pairs, scale):
    network, explained = np.array(pairs)[:, :1], np.array(pairs)[:, 1:]
    assert rmse(scale * network, scale * explained)[0] == pytest.approx(
        scale * rmse(network, explained)[0], rel=1e-9, abs=1e-12
    )
    assert rmse(network, explained)[0] == pytest.approx(
        np.sqrt(np.mean((network - explained) ** 2)), rel=1e-9, abs=1e-12
    )


def test_agreement():
    network = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    assert agreement(network, network) == (1, 0)
    assert agreement(network, network[:, ::-1]) == (0, 0)
    # an output that is not finite never agrees, also not where the network says the first class
    explained = np.array([[np.nan, np.nan], [0.0, 1.0], [np.inf, 0.0], [1.0, 0.0]])
    assert agreement(network, explained) == (0.25, 2)
    assert largest_share(network) == 0.5


def test_movement():
    answers = np.array(
        [[[1.0, 0.0], [5.0, 5.0]], [[3.0, 0.0], [5.0, 5.0]]]
    )  # two seeds, two points
    np.testing.assert_allclose(movement(answers), [1, 0])
    answers = np.array([[[3.0, 4.0]], [[-3.0, -4.0]]])
    np.testing.assert_allclose(movement(answers), [5])
    answers[0, 0, 0] = np.inf
    assert np.isnan(movement(answers)).all()


def test_r_squared_is_one_without_error_and_zero_for_the_mean():
    expected = column(0, 2, 4, 6)
    assert r_squared(0.0, expected) == 1
    assert r_squared(5.0, expected) == 0  # the variance
    assert r_squared(10.0, expected) == -1
    assert normalised_error(2.5, expected) == 0.5
    assert r_squared(np.inf, expected) == -np.inf


@pytest.mark.parametrize("mse", [0.0, 1.0, np.inf])
def test_constant_values_have_no_r_squared(mse):
    for constant in (column(3, 3), np.array([[1.0, 2.0], [1.0, 2.0]], np.float32)):
        assert normalised_error(mse, constant) is None
        assert r_squared(mse, constant) is None


def test_r_squared_of_several_columns_weighs_them_by_their_variance():
    rng = np.random.default_rng(0)
    expected = rng.normal(5, [1, 10, 0.1], (50, 3)).astype(np.float32)
    predicted = expected + rng.normal(0, 0.5, (50, 3))
    value = r_squared(float(np.mean((predicted - expected) ** 2)), expected)
    assert value == pytest.approx(
        r2_score(expected, predicted, multioutput="variance_weighted"), rel=1e-6
    )


def test_component_shares_are_those_of_the_singular_values():
    h = np.random.default_rng(0).normal(size=(50, 4)) * [1, 10, 2, 0] + [5, 0, 1, 3]
    squares = np.linalg.svd(h - h.mean(axis=0), compute_uv=False) ** 2
    np.testing.assert_allclose(component_shares(h), np.cumsum(squares) / squares.sum(), rtol=1e-12)
    assert component_shares(h.astype(np.float32))[-1] == 1.0
    assert component_shares(np.full((9, 2), 0.1)).tolist() == [1.0, 1.0]


def test_component_shares_do_not_depend_on_threads() -> None:
    h = np.random.default_rng(0).normal(size=(1000, 300))
    with threadpool_limits(1):
        expected = component_shares(h)
    with threadpool_limits(4):
        np.testing.assert_array_equal(component_shares(h), expected)
