"""Nesting constraints: their form, and whether a formula keeps them."""

from typing import Any

import pytest
from helpers.nesting import keeps
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.graph import keeps_nesting
from srnet.cgp.nesting import PLAIN_TRIGONOMETRY, NestedConstraints, nesting_limits
from srnet.cgp.program import Program
from srnet.errors import UserError

NAMES = ("add", "square", "sin", "cos")


def check(value: Any) -> Any:
    return NestedConstraints().check("nested_constraints", value)


def chain(*names: str) -> Program:
    """A formula of one input, the innermost function first."""
    return Program(1, (), tuple((name, (i,)) for i, name in enumerate(names)), len(names))


@given(
    seed=st.integers(0, 10**6),
    constraints=st.dictionaries(
        st.sampled_from(NAMES), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2))
    ),
)
def test_it_agrees_with_following_every_path(
    seed: int, constraints: dict[str, dict[str, int]]
) -> None:
    program, checked = random_program(seed, NAMES, size=9), check(constraints)
    assert keeps_nesting(program, nesting_limits(checked)) == keeps(program, checked)


@pytest.mark.parametrize(
    ("names", "constraints", "kept"),
    [
        (["cos"] * 3, {"cos": {"cos": 2}}, True),
        (["cos"] * 4, {"cos": {"cos": 2}}, False),
        (["cos", "sin"], {"sin": {"cos": 0}}, False),
        (["sin", "cos"], {"sin": {"cos": 0}}, True),
        (["sin", "sin"], {"sin": {"cos": 0}}, True),
        (["tan", "square", "sqrt", "cos"], {"cos": {"tan": 0}}, False),
        (["tan", "square", "sqrt", "cos"], {"sqrt": {"cos": 0}}, True),
        (["sin"] * 9, {}, True),
        (["sin"] * 9, {"sin": {"sin": 10**30}}, True),
    ],
)
def test_known_formulas(names: list[str], constraints: Any, kept: bool) -> None:
    program = chain(*names)
    assert keeps_nesting(program, nesting_limits(check(constraints))) == kept
    assert keeps(program, check(constraints)) == kept


def test_functions_beside_one_another_are_not_nested() -> None:
    # sin(x) · sin(x) + cos(sqrt(x))
    nodes = (("sin", (0,)), ("mul", (1, 1)), ("sqrt", (0,)), ("cos", (3,)), ("add", (2, 4)))
    limits = nesting_limits(PLAIN_TRIGONOMETRY)
    assert keeps_nesting(Program(1, (), nodes, 5), limits)
    # … + cos(sin(x))
    nodes = (("sin", (0,)), ("mul", (1, 1)), ("cos", (1,)), ("add", (2, 3)))
    assert not keeps_nesting(Program(1, (), nodes, 4), limits)


def test_a_terminal_and_an_empty_limit() -> None:
    assert keeps_nesting(Program(2, (1.0,), (), 2), nesting_limits(PLAIN_TRIGONOMETRY))
    assert len(nesting_limits(())) == 0


def test_equal_constraints_are_equal() -> None:
    one = check({"sin": {"tan": 0, "cos": 1}, "ln": {}, "cos": {"sin": 0}})
    assert one == (("cos", (("sin", 0),)), ("sin", (("cos", 1), ("tan", 0))))
    assert check(one) == one
    assert hash(one) == hash(check({"cos": {"sin": 0}, "sin": {"cos": 1, "tan": 0}}))
    assert check({"sin": {}}) == check({}) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "'nested_constraints' is 5; how often"),
        (None, "'nested_constraints' is None"),
        ("sin", "'nested_constraints' is 'sin'"),
        (["sin"], r"'nested_constraints' is \['sin'\]"),
        (("sin",), "'nested_constraints' is"),
        (
            {"sinus": {"cos": 0}},
            "'nested_constraints' has the unknown key 'sinus'; allowed are add, sub",
        ),
        ({5: {"cos": 0}}, "'nested_constraints' has the unknown key 5; allowed are add"),
        ({"sin": 0}, "'nested_constraints.sin' is 0; how often"),
        (
            {"sin": {"kos": 0}},
            "'nested_constraints.sin' has the unknown key 'kos'; allowed are add, sub",
        ),
        ({"sin": {"cos": -1}}, "'nested_constraints.sin.cos' is -1; a whole number of at least 0"),
        ({"sin": {"cos": 0.5}}, "'nested_constraints.sin.cos' is 0.5"),
        ({"sin": {"cos": True}}, "'nested_constraints.sin.cos' is True"),
        ({"sin": {"cos": None}}, "'nested_constraints.sin.cos' is None"),
    ],
)
def test_a_wrong_form_is_a_sentence(value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        check(value)
    assert "\n" not in str(caught.value)
