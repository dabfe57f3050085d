"""Active graphs evaluated in float32 on a block of rows, all values in one flat array."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba import uint64

from srnet.cgp import vector_math
from srnet.cgp.compiling import njit
from srnet.cgp.function_table import call_value
from srnet.cgp.primitives import INLINED, PRIMITIVES


def compile_cases(
    name: str, parameters: str, cases: Mapping[int, tuple[Callable[..., Any], str]], other: Any
) -> Any:
    """A compiled function of (case, rows, parameters) that loops over the rows as the case says.

    Numba cannot choose among functions, and a call through a pointer would hide them from LLVM,
    which could not vectorise the loops. The comparisons are therefore written as source; it passes
    for a part of this file, since Numba's cache asks for one.

    Parameters
    ----------
    name
        The function's, in the cache.
    parameters
        Their names, separated by commas. Offsets are uint64: Numba then emits no wrap-around test
        for negative indices, and LLVM vectorises the loops.
    cases
        For each case a function, and the statement for row ``i`` that calls it: ``{f}(m, …)``,
        where m is :mod:`srnet.cgp.vector_math`.
    other
        What is called for every other case, with the same arguments.
    """
    names: dict[str, Any] = {"__name__": __name__, "m": vector_math, "uint64": uint64}
    names["other"] = other
    branches = []
    for case, (function, statement) in cases.items():
        names[f"f{case}"] = njit(cache=False, inline="always")(function)
        branches.append(
            f"if case == {case}:\n"
            f"        for i in range(n):\n"
            f"            {statement.format(f=f'f{case}')}\n"
        )
    head = f"def {name}(case, rows, {parameters}):\n    n = uint64(rows)\n    "
    branches.append(f"se:\n        other(case, rows, {parameters})\n")
    exec(compile(head + "    el".join(branches), __file__, "exec"), names)
    return njit(forceinline=True, error_model="numpy", fastmath={"contract"})(names[name])


_STATEMENTS = {
    1: "values[out + i] = {f}(m, values[a + i])",
    2: "values[out + i] = {f}(m, values[a + i], values[b + i])",
}

# values[out:out+rows] = primitive(values[a:a+rows], values[b:b+rows]); the case is the opcode.
apply_primitive = compile_cases(
    "apply_primitive",
    "values, a, b, out",
    {
        opcode: (primitive.value, _STATEMENTS[primitive.arity])
        for opcode, primitive in enumerate(PRIMITIVES[:INLINED])
    },
    call_value,
)


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
        apply_primitive(np.int64(program[node, 0]), stop - start, values, a, b, out)
    return _offset(output, inputs, terminals, rows, start, constants_at, block_rows)
