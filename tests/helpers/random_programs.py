"""Random formulas of any function set, without idle nodes."""

from collections.abc import Sequence

import numpy as np

from srnet.cgp.primitives import by_name
from srnet.cgp.program import Program


def random_program(
    seed: int, functions: Sequence[str], inputs: int = 2, size: int = 6, shared: bool = True
) -> Program:
    """A formula of at most ``size`` nodes and 3 constants; a tree where nodes are not shared."""
    rng = np.random.default_rng(seed)
    constants = rng.normal(0, 2, rng.integers(0, 4)).tolist()
    terminals = inputs + len(constants)
    nodes: list[tuple[str, tuple[int, ...]]] = []
    free: list[int] = []  # nodes that nothing reads yet
    for place in range(terminals, terminals + int(rng.integers(1, size + 1))):
        name = str(rng.choice(functions))
        operands = []
        for _ in range(by_name(name).arity):
            earlier = list(range(terminals)) + (list(range(terminals, place)) if shared else free)
            weights = np.array([3.0 if address in free else 1.0 for address in earlier])
            operand = int(rng.choice(earlier, p=weights / weights.sum()))
            operands.append(operand)
            if operand in free:
                free.remove(operand)
        nodes.append((name, tuple(operands)))
        free.append(place)
    return _active(inputs, constants, nodes)


def _active(
    inputs: int, constants: Sequence[float], nodes: Sequence[tuple[str, tuple[int, ...]]]
) -> Program:
    """The formula of the last node, with the constants and nodes that it reads."""
    terminals = inputs + len(constants)
    needed = {terminals + len(nodes) - 1}
    for place in reversed(range(len(nodes))):
        if terminals + place in needed:
            needed.update(nodes[place][1])
    kept = [address for address in range(terminals + len(nodes)) if address in needed]
    kept = [*range(inputs), *(address for address in kept if address >= inputs)]
    moved = {address: place for place, address in enumerate(kept)}
    return Program(
        inputs,
        tuple(c for i, c in enumerate(constants, inputs) if i in moved),
        tuple(
            (name, tuple(moved[operand] for operand in operands))
            for place, (name, operands) in enumerate(nodes, terminals)
            if place in moved
        ),
        len(kept) - 1,
    )
