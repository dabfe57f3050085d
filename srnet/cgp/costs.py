"""Costs of operators: how much each counts in the complexity of a formula."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.primitives import ARITIES, OPCODES
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.validation import Choice, Integer

# Sorted by name; only operators that do not cost 1 are named.
Costs = tuple[tuple[str, int], ...]

_COST = Integer(1, 1000)


class OperatorCosts:
    """What a setting of costs may be: a mapping, or its pairs."""

    def check(self, name: str, value: Any) -> Costs:
        """The costs as pairs."""
        try:
            costs = dict(value if isinstance(value, tuple) else value.items())
        except (AttributeError, TypeError, ValueError):
            raise UserError(
                f"'{name}' is {value!r}; whole numbers by operator are needed, as {{'sin': 3}}"
            ) from None
        known = Choice(tuple(OPCODES))
        checked = [
            (operator, _COST.check(f"{name}.{known.check_key(name, operator)}", cost))
            for operator, cost in costs.items()
        ]
        return tuple(sorted((operator, cost) for operator, cost in checked if cost != 1))


def cost_table(costs: Costs) -> NDArray[np.int64]:
    """The cost of every opcode."""
    table = np.ones(len(ARITIES), dtype=np.int64)
    for name, cost in costs:
        table[OPCODES[name]] = cost
    return table


def layer_complexity(programs: Sequence[Program], costs: Costs = ()) -> int:
    """Total cost of the active nodes of a layer's formulas and of the additions that join them;
    without costs, their number."""
    if not costs:
        return sum(program.complexity for program in programs) + len(programs) - 1
    named = dict(costs)
    nodes = sum(named.get(name, 1) for program in programs for name, _ in program.nodes)
    return nodes + (len(programs) - 1) * named.get("add", 1)
