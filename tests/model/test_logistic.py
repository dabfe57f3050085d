"""Logits that are fitted to probabilities: scikit-learn's and SciPy's answers."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from srnet.model import logistic
from srnet.model.logistic import (
    LEAST_PROBABILITY,
    are_probabilities,
    explained_divergence,
    fit_logits,
    fit_shares,
    logits_of,
    row_divergences,
    softmax,
)

RNG = np.random.default_rng(0)


def shares(rows: int, count: int, rng: np.random.Generator = RNG) -> np.ndarray:
    return softmax(rng.normal(0, 2, (rows, count)))


@pytest.mark.parametrize("penalty", [0.0, 1e-5, 0.1])
@pytest.mark.parametrize(("count", "rank"), [(2, 1), (2, 3), (3, 4), (5, 2), (3, 12)])
def test_logits_of_probabilities_are_scikit_learns(count: int, rank: int, penalty: float) -> None:
    """Which gets every row once for each class, with the class's probability as its weight. Of two
    classes it penalises the difference of the weights, which counts twice as much."""
    rng = np.random.default_rng([count, rank])
    f = rng.normal(0, 1, (300, rank))
    p = softmax(f @ rng.normal(0, 1, (rank, count)) + rng.normal(0, 1, (300, count)))
    scale, offset = 10.0 ** rng.integers(-5, 6, rank), rng.normal(0, 5, rank)
    g = (f + offset) * scale
    w, b = fit_shares(list(g.T), p, penalty)
    np.testing.assert_allclose(w.sum(axis=1), 0, atol=1e-9 * np.abs(w).max())
    weight = (2 if count == 2 else 1) / (300 * penalty) if penalty else np.inf
    expected = LogisticRegression(C=weight, tol=1e-12, max_iter=10_000, solver="newton-cg")
    f = (f - f.mean(axis=0)) / f.std(axis=0)
    expected.fit(np.repeat(f, count, axis=0), np.tile(np.arange(count), 300), p.ravel())
    np.testing.assert_allclose(softmax(g @ w + b), expected.predict_proba(f), atol=1e-5)


def test_a_row_of_one_class_is_one_of_its_class() -> None:
    f, classes = RNG.normal(0, 1, (3, 200)), RNG.integers(0, 4, 200)
    expected = fit_logits(list(f), classes, 5)
    found = fit_shares(list(f), np.eye(5)[classes], 0.0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_probabilities_that_formulas_give_come_back() -> None:
    f, w = RNG.normal(0, 1, (500, 3)), RNG.normal(0, 2, (3, 4))
    w -= w.mean(axis=1, keepdims=True)
    p = softmax(f @ w + [1.0, 0, 0, -1])
    found = fit_shares(list(f.T), p, 0.0)
    np.testing.assert_allclose(found[0], w, atol=1e-4)
    np.testing.assert_allclose(found[1], [1, 0, 0, -1], atol=1e-4)
    assert row_divergences(f @ found[0] + found[1], p).max() < 1e-8
    # the penalty is small
    w, b = fit_shares(list(f.T), p)
    assert 0 < row_divergences(f @ w + b, p).mean() < 1e-6


def test_classes_that_a_formula_separates_have_finite_weights() -> None:
    """To classes the best are infinite, and the fit goes far; to probabilities it does not."""
    f = np.linspace(-1, 1, 100)
    p = softmax(np.column_stack([3 * f, -3 * f]))
    near, _ = fit_shares([f], p)
    far, _ = fit_logits([f], p.argmax(axis=1), 2)
    np.testing.assert_allclose(near, [[3, -3]], rtol=1e-3)
    assert np.abs(far).max() > 100


def test_many_columns_have_the_same_hessian(monkeypatch: pytest.MonkeyPatch) -> None:
    design, p = RNG.normal(0, 1, (5, 80)), shares(80, 4)[:, 1:].T
    counted = p * RNG.uniform(0.5, 2, 80)
    few = logistic._hessian(design, p, counted)
    monkeypatch.setattr(logistic, "FEW_COLUMNS", 0)
    many = logistic._hessian(design, p, counted)
    np.testing.assert_allclose(many, few, rtol=1e-12, atol=1e-12)


def test_threads_of_the_libraries_do_not_change_a_bit() -> None:
    f, p = RNG.normal(0, 1, (40, 3000)), shares(3000, 6)
    results = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            results.append(fit_shares(list(f), p))
    for w, b in results[1:]:
        np.testing.assert_array_equal(w, results[0][0])
        np.testing.assert_array_equal(b, results[0][1])


def test_divergences_are_scipys() -> None:
    logits, p = RNG.normal(0, 5, (50, 4)), shares(50, 4)
    p[0] = [0, 1, 0, 0]
    expected = entropy(p, softmax(logits), axis=1)
    np.testing.assert_allclose(row_divergences(logits, p), expected, rtol=1e-9)
    # in float32 the sum is not 1
    np.testing.assert_allclose(
        row_divergences(logits, p.astype(np.float32)), expected, rtol=1e-4, atol=1e-6
    )
    assert (row_divergences(np.log(p[1:]) + 7, p[1:]) >= 0).all()
    np.testing.assert_allclose(row_divergences(np.log(p[1:]) + 7, p[1:]), 0, atol=1e-14)


def test_explained_divergence() -> None:
    p = shares(60, 3)
    mean = np.tile(np.log(p.mean(axis=0)), (60, 1))
    assert explained_divergence(np.log(p) + 3, p) == pytest.approx(1, abs=1e-12)
    assert explained_divergence(mean, p) == pytest.approx(0, abs=1e-12)
    assert explained_divergence(-3 * np.log(p), p) < 0
    assert explained_divergence(np.full((60, 3), np.nan), p) == -np.inf
    same = np.tile([0.2, 0.3, 0.5], (60, 1))
    assert explained_divergence(np.log(same), same) == 1
    assert explained_divergence(np.zeros((60, 3)), same) == 0


def test_logits_of_probabilities() -> None:
    p = shares(40, 3)
    logits = logits_of(p.astype(np.float32))
    np.testing.assert_allclose(logits.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(softmax(logits), p, atol=1e-4)
    sure = logits_of(np.array([[1.0, 0.0], [0.5, 0.5]]))
    np.testing.assert_allclose(sure[0, 0] - sure[0, 1], -np.log(LEAST_PROBABILITY))


def test_what_probabilities_are() -> None:
    p = shares(40, 3).astype(np.float32)
    assert are_probabilities(p)
    assert not are_probabilities(p * 1.01)
    assert not are_probabilities(p - np.float32([0.9, -0.9, 0]))
    assert not are_probabilities(np.vstack([p, [[np.nan, 0.5, 0.5]]]))
    assert not are_probabilities(np.vstack([p, [[np.inf, -np.inf, 0.5]]]))  # without a warning
