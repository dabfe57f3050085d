"""Importance: known indices, SciPy's, sums without interactions, and what is said."""

import json
from typing import Any

import numpy as np
import pytest
from helpers import ranked
from scipy import stats

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.importance import Importance, compute_importance
from srnet.explanation.result import Explanation
from srnet.model.srnet import SRNet

NAMES = ["a", "b", "c"]
# evenly from -π to π, every column in another order
ROWS = (
    np.pi
    * np.array(
        [np.random.default_rng(i).permutation((np.arange(2000) + 0.5) / 1000 - 1) for i in range(3)]
    ).T
)
# sin a + 7 sin² b + 0.1 c⁴ sin a, the sum of three formulas
SINE = Program(3, (), (("sin", (0,)),), 3)
SQUARE = Program(3, (), (("sin", (1,)), ("square", (3,))), 4)
PRODUCT = Program(3, (), (("square", (2,)), ("square", (3,)), ("sin", (0,)), ("mul", (4, 5))), 6)


def one_layer(programs: tuple[Program, ...], weights: list[list[float]], **more: Any) -> SRNet:
    matrix = np.array(weights)
    return SRNet((programs,), (matrix,), (np.zeros(matrix.shape[1]),), **more)


ISHIGAMI = one_layer((SINE, SQUARE, PRODUCT), [[1.0], [7.0], [0.1]])


def shares(found: Importance) -> dict[str, Any]:
    table = {name: (first, total) for name, first, total in found.inputs.to_numpy().tolist()}
    return {**table, **{(i, j): share for i, j, share in found.pairs.to_numpy().tolist()}}


def test_known_indices() -> None:
    """Those of Ishigami and Homma (1990), by their closed form."""
    found = compute_importance(ISHIGAMI, ROWS, NAMES)
    first, second, both = (1 + np.pi**4 / 50) ** 2 / 2, 49 / 8, 8 * np.pi**8 / (225 * 100)
    total = first + second + both
    expected = {
        "a": (first / total, (first + both) / total),
        "b": (second / total, second / total),
        "c": (0, both / total),
        ("a", "c"): both / total,
    }
    assert shares(found).keys() == expected.keys()
    for key, value in shares(found).items():
        np.testing.assert_allclose(value, expected[key], atol=0.004)
    assert found.inputs["input"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("reads", ["units", "scalars"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_indices_of_deep_models_are_those_of_scipy(reads: str, loss: str) -> None:
    model = ranked.model(3, reads, (3, 3, 2), (3, 2), loss=loss)
    points = 2 * stats.qmc.Sobol(6, seed=1).random(8192) - 1
    first, second = points[:, :3], points[:, 3:]
    mixed = [np.where(np.arange(3) == i, second, first) for i in range(3)]
    for output in (0, 1):
        values = [model.predict(each)[:, output] for each in (first, second, *mixed)]
        given = {"f_A": values[:1], "f_B": values[1:2], "f_AB": np.array(values[2:])[:, None]}
        expected = stats.sobol_indices(func=given, n=8192)
        found = shares(compute_importance(model, ROWS / np.pi, NAMES, output))
        for i, name in enumerate(NAMES):
            own = (expected.first_order[i], expected.total_order[i])
            np.testing.assert_allclose(found[name], own, atol=0.02)


def test_a_sum_has_no_pairs_and_correlations_are_left_out() -> None:
    programs = tuple(Program(3, (), (), i) for i in range(2))
    x = np.repeat(ROWS[:, :1], 3, axis=1)
    found = compute_importance(one_layer(programs, [[2.0], [1.0]]), x, NAMES)
    assert found.pairs.empty
    assert found.inputs["input"].tolist() == NAMES
    np.testing.assert_allclose(found.inputs["first_order"], [0.8, 0.2, 0], atol=1e-3)
    np.testing.assert_allclose(found.inputs["total_order"], [0.8, 0.2, 0], atol=1e-3)


def test_outputs_count_by_their_variance() -> None:
    model = one_layer((SINE, SQUARE), [[2.0, 0.0], [0.0, 4.0]])  # variances 2 and 2
    expected: list[tuple[int | None, list[float]]] = [
        (None, [0.5, 0.5, 0]),
        (0, [1, 0, 0]),
        (1, [0, 1, 0]),
    ]
    for output, total in expected:
        table = compute_importance(model, ROWS, NAMES, output).inputs.set_index("input")
        np.testing.assert_allclose(table["total_order"][NAMES], total, atol=0.003)


def test_outputs_with_scales_of_their_own_count_alike() -> None:
    model = one_layer((SINE, SQUARE), [[2e9, 0.0], [0.0, 4e-9]])
    table = compute_importance(model, ROWS, NAMES, scales=np.array([1e9, 1e-9])).inputs
    np.testing.assert_allclose(
        table.set_index("input")["total_order"][NAMES], [0.5, 0.5, 0], atol=0.003
    )


def test_whole_numbers_stay_what_they_are() -> None:
    """A formula that has no value between them is asked at them alone."""
    x = np.array([[1.0], [4.0], [9.0], [4.0]])
    asked = []

    class Noting(SRNet):
        def predict(self, x: Any) -> Any:
            asked.append(np.unique(x))
            return super().predict(x)

    program = Program(1, (), (("sqrt", (0,)),), 1)
    found = compute_importance(Noting(((program,),), (np.eye(1),), (np.zeros(1),)), x, ["n"])
    assert {value for values in asked for value in values} == {1.0, 4.0, 9.0}
    np.testing.assert_allclose(found.inputs["total_order"], [1.0], atol=0.003)


def explanation(model: SRNet, **more: Any) -> Explanation:
    return Explanation(json.loads(json.dumps({**model.to_run(), **more})))


def test_it_is_printed_as_a_table() -> None:
    found = explanation(ISHIGAMI, columns=["wind speed", "b", "c"])
    lines = str(found.importance(ROWS)).splitlines()
    assert [line.split()[0] for line in lines] == ["input", "wind", "b", "c", "pair", "wind"]
    assert lines[0] == "input       first_order  total_order"
    assert lines[1].startswith("wind speed        0.31")
    assert lines[-1].startswith("wind speed, c  ")
    single = str(explanation(one_layer((SINE,), [[1.0]])).importance(ROWS, output=0))
    assert single.splitlines()[-1] == "without any part: 2 input(s)"
    assert "pair" not in single


def test_a_constant_has_no_share() -> None:
    model = one_layer((Program(3, (2.0,), (), 3),), [[1.0]])
    for each in (model, one_layer((SINE,), [[0.0]])):
        found = compute_importance(each, ROWS, NAMES)
        assert not found.inputs[["first_order", "total_order"]].to_numpy().any()
        assert str(found).splitlines()[-1] == "without any part: 3 input(s)"


def test_what_cannot_be_told_is_a_sentence() -> None:
    logarithm = explanation(one_layer((Program(3, (), (("ln", (0,)),), 3),), [[1.0]]))
    for asked, words in (
        (lambda: logarithm.importance(ROWS), "the formulas have no value at some combination"),
        (logarithm.importance, "a loaded explanation has no rows; give X"),
        (lambda: logarithm.importance(ROWS, output=1), "'output' is 1; a whole number from 0 to 0"),
        (lambda: logarithm.importance(ROWS[:, :2]), "rows × 3 columns"),
    ):
        with pytest.raises(UserError, match=words):
            asked()
    assert len(logarithm.plot(ROWS, np.abs(ROWS[:, 0])).axes) == 2
