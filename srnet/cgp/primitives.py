"""The function set: each primitive declared once, with all that depends on it.

One semantics everywhere: compiled code, NumPy, sympy, torch and the exported sources give the same
value, IEEE special values included. The plain primitives follow IEEE (``ln`` of a negative number
is NaN, a division by zero is infinite or NaN); the protected ones (``p…``) are defined for every
finite argument and are used for classification (Luo et al. 2022, section 4).

The first ``INLINED`` primitives, which the presets search, are compiled into every search; the
others, and functions of a user's own (:mod:`srnet.cgp.own_functions`), are called by it
(:mod:`srnet.cgp.function_table`), so that they cost nobody else time.

A new primitive is an entry of ``PRIMITIVES``, and a function of ``srnet.cgp.double_math`` where it
needs one that is not there.
"""

from collections.abc import Callable, Iterable, Sequence
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
    """One function of the function set.

    Attributes
    ----------
    name, arity
        The name in files and on the command line; number of operands (1 or 2).
    value
        The value ``value(m, a)`` or ``value(m, a, b)``, where m is a module with NumPy's names:
        NumPy, torch, sympy, or in compiled code :mod:`srnet.cgp.vector_math`, and of what is called
        :mod:`srnet.cgp.double_math`. The caller silences NumPy's warnings.
    derivatives
        For each operand, in compiled code, g times the derivative of the value y by it:
        ``derivative(m, g, a, y)`` or ``derivative(m, g, a, b, y)``. In the inlined ones floats are
        float32, which widen nothing.
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
        How often the formula written out holds the operand at most: twice where a square is a
        product.
    symbolic
        The value in sympy, m being sympy, where it is not ``value``.
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
    symbolic: Callable[..., Any] | None = None

    def __reduce__(self) -> Any:
        return by_name, (self.name,)  # a copy, also of another process, is the one of this name


_HALF, _ONE = np.float32(0.5), np.float32(1.0)


def _sigmoid(m: Any, a: Any) -> Any:
    power = m.exp(m.where(a < 0, a, -a))
    return m.where(a < 0, power, 1) / (1 + power)


def _symbolic_extreme(m: Any, function: Any, a: Any, b: Any) -> Any:
    try:
        return function(a, b)
    except ValueError:  # of what is imaginary or NaN, and so NaN everywhere else
        return m.nan


# sympy multiplies whole powers out; larger ones, which are Floats to it, could fill the memory.
_LARGEST_POWER = 8


def _symbolic_power(m: Any, a: Any, b: Any) -> Any:
    return a ** (m.Float(b) if b.is_Integer and abs(b) > _LARGEST_POWER else b)


# The order is the opcode of compiled code and of no file: files hold names. What is called stands
# behind what is inlined.
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
    Primitive(
        name="exp",
        arity=1,
        value=lambda m, a: m.exp(a),
        derivatives=(lambda m, g, a, y: g * y,),
        text="exp({0})",
        latex=Latex(r"\exp\left({}\right)"),
        c="exp({0})",
        python="np.exp({0})",
    ),
    Primitive(
        name="tanh",
        arity=1,
        value=lambda m, a: m.tanh(a),
        derivatives=(lambda m, g, a, y: g * (1 - y * y),),
        text="tanh({0})",
        latex=Latex(r"\tanh\left({}\right)"),
        c="tanh({0})",
        python="np.tanh({0})",
    ),
    # No power overflows, and the gradient is finite in torch.
    Primitive(
        name="sigmoid",
        arity=1,
        value=_sigmoid,
        derivatives=(lambda m, g, a, y: g * y * (1 - y),),
        text="sigmoid({0})",
        latex=Latex(r"\operatorname{{sigmoid}}\left({}\right)"),
        c="({0} < 0.0 ? exp({0}) : 1.0) / (1.0 + exp({0} < 0.0 ? {0} : -{0}))",
        python="np.where({0} < 0.0, np.exp({0}), 1.0) / (1.0 + np.exp(-np.abs({0})))",
        symbolic=lambda m, a: 1 / (1 + m.exp(-a)),
    ),
    Primitive(
        name="abs",
        arity=1,
        value=lambda m, a: abs(a),
        derivatives=(lambda m, g, a, y: m.where(a == 0, 0, m.where(a > 0, g, -g)),),
        text="abs({0})",
        latex=Latex(r"\left|{}\right|", binding=ATOM),
        c="fabs({0})",
        python="np.abs({0})",
    ),
    # As in IEEE: NaN where the base is negative and the exponent no whole number.
    Primitive(
        name="pow",
        arity=2,
        value=lambda m, a, b: a**b,
        derivatives=(
            lambda m, g, a, b, y: g * b * a ** (b - 1),
            lambda m, g, a, b, y: m.where(a == 0, 0, g * y * m.log(m.where(a == 0, 1, a))),
        ),
        text="({0})**({1})",
        latex=Latex("{}^{{{}}}", (ATOM, NEGATIVE)),
        c="pow({0}, {1})",
        python="np.power({0}, {1})",
        copies=_LARGEST_POWER,
        symbolic=_symbolic_power,
    ),
    # NaN where an operand is, as in NumPy; the names in a formula's text are those of sympy.
    Primitive(
        name="min",
        arity=2,
        value=lambda m, a, b: m.minimum(a, b),
        derivatives=(
            lambda m, g, a, b, y: m.where(a < b, g, 0),
            lambda m, g, a, b, y: m.where(a < b, 0, g),
        ),
        text="Min({0}, {1})",
        latex=Latex(r"\min\left({}, {}\right)"),
        c="{0} < {1} || {0} != {0} ? {0} : {1}",
        python="np.minimum({0}, {1})",
        symbolic=lambda m, a, b: _symbolic_extreme(m, m.Min, a, b),
    ),
    Primitive(
        name="max",
        arity=2,
        value=lambda m, a, b: m.maximum(a, b),
        derivatives=(
            lambda m, g, a, b, y: m.where(a > b, g, 0),
            lambda m, g, a, b, y: m.where(a > b, 0, g),
        ),
        text="Max({0}, {1})",
        latex=Latex(r"\max\left({}, {}\right)"),
        c="{0} > {1} || {0} != {0} ? {0} : {1}",
        python="np.maximum({0}, {1})",
        symbolic=lambda m, a, b: _symbolic_extreme(m, m.Max, a, b),
    ),
)

INLINED = 1 + [primitive.name for primitive in PRIMITIVES].index("pln")
# Opcodes that are free for a user's own functions, of each arity: compiled code knows arities.
OWN_PLACES = 32

# By opcode: of the primitives, and of the places for own functions.
ARITIES = np.array(
    [primitive.arity for primitive in PRIMITIVES]
    + [arity for arity in range(1, MAX_ARITY + 1) for _ in range(OWN_PLACES)]
)
COMMUTES = np.zeros(len(ARITIES), dtype=bool)
COMMUTES[: len(PRIMITIVES)] = [primitive.commutes for primitive in PRIMITIVES]

# Own functions are added to both.
OPCODES: dict[str, int] = {primitive.name: opcode for opcode, primitive in enumerate(PRIMITIVES)}
_BY_OPCODE: dict[int, Primitive] = dict(enumerate(PRIMITIVES))
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
    if not isinstance(name, str) or name not in OPCODES:
        raise UserError(
            f"unknown primitive '{name}'; known are {', '.join(OPCODES)}, and functions that "
            f"srnet.make_function has made"
        )
    return _BY_OPCODE[OPCODES[name]]


def by_opcode(opcode: int) -> Primitive:
    """The primitive with this number in compiled code."""
    return _BY_OPCODE[opcode]


def is_own(name: str) -> bool:
    """Whether a primitive is a user's own function."""
    return OPCODES.get(name, 0) >= len(PRIMITIVES)


def add_own(primitive: Primitive) -> int:
    """Add a user's own function, or replace the one of its name; its opcode.

    Raises
    ------
    UserError
        If there are too many.
    """
    places = np.flatnonzero(primitive.arity == ARITIES)
    free = [int(place) for place in places if int(place) not in _BY_OPCODE]
    opcode = OPCODES.get(primitive.name)
    if opcode is None or ARITIES[opcode] != primitive.arity:
        if not free:
            raise UserError(
                f"there are {OWN_PLACES} functions of {primitive.arity} operand(s) already; no "
                f"more can be made"
            )
        opcode = free[0]
    OPCODES[primitive.name] = opcode
    _BY_OPCODE[opcode] = primitive
    return opcode


def remove_own(name: str) -> None:
    """Forget a user's own function."""
    del _BY_OPCODE[OPCODES.pop(name)]


class FunctionSet:
    """What a setting of the functions may be: their names, or what
    :func:`~srnet.cgp.own_functions.make_function` gives, each once, at least one."""

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """The names."""
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise UserError(f"'{name}' is {value!r}; a list of functions is needed")
        names: tuple[Any, ...] = tuple(getattr(each, "name", each) for each in value)
        for each in names:
            by_name(each)
        if not names or len(set(names)) != len(names):
            raise UserError(
                f"'{name}' is {list(names)}; at least one function, each once, is needed"
            )
        return names


def function_set(names: Sequence[str]) -> tuple[Primitive, ...]:
    """The primitives of a function set, each named once, at least one.

    Raises
    ------
    UserError
        If a name is unknown or repeated, or there is none.
    """
    return tuple(map(by_name, FunctionSet().check("functions", names)))
