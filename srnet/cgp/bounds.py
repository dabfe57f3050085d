"""Bounds of a formula's value over a box of its inputs, by interval arithmetic (Keijzer 2003):
whether it can meet a pole or leave a function's domain anywhere in it."""

import math
from collections.abc import Callable, Sequence

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
        bounds = _RULES[name](*(values[operand] for operand in operands))
        if bounds is None or not (math.isfinite(bounds[0]) and math.isfinite(bounds[1])):
            return False
        values.append(bounds)
    return True


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
}
