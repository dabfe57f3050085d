"""What errors cost, and the fits of the least cost: as SciPy and scikit-learn find them, and with
weights as with repeated rows."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression, QuantileRegressor

from srnet.errors import UserError
from srnet.metrics import agreement, component_shares, largest_share, r_squared
from srnet.model.fitting import least_cost, least_squares
from srnet.model.logistic import explained_divergence, fit_shares, mean_cross_entropy, softmax
from srnet.model.losses import RowLoss, clip_residuals, fit_columns, robust_moments
from srnet.model.regression import gains
from srnet.typing import Floats

RNG = np.random.default_rng(11)
LOSSES = [RowLoss(), RowLoss("huber", 0.3), RowLoss("l1")]


def sample(seed: int, rows: int = 30, units: int = 1) -> tuple[list[Floats], Floats]:
    """Values of two formulas, and units that they explain but for noise with long tails."""
    rng = np.random.default_rng(seed)
    f = [rng.normal(2, 1, rows), rng.uniform(0, 5, rows)]
    h = np.column_stack([(i + 1) * f[0] - f[1] + 3 for i in range(units)])
    return f, h + rng.standard_t(1.5, h.shape)


def repeated(seed: int, rows: int) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Whole weights, of the mean 1 after a division, and what repeats rows as often."""
    times = np.random.default_rng([seed, 1]).integers(1, 4, rows)
    return times / times.mean(), lambda values: np.repeat(values, times, axis=0)


def test_costs_of_single_errors() -> None:
    errors = np.array([[0.0], [0.2], [-0.3], [1.0], [-10.0]])
    huber = RowLoss("huber", 0.3)
    assert [huber.mean(error[None]) for error in errors] == pytest.approx(
        [0, 0.04, 0.09, 0.6 - 0.09, 6 - 0.09]
    )
    assert RowLoss("l1").mean(errors) == pytest.approx(11.5 / 5)
    assert RowLoss().mean(errors) == pytest.approx((0.04 + 0.09 + 1 + 100) / 5)


def test_an_error_is_of_a_row_in_the_units_own_scales() -> None:
    left = np.array([[3e9, 4e-9], [0.0, 0.0]])
    loss = RowLoss("l1", scales=np.array([1e9, 1e-9]))
    assert loss.mean(left) == pytest.approx(np.sqrt((9 + 16) / 2) / 2)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@given(seed=st.integers(0, 10**6))
def test_weights_are_repeated_rows(loss: RowLoss, seed: int) -> None:
    f, h = sample(seed, units=2)
    weights, repeat = repeated(seed, len(h))
    weighted = RowLoss(loss.name, loss.delta, weights)
    (w, b), (v, c) = least_cost(f, h, weighted), least_cost([repeat(z) for z in f], repeat(h), loss)
    np.testing.assert_allclose(w, v, rtol=1e-3 if loss.name == "l1" else 1e-6, atol=1e-3)
    np.testing.assert_allclose(b, c, rtol=1e-3 if loss.name == "l1" else 1e-6, atol=1e-2)
    left = RNG.normal(size=h.shape)
    assert weighted.mean(left) == pytest.approx(loss.mean(repeat(left)), rel=1e-12)
    cost = weighted.mean(h - h.mean())
    assert weighted.r_squared(cost, h) == pytest.approx(loss.r_squared(cost, repeat(h)), rel=1e-6)


@given(seed=st.integers(0, 10**6))
def test_measures_count_weights_as_repeated_rows(seed: int) -> None:
    f, h = sample(seed, units=3)
    weights, repeat = repeated(seed, len(h))
    again, other = [repeat(z) for z in f], h + RNG.normal(size=h.shape)
    assert r_squared(0.5, h, weights) == pytest.approx(r_squared(0.5, repeat(h)), rel=1e-9)
    assert gains(f, h, weights) == pytest.approx(gains(again, repeat(h)), rel=1e-6, abs=1e-12)
    np.testing.assert_allclose(component_shares(h, weights), component_shares(repeat(h)), rtol=1e-9)
    assert agreement(h, other, weights) == pytest.approx(agreement(repeat(h), repeat(other)))
    assert largest_share(h, weights) == pytest.approx(largest_share(repeat(h)))
    # whole weights, for a median may lie between two rows but for rounding
    times = np.rint(weights * repeat(weights).size / len(weights))
    np.testing.assert_array_equal(robust_moments(h, times), robust_moments(repeat(h)))


@given(seed=st.integers(0, 10**6))
def test_logits_count_weights_as_repeated_rows(seed: int) -> None:
    f, h = sample(seed, units=3)
    p = softmax(np.clip(h, -5, 5))
    weights, repeat = repeated(seed, len(h))
    (w, b), (v, c) = (
        fit_shares(f, p, weights=weights),
        fit_shares([repeat(z) for z in f], repeat(p)),
    )
    np.testing.assert_allclose(w, v, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(b, c, rtol=1e-4, atol=1e-4)
    logits = RNG.normal(size=h.shape)
    for targets in ("classes", "probabilities"):
        assert mean_cross_entropy((logits, p, weights), targets=targets) == pytest.approx(
            mean_cross_entropy((repeat(logits), repeat(p), None), targets=targets)
        )
    assert explained_divergence(logits, p, weights) == pytest.approx(
        explained_divergence(repeat(logits), repeat(p))
    )


def test_weighted_logits_are_those_of_scikit_learn() -> None:
    f, _ = sample(3, 200)
    labels = (f[0] + RNG.normal(size=200) > 2).astype(int)
    weights = RNG.uniform(0.1, 3, 200)
    w, _ = fit_shares(f, np.eye(2)[labels], 0.0, weights)
    own = LogisticRegression(C=np.inf, tol=1e-10).fit(np.column_stack(f), labels, weights)
    np.testing.assert_allclose(w[:, 1] - w[:, 0], own.coef_[0], rtol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_the_least_absolute_error_is_that_of_linear_programming(seed: int) -> None:
    f, h = sample(seed, 80)
    weights = np.random.default_rng(seed).uniform(0.2, 2, 80)
    x = np.column_stack(f)
    exact = QuantileRegressor(quantile=0.5, alpha=0).fit(x, h[:, 0], weights)
    loss = RowLoss("l1", weights=weights)
    w, b = least_cost(f, h, loss)
    least = loss.mean(exact.predict(x)[:, None] - h)
    assert least <= loss.mean(x @ w + b - h) <= 1.003 * least


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("loss", LOSSES[:2], ids=lambda loss: loss.name)
def test_the_least_cost_is_that_of_a_general_method(loss: RowLoss, units: int) -> None:
    f, h = sample(units, 60, units)
    columns = np.column_stack([np.ones(60), *f])

    def cost(parameters: Floats) -> float:
        return loss.mean(columns @ parameters.reshape(3, units) - h)

    found, left = fit_columns(columns, h, loss)
    np.testing.assert_allclose(h - columns @ found, left, atol=1e-9)
    best = minimize(cost, found.ravel() + 0.3, method="BFGS")
    assert loss.mean(left) == pytest.approx(best.fun, rel=1e-4)
    np.testing.assert_allclose(found, best.x.reshape(3, units), atol=0.02)


def test_rows_far_off_do_not_move_a_robust_fit() -> None:
    f, _ = sample(0, 100)
    h = 2 * f[0][:, None] - f[1][:, None] + 0.01 * RNG.normal(size=(100, 1))
    h[7] = 1e6
    for loss, error in (("l1", 0.01), ("huber", 0.02)):
        w, _ = least_cost(f, h, RowLoss(loss, 0.1))
        np.testing.assert_allclose(w[:, 0], [2, -1], atol=error)
    assert abs(least_squares(f, h)[0][0, 0] - 2) > 100


def test_what_is_explained_is_one_less_the_squared_share_of_the_typical_error() -> None:
    h = RNG.normal(size=(400, 1))
    assert RowLoss().r_squared(0.25 * h.var(), h) == pytest.approx(0.75)
    deviation = np.abs(h - np.median(h)).mean()
    loss = RowLoss("l1")
    assert loss.r_squared(0.5 * deviation, h) == pytest.approx(0.75, abs=1e-3)
    # a wide delta makes it R²
    wide = RowLoss("huber", 100.0)
    assert wide.r_squared(0.25 * h.var(), h) == pytest.approx(0.75, abs=1e-6)
    for each in LOSSES:
        assert each.r_squared(0.0, h) == 1.0
        assert each.r_squared(0.1, np.ones((5, 2))) is None


def test_robust_moments() -> None:
    values = RNG.normal([3, -1], [2, 1e-3], (20_000, 2))
    values[:50] = 1e9
    middle, deviation = robust_moments(values)
    np.testing.assert_allclose(middle, [3, -1], rtol=0.02)
    np.testing.assert_allclose(deviation, [2, 1e-3], rtol=0.03)
    alike = np.array([[0.0], [0.0], [0.0], [4.0]])
    assert robust_moments(alike)[1] == alike.std()  # the median says nothing


def test_clipped_errors_keep_their_direction() -> None:
    left = RNG.normal(size=(200, 2))
    left[3] = [300.0, -400.0]
    clipped = clip_residuals(left, 3.0)
    assert np.sqrt(np.mean(clipped[3] ** 2)) < 5
    assert clipped[3, 1] / clipped[3, 0] == pytest.approx(-4 / 3)
    near = np.sqrt(np.mean(left**2, axis=1)) < 2
    np.testing.assert_array_equal(clipped[near], left[near])
    assert not clip_residuals(np.zeros((4, 1)), 3.0).any()


def test_settings_name_a_loss() -> None:
    assert RowLoss.from_settings({"loss": "cross_entropy"}).name == "mse"
    assert RowLoss.from_settings({"loss": "huber", "delta": 0.5}).delta == 0.5
    with pytest.raises(UserError, match="'delta' is 'x'; a finite number above 0 is needed"):
        RowLoss.from_settings({"loss": "huber", "delta": "x"})


@pytest.mark.parametrize("delta", [1e-300, 1e300])
def test_any_delta_has_a_typical_error(delta: float) -> None:
    loss, h = RowLoss("huber", delta), RNG.normal(size=(400, 1))
    assert loss.typical_square(loss.mean(np.full((5, 1), 3.0))) == pytest.approx(9)
    explained = loss.r_squared(loss.mean(0.1 * h), h)
    assert explained == pytest.approx(0.99, abs=1e-3)
