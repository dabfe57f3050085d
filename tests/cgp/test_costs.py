"""Costs of operators: their form, and what formulas cost."""

from typing import Any

import numpy as np
import pytest
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.costs import OperatorCosts, cost_table, layer_complexity
from srnet.cgp.graph import cost_of_graph
from srnet.cgp.primitives import ARITIES, OPCODES, PRIMITIVES
from srnet.cgp.program import Program
from srnet.errors import UserError

NAMES = ("add", "mul", "square", "sin", "ln")


def check(value: Any) -> Any:
    return OperatorCosts().check("costs", value)


@given(
    seed=st.integers(0, 10**6),
    costs=st.dictionaries(st.sampled_from(NAMES), st.integers(1, 9)),
)
def test_a_layer_costs_its_nodes_and_the_sums_of_its_formulas(
    seed: int, costs: dict[str, int]
) -> None:
    programs = [random_program(seed + i, NAMES) for i in range(3)]
    expected = 2 * costs.get("add", 1)
    for program in programs:
        expected += sum(costs.get(name, 1) for name, _ in program.nodes)
    assert layer_complexity(programs, check(costs)) == expected
    graphs = [
        np.array([[OPCODES[name], 0, 0] for name, _ in program.nodes], dtype=np.int32)
        for program in programs
    ]
    table = cost_table(check(costs))
    compiled = sum(cost_of_graph(graph, len(graph), table) for graph in graphs)
    assert compiled == expected - 2 * costs.get("add", 1)


def test_without_costs_nodes_are_counted() -> None:
    program = Program(1, (), (("sin", (0,)), ("square", (1,))), 2)
    assert layer_complexity([program]) == 2
    assert layer_complexity([program] * 3) == 8
    assert (cost_table(()) == 1).all()
    assert len(cost_table(())) == len(ARITIES) > len(PRIMITIVES)


def test_equal_costs_are_equal() -> None:
    assert check({"sin": 3, "add": 1, "ln": 2}) == (("ln", 2), ("sin", 3))
    assert check(check({"sin": 3})) == check({"sin": np.int64(3)}) == (("sin", 3),)
    assert check({}) == check({"mul": 1}) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "'costs' is 3; whole numbers by operator"),
        (None, "'costs' is None"),
        (["sin"], r"'costs' is \['sin'\]"),
        ("sin", "'costs' is 'sin'"),
        ({"sinus": 3}, "'costs' has the unknown key 'sinus'; allowed are add, sub"),
        ({"sin": 0}, "'costs.sin' is 0; a whole number from 1 to 1000 is needed"),
        ({"sin": 1001}, "'costs.sin' is 1001"),
        ({"sin": 1.5}, "'costs.sin' is 1.5"),
        ({"sin": True}, "'costs.sin' is True"),
    ],
)
def test_a_wrong_form_is_a_sentence(value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        check(value)
    assert "\n" not in str(caught.value)
