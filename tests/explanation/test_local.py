"""The formulas near one point, against sympy's derivatives and by hand."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from helpers import ranked

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.result import Explanation
from srnet.model.srnet import READS, SRNet


def explanation(model: SRNet, **more: Any) -> Explanation:
    return Explanation(json.loads(json.dumps({**model.to_run(), **more})))


def of(*programs: Program) -> Explanation:
    weights, names = np.ones((len(programs), 1)), ["a", "b", "c"]
    return explanation(SRNet((programs,), (weights,), (np.zeros(1),)), input_names=names)


# a² b + 3 c
PRODUCT = Program(3, (), (("square", (0,)), ("mul", (1, 3))), 4)
TRIPLE = Program(3, (3.0,), (("mul", (2, 3)),), 4)
FOUND = of(PRODUCT, TRIPLE)
POINT = [2.0, 5.0, -1.0]


def test_by_hand() -> None:
    near = FOUND.explain_at(POINT)
    assert near.value == 17
    assert near.gradient.tolist() == [20, 4, 3]
    assert near.curvature.tolist() == [[10, 4, 0], [4, 0, 0], [0, 0, 0]]
    linear = sympy.sympify(near.formula)
    assert float(linear.subs({"a": 2, "b": 5, "c": -1})) == pytest.approx(17)
    assert float(linear.subs({"a": 2.5, "b": 4, "c": -1})) == pytest.approx(17 + 10 - 4)
    assert str(near).splitlines() == [
        "y0 = 17",
        "  a = 2           gradient 20",
        "  b = 5           gradient 4",
        "  c = -1          gradient 3",
        "  curvature of a, a: 10",
        "  curvature of a, b: 4",
    ]


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("seed", [1, 3])
def test_derivatives_are_those_of_sympy(reads: str, seed: int) -> None:
    found = explanation(ranked.model(seed, reads, (2, 3, 2), (2, 2)))
    symbols = sympy.symbols("x0 x1", real=True)
    at = dict(zip(symbols, (0.3, -0.7), strict=True))
    for output in range(2):
        near, expression = found.explain_at([0.3, -0.7], output), found.sympy(output)
        slopes = [expression.diff(symbol) for symbol in symbols]
        bends = [[slope.diff(symbol) for symbol in symbols] for slope in slopes]
        assert near.value == pytest.approx(float(expression.subs(at)))
        np.testing.assert_allclose(
            near.gradient, [float(each.subs(at)) for each in slopes], rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            near.curvature,
            [[float(each.subs(at)) for each in row] for row in bends],
            rtol=1e-9,
            atol=1e-12,
        )


def test_of_a_classifier_the_probabilities_are_meant() -> None:
    found = explanation(ranked.model(3, "scalars", (2, 3, 2), (2, 2), loss="cross_entropy"))
    x = np.array([0.3, -0.7])
    first, second = (found.explain_at(x, output) for output in (0, 1))
    assert first.value == pytest.approx(found.predict(x[None])[0, 0])
    np.testing.assert_allclose(first.gradient, -second.gradient, atol=1e-14)
    steps = x + 1e-6 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    values = found.predict(steps)[:, 0]
    np.testing.assert_allclose(first.gradient, (values[::2] - values[1::2]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "point",
    [
        POINT,
        np.array(POINT),
        np.array([POINT], dtype=np.float32),
        torch.tensor(POINT),
        pd.DataFrame([POINT[::-1]], columns=["c", "b", "a"]),
        pd.DataFrame([POINT[::-1], [0, 0, 0]], columns=["c", "b", "a"]).iloc[0],
    ],
    ids=["list", "array", "table", "tensor", "frame", "row of a frame"],
)
def test_every_form_of_a_point(point: Any) -> None:
    assert FOUND.explain_at(point).gradient.tolist() == [20, 4, 3]


def test_a_constant_has_no_slope() -> None:
    near = of(Program(3, (2.0,), (), 3)).explain_at(POINT)
    assert (near.value, near.formula, str(near)) == (2.0, "2.0", "y0 = 2")
    assert not near.gradient.any()
    assert not near.curvature.any()


def test_of_a_protected_function_at_its_own_case_the_slope_is_0() -> None:
    near = of(Program(3, (), (("pdiv", (0, 1)),), 3)).explain_at([2.0, 0.0, 1.0])
    assert (near.value, near.gradient.tolist()) == (1, [0, 0, 0])


@pytest.mark.parametrize(
    ("name", "point", "words"),
    [
        ("ln", [-1.0, 0, 0], "the formulas have no finite value at x = "),
        ("sqrt", [0.0, 0, 0], "the formulas have no finite gradient at x = "),
        ("sqrt", [[1.0, 0, 0], [2.0, 0, 0]], "x has 2 rows; one point is needed"),
        ("sqrt", [1.0, 0], "rows × 3 columns"),
    ],
)
def test_where_there_is_nothing_to_tell(name: str, point: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        of(Program(3, (), ((name, (0,)),), 3)).explain_at(point)


def test_an_output_that_is_not_there() -> None:
    with pytest.raises(UserError, match="'output' is 1; a whole number from 0 to 0"):
        FOUND.explain_at(POINT, 1)
