"""LIME: the package as it is, made independent of order and processes."""

import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer
from sklearn.linear_model import Ridge as ScikitRidge

from srnet.comparison.explainers.lime import Lime, Ridge, point_seed

ROWS = np.random.default_rng(0).normal([1, -20, 0], [1, 5, 0.1], (200, 3))
POINTS = ROWS[:6]


def curve(x):
    return np.sin(x[:, :1]) + 0.01 * x[:, 1:2] ** 2 + x[:, 2:]


def classes(x):
    odds = np.exp(np.stack([x[:, 0], -x[:, 0], 0.1 * x[:, 1]], axis=1))
    return odds / odds.sum(axis=1, keepdims=True)


def test_it_is_the_package():
    """With scikit-learn's ridge, the whole table, and the defaults for all else."""
    ours = Lime(curve, ROWS, False, seed=5, samples=300).explain(POINTS)
    for point, output, slopes in zip(
        POINTS, ours.outputs, ours.slopes(ROWS.std(axis=0)), strict=True
    ):
        state = np.random.RandomState(point_seed(5, point))
        package = LimeTabularExplainer(
            ROWS, mode="regression", discretize_continuous=False, random_state=state
        )
        found = package.explain_instance(
            point, lambda x: curve(x)[:, 0], num_features=3, num_samples=300
        )
        np.testing.assert_allclose(output, found.local_pred, rtol=1e-9)
        expected = np.array([slope for _, slope in sorted(found.local_exp[1])]) / ROWS.std(axis=0)
        np.testing.assert_allclose(slopes[0], expected, rtol=1e-7)


def test_the_ridge_is_scikit_learns():
    rng = np.random.default_rng(1)
    x, y, w = rng.normal(3, 1, (50, 4)), rng.normal(0, 1, 50), rng.random(50)
    ours, theirs = Ridge().fit(x, y, w), ScikitRidge(alpha=1).fit(x, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-10)
    assert ours.score(x, y, w) == pytest.approx(theirs.score(x, y, w), rel=1e-10)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-10)
    assert ours.support == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_a_point_is_explained_alike_in_any_order():
    lime = Lime(curve, ROWS, False, seed=1, samples=100)
    together = lime.explain(POINTS).outputs
    np.testing.assert_array_equal(lime.explain(POINTS[::-1]).outputs[::-1], together)
    alone = np.concatenate(
        [
            Lime(curve, ROWS, False, seed=1, samples=100).explain(point[None]).outputs
            for point in POINTS
        ]
    )
    np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(
        Lime(curve, ROWS, False, seed=2, samples=100).explain(POINTS).outputs, together
    )


def test_a_linear_network_is_found():
    lime = Lime(
        lambda x: x @ np.array([[2.0], [0.1], [-30.0]]) + 5, ROWS, False, seed=1, samples=3000
    )
    found = lime.explain(POINTS)
    np.testing.assert_allclose(found.outputs, POINTS @ [[2], [0.1], [-30]] + 5, atol=0.05)
    np.testing.assert_allclose(
        found.slopes(np.ones(3))[:, 0], np.tile([2, 0.1, -30], (6, 1)), rtol=0.01
    )
    assert found.terms == 4


def test_all_classes_come_from_one_call_of_the_network():
    asked = []

    def counted(x):
        asked.append(len(x))
        return classes(x)

    found = Lime(counted, ROWS, True, seed=1, samples=400).explain(POINTS)
    assert asked == [1, 400] * len(POINTS)
    np.testing.assert_allclose(found.outputs.sum(axis=1), 1, rtol=1e-6)
    assert found.terms == 3 * 4
    assert found.slopes(np.ones(3)).shape == (6, 3, 3)


def test_far_from_the_rows_nothing_is_left_but_the_point_itself():
    """LIME samples around the mean of the rows and weighs by distance: its error at the point is
    then zero and says nothing."""
    far = np.array([[30.0, -20.0, 0.0]])
    found = Lime(curve, ROWS, False, seed=1, samples=500).explain(far)
    assert found.support == pytest.approx(1)
    np.testing.assert_allclose(found.outputs, curve(far), atol=1e-6)
    np.testing.assert_allclose(found.slopes(np.ones(3)), 0, atol=1e-3)


def test_a_constant_input_is_no_obstacle():
    rows = ROWS * [1, 0, 1]
    found = Lime(curve, rows, False, seed=1, samples=100).explain(rows[:2])
    assert np.isfinite(found.outputs).all()
