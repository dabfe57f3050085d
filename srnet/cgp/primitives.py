"""The function set: each primitive declared once, with all its renderings.

One semantics everywhere: the compiled kernel, NumPy, sympy and torch give the same value, IEEE
special values included. The plain primitives follow IEEE (``ln`` of a negative number is NaN, a
division by zero is infinite or NaN); the protected ones (``p…``) are defined for every finite
argument and are used for classification (Luo et al. 2022, section 4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srnet.errors import UserError

MAX_ARITY = 2


@dataclass(frozen=True)
class Primitive:
    """One function of the function set.

    Attributes
    ----------
    name, arity
        The name in files and on the command line; number of operands (1 or 2).
    numpy
        Vectorised rendering on NumPy arrays; the caller silences floating-point warnings.
    infix
        Text rendering with ``{0}`` and ``{1}`` for the operands, fully bracketed.
    sympy, torch
        Renderings that get the imported module first, so that this file imports neither.
    c, python
        Source text in C (with math.h) and in Python (with NumPy as ``np``), ``{0}`` and ``{1}``
        being names or numbers.
    """

    name: str
    arity: int
    numpy: Callable[..., Any]
    infix: str
    sympy: Callable[..., Any]
    torch: Callable[..., Any]
    c: str
    python: str


def _pdiv(a: Any, b: Any) -> Any:
    return np.where(b == 0, np.ones_like(a * b), a / np.where(b == 0, np.ones_like(b), b))


def _pln(a: Any) -> Any:
    return np.where(a == 0, np.zeros_like(a), np.log(np.abs(np.where(a == 0, np.ones_like(a), a))))


def _torch_pdiv(torch: Any, a: Any, b: Any) -> Any:
    # the inner `where` keeps the gradient finite at b = 0
    one = torch.ones_like(b)
    return torch.where(b == 0, torch.ones_like(a * b), a / torch.where(b == 0, one, b))


def _torch_pln(torch: Any, a: Any) -> Any:
    return torch.where(
        a == 0,
        torch.zeros_like(a),
        torch.log(torch.abs(torch.where(a == 0, torch.ones_like(a), a))),
    )


# The order is the opcode of the compiled kernel (``srnet.cgp.evaluation``) and of no file: files
# hold names.
PRIMITIVES: tuple[Primitive, ...] = (
    Primitive(
        "add",
        2,
        lambda a, b: a + b,
        "({0} + {1})",
        lambda sp, a, b: a + b,
        lambda t, a, b: a + b,
        "{0} + {1}",
        "{0} + {1}",
    ),
    Primitive(
        "sub",
        2,
        lambda a, b: a - b,
        "({0} - {1})",
        lambda sp, a, b: a - b,
        lambda t, a, b: a - b,
        "{0} - {1}",
        "{0} - {1}",
    ),
    Primitive(
        "mul",
        2,
        lambda a, b: a * b,
        "({0} * {1})",
        lambda sp, a, b: a * b,
        lambda t, a, b: a * b,
        "{0} * {1}",
        "{0} * {1}",
    ),
    Primitive(
        "div",
        2,
        lambda a, b: a / b,
        "({0} / {1})",
        lambda sp, a, b: a / b,
        lambda t, a, b: a / b,
        "{0} / {1}",
        "{0} / {1}",
    ),
    Primitive(
        "sqrt",
        1,
        np.sqrt,
        "sqrt({0})",
        lambda sp, a: sp.sqrt(a),
        lambda t, a: t.sqrt(a),
        "sqrt({0})",
        "np.sqrt({0})",
    ),
    Primitive(
        "square",
        1,
        np.square,
        "({0})**2",
        lambda sp, a: a**2,
        lambda t, a: t.square(a),
        "{0} * {0}",
        "np.square({0})",
    ),
    Primitive(
        "ln",
        1,
        np.log,
        "ln({0})",
        lambda sp, a: sp.log(a),
        lambda t, a: t.log(a),
        "log({0})",
        "np.log({0})",
    ),
    Primitive(
        "sin",
        1,
        np.sin,
        "sin({0})",
        lambda sp, a: sp.sin(a),
        lambda t, a: t.sin(a),
        "sin({0})",
        "np.sin({0})",
    ),
    Primitive(
        "cos",
        1,
        np.cos,
        "cos({0})",
        lambda sp, a: sp.cos(a),
        lambda t, a: t.cos(a),
        "cos({0})",
        "np.cos({0})",
    ),
    Primitive(
        "tan",
        1,
        np.tan,
        "tan({0})",
        lambda sp, a: sp.tan(a),
        lambda t, a: t.tan(a),
        "tan({0})",
        "np.tan({0})",
    ),
    Primitive(
        "pdiv",
        2,
        _pdiv,
        "pdiv({0}, {1})",
        lambda sp, a, b: sp.Piecewise((sp.Integer(1), sp.Eq(b, 0)), (a / b, True)),
        _torch_pdiv,
        "{1} == 0.0 ? 1.0 : {0} / {1}",
        "np.where({1} == 0.0, 1.0, {0} / np.where({1} == 0.0, 1.0, {1}))",
    ),
    Primitive(
        "psqrt",
        1,
        lambda a: np.sqrt(np.abs(a)),
        "psqrt({0})",
        lambda sp, a: sp.sqrt(sp.Abs(a)),
        lambda t, a: t.sqrt(t.abs(a)),
        "sqrt(fabs({0}))",
        "np.sqrt(np.abs({0}))",
    ),
    Primitive(
        "pln",
        1,
        _pln,
        "pln({0})",
        lambda sp, a: sp.Piecewise((sp.Integer(0), sp.Eq(a, 0)), (sp.log(sp.Abs(a)), True)),
        _torch_pln,
        "{0} == 0.0 ? 0.0 : log(fabs({0}))",
        "np.where({0} == 0.0, 0.0, np.log(np.abs(np.where({0} == 0.0, 1.0, {0}))))",
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
