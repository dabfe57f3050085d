"""Folded formulas are affine functions of the given ones, as short as can be."""

from collections.abc import Sequence

import numpy as np
import pytest
from helpers.random_programs import random_program
from hypothesis import assume, given
from hypothesis import strategies as st

from srnet.cgp.folding import fold_constants, fold_sum
from srnet.cgp.primitives import CLASSIFICATION, INLINED, PRIMITIVES, REGRESSION
from srnet.cgp.program import Program
from srnet.typing import Floats

NAMES = ["x", "y"]
MEAN, STD = [0.3, -1.2], [2.0, 0.4]
X = np.random.default_rng(0).uniform(-3, 3, (60, 2))
CALLED = ("add", "mul", *(primitive.name for primitive in PRIMITIVES[INLINED:]))
SETS = pytest.mark.parametrize(
    "functions", [REGRESSION, CLASSIFICATION, CALLED], ids=["plain", "guarded", "called"]
)


def chain(*nodes: tuple[str, tuple[int, ...]], constants: Sequence[float] = ()) -> Program:
    return Program(2, tuple(map(float, constants)), nodes, 1 + len(constants) + len(nodes))


def well_conditioned(values: Floats, rough: Floats) -> bool:
    """Whether there is something to compare, that rounding in float32 does not change."""
    if len(values) < 10 or not np.isfinite(rough).all() or np.abs(values).max() > 1e8:
        return False
    spread = values.std()
    return bool(spread > 1e-3 * np.abs(values).max() and np.abs(values - rough).max() < spread / 99)


def check_affine(values: Floats, folded: Floats) -> None:
    """``values`` is an affine function of ``folded``, which is finite where they are."""
    assert np.isfinite(folded).all()
    design = np.column_stack([np.ones_like(folded), (folded - folded.mean()) / folded.std()])
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    assert np.abs(left).max() < 1e-6 * np.abs(values - values.mean()).max()


@SETS
@pytest.mark.parametrize("scaled", [False, True])
@given(seed=st.integers(0, 10**6))
def test_it_is_an_affine_function_of_the_formula(
    functions: tuple[str, ...], scaled: bool, seed: int
) -> None:
    program = random_program(seed, functions)
    x = (X - MEAN) / STD if scaled else X
    values = program(x)
    finite = np.isfinite(values)
    assume(well_conditioned(values[finite], program(x.astype(np.float32))[finite]))
    folded = fold_constants(program, *((MEAN, STD) if scaled else ()))
    assert folded is not None
    check_affine(values[finite], folded(X)[finite])


@SETS
@given(seed=st.integers(0, 10**6))
def test_it_is_never_longer(functions: tuple[str, ...], seed: int) -> None:
    program = random_program(seed, functions)
    for folded, given_ in (
        (fold_constants(program), program),
        (fold_constants(program, MEAN, STD), program.after_scaling(MEAN, STD)),
    ):
        if folded is not None:
            assert folded.complexity <= given_.complexity
            read = {folded.output, *(o for _, operands in folded.nodes for o in operands)}
            assert read >= set(range(2, folded.terminals + folded.complexity))  # none is idle


@SETS
@given(seeds=st.lists(st.integers(0, 10**6), min_size=2, max_size=3))
def test_a_sum_is_an_affine_function_of_the_sum(
    functions: tuple[str, ...], seeds: list[int]
) -> None:
    programs = [random_program(seed, functions, size=3) for seed in seeds]
    weights = np.random.default_rng(seeds[0]).normal(0, 2, len(programs)).tolist()

    def total(x: Floats) -> Floats:
        return np.sum([w * p(x) for w, p in zip(weights, programs, strict=True)], axis=0)

    values = total(X)
    finite = np.isfinite(values)
    assume(well_conditioned(values[finite], total(X.astype(np.float32))[finite]))
    folded = fold_sum(programs, weights)
    assert folded is not None
    check_affine(values[finite], folded(X)[finite])


@pytest.mark.parametrize(
    ("program", "text"),
    [
        # 2 (x - 1) / 3 + 5
        (
            chain(
                ("sub", (0, 3)), ("mul", (2, 6)), ("div", (7, 4)), ("add", (8, 5)),
                constants=[2, 1, 3, 5],
            ),
            "x",
        ),
        (chain(("mul", (2, 0)), ("add", (3, 2)), ("square", (4,)), constants=[2]),
         "((x + 1.0))**2"),
        (chain(("mul", (2, 0)), ("mul", (3, 1)), constants=[3]), "(x * y)"),
        (chain(("mul", (0, 2)), ("mul", (3, 0)), constants=[3]), "(x)**2"),
        (chain(("div", (2, 0)), ("sin", (3,)), constants=[3]), "sin((3.0 / x))"),
        (chain(("div", (2, 0)), ("add", (3, 1)), constants=[3]), "(y + (3.0 / x))"),
        (chain(("div", (0, 2)), ("add", (3, 1)), ("sin", (4,)), constants=[0.5]),
         "sin((y + (x * 2.0)))"),
        # (x + 1) / (x + 3): one and a share of a reciprocal
        (chain(("add", (0, 2)), ("add", (0, 3)), ("div", (4, 5)), constants=[1, 3]),
         "(1.0 / (x + 3.0))"),
        (chain(("mul", (2, 0)), ("sqrt", (3,)), constants=[4]), "sqrt(x)"),
        (chain(("mul", (2, 0)), ("sqrt", (3,)), constants=[-4]), "sqrt((x * -1.0))"),
        (chain(("mul", (2, 0)), ("ln", (3,)), constants=[4]), "ln(x)"),
        (chain(("mul", (2, 0)), ("psqrt", (3,)), constants=[-4]), "psqrt(x)"),
        # the identity would fail where the guarded primitive has a value of its own
        (chain(("mul", (2, 0)), ("pln", (3,)), constants=[4]), "pln((x * 4.0))"),
        (chain(("pdiv", (2, 0)), constants=[4]), "pdiv(4.0, x)"),
        # constants of constants
        (chain(("sin", (2,)), ("add", (2, 2)), ("add", (0, 4)), constants=[0.7]), "x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_known_answers(program: Program, text: str) -> None:
    folded = fold_constants(program)
    assert folded is not None
    assert folded.render(NAMES) == text


def test_scaling_becomes_part_of_it() -> None:
    product = fold_constants(chain(("mul", (0, 1))), [2, -1], [4, 0.5])
    assert product is not None
    assert product.render(NAMES) == "((x + -2.0) * (y + 1.0))"
    sine = fold_constants(chain(("sin", (0,))), [2, -1], [4, 0.5])
    assert sine is not None
    assert sine.render(NAMES) == "sin(((x * 0.25) + -0.5))"
    plain = fold_constants(Program(2, (), (), 1), [2, -1], [4, 0.5])
    assert plain == Program(2, (), (), 1)


def test_a_scaled_input_is_shared() -> None:
    """pln(z) - z of z = (y + 1) / 0.5: by itself, the factor of the second z goes, but the first's
    must stay."""
    folded = fold_constants(chain(("pln", (1,)), ("sub", (2, 1))), [2, -1], [4, 0.5])
    assert folded is not None
    assert folded.render(NAMES) == "(pln(((y - -1.0) / 0.5)) - ((y - -1.0) / 0.5))"
    assert folded.complexity == 4


@pytest.mark.parametrize(
    "program",
    [
        Program(2, (3.0,), (), 2),
        chain(("sin", (2,)), constants=[3]),
        chain(("sub", (0, 0))),
        chain(("div", (0, 0))),
        chain(("add", (0, 2)), ("sub", (3, 0)), constants=[3]),
        chain(("sub", (2, 2)), ("mul", (3, 0)), constants=[3]),
        # not finite
        chain(("sub", (2, 2)), ("div", (0, 3)), constants=[3]),
        chain(("ln", (2,)), ("add", (3, 0)), constants=[-1]),
        chain(("square", (2,)), ("mul", (3, 0)), constants=[1e200]),
    ],
    ids=lambda program: program.render(NAMES),
)
def test_of_what_is_constant_or_not_finite_nothing_is_left(program: Program) -> None:
    assert fold_constants(program) is None


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (
            chain(("sub", (0, 2)), ("exp", (3,)), ("mul", (4, 1)), constants=[800]),
            "(exp((x + -800.0)) * y)",
        ),
        (
            chain(("sub", (0, 2)), ("exp", (3,)), ("sqrt", (4,)), constants=[800]),
            "sqrt(exp((x + -800.0)))",
        ),
        (
            chain(("add", (0, 2)), ("exp", (3,)), ("square", (4,)), constants=[400]),
            "(exp((x + 400.0)))**2",
        ),
        (chain(("sub", (0, 2)), ("exp", (3,)), constants=[3]), "exp(x)"),
    ],
)
def test_an_exponent_keeps_a_shift_that_no_weight_can_hold(program: Program, text: str) -> None:
    folded = fold_constants(program)
    assert folded is not None
    assert folded.render(NAMES) == text


def test_a_factor_too_small_for_float64_leaves_nothing() -> None:
    tiny = chain(("mul", (0, 2)), ("square", (3,)), ("add", (4, 1)), constants=[1e-200])
    assert fold_constants(tiny) is None


def test_sums_that_cancel() -> None:
    x, y = Program(2, (), (), 0), Program(2, (), (), 1)
    assert fold_sum([x, x], [1.0, -1.0]) is None
    assert fold_sum([x, y], [0.0, 2.0]) == y
    assert fold_sum([x, y], [0.0, 0.0]) is None
    folded = fold_sum([x, y], [2.0, 6.0])
    assert folded is not None
    assert folded.render(NAMES) == "(x + (y * 3.0))"
