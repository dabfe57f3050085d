"""One semantics per primitive: NumPy, the compiled kernel, sympy and torch, on ordinary and on hard
inputs."""

import math
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from helpers import oracle
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srnet.cgp import function_table
from srnet.cgp.evaluation import apply_primitive
from srnet.cgp.primitives import (
    CLASSIFICATION,
    INLINED,
    MAX_ARITY,
    OPCODES,
    PRIMITIVES,
    REGRESSION,
    Primitive,
    by_name,
    function_set,
)
from srnet.errors import UserError
from srnet.model.sympy_forms import GUARDED, symbolic

HARD = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    1e-45,
    -1e-45,
    1.2e-38,
    1e30,
    -1e30,
    3.0e38,
    np.inf,
    -np.inf,
    np.nan,
    100.25,
    -1e4,
    3.1415927,
]
# What primitives call: operations that are exact in float32; the others are rounded from float64.
EXACT = {"abs", "sqrt", "where", "minimum", "maximum"}
ROUNDED_ONCE = {
    primitive.name for primitive in PRIMITIVES if set(primitive.value.__code__.co_names) - EXACT
} | {"pow"}
PRIMITIVE = pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)

# ordinary magnitudes and the hard ones
numbers = st.one_of(
    st.floats(-1e4, 1e4, width=32),
    st.sampled_from(HARD).map(lambda value: float(np.float32(value))),
)


def kernel(primitive: Primitive, *operands: NDArray[np.float32]) -> NDArray[np.float32]:
    """The compiled kernel's values."""
    rows = operands[0].size
    values = np.concatenate(
        [
            *operands,
            *[np.zeros(rows, np.float32)] * (MAX_ARITY - len(operands)),
            np.full(rows, 77, np.float32),
        ]
    )
    second = np.uint64(rows if primitive.arity == 2 else 0)
    function_table.load(primitive.name)
    apply_primitive(
        OPCODES[primitive.name], rows, values, np.uint64(0), second, np.uint64(MAX_ARITY * rows)
    )
    return values[MAX_ARITY * rows :]


def ulps(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """|a − b| in units of the last place of float32; 0 where both are the same infinity, zero or
    NaN, infinite where one is not."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(all="ignore"):
        distance = np.abs(a - b) / np.spacing(np.abs(b).astype(np.float32)).astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def pairs(values: list[float]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    a, b = np.meshgrid(np.array(values, np.float32), np.array(values, np.float32))
    return a.ravel(), b.ravel()


@PRIMITIVE
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40))
def test_kernel_is_numpy_in_float32(primitive: Primitive, rows: list[tuple[float, float]]) -> None:
    operands = [np.array(column, np.float32) for column in zip(*rows, strict=True)][
        : primitive.arity
    ]
    _check_kernel(primitive, operands)


@PRIMITIVE
def test_kernel_is_numpy_on_hard_inputs(primitive: Primitive) -> None:
    _check_kernel(primitive, list(pairs(HARD))[: primitive.arity])


def _check_kernel(primitive: Primitive, operands: list[NDArray[np.float32]]) -> None:
    got = kernel(primitive, *operands)
    with np.errstate(all="ignore"):
        # an exact operation in float32; an elementary function in float64, rounded
        wide = (
            [v.astype(np.float64) for v in operands] if primitive.name in ROUNDED_ONCE else operands
        )
        expected = np.asarray(primitive.value(np, *wide)).astype(np.float32)
    if primitive.name in ("sin", "cos", "tan"):
        far = np.isfinite(operands[0]) & (np.abs(operands[0]) > 1e4)
        assert np.isfinite(got[far]).all()  # no phase, but a value of the function's range
        if primitive.name != "tan":
            assert (np.abs(got[far]) <= 1).all()
        got, expected = got[~far], expected[~far]
    assert ulps(got, expected).max(initial=0.0) <= (2 if primitive.name in ROUNDED_ONCE else 0)


@PRIMITIVE
def test_sign_of_zero_and_infinity_as_in_ieee(primitive: Primitive) -> None:
    operands = pairs([0.0, -0.0, 1.0, -1.0])[: primitive.arity]
    with np.errstate(all="ignore"):
        expected = np.asarray(primitive.value(np, *operands)).astype(np.float32)
    got = kernel(primitive, *operands)
    comparable = ~np.isnan(expected)
    assert (np.signbit(got) == np.signbit(expected))[comparable].all()


@PRIMITIVE
def test_torch_is_numpy(primitive: Primitive) -> None:
    operands = [v.astype(np.float64) for v in pairs(HARD)][: primitive.arity]
    with np.errstate(all="ignore"):
        expected = np.asarray(primitive.value(np, *operands))
    got = primitive.value(torch, *(torch.from_numpy(v) for v in operands)).numpy()
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_allclose(got, expected, rtol=1e-13)


@PRIMITIVE
def test_sympy_is_numpy(primitive: Primitive) -> None:
    """The same finite value; where NumPy has none, sympy has no finite real one either."""
    columns = [v.astype(np.float64) for v in pairs([v for v in HARD if abs(v) != 3.0e38])][
        : primitive.arity
    ]
    with np.errstate(all="ignore"):
        expected = np.asarray(primitive.value(np, *columns))
    for row, value in zip(zip(*columns, strict=True), expected.tolist(), strict=True):
        # of other exponents sympy would write all digits; it knows no 1 to an infinite power
        if primitive.name == "pow" and not (abs(row[1]) < 4 and (2 * row[1]).is_integer()):
            continue
        got = _real(_by_sympy(primitive, *(_exact(v) for v in row)))
        if math.isfinite(value):
            assert got == pytest.approx(value, rel=1e-12, abs=0), f"{primitive.name}{row}"
        else:
            assert got is None, f"{primitive.name}{row} is {value} in NumPy and {got} in sympy"


def _by_sympy(primitive: Primitive, *operands: sympy.Expr) -> sympy.Expr:
    if primitive.guarded:  # sympy's own function would let NumPy compute the number
        return GUARDED[primitive.name](*operands, evaluate=False).rewrite(sympy.Piecewise)
    return symbolic(primitive, *operands)


def _exact(value: float) -> sympy.Expr:
    if not math.isfinite(value):
        return sympy.nan if math.isnan(value) else sympy.oo if value > 0 else -sympy.oo
    return sympy.Rational(value)


def _real(expression: sympy.Expr) -> float | None:
    value = sympy.sympify(expression).evalf(20)
    if not (value.is_Float or value.is_Integer or value.is_Rational):
        return None
    return float(value) if math.isfinite(float(value)) else None


@PRIMITIVE
def test_oracle_is_numpy(primitive: Primitive) -> None:
    operands = list(pairs(HARD))[: primitive.arity]
    with np.errstate(all="ignore"):
        wide = (
            [v.astype(np.float64) for v in operands] if primitive.name in ROUNDED_ONCE else operands
        )
        expected = np.asarray(primitive.value(np, *wide)).astype(np.float32)
    np.testing.assert_array_equal(oracle.apply(primitive.name, *operands), expected)


@PRIMITIVE
def test_text_is_numpy(primitive: Primitive) -> None:
    names = {primitive.name: partial(primitive.value, np) for primitive in PRIMITIVES}
    names |= {"Min": np.minimum, "Max": np.maximum}
    for a, b in [(2.5, 0.75), (1.0, 3.0), (7.25, 2.0)]:
        text = primitive.text.format(repr(a), repr(b))
        assert eval(text, {"__builtins__": {}}, names) == pytest.approx(
            float(
                primitive.value(np, np.float64(a), np.float64(b)[()])
                if primitive.arity == 2
                else primitive.value(np, np.float64(a))
            )
        )


@pytest.mark.parametrize("name", ["pdiv", "psqrt", "pln"])
def test_protected_primitives_are_defined_everywhere(name: str) -> None:
    finite = [v for v in HARD if math.isfinite(v) and abs(v) < 1e38 and not 0 < abs(v) < 1e-30]
    primitive = by_name(name)
    assert np.isfinite(
        kernel(primitive, *pairs(finite)[: primitive.arity])[np.abs(pairs(finite)[0]) < 1e7]
    ).all()


def test_function_sets_are_those_of_the_paper() -> None:
    assert REGRESSION == oracle.REGRESSION
    assert [by_name(name).arity for name in REGRESSION] == [2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert {a.removeprefix("p") for a in CLASSIFICATION} == set(REGRESSION)
    assert len(function_set(REGRESSION)) == len(function_set(CLASSIFICATION)) == 10


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["add", "erf"], "'erf'"),
        (["add", 3], "'3'"),
        (["add", "add"], "each once"),
        ([], "at least one"),
        ("add", "a list of functions"),
        (3, "a list of functions"),
    ],
)
def test_bad_function_set_is_a_sentence(names: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        function_set(names)


def test_the_presets_search_what_is_inlined() -> None:
    """Other primitives cost those who do not use them no compilation."""
    assert max(OPCODES[name] for name in (*REGRESSION, *CLASSIFICATION)) == INLINED - 1


@PRIMITIVE
def test_a_copy_is_the_primitive_of_this_name(primitive: Primitive) -> None:
    assert pickle.loads(pickle.dumps(primitive)) is primitive


@pytest.mark.parametrize("primitive", PRIMITIVES[INLINED:], ids=lambda primitive: primitive.name)
def test_python_source_is_numpy(primitive: Primitive) -> None:
    operands = [v.astype(np.float64) for v in pairs(HARD)][: primitive.arity]
    names = dict(zip("ab", operands, strict=False))
    with np.errstate(all="ignore"):
        expected = np.asarray(primitive.value(np, *operands))
        found = eval(primitive.python.format("a", "b"), {"np": np}, names)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_known_values_of_powers() -> None:
    """As in C and NumPy, so in the kernel."""
    a = np.array([-8.0, -8.0, 0.0, -0.0, 0.0, np.nan, 1.0, -1.0, 2.0, 2.0], np.float32)
    b = np.array([1 / 3, 3.0, -1.0, -1.0, 0.0, 0.0, np.nan, np.inf, 1e4, -1e4], np.float32)
    expected = [np.nan, -512.0, np.inf, -np.inf, 1.0, 1.0, 1.0, 1.0, np.inf, 0.0]
    np.testing.assert_array_equal(kernel(by_name("pow"), a, b), expected)
