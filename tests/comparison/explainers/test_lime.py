"""LIME: the numbers of the package, independent of order and processes."""

import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer
from sklearn.linear_model import Ridge as ScikitRidge

from srnet.comparison.explainers.lime import Lime, fit_ridge, point_seed

ROWS = np.random.default_rng(0).normal([1, -20, 0], [1, 5, 0.1], (200, 3))
POINTS = ROWS[:6]


def curve(x):
    return np.sin(x[:, :1]) + 0.01 * x[:, 1:2] ** 2 + x[:, 2:]


def classes(x):
    odds = np.exp(np.stack([x[:, 0], -x[:, 0], 0.1 * x[:, 1]], axis=1))
    return odds / odds.sum(axis=1, keepdims=True)


def package_explanation(network, point, classifies, seed, samples):
    """Outputs and slopes (k × d) of the package, with its own ridge and defaults."""
    explainer = LimeTabularExplainer(
        ROWS,
        mode="classification" if classifies else "regression",
        discretize_continuous=False,
        feature_selection="none",
        random_state=np.random.RandomState(point_seed(seed, point)),
    )
    labels = range(network(point[None]).shape[1]) if classifies else (1,)
    found = explainer.explain_instance(
        point, network, labels=labels, num_features=len(point), num_samples=samples
    )
    slopes = [[slope for _, slope in sorted(found.local_exp[label])] for label in labels]
    standardised = (point - ROWS.mean(axis=0)) / ROWS.std(axis=0)
    intercepts = np.array([found.intercept[label] for label in labels])
    return intercepts + np.array(slopes) @ standardised, np.array(slopes) / ROWS.std(axis=0)


@pytest.mark.parametrize(("network", "classifies"), [(curve, False), (classes, True)])
def test_it_is_the_package(network, classifies):
    """Sample by sample, with the whole table, scikit-learn's ridge, and its defaults."""
    far = ROWS.mean(axis=0) + 5 * ROWS.std(axis=0)  # where few samples have any weight
    points = np.vstack([POINTS, far])
    ours = Lime(network, ROWS, seed=5, samples=300).explain(points)
    for point, outputs, slopes in zip(
        points, ours.outputs, ours.slopes(ROWS.std(axis=0)), strict=True
    ):
        expected = package_explanation(network, point, classifies, 5, 300)
        np.testing.assert_allclose(outputs, expected[0], rtol=1e-9)
        np.testing.assert_allclose(slopes, expected[1], rtol=1e-7)


def test_the_ridge_is_scikit_learns():
    rng = np.random.default_rng(1)
    x, y, w = rng.normal(3, 1, (50, 4)), rng.normal(0, 1, (50, 2)), rng.random(50)
    theirs = ScikitRidge(alpha=1).fit(x, y, sample_weight=w)
    intercepts, slopes = fit_ridge(x, y, w)
    np.testing.assert_allclose(slopes, theirs.coef_, rtol=1e-10)
    np.testing.assert_allclose(intercepts, theirs.intercept_, rtol=1e-10)


def test_the_support_is_kishs():
    """(Σw)²/Σw² of the package's weights, made here by its formulas."""
    point = POINTS[0]
    found = Lime(curve, ROWS, seed=3, samples=200).explain(point[None])
    sample = np.random.RandomState(point_seed(3, point)).normal(0, 1, 600).reshape(200, 3)
    sample[0] = (point - ROWS.mean(axis=0)) / ROWS.std(axis=0)
    distances = np.sqrt(((sample - sample[0]) ** 2).sum(axis=1))
    weights = np.sqrt(np.exp(-(distances**2) / (0.75 * np.sqrt(3)) ** 2))
    assert found.support == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_a_point_is_explained_alike_in_any_order():
    lime = Lime(curve, ROWS, seed=1, samples=100)
    together = lime.explain(POINTS).outputs
    np.testing.assert_array_equal(lime.explain(POINTS[::-1]).outputs[::-1], together)
    alone = np.concatenate(
        [Lime(curve, ROWS, seed=1, samples=100).explain(point[None]).outputs for point in POINTS]
    )
    np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(
        Lime(curve, ROWS, seed=2, samples=100).explain(POINTS).outputs, together
    )


def test_a_linear_network_is_found():
    lime = Lime(lambda x: x @ np.array([[2.0], [0.1], [-30.0]]) + 5, ROWS, seed=1, samples=3000)
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

    found = Lime(counted, ROWS, seed=1, samples=400).explain(POINTS)
    assert asked == [400] * len(POINTS)
    np.testing.assert_allclose(found.outputs.sum(axis=1), 1, rtol=1e-6)
    assert found.terms == 3 * 4
    assert found.slopes(np.ones(3)).shape == (6, 3, 3)


def test_far_from_the_rows_nothing_is_left_but_the_point_itself():
    """LIME samples around the mean of the rows and weighs by distance: its error at the point is
    then zero and says nothing."""
    far = np.array([[30.0, -20.0, 0.0]])
    found = Lime(curve, ROWS, seed=1, samples=500).explain(far)
    assert found.support == pytest.approx(1)
    np.testing.assert_allclose(found.outputs, curve(far), atol=1e-6)
    np.testing.assert_allclose(found.slopes(np.ones(3)), 0, atol=1e-3)


def test_a_constant_input_is_no_obstacle():
    rows = ROWS * [1, 0, 1]
    found = Lime(curve, rows, seed=1, samples=100).explain(rows[:2])
    assert np.isfinite(found.outputs).all()
