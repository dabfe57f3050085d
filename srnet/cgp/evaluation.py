"""Active graphs evaluated in float32 on a block of rows, all values in one flat array."""

import math

import numpy as np
from numba import uint64

from srnet.cgp.compiling import njit
from srnet.cgp.primitives import OPCODES
from srnet.cgp.vector_math import cos32, ln32, sin32, tan32

_ADD, _SUB, _MUL, _DIV = OPCODES["add"], OPCODES["sub"], OPCODES["mul"], OPCODES["div"]
_SQRT, _SQUARE, _LN = OPCODES["sqrt"], OPCODES["square"], OPCODES["ln"]
_SIN, _COS, _TAN = OPCODES["sin"], OPCODES["cos"], OPCODES["tan"]
_PDIV, _PSQRT, _PLN = OPCODES["pdiv"], OPCODES["psqrt"], OPCODES["pln"]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


# uint64 offsets: Numba then emits no wrap-around test for negative indices, and LLVM vectorises the
# loops.
@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def apply_primitive(opcode, values, a, b, out, count):  # type: ignore[no-untyped-def]
    """values[out:out+count] = primitive(values[a:a+count], values[b:b+count])."""
    n = uint64(count)
    if opcode == _ADD:
        for i in range(n):
            values[out + i] = values[a + i] + values[b + i]
    elif opcode == _SUB:
        for i in range(n):
            values[out + i] = values[a + i] - values[b + i]
    elif opcode == _MUL:
        for i in range(n):
            values[out + i] = values[a + i] * values[b + i]
    elif opcode == _DIV:
        for i in range(n):
            values[out + i] = values[a + i] / values[b + i]
    elif opcode == _SQRT:
        for i in range(n):
            values[out + i] = math.sqrt(values[a + i])
    elif opcode == _SQUARE:
        for i in range(n):
            values[out + i] = values[a + i] * values[a + i]
    elif opcode == _LN:
        for i in range(n):
            values[out + i] = ln32(values[a + i])
    elif opcode == _SIN:
        for i in range(n):
            values[out + i] = sin32(values[a + i])
    elif opcode == _COS:
        for i in range(n):
            values[out + i] = cos32(values[a + i])
    elif opcode == _TAN:
        for i in range(n):
            values[out + i] = tan32(values[a + i])
    elif opcode == _PDIV:
        for i in range(n):
            quotient = values[a + i] / values[b + i]
            values[out + i] = quotient if values[b + i] != _ZERO else _ONE
    elif opcode == _PSQRT:
        for i in range(n):
            values[out + i] = math.sqrt(abs(values[a + i]))
    elif opcode == _PLN:
        for i in range(n):
            logarithm = ln32(abs(values[a + i]))
            values[out + i] = logarithm if values[a + i] != _ZERO else _ZERO


@njit(cache=True, nogil=True, inline="always")
def _offset(address, inputs, terminals, rows, start, constants_at, block_rows):  # type: ignore[no-untyped-def]
    """Where an operand's values for the block that begins at row ``start`` lie."""
    if address < inputs:
        return uint64(address * rows + start)
    # constants and nodes lie one behind the other in the thread's region
    return uint64(constants_at + (address - inputs) * block_rows)


@njit(cache=True, nogil=True, forceinline=True)
def evaluate_block(  # type: ignore[no-untyped-def]
    program, count, output, values, inputs, terminals, rows, start, stop, constants_at, block_rows
):
    """Evaluate the active nodes on the rows ``start`` … ``stop``; the offset of the output's
    values."""
    for node in range(count):
        a = _offset(program[node, 1], inputs, terminals, rows, start, constants_at, block_rows)
        b = _offset(program[node, 2], inputs, terminals, rows, start, constants_at, block_rows)
        out = _offset(terminals + node, inputs, terminals, rows, start, constants_at, block_rows)
        apply_primitive(program[node, 0], values, a, b, out, stop - start)
    return _offset(output, inputs, terminals, rows, start, constants_at, block_rows)
