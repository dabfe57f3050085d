"""Shorter versions of a formula."""

import numpy as np
import pytest
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.costs import layer_complexity
from srnet.cgp.primitives import CLASSIFICATION, REGRESSION
from srnet.cgp.program import Program
from srnet.cgp.reduction import reductions


@pytest.mark.parametrize("functions", [REGRESSION, CLASSIFICATION], ids=["plain", "guarded"])
@given(seed=st.integers(0, 10**6))
def test_each_is_shorter_and_reads_the_same_inputs_or_fewer(
    functions: tuple[str, ...], seed: int
) -> None:
    program = random_program(seed, functions, inputs=3)
    found = reductions(program)
    for shorter in found:
        assert shorter.complexity < program.complexity
        assert shorter.inputs == 3
        assert shorter.used_inputs()
        assert set(shorter.used_inputs()) <= set(program.used_inputs())
        assert np.isfinite(shorter.constants).all()
    shapes = {(each.nodes, each.output, len(each.constants)) for each in found}
    assert len(shapes) == len(found)


@given(seed=st.integers(0, 10**6))
def test_each_costs_less(seed: int) -> None:
    """Also where a product of equals becomes a square, which costs more."""
    costs = (("square", 5),)
    program = random_program(seed, REGRESSION, inputs=3)
    for simpler in reductions(program, costs):
        assert layer_complexity([simpler], costs) < layer_complexity([program], costs)


def texts(program: Program) -> set[str]:
    return {shorter.render(["x", "y", "z"][: program.inputs]) for shorter in reductions(program)}


def test_a_node_gives_way_or_an_operand() -> None:
    # sin(x + y)
    program = Program(2, (), (("add", (0, 1)), ("sin", (2,))), 3)
    assert texts(program) == {"(x + y)", "sin(x)", "sin(y)"}
    # the constant that could stand in the place of x or y is the layer's to give
    assert texts(Program(2, (), (("mul", (0, 1)),), 2)) == {"x", "y"}
    # z·sin(x / y)
    program = Program(3, (), (("div", (0, 1)), ("sin", (3,)), ("mul", (2, 4))), 5)
    assert texts(program) == {
        "z",
        "sin((x / y))",
        "(z * (x / y))",
        "(z * sin(x))",
        "(z * sin(y))",
    }
    # (x·y) / sin(z): a constant in the place of the product
    program = Program(3, (), (("mul", (0, 1)), ("sin", (2,)), ("div", (3, 4))), 5)
    assert "(1.0 / sin(z))" in texts(program)


def test_what_has_no_node_has_none() -> None:
    assert reductions(Program(2, (), (), 1)) == []
    assert reductions(Program(2, (), (("sin", (0,)),), 2)) == [Program(2, (), (), 0)]
    assert reductions(Program(1, (2.0,), (("sin", (1,)),), 2)) == []


def test_the_given_constants_stay_where_they_were() -> None:
    # sin(2.5 x) · y
    program = Program(2, (2.5,), (("mul", (0, 2)), ("sin", (3,)), ("mul", (4, 1))), 5)
    assert "sin((x * 2.5))" in texts(program)
    assert "(sin(x) * y)" in texts(program)
