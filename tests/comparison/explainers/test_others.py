"""The interface, SRNet's formulas and the baselines."""

import numpy as np

from srnet.cgp.program import Program
from srnet.comparison.explainers.baselines import Constant, Linear
from srnet.comparison.explainers.interface import local_linear
from srnet.comparison.explainers.srnet import Symbolic
from srnet.model.srnet import SRNet

X = np.random.default_rng(0).uniform(1, 2, (40, 2))
LOGARITHM = SRNet(
    ((Program(2, (), (("ln", (0,)), ("mul", (2, 1))), 3),),),
    (np.array([[2.0]]),),
    (np.array([1.0]),),
)


def test_slopes_of_a_linear_explanation_are_its_coefficients():
    slopes = np.random.default_rng(1).normal(size=(40, 3, 2))
    at = local_linear(X, np.arange(120.0).reshape(40, 3), slopes)
    np.testing.assert_allclose(at(X), np.arange(120.0).reshape(40, 3))
    np.testing.assert_allclose(at(X + [1, 0]) - at(X), slopes[:, :, 0])


def test_formulas_say_what_the_model_says():
    found = Symbolic(LOGARITHM).explain(X)
    np.testing.assert_array_equal(found.outputs, LOGARITHM.predict(X))
    expected = np.stack([2 * X[:, 1] / X[:, 0], 2 * np.log(X[:, 0])], axis=1)
    np.testing.assert_allclose(found.slopes(np.full(2, 1e-5))[:, 0], expected, rtol=1e-6)
    assert found.terms == LOGARITHM.complexity == 2
    assert not np.isfinite(Symbolic(LOGARITHM).explain(-X).outputs).any()


def test_the_baselines_of_a_regression():
    y = X @ np.array([[3.0], [-1.0]]) + 2
    np.testing.assert_allclose(Linear(X, y, False).explain(X * 5).outputs, X * 5 @ [[3], [-1]] + 2)
    np.testing.assert_allclose(Constant(y, False).explain(X[:3]).outputs, np.full((3, 1), y.mean()))
    assert (Linear(X, y, False).explain(X).terms, Constant(y, False).explain(X).terms) == (3, 1)


def test_the_baselines_of_a_classification():
    sure = 1 / (1 + np.exp(-20 * (X[:, 0] - 1.6)))
    y = np.stack([1 - sure, sure, np.zeros(40)], axis=1)
    linear = Linear(X, y, True).explain(X).outputs
    assert linear.shape == (40, 3)
    assert (linear.argmax(axis=1) == y.argmax(axis=1)).mean() > 0.9
    commonest = np.bincount(y.argmax(axis=1)).argmax()
    assert (Constant(y, True).explain(X).outputs.argmax(axis=1) == commonest).all()
    assert (Linear(X, np.tile([0.0, 1.0], (40, 1)), True).explain(X).outputs == [0, 1]).all()
