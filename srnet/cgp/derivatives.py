"""Derivatives of an active graph by each of its terminals, row by row: one sweep from the output
back."""

import numpy as np
from numba import uint64

from srnet.cgp.compiling import borrowing
from srnet.cgp.evaluation import compile_cases
from srnet.cgp.function_table import call_derivative
from srnet.cgp.primitives import ARITIES, INLINED, MAX_ARITY, PRIMITIVES

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)

_STATEMENTS = {
    1: "adjoints[to + i] += {f}(m, adjoints[out + i], values[a + i], values[out + i])",
    2: (
        "adjoints[to + i] += "
        "{f}(m, adjoints[out + i], values[a + i], values[b + i], values[out + i])"
    ),
}

# Add the derivative by one operand of a node, times the node's own, to the operand's at ``to``; the
# case is MAX_ARITY · opcode + operand. Divisions are of IEEE, so that the derivative at a pole is
# infinite or NaN; that of the protected primitives is 0 where they are not smooth.
_pass_back = compile_cases(
    "pass_back",
    "values, adjoints, to, a, b, out",
    {
        MAX_ARITY * opcode + operand: (derivative, _STATEMENTS[primitive.arity])
        for opcode, primitive in enumerate(PRIMITIVES[:INLINED])
        for operand, derivative in enumerate(primitive.derivatives)
    },
    call_derivative,
)


@borrowing()
def sweep(program, count, output, terminals, values, adjoints, wanted, rows):  # type: ignore[no-untyped-def]
    """Write ∂output/∂address to ``adjoints`` for the terminals marked in ``wanted``.

    ``values`` and ``adjoints`` hold ``rows`` values of each terminal and node, one behind the
    other. ``wanted`` has an entry for each of them; those of the nodes are written here: whether a
    wanted terminal is below.
    """
    for node in range(count):
        opcode, a, b = program[node, 0], program[node, 1], program[node, 2]
        wanted[terminals + node] = wanted[a] or (ARITIES[opcode] == 2 and wanted[b])
    for address in range(terminals + count):
        if wanted[address]:
            adjoints[address * rows : (address + 1) * rows] = _ONE if address == output else _ZERO
    for back in range(count):
        node = count - 1 - back
        opcode, a, b = program[node, 0], program[node, 1], program[node, 2]
        if not wanted[terminals + node]:
            continue
        for operand in range(ARITIES[opcode]):
            if wanted[a if operand == 0 else b]:
                _pass_back(
                    MAX_ARITY * opcode + operand,
                    rows,
                    values,
                    adjoints,
                    uint64((a if operand == 0 else b) * rows),
                    uint64(a * rows),
                    uint64(b * rows),
                    uint64((terminals + node) * rows),
                )
