"""A formula as data: evaluation, text, JSON, and what it refuses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.primitives import PRIMITIVES, Primitive
from srnet.cgp.program import Program
from srnet.errors import UserError

# sin(x0·0.5) / (x1 + 2)
PROGRAM = Program(
    2, (0.5, 2.0), (("mul", (0, 2)), ("sin", (4,)), ("add", (1, 3)), ("div", (5, 6))), 7
)


def test_values() -> None:
    x = np.array([[1.0, 2.0], [-3.0, 0.25], [0.0, -2.0]])
    np.testing.assert_allclose(PROGRAM(x)[:2], np.sin(x[:2, 0] * 0.5) / (x[:2, 1] + 2), rtol=1e-15)
    assert np.isnan(PROGRAM(x)[2])
    assert PROGRAM(x).dtype == np.float64


def test_a_program_without_nodes_is_an_input_or_a_constant() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(Program(2, (7.5,), (), 1)(x), [2, 4])
    np.testing.assert_array_equal(Program(2, (7.5,), (), 2)(x), [7.5, 7.5])
    assert Program(2, (7.5,), (), 1).render(["a", "b"]) == "b"
    assert Program(2, (7.5,), (), 2).render(["a", "b"]) == "7.5"
    assert Program(2, (7.5,), (), 2).used_inputs() == []


def test_text_and_size() -> None:
    assert PROGRAM.render(["x0", "x1"]) == "(sin((x0 * 0.5)) / (x1 + 2.0))"
    assert PROGRAM.complexity == 4
    assert PROGRAM.terminals == 4
    assert PROGRAM.used_inputs() == [0, 1]
    assert Program(3, (), (("sin", (1,)), ("add", (3, 3))), 4).used_inputs() == [1]


def test_shared_nodes_are_written_out() -> None:
    square = Program(1, (), (("add", (0, 0)), ("mul", (1, 1))), 2)
    assert square.render(["x0"]) == "((x0 + x0) * (x0 + x0))"
    np.testing.assert_array_equal(square(np.array([[3.0]])), [36])


def test_constants_survive_the_text() -> None:
    value = 0.1 + 0.2
    assert float(Program(1, (value,), (), 1).render(["x0"])) == value


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_gradient_of_every_primitive(primitive: Primitive, sign: float) -> None:
    """Against central differences: of primitive(c0·x0 + c1, c2·x1 + c3), where the first constant
    is read twice."""
    if sign < 0 and primitive.name in ("ln", "sqrt"):
        pytest.skip("outside of its domain")
    nodes = [("mul", (0, 2)), ("add", (6, 3)), ("mul", (1, 4)), ("add", (8, 5))]
    nodes += [(primitive.name, (7, 9)[: primitive.arity]), ("mul", (10, 2))]
    program = Program(2, (1.3, sign * 2.0, 0.7, sign * 3.0), tuple(nodes), 11)
    check_gradient(program, np.random.default_rng(0).uniform(-1, 1, (30, 2)))


@given(seed=st.integers(0, 10**6))
def test_the_gradient_of_any_formula(seed: int) -> None:
    program = random_program(seed, ("add", "sub", "mul", "sin", "cos", "square"), size=5)
    check_gradient(program, np.random.default_rng(seed).uniform(-1, 1, (20, 2)))


def check_gradient(program: Program, x: np.ndarray) -> None:
    value, slopes = program.gradient(x)
    np.testing.assert_array_equal(value, program(x))
    assert slopes.shape == (len(x), len(program.constants))
    for i, constant in enumerate(program.constants):
        step = 1e-6 * max(abs(constant), 1e-2)
        up, down = (
            replace(
                program,
                constants=(*program.constants[:i], moved, *program.constants[i + 1 :]),
            )(x)
            for moved in (constant + step, constant - step)
        )
        scale = max(1.0, float(np.abs(slopes[:, i]).max()), float(np.abs(value).max()))
        np.testing.assert_allclose(slopes[:, i], (up - down) / (2 * step), atol=1e-6 * scale)


def test_constants_that_nothing_reads_have_no_slope() -> None:
    x = np.ones((3, 1))
    np.testing.assert_array_equal(
        Program(1, (2.0, 3.0), (("mul", (0, 1)),), 3).gradient(x)[1], [[1, 0]] * 3
    )
    np.testing.assert_array_equal(Program(1, (2.0,), (), 1).gradient(x)[1], [[1]] * 3)
    np.testing.assert_array_equal(Program(1, (2.0,), (), 0).gradient(x)[1], [[0]] * 3)
    assert Program(1, (), (("sin", (0,)),), 1).gradient(x)[1].shape == (3, 0)


def test_json_round_trip() -> None:
    assert Program.from_json(PROGRAM.to_json()) == PROGRAM


def changed(**changes: Any) -> dict[str, Any]:
    return PROGRAM.to_json() | changes


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {key: value for key, value in PROGRAM.to_json().items() if key != "nodes"},
        changed(inputs=0),
        changed(inputs="2"),
        changed(inputs=True),
        changed(output=8),
        changed(output=-1),
        changed(output=1.0),
        changed(constants=[0.5, float("nan")]),
        changed(constants=["__import__('os')", 2.0]),
        changed(constants=0.5),
        changed(constants=[0.5, 10**400]),
        changed(nodes=[["exp", [0]]]),
        changed(nodes=[["sin", [0, 1]]], output=0),
        changed(nodes=[["add", [0]]], output=0),
        changed(nodes=[["sin", [4]]], output=0),
        changed(nodes=[["sin", [-1]]], output=0),
        changed(nodes=[["sin", [0.0]]], output=0),
        changed(nodes=[["sin"]], output=0),
        changed(nodes="sin"),
    ],
)
def test_content_that_is_no_program_is_a_sentence(content: Any) -> None:
    with pytest.raises(UserError) as caught:
        Program.from_json(content)
    assert "\n" not in str(caught.value)
