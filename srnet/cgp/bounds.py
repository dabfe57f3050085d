"""Bounds of a formula's value over a box of its inputs, by interval arithmetic (Keijzer 2003):
whether it can meet a pole or leave a function's domain anywhere in it."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from srnet.cgp.primitives import by_name
from srnet.cgp.program import Program

_Interval = tuple[float, float]


def is_regular(program: Program, low: Sequence[float], high: Sequence[float]) -> bool:
    """Whether the formula is finite wherever every input i is between low[i] and high[i].

    Bounds of dependent terms are wider than need be: a formula that is finite may be called
    irregular, one that is not is never called regular. A protected primitive is irregular where its
    guarded point is within reach, for its value jumps there.
    """
    values: list[_Interval] = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    values += [(constant, constant) for constant in program.constants]
    for name, operands in program.nodes:
        with np.errstate(all="ignore"):
            bounds = _bounds(name, *(values[operand] for operand in operands))
        if bounds is None or not (math.isfinite(bounds[0]) and math.isfinite(bounds[1])):
            return False
        values.append(bounds)
    return True


def _bounds(name: str, *operands: _Interval) -> _Interval | None:
    """Bounds of a primitive's value; of an own function as its definition tells them."""
    if name in _RULES:
        return _RULES[name](*operands)
    try:
        value = by_name(name).value(_INTERVALS, *map(_Values, operands))
    except _IrregularError:
        return None
    return value.bounds if isinstance(value, _Values) else (float(value), float(value))


def _mul(a: _Interval, b: _Interval) -> _Interval:
    products = [x * y for x in a for y in b]
    return min(products), max(products)


def _div(a: _Interval, b: _Interval) -> _Interval | None:
    return None if b[0] <= 0.0 <= b[1] else _mul(a, (1 / b[1], 1 / b[0]))


def _square(a: _Interval) -> _Interval:
    smallest = 0.0 if a[0] <= 0.0 <= a[1] else min(a[0] * a[0], a[1] * a[1])
    return smallest, max(a[0] * a[0], a[1] * a[1])


def _sqrt(a: _Interval) -> _Interval | None:
    return None if a[0] < 0.0 else (math.sqrt(a[0]), math.sqrt(a[1]))


def _ln(a: _Interval) -> _Interval | None:
    return None if a[0] <= 0.0 else (math.log(a[0]), math.log(a[1]))


def _tan(a: _Interval) -> _Interval | None:
    # the poles are at π/2 + kπ
    if math.floor(a[0] / math.pi - 0.5) != math.floor(a[1] / math.pi - 0.5):
        return None
    return math.tan(a[0]), math.tan(a[1])


def _size(a: _Interval) -> _Interval:
    sizes = (abs(a[0]), abs(a[1]))
    return 0.0 if a[0] <= 0.0 <= a[1] else min(sizes), max(sizes)


def _monotone(name: str) -> Callable[[_Interval], _Interval]:
    """The rule of a primitive that never falls."""

    def rule(a: _Interval) -> _Interval:
        low, high = (float(by_name(name).value(np, np.float64(end))) for end in a)
        return low, high

    return rule


def _pow(a: _Interval, b: _Interval) -> _Interval | None:
    corners = [float(np.power(np.float64(x), np.float64(y))) for x in a for y in b]
    if a[0] > 0.0 or (a[0] == 0.0 and b[0] > 0.0):
        return min(corners), max(corners)
    if b[0] != b[1] or not b[0].is_integer() or (a[0] <= 0.0 <= a[1] and b[0] < 0.0):
        return None
    inside = [0.0] if a[0] <= 0.0 <= a[1] and b[0] > 0.0 else []
    return min(corners + inside), max(corners + inside)


_RULES: dict[str, Callable[..., _Interval | None]] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "mul": _mul,
    "div": _div,
    "sqrt": _sqrt,
    "square": _square,
    "ln": _ln,
    "sin": lambda a: (-1.0, 1.0),
    "cos": lambda a: (-1.0, 1.0),
    "tan": _tan,
    "pdiv": _div,
    "psqrt": lambda a: _sqrt(_size(a)),
    "pln": lambda a: _ln(_size(a)),
    "exp": _monotone("exp"),
    "tanh": _monotone("tanh"),
    "sigmoid": _monotone("sigmoid"),
    "abs": _size,
    "pow": _pow,
    "min": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "max": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
}


class _IrregularError(Exception):
    """A pole, or the end of a domain, is within reach."""


class _Values:
    """All values between two bounds, with the operators that an own function may use."""

    def __init__(self, bounds: _Interval) -> None:
        self.bounds = bounds

    def __neg__(self) -> Any:
        return _Values((-self.bounds[1], -self.bounds[0]))

    def __abs__(self) -> Any:
        return _Values(_size(self.bounds))

    def _compare(self, other: Any) -> Any:
        return None  # neither branch is known to be the one

    __lt__ = __le__ = __gt__ = __ge__ = _compare
    __eq__ = __ne__ = _compare
    __hash__ = None  # type: ignore[assignment]


def _apply(name: str, *operands: Any) -> _Values:
    each = [o.bounds if isinstance(o, _Values) else (float(o), float(o)) for o in operands]
    bounds = _RULES[name](*each)
    if bounds is None or not (math.isfinite(bounds[0]) and math.isfinite(bounds[1])):
        raise _IrregularError
    return _Values(bounds)


def _either(condition: Any, first: Any, second: Any) -> _Values:
    """What ``where`` gives: values of either."""
    if condition is not None:
        return _apply("add", first if condition else second, 0.0)
    ends = [_apply("add", each, 0.0).bounds for each in (first, second)]
    return _Values((min(low for low, _ in ends), max(high for _, high in ends)))


def _operator(name: str, swapped: bool) -> Any:
    return lambda a, b: _apply(name, *((b, a) if swapped else (a, b)))


for _name, _method in (
    ("add", "add"),
    ("sub", "sub"),
    ("mul", "mul"),
    ("div", "truediv"),
    ("pow", "pow"),
):
    setattr(_Values, f"__{_method}__", _operator(_name, False))
    setattr(_Values, f"__r{_method}__", _operator(_name, True))

# What stands for NumPy where an own function's bounds are found.
_INTERVALS = SimpleNamespace(
    **{name: partial(_apply, name) for name in ("sqrt", "exp", "sin", "cos", "tan", "tanh")},
    log=partial(_apply, "ln"),
    minimum=partial(_apply, "min"),
    maximum=partial(_apply, "max"),
    where=_either,
)
