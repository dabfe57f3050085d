"""Standard errors against SciPy's of the same regression."""

import numpy as np
import pytest
from helpers import made_up
from scipy.optimize import curve_fit

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.standard_errors import compute_standard_errors
from srnet.model.fitting import least_squares
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search.variable_projection import fit_constants

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (300, 2))

# sin(a·x0), and exp(b·x1)
SINE = Program(2, (1.3,), (("mul", (0, 2)), ("sin", (3,))), 4)
POWER = Program(2, (-0.7,), (("mul", (1, 2)), ("exp", (3,))), 4)


def fitted(programs: tuple[Program, ...], y: np.ndarray) -> tuple[SRNet, Layers]:
    """The least-squares fit of all numbers, and the layers that it was fitted to."""
    values = [X, y.reshape(len(X), -1)]
    layers = Layers({"train": values, "valid": [v[:5] for v in values]}, name="made up")
    programs = fit_constants(programs, X, values[1], 100)
    weights, biases = least_squares([program(X) for program in programs], values[1])
    return SRNet((programs,), (weights,), (biases,)), layers


def test_they_are_those_of_scipy() -> None:
    y = 2 * np.sin(1.3 * X[:, 0]) - 0.5 * np.exp(-0.7 * X[:, 1]) + 0.3 + RNG.normal(0, 0.1, 300)
    model, layers = fitted((SINE, POWER), y)
    y = layers.splits["train"][1][:, 0].astype(np.float64)

    def formula(x: np.ndarray, a: float, v: float, b: float, w: float, c: float) -> np.ndarray:
        return v * np.sin(a * x[0]) + w * np.exp(b * x[1]) + c

    found, covariance = curve_fit(
        formula, layers.splits["train"][0].T.astype(np.float64), y, p0=[1.3, 2, -0.7, -0.5, 0.3]
    )
    table = compute_standard_errors(model, layers)
    assert table["number"].tolist() == ["constant", "weight", "constant", "weight", "bias"]
    assert table["formula"].fillna(0).tolist() == [1, 1, 2, 2, 0]
    assert table["text"][0] == model.formula_texts()[0][0]
    np.testing.assert_allclose(table["value"].astype(float), found, rtol=1e-4)
    np.testing.assert_allclose(
        table["standard_error"].astype(float), np.sqrt(np.diag(covariance)), rtol=1e-3
    )


def test_of_several_outputs_the_constant_is_one() -> None:
    weights = np.array([2.0, -1.0])
    y = np.outer(np.sin(1.3 * X[:, 0]), weights) + [0.3, 5.0] + RNG.normal(0, 0.1, (300, 2))
    model, layers = fitted((SINE,), y)
    x, h = (v.astype(np.float64) for v in layers.splits["train"])

    def both(_: np.ndarray, a: float, v: float, w: float, b: float, c: float) -> np.ndarray:
        sines = np.sin(a * x[:, 0])
        return np.concatenate([v * sines + b, w * sines + c])

    _, covariance = curve_fit(both, np.arange(600), h.T.ravel(), p0=[1.3, 2, -1, 0.3, 5])
    table = compute_standard_errors(model, layers, ["a", "b"])
    assert table["unit"].fillna(-1).tolist() == [-1, 0, 1, 0, 1]
    np.testing.assert_allclose(
        table["standard_error"].astype(float), np.sqrt(np.diag(covariance)), rtol=1e-3
    )


def test_what_no_row_determines_is_infinite() -> None:
    """w·(a·x0): only the product counts."""
    product = Program(2, (1.5,), (("mul", (0, 2)),), 3)
    y = 3 * X[:, 0] + RNG.normal(0, 0.1, 300)
    model, layers = fitted((product,), y)
    table = compute_standard_errors(model, layers)
    assert np.isinf(table["standard_error"].astype(float)[:2]).all()
    assert 0 < table["standard_error"][2] < 0.1


def test_formulas_without_constants_are_a_linear_regression() -> None:
    y = X @ [1.0, -2.0] + 0.5 + RNG.normal(0, 0.1, 300)
    model, layers = fitted(tuple(Program(2, (), (), i) for i in range(2)), y)
    x, h = (v.astype(np.float64) for v in layers.splits["train"])
    design = np.column_stack([x, np.ones(300)])
    left = h[:, 0] - design @ np.linalg.lstsq(design, h[:, 0], rcond=None)[0]
    expected = np.sqrt(left @ left / 297 * np.diag(np.linalg.inv(design.T @ design)))
    table = compute_standard_errors(model, layers)
    np.testing.assert_allclose(table["standard_error"].astype(float), expected, rtol=1e-5)


def test_layers_above_the_first_have_theirs() -> None:
    layers = made_up.layers((2, 3, 2))
    programs = ((SINE,), (Program(3, (), (("square", (1,)),), 3),))
    model = SRNet(
        programs, (np.ones((1, 3)), np.array([[2.0, 0.5]])), (np.zeros(3), np.array([0.1, 0.2]))
    )
    table = compute_standard_errors(model, layers)
    assert table.groupby("layer").size().tolist() == [1 + 3 + 3, 2 + 2]
    assert (table["standard_error"] > 0).all()


def test_what_has_none_is_a_sentence() -> None:
    model, layers = fitted((SINE,), np.sin(X[:, 0]))
    few = Layers({split: [v[:3] for v in values] for split, values in layers.splits.items()})
    with pytest.raises(UserError, match="has 3 values on the fitted rows and 3 numbers"):
        compute_standard_errors(model, few)
    logits = SRNet(model.programs, (np.ones((1, 2)),), (np.zeros(2),), loss="cross_entropy")
    with pytest.raises(UserError, match="the loss of these formulas is cross_entropy"):
        compute_standard_errors(logits, layers)
    root = SRNet(((Program(2, (), (("sqrt", (0,)),), 2),),), (np.ones((1, 1)),), (np.zeros(1),))
    with pytest.raises(UserError, match="layer 1 has no finite derivatives"):
        compute_standard_errors(root, layers)


def test_outputs_with_scales_of_their_own_keep_their_errors() -> None:
    """Those of the scaled outputs, in the units of each."""
    scales = np.array([1e9, 1e-9])
    y = np.outer(np.sin(1.3 * X[:, 0]), [2.0, -1.0]) + RNG.normal(0, 0.1, (300, 2))
    y = y.astype(np.float32).astype(np.float64)
    model, layers = fitted((SINE,), y)
    large = SRNet(model.programs, (model.weights[0] * scales,), (model.biases[0] * scales,))
    x = layers.splits["train"][0]
    own = Layers({split: [x, y * scales] for split in ("train", "valid")}, name="made up")
    found = compute_standard_errors(large, own, output_scales=scales)
    plain = compute_standard_errors(model, layers)
    units = np.array([1.0, *scales, *scales])
    np.testing.assert_allclose(
        found["standard_error"].astype(float), units * plain["standard_error"], rtol=1e-6
    )
