"""Active graphs in compiled code: their hash, whether two are equal, what they cost, and whether
they keep nesting constraints."""

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing, njit
from srnet.cgp.primitives import ARITIES, OPCODES
from srnet.cgp.program import Program


@njit(cache=True, nogil=True, forceinline=True)
def hash_graph(program, count, output):  # type: ignore[no-untyped-def]
    """FNV-1a of an active graph."""
    state = uint64(0xCBF29CE484222325) ^ uint64(output)
    for node in range(count):
        for column in range(3):
            state = (state ^ uint64(program[node, column])) * uint64(0x100000001B3)
    return state ^ (state >> uint64(29))


@njit(cache=True, nogil=True, forceinline=True)
def same_graph(first, second, count):  # type: ignore[no-untyped-def]
    for node in range(count):
        for column in range(3):
            if first[node, column] != second[node, column]:
                return False
    return True


@borrowing()
def cost_of_graph(program, count, costs):  # type: ignore[no-untyped-def]
    """What the nodes of an active graph cost, by their opcodes."""
    total = np.int64(0)
    for node in range(count):
        total += costs[program[node, 0]]
    return total


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
