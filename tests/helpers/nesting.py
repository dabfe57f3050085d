"""How often functions are inside one another, by following every path of a formula."""

from collections.abc import Iterator

from srnet.cgp.nesting import Constraints
from srnet.cgp.program import Program


def paths(program: Program, address: int) -> Iterator[tuple[str, ...]]:
    """The functions on every path from an address down to a terminal."""
    if address < program.terminals:
        yield ()
        return
    name, operands = program.nodes[address - program.terminals]
    for operand in operands:
        for path in paths(program, operand):
            yield (name, *path)


def keeps(program: Program, constraints: Constraints) -> bool:
    """Whether no path of a formula has an inner function too often below an outer one."""
    return all(
        path[i + 1 :].count(inner) <= times
        for path in paths(program, program.output)
        for i, name in enumerate(path)
        for outer, limits in constraints
        for inner, times in limits
        if name == outer
    )
