"""The function set: each primitive declared once, with all that depends on it.

One semantics everywhere: compiled code, NumPy, sympy, torch and the exported sources give the same
value, IEEE special values included. The plain primitives follow IEEE (``ln`` of a negative number
is NaN, a division by zero is infinite or NaN); the protected ones (``p…``) are defined for every
finite argument and are used for classification (Luo et al. 2022, section 4).

A new primitive is an entry of ``PRIMITIVES``, and a function of ``srnet.cgp.vector_math`` where it
needs one that is not there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from srnet.errors import UserError

MAX_ARITY = 2

# How tightly a piece of LaTeX binds: an operand that binds less than its place needs is bracketed.
NEGATIVE, SUM, PRODUCT, ATOM = range(4)


class Latex(NamedTuple):
    """LaTeX of a primitive: a template with ``{}`` for each operand, what the operands' places
    need, and how the whole binds."""

    template: str
    needs: tuple[int, ...] = (NEGATIVE,) * MAX_ARITY
    binding: int = PRODUCT


@dataclass(frozen=True, kw_only=True)
class Primitive:
    """One function of the function set; its opcode in compiled code is its place in
    ``PRIMITIVES``.

    Attributes
    ----------
    name, arity
        The name in files and on the command line; number of operands (1 or 2).
    value
        The value ``value(m, a)`` or ``value(m, a, b)``, where m is a module with NumPy's names:
        NumPy, torch, sympy, or in compiled code :mod:`srnet.cgp.vector_math`. The caller silences
        NumPy's warnings.
    derivatives
        For each operand, in compiled code, g times the derivative of the value y by it:
        ``derivative(m, g, a, y)`` or ``derivative(m, g, a, b, y)``. Floats are float32 there, which
        widen nothing.
    text
        Text rendering with ``{0}`` and ``{1}`` for the operands, fully bracketed.
    latex
        LaTeX rendering.
    c, python
        Source text in C (with math.h) and in Python (with NumPy as ``np``), ``{0}`` and ``{1}``
        being names or numbers.
    commutes
        Whether the value is the same to the last bit when the operands change places.
    guarded
        Whether the value has a case of its own where the last operand is 0. In sympy, such a
        primitive is a function of its own.
    copies
        How often the formula written out holds the operand: twice where a square is a product.
    """

    name: str
    arity: int
    value: Callable[..., Any]
    derivatives: tuple[Callable[..., Any], ...]
    text: str
    latex: Latex
    c: str
    python: str
    commutes: bool = False
    guarded: bool = False
    copies: int = 1


_HALF, _ONE = np.float32(0.5), np.float32(1.0)

# The order is the opcode of compiled code and of no file: files hold names.
PRIMITIVES: tuple[Primitive, ...] = (
    Primitive(
        name="add",
        arity=2,
        value=lambda m, a, b: a + b,
        derivatives=(
            lambda m, g, a, b, y: g,
            lambda m, g, a, b, y: g,
        ),
        text="({0} + {1})",
        latex=Latex("{} + {}", (SUM, SUM), SUM),
        c="{0} + {1}",
        python="{0} + {1}",
        commutes=True,
    ),
    Primitive(
        name="sub",
        arity=2,
        value=lambda m, a, b: a - b,
        derivatives=(
            lambda m, g, a, b, y: g,
            lambda m, g, a, b, y: -g,
        ),
        text="({0} - {1})",
        latex=Latex("{} - {}", (SUM, PRODUCT), SUM),
        c="{0} - {1}",
        python="{0} - {1}",
    ),
    Primitive(
        name="mul",
        arity=2,
        value=lambda m, a, b: a * b,
        derivatives=(
            lambda m, g, a, b, y: g * b,
            lambda m, g, a, b, y: g * a,
        ),
        text="({0} * {1})",
        latex=Latex(r"{} \cdot {}", (PRODUCT, PRODUCT)),
        c="{0} * {1}",
        python="{0} * {1}",
        commutes=True,
    ),
    Primitive(
        name="div",
        arity=2,
        value=lambda m, a, b: a / b,
        derivatives=(
            lambda m, g, a, b, y: g / b,
            lambda m, g, a, b, y: -g * y / b,
        ),
        text="({0} / {1})",
        latex=Latex(r"\frac{{{}}}{{{}}}"),
        c="{0} / {1}",
        python="{0} / {1}",
    ),
    Primitive(
        name="sqrt",
        arity=1,
        value=lambda m, a: m.sqrt(a),
        derivatives=(lambda m, g, a, y: g * _HALF / y,),
        text="sqrt({0})",
        latex=Latex(r"\sqrt{{{}}}"),
        c="sqrt({0})",
        python="np.sqrt({0})",
    ),
    Primitive(
        name="square",
        arity=1,
        value=lambda m, a: a**2,
        derivatives=(lambda m, g, a, y: g * (a + a),),
        text="({0})**2",
        latex=Latex("{}^{{2}}", (ATOM,)),
        c="{0} * {0}",
        python="np.square({0})",
        copies=2,
    ),
    Primitive(
        name="ln",
        arity=1,
        value=lambda m, a: m.log(a),
        derivatives=(lambda m, g, a, y: g / a,),
        text="ln({0})",
        latex=Latex(r"\ln\left({}\right)"),
        c="log({0})",
        python="np.log({0})",
    ),
    Primitive(
        name="sin",
        arity=1,
        value=lambda m, a: m.sin(a),
        derivatives=(lambda m, g, a, y: g * m.cos(a),),
        text="sin({0})",
        latex=Latex(r"\sin\left({}\right)"),
        c="sin({0})",
        python="np.sin({0})",
    ),
    Primitive(
        name="cos",
        arity=1,
        value=lambda m, a: m.cos(a),
        derivatives=(lambda m, g, a, y: -g * m.sin(a),),
        text="cos({0})",
        latex=Latex(r"\cos\left({}\right)"),
        c="cos({0})",
        python="np.cos({0})",
    ),
    Primitive(
        name="tan",
        arity=1,
        value=lambda m, a: m.tan(a),
        derivatives=(lambda m, g, a, y: g * (_ONE + y * y),),
        text="tan({0})",
        latex=Latex(r"\tan\left({}\right)"),
        c="tan({0})",
        python="np.tan({0})",
    ),
    # The inner `where` of the guarded ones keeps the gradient finite in torch.
    Primitive(
        name="pdiv",
        arity=2,
        value=lambda m, a, b: m.where(b == 0, 1, a / m.where(b == 0, 1, b)),
        derivatives=(
            lambda m, g, a, b, y: m.where(b == 0, 0, g / b),
            lambda m, g, a, b, y: m.where(b == 0, 0, -g * y / b),
        ),
        text="pdiv({0}, {1})",
        latex=Latex(r"\operatorname{{pdiv}}\left({}, {}\right)"),
        c="{1} == 0.0 ? 1.0 : {0} / {1}",
        python="np.where({1} == 0.0, 1.0, {0} / np.where({1} == 0.0, 1.0, {1}))",
        guarded=True,
    ),
    Primitive(
        name="psqrt",
        arity=1,
        value=lambda m, a: m.sqrt(abs(a)),
        derivatives=(lambda m, g, a, y: m.where(a == 0, 0, m.where(a > 0, g, -g) * _HALF / y),),
        text="psqrt({0})",
        latex=Latex(r"\sqrt{{\left|{}\right|}}"),
        c="sqrt(fabs({0}))",
        python="np.sqrt(np.abs({0}))",
    ),
    Primitive(
        name="pln",
        arity=1,
        value=lambda m, a: m.where(a == 0, 0, m.log(abs(m.where(a == 0, 1, a)))),
        derivatives=(lambda m, g, a, y: m.where(a == 0, 0, g / a),),
        text="pln({0})",
        latex=Latex(r"\operatorname{{pln}}\left({}\right)"),
        c="{0} == 0.0 ? 0.0 : log(fabs({0}))",
        python="np.where({0} == 0.0, 0.0, np.log(np.abs(np.where({0} == 0.0, 1.0, {0}))))",
        guarded=True,
    ),
)

OPCODES: dict[str, int] = {primitive.name: opcode for opcode, primitive in enumerate(PRIMITIVES)}
REGRESSION: tuple[str, ...] = (
    "add",
    "sub",
    "mul",
    "div",
    "sqrt",
    "square",
    "ln",
    "sin",
    "cos",
    "tan",
)
CLASSIFICATION: tuple[str, ...] = (
    "add",
    "sub",
    "mul",
    "pdiv",
    "psqrt",
    "square",
    "pln",
    "sin",
    "cos",
    "tan",
)


def by_name(name: str) -> Primitive:
    """The primitive called ``name``.

    Raises
    ------
    UserError
        If there is none.
    """
    if name not in OPCODES:
        raise UserError(f"unknown primitive '{name}'; known are {', '.join(OPCODES)}")
    return PRIMITIVES[OPCODES[name]]


def function_set(names: Sequence[str]) -> tuple[Primitive, ...]:
    """The primitives of a function set, each named once, at least one.

    Raises
    ------
    UserError
        If a name is unknown or repeated, or there is none.
    """
    primitives = tuple(by_name(name) for name in names)
    if not primitives or len(set(names)) != len(names):
        raise UserError(
            f"the function set is {list(names)}; at least one primitive, each once, is needed"
        )
    return primitives
