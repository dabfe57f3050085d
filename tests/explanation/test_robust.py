"""Robust losses: a few outputs far off do not decide on the formulas, nor on what is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from srnet import Explanation, explain
from srnet.errors import UserError
from srnet.io.schema import check_json
from srnet.search.settings import preset
from srnet.typing import Floats

SMALL: dict[str, Any] = {"budget": 20_000, "progress": False}
X = np.random.default_rng(0).uniform(-2, 2, (300, 2))
FAR = np.random.default_rng(1).uniform(-3, 3, (60, 2))


def law(x: NDArray[Any]) -> Floats:
    return x[:, :1] ** 2 + x[:, 1:]


def spoiled(x: NDArray[Any]) -> Floats:
    """The law, but for two of the rows of X."""
    values = law(x)
    for row, value in ((7, 1000.0), (200, -500.0)):
        values[(x == X[row]).all(axis=1)] = value
    return values


@pytest.mark.parametrize(("loss", "error"), [("l1", 1e-6), ("huber", 2e-3)])
def test_the_law_is_found_in_spite_of_outputs_far_off(loss: str, error: float) -> None:
    found = explain(spoiled, X, loss=loss, **SMALL)
    np.testing.assert_allclose(found.predict(FAR), law(FAR), rtol=error, atol=error)
    assert found.complexity == 2
    assert found.robust_r2 is not None
    assert found.robust_r2 > 0.99999
    assert "robust R² of the output" in str(found)
    assert not found.warnings
    assert found.run["settings"]["loss"] == loss
    assert found.run["loss"] == "mse"
    check_json(found.run, "run", part="content")


def test_squared_errors_are_spoiled_by_them() -> None:
    found = explain(spoiled, X, **SMALL)
    assert np.abs(found.predict(FAR) - law(FAR)).max() > 0.5
    assert found.robust_r2 is None


def test_of_several_outputs_rows_far_off_in_one_spoil_none() -> None:
    def both(x: NDArray[Any]) -> Floats:
        return np.hstack([1e6 * spoiled(x), x[:, :1] * x[:, 1:]])

    found = explain(both, X, loss="l1", **SMALL)
    expected = np.hstack([1e6 * law(FAR), FAR[:, :1] * FAR[:, 1:]])
    np.testing.assert_allclose(found.predict(FAR), expected, rtol=1e-4, atol=1e-4)
    assert len(found.run["output_scale"]) == 2


def test_delta_bounds_what_a_row_can_do() -> None:
    """A wide one is the squared error, a narrow one the absolute."""
    errors = []
    for delta in (1e4, 1.0, 0.01):
        found = explain(spoiled, X, loss="huber", delta=delta, formulas=1, **SMALL)
        assert found.run["settings"]["delta"] == delta
        errors.append(float(np.abs(found.predict(FAR) - law(FAR)).max()))
    assert errors[0] > 0.5 > 10 * errors[1]
    assert errors[1] > errors[2]


def test_a_loaded_explanation_tells_the_same(tmp_path: Path) -> None:
    found = explain(spoiled, X, loss="l1", **SMALL | {"budget": 2000})
    found.save(tmp_path / "run.json")
    again = Explanation.load(tmp_path / "run.json")
    assert again.quality == found.quality
    assert again.robust_r2 == found.robust_r2
    assert json.loads((tmp_path / "run.json").read_text())["output_scale"] > 1
    with pytest.raises(UserError, match="the loss of these formulas is l1"):
        found.standard_errors()
    assert found.resume(1000, progress=False).robust_r2 is not None


@pytest.mark.parametrize("loss", ["huber", "l1"])
@pytest.mark.parametrize("name", ["joint", "paper", "rank2"])
def test_only_the_preset_rank_has_them(name: str, loss: str) -> None:
    with pytest.raises(UserError, match=f"the loss {loss} is of the preset rank.*{name}"):
        explain(law, X, loss=loss, preset=name, **SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "huber", "delta": 0}, "'delta' is 0; a finite number above 0 is needed"),
        ({"delta": 1.0}, "'delta' is 1.0 with the loss mse; it is of the loss huber alone"),
        ({"loss": "l2"}, "'loss' is 'l2'; allowed are mse, cross_entropy, huber, l1"),
        ({"delta": 1.0, "preset": "joint"}, "'delta' is of the preset rank; the preset is 'joint'"),
    ],
)
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        explain(law, X, **SMALL | options)


def test_settings_without_a_robust_loss_do_not_name_its_delta() -> None:
    assert not {"delta", "maxsize"} & preset("rank").to_json().keys()
    assert preset("rank", loss="huber").to_json()["delta"] == 0.1


def test_held_out_rows_choose_by_a_robust_loss() -> None:
    with pytest.raises(UserError, match="the loss l1 is of the preset rank with held-out rows"):
        preset("rank", loss="l1", hold_out=False)


def test_a_formula_that_is_too_large_with_its_shift_is_refused() -> None:
    with pytest.raises(UserError, match="'maxsize' is 5; the smallest formula .* has the size 7"):
        explain(lambda x: 2 * (x[:, :1] - 1e9), X + 1e9, maxsize=5, budget=1000, progress=False)
