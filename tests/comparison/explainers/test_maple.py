"""MAPLE: the fast form equals the published one, and says what must be true of any."""

import numpy as np
import pytest
from helpers.literal_maple import LiteralMaple

from srnet.comparison.explainers.maple import Maple, Settings, fit_logistic
from srnet.errors import UserError

FEW = Settings(trees=25)


def network(x, outputs=1):
    """Smooth outputs of the rows; of several, probabilities."""
    y = np.stack(
        [np.sin(2 * x[:, 0] + i) + 0.5 * x[:, 1] * x[:, i % x.shape[1]] for i in range(outputs)],
        axis=1,
    )
    return y if outputs == 1 else np.exp(3 * y) / np.exp(3 * y).sum(axis=1, keepdims=True)


def rows(count, inputs, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, (count, inputs))


def both(x, y, valid, seed=3):
    classifies = y.shape[1] > 1
    options = {
        "trees": FEW.trees,
        "min_leaf": FEW.min_leaf,
        "max_features": FEW.max_features,
        "ridge": FEW.ridge,
    }
    literal = LiteralMaple(x, y, classifies, seed, valid, **options)
    return literal, Maple(x, y, classifies, seed, valid, FEW)


def test_a_regression_is_the_literal_one():
    x, v, points = (
        rows(200, 3) * [1, 50, 0.01] + [0, 1000, 0],
        rows(30, 3, 1) * [1, 50, 0.01] + [0, 1000, 0],
        rows(20, 3, 2),
    )
    y, vy = (
        1e6 * network((x - [0, 1000, 0]) / [1, 50, 0.01]),
        1e6 * network((v - [0, 1000, 0]) / [1, 50, 0.01]),
    )
    literal, fast = both(x, y, (v, vy))
    np.testing.assert_array_equal(np.sort(fast.features), literal.features)
    points = points * [1, 50, 0.01] + [0, 1000, 0]
    found = fast.explain(points)
    expected = np.array([literal.explain_one(point) for point in points])
    np.testing.assert_allclose(found.outputs, expected, rtol=1e-8, atol=1e-8 * y.std())
    slopes = found.slopes(x.std(axis=0))[-1, 0, literal.features] * x.std(axis=0)[literal.features]
    np.testing.assert_allclose(
        slopes,
        literal.coefficients * x.std(axis=0)[literal.features],
        rtol=1e-6,
        atol=1e-8 * y.std(),
    )
    assert found.terms == len(fast.features) + 1


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classification_is_the_literal_one(classes):
    x, v, points = rows(150, 3), rows(15, 3, 1), rows(12, 3, 2)
    literal, fast = both(x, network(x, classes), (v, network(v, classes)))
    np.testing.assert_array_equal(np.sort(fast.features), literal.features)
    found = fast.explain(points)
    np.testing.assert_allclose(
        found.outputs, [literal.explain_one(point) for point in points], rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(found.outputs.sum(axis=1), 1, rtol=1e-12)
    assert found.terms == (classes - 1) * (len(fast.features) + 1)


def test_weights_are_shares_of_leaves():
    x, points = rows(100, 2), rows(9, 2, 1)
    literal, fast = both(x, network(x), (points, network(points)))
    weights = fast._local._forest.weights(points)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(
        weights.toarray(), [literal.weights(point) / FEW.trees for point in points], atol=1e-15
    )


def test_a_linear_network_is_found():
    x = rows(300, 4)
    y = x @ np.array([[2.0], [0.0], [-1.0], [0.0]]) + 5
    fast = Maple(x, y, False, 0, (x[:50], y[:50]))
    points = rows(20, 4, 1) * 3  # also outside the rows
    found = fast.explain(points)
    np.testing.assert_allclose(found.outputs, points @ [[2], [0], [-1], [0]] + 5, atol=2e-3)
    np.testing.assert_allclose(
        found.slopes(np.ones(4))[:, 0, [0, 2]], np.tile([2, -1], (20, 1)), atol=2e-3
    )
    assert set(fast.features[:2]) == {0, 2}


def test_a_point_does_not_depend_on_the_others():
    x, points = rows(150, 3), rows(40, 3, 1)
    for outputs in (1, 2):
        fast = Maple(x, network(x, outputs), outputs > 1, 1, settings=FEW)
        alone = np.concatenate([fast.explain(point[None]).outputs for point in points])
        np.testing.assert_allclose(fast.explain(points).outputs, alone, rtol=0, atol=1e-12)


def test_the_seed_decides():
    x, points = rows(80, 3), rows(5, 3, 1)
    y = network(x)
    one, again, other = (
        Maple(x, y, False, seed, settings=FEW).explain(points).outputs for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_constant_network_and_a_class_that_is_nowhere_near():
    x = rows(60, 3)
    constant = np.tile([0.9, 0.1], (60, 1))
    found = Maple(x, constant, True, 0, settings=FEW).explain(x[:5]).outputs
    assert (found.argmax(axis=1) == 0).all()
    assert (found[:, 0] > 0.99).all()
    # three classes, of which no row has the first
    y = np.where(x[:, :1] > 0, [[0.0, 0.9, 0.1]], [[0.0, 0.1, 0.9]])
    found = Maple(x, y, True, 0, settings=FEW).explain(x).outputs
    assert np.isfinite(found).all()
    assert (found.argmax(axis=1) == y.argmax(axis=1)).mean() > 0.9


def test_constant_inputs_and_a_constant_output_are_no_obstacle():
    x = rows(50, 3) * [1, 0, 1]
    for y in (network(x), np.full((50, 1), 7.0)):
        assert np.isfinite(Maple(x, y, False, 0, settings=FEW).explain(x).outputs).all()
    np.testing.assert_allclose(
        Maple(x, np.full((50, 1), 7.0), False, 0, settings=FEW).explain(x * 9).outputs, 7
    )


def test_as_few_rows_as_K5_has():
    x = rows(20, 2)
    assert np.isfinite(
        Maple(x, network(x), False, 0, (rows(10, 2), network(rows(10, 2)))).explain(x * 5).outputs
    ).all()
    with pytest.raises(UserError, match="at least 2 rows; there are 1"):
        Maple(x[:1], network(x[:1]), False, 0)


def test_newton_ends_where_the_gradient_is_zero_wherever_it_starts():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.ones((4, 30, 1)), rng.normal(0, 2, (4, 30, 2))], axis=2)
    w = rng.dirichlet(np.ones(30), 4)
    classes = rng.integers(0, 3, (4, 30))
    classes[1] = (x[1, :, 1] > 0) * 2  # separable
    beta = fit_logistic(x, w, classes, 1e-5, np.zeros((4, 2, 3)))
    logits = np.concatenate([np.zeros((4, 1, 30)), beta @ np.swapaxes(x, 1, 2)], axis=1)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    gradient = ((p - (classes[:, None] == np.arange(3)[:, None])) * w[:, None])[
        :, 1:
    ] @ x + 1e-5 * beta
    np.testing.assert_allclose(gradient, 0, atol=1e-10)
    np.testing.assert_allclose(
        fit_logistic(x, w, classes, 1e-5, rng.normal(0, 3, (4, 2, 3))), beta, atol=1e-5
    )
