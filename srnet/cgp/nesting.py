"""Nesting constraints: how often a function may occur inside another.

They have the form of PySR's ``nested_constraints`` (Cranmer 2023): ``{"sin": {"cos": 0}}`` says
that no path below a sine has a cosine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.primitives import ARITIES, OPCODES
from srnet.errors import UserError
from srnet.validation import Choice, Integer

# By outer function, then by inner function: how often it may occur on a path below the outer one.
Constraints = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]

_TRIGONOMETRIC = ("cos", "sin", "tan")
# No trigonometric function is inside another.
PLAIN_TRIGONOMETRY: Constraints = tuple(
    (outer, tuple((inner, 0) for inner in _TRIGONOMETRIC)) for outer in _TRIGONOMETRIC
)
_TIMES = Integer(0)
_NO_LIMIT = np.iinfo(np.int64).max


class NestedConstraints:
    """What a setting of constraints may be: a mapping of mappings, or the pairs of both."""

    def check(self, name: str, value: Any) -> Constraints:
        """The constraints as pairs, in the order of the names: equal ones are equal."""
        constraints, known = [], Choice(tuple(OPCODES))
        for outer, below in _pairs(name, value):
            outer = known.check_key(name, outer)
            limits = [
                (known.check_key(f"{name}.{outer}", inner), times)
                for inner, times in _pairs(f"{name}.{outer}", below)
            ]
            limits = [(f, _TIMES.check(f"{name}.{outer}.{f}", times)) for f, times in limits]
            constraints += [(outer, tuple(sorted(limits)))] if limits else []
        return tuple(sorted(constraints))


def _pairs(name: str, value: Any) -> list[tuple[Any, Any]]:
    try:
        return list(dict(value if isinstance(value, tuple) else value.items()).items())
    except (AttributeError, TypeError, ValueError):
        raise UserError(
            f"'{name}' is {value!r}; how often functions may occur below others is needed, as "
            f"{{'sin': {{'cos': 0}}}}"
        ) from None


def nesting_limits(constraints: Constraints) -> NDArray[np.int64]:
    """Constraints for compiled code: a row for every inner function, its opcode and then, by the
    opcode of the outer function, how often it may occur below."""
    inner = sorted({OPCODES[name] for _, limits in constraints for name, _ in limits})
    table = np.full((len(inner), 1 + len(ARITIES)), _NO_LIMIT)
    table[:, 0] = inner
    for outer, limits in constraints:
        for name, times in limits:
            table[inner.index(OPCODES[name]), 1 + OPCODES[outer]] = min(times, _NO_LIMIT)
    return table
