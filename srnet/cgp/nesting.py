"""Nesting constraints: how often a function may occur inside another.

They have the form of PySR's ``nested_constraints`` (Cranmer 2023): ``{"sin": {"cos": 0}}`` says
that no path below a sine has a cosine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing
from srnet.cgp.genome import ARITIES
from srnet.cgp.primitives import OPCODES, PRIMITIVES
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.validation import Choice, Integer

# By outer function, then by inner function: how often it may occur on a path below the outer one.
Constraints = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]

_TRIGONOMETRIC = ("cos", "sin", "tan")
# No trigonometric function is inside another.
PLAIN_TRIGONOMETRY: Constraints = tuple(
    (outer, tuple((inner, 0) for inner in _TRIGONOMETRIC)) for outer in _TRIGONOMETRIC
)
_FUNCTION, _TIMES = Choice(tuple(OPCODES)), Integer(0)
_NO_LIMIT = np.iinfo(np.int64).max


class NestedConstraints:
    """What a setting of constraints may be: a mapping of mappings, or the pairs of both."""

    def check(self, name: str, value: Any) -> Constraints:
        """The constraints as pairs, in the order of the names: equal ones are equal."""
        constraints = []
        for outer, below in _pairs(name, value):
            outer = _FUNCTION.check(name, outer)
            limits = [
                (_FUNCTION.check(f"{name}.{outer}", inner), times)
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
    table = np.full((len(inner), 1 + len(PRIMITIVES)), _NO_LIMIT)
    table[:, 0] = inner
    for outer, limits in constraints:
        for name, times in limits:
            table[inner.index(OPCODES[name]), 1 + OPCODES[outer]] = min(times, _NO_LIMIT)
    return table


@borrowing()
def breaks_nesting(program, count, terminals, limits, depths):  # type: ignore[no-untyped-def]
    """Whether an active graph has an inner function more often on a path below an outer one than
    ``limits`` allow; ``depths`` has room for a number by node."""
    for row in range(limits.shape[0]):
        inner = limits[row, 0]
        for node in range(count):
            opcode, most = program[node, 0], np.int64(0)
            for operand in range(ARITIES[opcode]):
                below = program[node, 1 + operand] - terminals
                if below >= 0 and depths[below] > most:
                    most = depths[below]
            if most > limits[row, 1 + opcode]:
                return True
            depths[node] = most + 1 if opcode == inner else most
    return False


def keeps_nesting(program: Program, limits: NDArray[np.int64]) -> bool:
    """Whether a formula keeps the constraints."""
    graph = np.zeros((len(program.nodes), 3), dtype=np.int32)
    for node, (name, operands) in enumerate(program.nodes):
        graph[node, 0] = OPCODES[name]
        graph[node, 1 : 1 + len(operands)] = operands
    depths = np.zeros(len(graph), dtype=np.int64)
    return not breaks_nesting(graph, len(graph), program.terminals, limits, depths)
