"""Outputs of any scale, and of very different ones, count alike and keep their units."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from srnet import explain
from srnet.errors import UserError
from srnet.typing import Floats

SMALL: dict[str, Any] = {"budget": 20_000, "progress": False}
X = np.random.default_rng(0).uniform(-2, 2, (300, 2))
FAR = np.random.default_rng(1).uniform(-3, 3, (60, 2))


def laws(x: NDArray[Any]) -> Floats:
    return np.column_stack([x[:, 0] * x[:, 1], x[:, 0] ** 2 + x[:, 1]])


@pytest.mark.parametrize("unit", [1e9, 1e-9])
def test_formulas_are_those_of_another_unit(unit: float) -> None:
    found = explain(lambda x: unit * laws(x)[:, :1], X, **SMALL)
    plain = explain(lambda x: laws(x)[:, :1], X, **SMALL)
    assert found.layers[-1].formulas == plain.layers[-1].formulas
    np.testing.assert_allclose(found.predict(FAR), unit * plain.predict(FAR), rtol=1e-3)
    assert found.run["output_scale"] == pytest.approx(unit * plain.run["output_scale"])


@pytest.mark.parametrize("preset", ["rank", "joint"])
def test_a_small_output_counts_like_a_large_one(preset: str) -> None:
    units = np.array([1e9, 1e-9])
    options: dict[str, Any] = {} if preset == "rank" else {"preset": preset, "layers": ["output"]}
    found = explain(lambda x: units * laws(x), X, **SMALL | options)
    error = (found.predict(FAR) - units * laws(FAR)) / units
    if preset == "rank":
        assert np.abs(error).max() < 0.01
    assert isinstance(found.run["output_scale"], list)
    np.testing.assert_allclose(found.run["output_scale"] / units, laws(X).std(axis=0), rtol=0.2)
    held = found.run["test_output_r2"]
    output = found.layers[-1]
    assert found.r2 is not None
    assert min(held) < found.r2 < max(held) or found.r2 == pytest.approx(np.mean(held), abs=0.05)
    if preset == "rank":  # all outputs are explained, so the rows that are held out do not matter
        assert found.r2 == pytest.approx(np.mean(held), abs=0.05)
        assert output.r2 == pytest.approx(found.r2, abs=0.05)
    assert found.pareto["r2"][found.run["selected"]] == output.r2
    if preset == "rank":  # each output adds, though one is 1e18 times as large
        assert sum(output.gains) == pytest.approx(output.r2, abs=1e-6)
    told = found.fidelity(FAR).r2
    assert told == pytest.approx(
        1
        - np.mean(
            np.square(error)
            / (np.square(found.run["output_scale"] / units) * _variance(found, units))
        ),
        abs=1e-9,
    )


@pytest.mark.parametrize("preset", ["rank", "joint"])
def test_r2_counts_every_output_by_its_own_scale(preset: str) -> None:
    units = np.array([1e9, 1e-9])
    options: dict[str, Any] = {} if preset == "rank" else {"preset": preset, "layers": ["output"]}
    near = np.random.default_rng(2).uniform(-2, 2, (80, 2))
    found = explain(lambda x: units * laws(x), X, validation=near, **SMALL | options)

    def errors(rows: Floats) -> tuple[Floats, Floats]:
        """Mean squared errors and variances of the outputs in units of their scales, both (2,)."""
        scale = np.array(found.run["output_scale"])
        missed = (found.predict(rows) - units * laws(rows)) / scale
        return np.square(missed).mean(axis=0), (units * laws(rows) / scale).var(axis=0)

    error, variance = errors(near)
    assert found.r2 == pytest.approx(1 - error.mean() / variance.mean(), abs=1e-6)
    np.testing.assert_allclose(found.run["valid_output_r2"], 1 - error / variance, atol=1e-6)
    error, variance = errors(np.concatenate([X, near]))
    assert found.layers[-1].r2 == pytest.approx(1 - error.mean() / variance.mean(), abs=1e-6)


def _variance(found: Any, units: Floats) -> float:
    scaled = units * laws(FAR) / found.run["output_scale"]
    return float(scaled.var(axis=0).mean())


def test_outputs_that_differ_little_and_the_published_search_have_one_scale() -> None:
    for unit, options in ((4.0, {}), (1e6, {"preset": "paper", "layers": ["output"]})):
        found = explain(lambda x, u=unit: laws(x) * [1, u], X, **SMALL | {"budget": 1000} | options)
        assert isinstance(found.run["output_scale"], float)


def test_an_output_that_is_constant_is_not_blown_up() -> None:
    found = explain(
        lambda x: np.column_stack([1e3 * x[:, 0] * x[:, 1], 5 + 0 * x[:, 0]]), X, **SMALL
    )
    np.testing.assert_allclose(found.predict(FAR)[:, 1], 5.0, rtol=1e-6)
    assert found.r2 is not None
    assert found.r2 > 0.999


@pytest.mark.parametrize("unit", [1e-32, 1e-46, 1e-60, 1e-200])
def test_outputs_too_small_for_float32_are_refused(unit: float) -> None:
    units = np.array([1.0, unit])
    sentence = r"the output 1 .* needs at least 1e-28.* as lambda X: (\S+) \* model\(X\)"
    with pytest.raises(UserError, match=sentence) as refused:
        explain(lambda x: units * laws(x), X, **SMALL)
    factor = float(re.findall(sentence, str(refused.value))[0])
    explain(lambda x: factor * unit * laws(x), X, **SMALL | {"budget": 500})  # as it says
