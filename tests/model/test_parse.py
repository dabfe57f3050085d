"""Formulas from text: what they compute, and what is refused."""

import numpy as np
import pytest
from helpers import formula_text
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.primitives import PRIMITIVES
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.model.parse import parse_formula

X = np.random.default_rng(0).normal(0, 2, (40, 2))
NAMES = ["x0", "x1"]
FUNCTIONS = tuple(primitive.name for primitive in PRIMITIVES)


@pytest.mark.parametrize(
    "text",
    [
        "2.5*sin(x0)/x1 + 1",
        "-x0**2 - -3*x1",
        "x0**x1",
        "x0**-1.5",
        "exp(-(x0 - 1)**2)",
        "Min(x0, x1) + Max(x0, 0.5) - abs(x1)",
        "sigmoid(tanh(+x0))",
        " x1 ",
        "x0 + x0",
        "1/x0",
        "1e3*x0 + 2",
    ],
)
def test_it_computes_what_the_text_says(text: str) -> None:
    expected = formula_text.evaluate(text.replace("+x0", "x0").strip(), formula_text.inputs(X))
    np.testing.assert_allclose(parse_formula(text, NAMES)(X), expected, rtol=1e-12)


@given(seed=st.integers(0, 10**6))
def test_the_text_of_a_formula_is_read_as_the_formula(seed: int) -> None:
    program = random_program(seed, FUNCTIONS)
    if program.used_inputs():
        np.testing.assert_array_equal(parse_formula(program.render(NAMES), NAMES)(X), program(X))


def test_names_of_columns_and_other_names_of_functions() -> None:
    program = parse_formula("log(mass) * Abs(λ)", ["mass", "λ"])
    assert program == Program(2, (), (("ln", (0,)), ("abs", (1,)), ("mul", (2, 3))), 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x0 +", "cannot be read"),
        ("", "cannot be read"),
        ("x2", "has 'x2'; numbers, the inputs x0, x1"),
        ("f(x0)", "has 'f"),
        ("sin(x0, x1)", "has 'sin"),
        ("x0 if x1 else 1", "has 'x0 if"),
        ("__import__('os')", "has '__import__"),
        ("x0 // 2", "has 'x0 // 2'"),
        ("1 + 2", "reads none of the inputs"),
        ("True*x0", "has 'True'"),
        ("(" * 3000 + "x0" + ")" * 3000, "cannot be read"),
    ],
)
def test_what_is_no_formula_is_a_sentence(text: str, words: str) -> None:
    with pytest.raises(UserError, match=None) as caught:
        parse_formula(text, NAMES)
    assert words in str(caught.value)
