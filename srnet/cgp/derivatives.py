"""Derivatives of an active graph by each of its terminals, row by row: one sweep from the output
back."""

import numpy as np
from numba import uint64

from srnet.cgp.compiling import borrowing
from srnet.cgp.genome import ARITIES
from srnet.cgp.primitives import OPCODES
from srnet.cgp.vector_math import cos32, sin32

_ADD, _SUB, _MUL, _DIV = OPCODES["add"], OPCODES["sub"], OPCODES["mul"], OPCODES["div"]
_SQRT, _SQUARE, _LN = OPCODES["sqrt"], OPCODES["square"], OPCODES["ln"]
_SIN, _COS, _TAN = OPCODES["sin"], OPCODES["cos"], OPCODES["tan"]
_PDIV, _PSQRT, _PLN = OPCODES["pdiv"], OPCODES["psqrt"], OPCODES["pln"]

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


# IEEE divisions, so that the derivative at a pole is infinite or NaN; that of the protected ones is
# 0 where they are not smooth.
@borrowing(error_model="numpy", fastmath={"contract"})
def pass_back(opcode, values, adjoints, operand, a, b, out, rows):  # type: ignore[no-untyped-def]
    """Add the derivative by one operand (0, 1) of a node, times the node's own, to the operand's;
    offsets into ``values``."""
    n = uint64(rows)
    to = a if operand == 0 else b
    if opcode == _ADD or (opcode == _SUB and operand == 0):
        for i in range(n):
            adjoints[to + i] += adjoints[out + i]
    elif opcode == _SUB:
        for i in range(n):
            adjoints[to + i] -= adjoints[out + i]
    elif opcode == _MUL:
        other = b if operand == 0 else a
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] * values[other + i]
    elif opcode == _DIV and operand == 0:
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] / values[b + i]
    elif opcode == _DIV:
        for i in range(n):
            adjoints[to + i] -= adjoints[out + i] * values[out + i] / values[b + i]
    elif opcode == _SQRT:
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] * _HALF / values[out + i]
    elif opcode == _SQUARE:
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] * (values[a + i] + values[a + i])
    elif opcode == _LN:
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] / values[a + i]
    elif opcode == _SIN:
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] * cos32(values[a + i])
    elif opcode == _COS:
        for i in range(n):
            adjoints[to + i] -= adjoints[out + i] * sin32(values[a + i])
    elif opcode == _TAN:
        for i in range(n):
            adjoints[to + i] += adjoints[out + i] * (_ONE + values[out + i] * values[out + i])
    elif opcode == _PDIV:
        for i in range(n):
            share = adjoints[out + i] if operand == 0 else -adjoints[out + i] * values[out + i]
            quotient = share / values[b + i]
            adjoints[to + i] += quotient if values[b + i] != _ZERO else _ZERO
    elif opcode == _PSQRT:
        for i in range(n):
            slope = adjoints[out + i] * _HALF / values[out + i]
            slope = slope if values[a + i] > _ZERO else -slope
            adjoints[to + i] += slope if values[a + i] != _ZERO else _ZERO
    elif opcode == _PLN:
        for i in range(n):
            slope = adjoints[out + i] / values[a + i]
            adjoints[to + i] += slope if values[a + i] != _ZERO else _ZERO


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
                pass_back(
                    opcode,
                    values,
                    adjoints,
                    operand,
                    uint64(a * rows),
                    uint64(b * rows),
                    uint64((terminals + node) * rows),
                    rows,
                )
