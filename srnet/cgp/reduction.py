"""Shorter versions of a formula: a node gives way to one of its operands, or an operand to a
constant."""

from srnet.cgp.costs import Costs, layer_complexity
from srnet.cgp.folding import fold_constants
from srnet.cgp.program import Program


def reductions(program: Program, costs: Costs = ()) -> list[Program]:
    """The formulas, each once, of a lower complexity; their constants are folded and need a new
    fit."""
    most = layer_complexity([program], costs)
    terminals = program.terminals
    found: dict[tuple[object, ...], Program] = {}
    for i, (_, operands) in enumerate(program.nodes):
        shorter = [_without(program, terminals + i, operand) for operand in sorted(set(operands))]
        if len(operands) == 2:
            shorter += [
                _with_constant(program, i, place)
                for place, operand in enumerate(operands)
                if not program.inputs <= operand < terminals
            ]
        for candidate in map(fold_constants, shorter):
            if candidate is not None and layer_complexity([candidate], costs) < most:
                shape = (candidate.nodes, candidate.output, len(candidate.constants))
                found.setdefault(shape, candidate)
    return list(found.values())


def _without(program: Program, node: int, operand: int) -> Program:
    """The address of an operand in the place of a node's."""
    nodes = tuple(
        (name, tuple(operand if address == node else address for address in operands))
        for name, operands in program.nodes
    )
    output = operand if program.output == node else program.output
    return Program(program.inputs, program.constants, nodes, output)


def _with_constant(program: Program, node: int, place: int) -> Program:
    """A new constant, 1, in the place of an operand."""
    new = program.terminals

    def moved(address: int) -> int:
        return address + 1 if address >= new else address

    nodes = [(name, [moved(address) for address in operands]) for name, operands in program.nodes]
    nodes[node][1][place] = new
    return Program(
        program.inputs,
        (*program.constants, 1.0),
        tuple((name, tuple(operands)) for name, operands in nodes),
        moved(program.output),
    )
