"""What is called regular is finite all over the box."""

import math

import numpy as np
import pytest
from helpers.random_programs import random_program
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.bounds import is_regular
from srnet.cgp.primitives import CLASSIFICATION, INLINED, PRIMITIVES, REGRESSION, Primitive
from srnet.cgp.program import Program

CALLED = ("add", "mul", *(primitive.name for primitive in PRIMITIVES[INLINED:]))


@pytest.mark.parametrize(
    "functions", [REGRESSION, CLASSIFICATION, CALLED], ids=["plain", "guarded", "called"]
)
@given(seed=st.integers(0, 10**6))
def test_what_is_regular_is_finite_at_every_point(functions: tuple[str, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    program = random_program(seed, functions, size=4)
    low = rng.uniform(-3, 3, 2)
    high = low + rng.choice([0.0, 0.1, 1.0, 5.0], 2)
    x = np.vstack([rng.uniform(low, high, (200, 2)), low, high])
    if is_regular(program, low.tolist(), high.tolist()):
        assert np.isfinite(program(x)).all()


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
def test_every_primitive_is_regular_or_not_as_its_values_are(primitive: Primitive) -> None:
    """One node has exact bounds: it is irregular exactly where a pole, a jump or the end of its
    domain is within the box."""
    nodes = ((primitive.name, tuple(range(primitive.arity))),)
    program = Program(primitive.arity, (), nodes, primitive.arity)
    rng = np.random.default_rng(1)
    outcomes = set()
    for _ in range(200):
        low = rng.uniform(-3, 3, primitive.arity)
        high = low + rng.uniform(0, 3, primitive.arity)
        a, b = low[-1], high[-1]  # the operand on which it depends
        irregular = {
            "div": a <= 0 <= b,
            "pdiv": a <= 0 <= b,
            "pln": a <= 0 <= b,
            "ln": a <= 0,
            "sqrt": a < 0,
            "tan": any(a <= (k + 0.5) * math.pi <= b for k in range(-3, 3)),
            "pow": low[0] <= 0,
        }.get(primitive.name, False)
        assert is_regular(program, low.tolist(), high.tolist()) == (not irregular)
        outcomes.add(irregular)
    both = ("div", "pdiv", "pln", "ln", "sqrt", "tan", "pow")
    assert len(outcomes) == 1 + (primitive.name in both)


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
def test_bounds_hold_the_values_of_every_primitive(primitive: Primitive) -> None:
    """ln(value - v) is irregular where v is a value, and so is ln(-value - v)."""
    arity = primitive.arity
    node = (primitive.name, tuple(range(arity)))
    rng = np.random.default_rng(2)
    checked = 0
    for _ in range(100):
        low = rng.uniform(-1.5, 1.5, arity)
        high = low + rng.uniform(0, 1, arity)
        alone = Program(arity, (), (node,), arity)
        if not is_regular(alone, low.tolist(), high.tolist()):
            continue
        values = alone(rng.uniform(low, high, (300, arity)))
        for sign in (1.0, -1.0):
            smallest = float(np.min(sign * values)) + 1e-9
            tail = (("mul", (arity + 2, arity)), ("sub", (arity + 3, arity + 1)))
            logarithm = Program(
                arity, (sign, smallest), (node, *tail, ("ln", (arity + 4,))), arity + 5
            )
            assert not is_regular(logarithm, low.tolist(), high.tolist())
        checked += 1
    assert checked > 10


def one_input(*nodes: tuple[str, tuple[int, ...]], constants: tuple[float, ...] = ()) -> Program:
    return Program(1, constants, nodes, len(constants) + len(nodes))


@pytest.mark.parametrize(
    ("program", "low", "high", "regular"),
    [
        # 1 / (x - 2)
        (one_input(("sub", (0, 2)), ("div", (1, 3)), constants=(1.0, 2.0)), 0.0, 1.0, True),
        (one_input(("sub", (0, 2)), ("div", (1, 3)), constants=(1.0, 2.0)), 1.0, 3.0, False),
        (one_input(("sub", (0, 2)), ("div", (1, 3)), constants=(1.0, 2.0)), 1.0, 2.0, False),
        (one_input(("tan", (0,))), -1.5, 1.5, True),
        (one_input(("tan", (0,))), 1.5, 1.6, False),
        (one_input(("tan", (0,))), 1.6, 4.7, True),
        (one_input(("tan", (0,))), -4.7, -1.6, True),
        (one_input(("tan", (0,))), 0.0, 3.2, False),
        # sqrt(sin(x) + 1), and + 0.9
        (one_input(("sin", (0,)), ("add", (2, 1)), ("sqrt", (3,)), constants=(1.0,)), 0, 9, True),
        (one_input(("sin", (0,)), ("add", (2, 1)), ("sqrt", (3,)), constants=(0.9,)), 0, 9, False),
        # ln(x² + 0.1): a square is not negative
        (one_input(("square", (0,)), ("add", (2, 1)), ("ln", (3,)), constants=(0.1,)), -1, 1, True),
        (one_input(("square", (0,)), ("ln", (1,))), -1, 1, False),
        (one_input(("square", (0,)), ("ln", (1,))), 0.5, 1, True),
        (one_input(("square", (0,)), ("ln", (1,))), -1, -0.5, True),
        # 1 / psqrt(x)
        (one_input(("psqrt", (0,)), ("div", (1, 2)), constants=(1.0,)), -2, -1, True),
        (one_input(("psqrt", (0,)), ("div", (1, 2)), constants=(1.0,)), -2, 1, False),
        (
            one_input(
                ("square", (0,)),
            ),
            -1e200,
            1e200,
            False,
        ),
        (one_input(), -1e300, 1e300, True),
        # x², x³, 1/x, x^0.5 as powers; the logarithm of 1.1 + x² tells its bounds
        (one_input(("pow", (0, 1)), constants=(2.0,)), -1, 1, True),
        (one_input(("pow", (0, 1)), constants=(-1.0,)), -1, 1, False),
        (one_input(("pow", (0, 1)), constants=(-1.0,)), 1, 2, True),
        (one_input(("pow", (0, 1)), constants=(0.5,)), -1, 1, False),
        (one_input(("pow", (0, 1)), constants=(0.5,)), 0, 1, True),
        (
            one_input(("pow", (0, 2)), ("add", (3, 1)), ("ln", (4,)), constants=(0.1, 2.0)),
            -1,
            1,
            True,
        ),
        (
            one_input(("pow", (0, 2)), ("add", (3, 1)), ("ln", (4,)), constants=(0.1, 3.0)),
            -1,
            1,
            False,
        ),
        (one_input(("exp", (0,))), -1e6, 700, True),
        (one_input(("exp", (0,))), 0, 710, False),
        (one_input(("max", (0, 1)), ("ln", (2,)), constants=(0.1,)), -9, 9, True),
        (one_input(("min", (0, 1)), ("ln", (2,)), constants=(0.1,)), -9, 9, False),
    ],
)
def test_known_answers(program: Program, low: float, high: float, regular: bool) -> None:
    assert is_regular(program, [low], [high]) is regular


def test_only_what_the_formula_reads_counts() -> None:
    assert is_regular(Program(2, (), (("ln", (0,)),), 2), [1, -1], [2, 1])
    assert not is_regular(Program(2, (), (("ln", (1,)),), 2), [1, -1], [2, 1])
