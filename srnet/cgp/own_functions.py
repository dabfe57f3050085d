"""Functions of a user's own in the function set: :func:`make_function`.

One definition, ``value(m, x)``, is everything: m stands for NumPy, torch and sympy, is compiled, is
traced to the source texts of C and Python, and to bounds (:mod:`srnet.cgp.bounds`). What it gives
is compared on ordinary and on hard inputs before the function can be used.
"""

import ctypes
import inspect
import keyword
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from srnet.cgp import function_table
from srnet.cgp.primitives import (
    ATOM,
    MAX_ARITY,
    NEGATIVE,
    OPCODES,
    PRODUCT,
    SUM,
    Latex,
    Primitive,
    add_own,
    by_name,
    is_own,
    remove_own,
)
from srnet.errors import UserError
from srnet.typing import Floats

_ORDINARY = 40  # rows
_HARD = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.25, 1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Brackets, bars and commas separate an operand in LaTeX from what stands beside it; so do a root, a
# fraction and an exponent, but not other braces, which are not seen.
_OPENING = re.compile(r"([(\[|,]|(\\sqrt|[\^_]|frac(\{\{.*\}\})?)\{\{|\\\{\{)\s*$")
_CLOSING = re.compile(r"\s*(\\right\b)?\s*(\\?\}|[)\]|,])")
# Relative differences that rounding explains: of float64, of float32, of derivatives.
_DOUBLE, _SINGLE, _SLOPE = 1e-9, 1e-5, 1e-4


def make_function(
    name: str,
    value: Callable[..., Any],
    *,
    derivatives: Sequence[Callable[..., Any]] | None = None,
    latex: str | None = None,
) -> Primitive:
    """Make a function of your own, which ``functions=`` then takes by its name.

    It lasts as long as the process: a file of results holds its name and is read where a function
    of this name and definition has been made.

    Parameters
    ----------
    name
        Letters, digits and ``_``; not that of a primitive. A function that is made again is
        replaced.
    value
        ``value(m, x)`` or ``value(m, x, y)``, as ``lambda m, x: m.log(1 + m.exp(x))``. m has
        NumPy's sqrt, log, exp, sin, cos, tan, tanh, minimum, maximum and where; +, -, ``*``, /,
        ``**``, abs and the comparisons <, <=, >, >= may be used besides.
    derivatives
        For each operand ``derivative(m, g, x, y)``, or of two operands ``derivative(m, g, x0, x1,
        y)``: g times the derivative of the value y by it. By default difference quotients.
    latex
        LaTeX with ``{}`` for each operand, as ``r"\\sigma\\left({}\\right)"``; other braces
        are doubled. An operand that stands between no brackets gets its own where it needs them.
        By default the name.

    Returns
    -------
    Primitive
        The function, with all its renderings.

    Raises
    ------
    UserError
        If the name is taken, or the function cannot be compiled, or is not the same in NumPy,
        torch, sympy, compiled code and the exported source, or a derivative is not torch's.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UserError(f"'name' is {name!r}; ASCII letters, digits and _ are allowed")
    if name in OPCODES and not is_own(name):
        raise UserError(f"'name' is {name!r}, which is a primitive; another name is needed")
    arity = _arity(name, value)
    if derivatives is not None and len(derivatives) != arity:
        raise UserError(
            f"'derivatives' has {len(derivatives)} function(s); one for each operand of '{name}', "
            f"{arity}, is needed"
        )
    places = ("{0}", "{1}")[:arity]
    c, python = (_source(name, value, places, language) for language in (_C, _PYTHON))
    binding = PRODUCT if latex is None else SUM  # anything may stand in a given one
    if latex is None:
        shown, commas = name.replace("_", r"\_"), ", ".join(["{}"] * arity)
        latex = rf"\operatorname{{{{{shown}}}}}\left({commas}\right)"
    primitive = Primitive(
        name=name,
        arity=arity,
        value=value,
        derivatives=tuple(
            derivatives or (function_table.CentralDifference(value, i) for i in range(arity))
        ),
        text=f"{name}({', '.join(places)})",
        latex=Latex(_check_latex(latex, arity), _precedences(latex), binding),
        c=c,
        python=python,
        copies=max(1, *(python.count(place) for place in places)),
        symbolic=lambda m, *operands: value(_symbolic(m), *operands),
    )
    before = by_name(name) if is_own(name) else None
    if before is not None:
        remove_own(name)
    add_own(primitive)
    function_table.unload(name)  # of a function that had its place before
    try:
        _check(primitive)
    except UserError:
        function_table.unload(name)
        remove_own(name)
        if before is not None:
            add_own(before)
        raise
    return primitive


def _arity(name: str, value: Any) -> int:
    try:
        arity = len(inspect.signature(value).parameters) - 1
    except (TypeError, ValueError):
        arity = 0
    if not 1 <= arity <= MAX_ARITY:
        raise UserError(
            f"the value of '{name}' is {value!r}; a function of m and one or two operands is "
            f"needed, as lambda m, x: m.exp(-x * x)"
        )
    return arity


def _check_latex(latex: str, arity: int) -> str:
    try:
        latex.format(*["x"] * arity)
        fits = isinstance(latex, str) and latex.count("{}") == arity
    except (AttributeError, LookupError, ValueError):
        fits = False
    if not fits:
        raise UserError(
            f"'latex' is {latex!r}; a text with {{}} for each of {arity} operand(s) is needed, "
            f"with other braces doubled"
        )
    return latex


def _precedences(latex: str) -> tuple[int, ...]:
    """What the operands' places need, as :class:`~srnet.cgp.primitives.Latex` has it."""
    return tuple(
        NEGATIVE
        if _OPENING.search(latex[: place.start()]) and _CLOSING.match(latex[place.end() :])
        else ATOM
        for place in re.finditer(r"\{\}", latex)
    )


def _symbolic(m: Any) -> SimpleNamespace:
    """What stands for NumPy where the operands are sympy's."""
    names = ("sqrt", "log", "exp", "sin", "cos", "tan", "tanh")
    return SimpleNamespace(
        **{name: getattr(m, name) for name in names},
        minimum=m.Min,
        maximum=m.Max,
        where=lambda condition, first, second: m.Piecewise((first, condition), (second, True)),
    )


# Source texts.

_C: dict[str, str] = {
    **{name: f"{name}({{}})" for name in ("sqrt", "log", "exp", "sin", "cos", "tan", "tanh")},
    "abs": "fabs({})",
    "pow": "pow({}, {})",
    "minimum": "({0} < {1} || {0} != {0} ? {0} : {1})",
    "maximum": "({0} > {1} || {0} != {0} ? {0} : {1})",
    "where": "({} ? {} : {})",
}
_PYTHON: dict[str, str] = {
    **{name: f"np.{name}({{}})" for name in ("sqrt", "log", "exp", "sin", "cos", "tan", "tanh")},
    "abs": "np.abs({})",
    "pow": "np.power({}, {})",
    "minimum": "np.minimum({}, {})",
    "maximum": "np.maximum({}, {})",
    "where": "np.where({}, {}, {})",
}


class _Source:
    """A value as source text, with the operators that an own function may use."""

    def __init__(self, text: str, language: dict[str, str]) -> None:
        self.text, self.language = text, language

    def apply(self, name: str, *operands: Any) -> "_Source":
        texts = [o.text if isinstance(o, _Source) else repr(float(o)) for o in operands]
        return _Source(self.language.get(name, name).format(*texts), self.language)

    def __neg__(self) -> "_Source":
        return self.apply("(-{})", self)

    def __abs__(self) -> "_Source":
        return self.apply("abs", self)

    def __pow__(self, power: Any) -> "_Source":
        return self.apply("({0} * {0})", self) if power == 2 else self.apply("pow", self, power)

    def __rpow__(self, base: Any) -> "_Source":
        return self.apply("pow", base, self)

    def __eq__(self, other: object) -> bool:
        raise TypeError("== and != are not allowed")  # sympy compares the symbols themselves

    __hash__ = None  # type: ignore[assignment]


def _infix(sign: str, swapped: bool = False) -> Any:
    return lambda a, b: a.apply(f"({{}} {sign} {{}})", *((b, a) if swapped else (a, b)))


for _method, _sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/")):
    setattr(_Source, f"__{_method}__", _infix(_sign))
    setattr(_Source, f"__r{_method}__", _infix(_sign, True))
for _method, _sign in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")):
    setattr(_Source, f"__{_method}__", _infix(_sign))


def _source(
    name: str, value: Callable[..., Any], places: Sequence[str], language: dict[str, str]
) -> str:
    """The value as a template of source text."""
    one = _Source("", language)
    m = SimpleNamespace(
        **{
            each: lambda *operands, each=each: one.apply(each, *operands)
            for each in function_table.FUNCTIONS
        }
    )
    try:
        found = value(m, *(_Source(place, language) for place in places))
        return one.apply("{}", found).text
    except Exception as error:
        raise UserError(
            f"the function '{name}' cannot be written as source text ({type(error).__name__}: "
            f"{error}); {_ALLOWED}"
        ) from error


_NAMES = ", ".join(function_table.FUNCTIONS)
_ALLOWED = f"it may use +, -, *, /, **, abs, <, <=, >, >=, numbers, and of m {_NAMES}"


# What the renderings give.


def _check(primitive: Primitive) -> None:
    """Compare all renderings on ordinary and on hard inputs, and the derivatives."""
    import sympy
    import torch

    from srnet.cgp import torch_functions

    function_table.load(primitive.name)
    ordinary = np.random.default_rng(0).normal(0, 2, (_ORDINARY, MAX_ARITY))
    hard = np.stack(np.meshgrid(_HARD, _HARD), axis=-1).reshape(-1, MAX_ARITY)
    rows = np.vstack([ordinary, hard])[:, : primitive.arity]
    operands = [column.astype(np.float32).astype(np.float64) for column in rows.T]
    expected = _values(primitive, "NumPy", lambda: primitive.value(np, *operands), len(rows))
    symbols = sympy.symbols(f"x:{primitive.arity}", real=True)
    others: dict[str, tuple[Callable[[], Any], float]] = {
        "the exported source": (lambda: _evaluate_source(primitive, operands), _DOUBLE),
        "sympy": (
            lambda: sympy.lambdify(symbols, primitive.value(_symbolic(sympy), *symbols), "numpy")(
                *operands
            ),
            _DOUBLE,
        ),
        "torch": (
            lambda: primitive.value(torch_functions, *map(torch.tensor, operands)).numpy(),
            _DOUBLE,
        ),
        "compiled code": (lambda: _evaluate_kernel(primitive, operands), _SINGLE),
    }
    for where, (evaluate, tolerance) in others.items():
        found = _values(primitive, where, evaluate, len(rows))
        known = expected
        if tolerance == _SINGLE:
            with np.errstate(over="ignore"):
                known = expected.astype(np.float32).astype(np.float64)
        _compare(primitive, operands, known, found, where, tolerance, "value")
    _check_derivatives(primitive, operands)


def _check_derivatives(primitive: Primitive, operands: Sequence[Floats]) -> None:
    """Compare given derivatives with torch's at finite points. On hard ones one may be missing."""
    import torch

    from srnet.cgp import torch_functions

    zero = np.zeros(len(operands[0]))
    with np.errstate(all="ignore"):
        values = primitive.value(np, *operands) + zero
    leaves = [torch.tensor(column, requires_grad=True) for column in [*operands, zero]]
    total = (primitive.value(torch_functions, *leaves[:-1]) + leaves[-1]).sum()  # of a step too
    exact = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    for i, derivative in enumerate(primitive.derivatives):
        if isinstance(derivative, function_table.CentralDifference):
            continue
        with np.errstate(all="ignore"):
            given, expected = derivative(np, 1.0, *operands, values) + zero, exact[i].numpy()
            secants = _compute_secants(primitive, operands, values, i)
            # at a kink any slope between those of its sides will do
            doubt = 2 * np.ptp(secants, axis=0)
            is_open = np.abs(given - secants.mean(axis=0)) <= doubt
        known = np.isfinite([*operands, values, expected]).all(axis=0) & ~is_open
        known &= np.isfinite(given) | (np.arange(len(values)) < _ORDINARY)
        _compare(
            primitive,
            [column[known] for column in operands],
            expected[known],
            given[known],
            f"'derivatives' {i}",
            _SLOPE,
            "derivative",
            "torch",
        )


def _compute_secants(
    primitive: Primitive, operands: Sequence[Floats], values: Floats, operand: int
) -> Floats:
    """Slopes from every point to others on both sides, by one of the operands."""
    slopes = []
    for share in (-1e-6, -5e-7, 5e-7, 1e-6):
        step = share * (1 + np.abs(operands[operand]))
        moved = [column + step if i == operand else column for i, column in enumerate(operands)]
        slopes.append((primitive.value(np, *moved) - values) / step)
    return np.array(slopes)


def _evaluate_source(primitive: Primitive, operands: Sequence[Floats]) -> Any:
    names = ("a", "b")[: primitive.arity]
    # the text was made above, of nothing but signs, numbers and functions of NumPy
    return eval(
        primitive.python.format(*names),
        {"__builtins__": {}, "np": np},
        dict(zip(names, operands, strict=True)),
    )


def _evaluate_kernel(primitive: Primitive, operands: Sequence[Floats]) -> Floats:
    rows = len(operands[0])
    values = np.concatenate([*operands, np.zeros(rows)]).astype(np.float32)
    address = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    last = (len(operands) - 1) * rows
    function_table.callback(primitive.name)(rows, address, 0, last, last + rows)
    return values[last + rows :].astype(np.float64)


def _values(primitive: Primitive, where: str, evaluate: Callable[[], Any], rows: int) -> Floats:
    """What a rendering gives, a number for each row."""
    try:
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(evaluate(), dtype=np.float64), rows)
    except Exception as error:
        raise UserError(
            f"the function '{primitive.name}' gives no numbers in {where} "
            f"({type(error).__name__}: {error}); {_ALLOWED}"
        ) from error


def _compare(
    primitive: Primitive,
    operands: Sequence[Floats],
    expected: Floats,
    found: Floats,
    where: str,
    tolerance: float,
    what: str,
    reference: str = "NumPy",
) -> None:
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= tolerance * np.maximum(np.abs(expected), 1e-30)
    same = near | (found == expected) | (np.isnan(found) & np.isnan(expected))
    if not same.all():
        i = int(np.argmin(same))
        point = ", ".join(f"{column[i]:g}" for column in operands)
        raise UserError(
            f"the function '{primitive.name}' has at {point} the {what} {expected[i]:g} in "
            f"{reference} and {found[i]:g} by {where}; they must be the same at ordinary and at "
            f"hard inputs"
        )
