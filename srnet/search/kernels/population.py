"""The offspring of one layer's chromosome in compiled code: drawn, decoded, told apart, evaluated.

All float32 values lie in one flat array: the columns that formulas read, then, for every thread,
the constants and the nodes' values on one block of rows. Operands are offsets into it, so no array
is made while formulas are evaluated.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing
from srnet.cgp.evaluation import evaluate_block
from srnet.cgp.genome import decode, stream
from srnet.cgp.graph import breaks_nesting, hash_graph, same_graph


class Layer(NamedTuple):
    """How the chromosomes of one layer are drawn, decoded and evaluated in one thread.

    Attributes
    ----------
    number, seed
        Of the layer and of the run: the keys of the random numbers.
    alleles, opcodes
        Of the genome, see :class:`srnet.cgp.genome.Grid`.
    inputs, terminals
        Addresses below ``inputs`` are columns, those from there to ``terminals`` constants, the
        others nodes.
    values
        The columns, each ``rows`` long, then the threads' constants and nodes, each ``block_rows``
        long.
    constants_at
        Where the thread's constants begin in ``values``.
    """

    number: int
    seed: int
    alleles: NDArray[np.int64]
    opcodes: NDArray[np.int64]
    inputs: int
    terminals: int
    values: NDArray[np.float32]
    rows: int
    constants_at: int
    block_rows: int


class Share(NamedTuple):
    """One thread's share of a generation: the offspring ``first`` … ``last`` - 1 of a parent.

    ``mutation`` is the probability of a gene's mutation as the bound of a 32-bit draw. Of offspring
    whose loss exceeds ``limit`` nothing is wanted.
    """

    parent: NDArray[np.int32]
    generation: int
    first: int
    last: int
    mutation: np.uint64
    limit: float


class Population(NamedTuple):
    """The active graphs of a share's offspring.

    Attributes
    ----------
    programs, counts, outputs
        By offspring: the active nodes (opcode and two operands each), their number, the output's
        address.
    table
        Offspring by the hash of their graph, -1 where a place is free; a power of two, at least
        twice as many as offspring.
    nodes
        Scratch of decoding.
    """

    programs: NDArray[np.int32]
    counts: NDArray[np.int64]
    outputs: NDArray[np.int64]
    table: NDArray[np.int64]
    nodes: NDArray[np.int32]

    @classmethod
    def empty(cls, offspring: int, nodes: int) -> "Population":
        """For so many offspring of chromosomes of so many nodes."""
        return cls(
            np.zeros((offspring, nodes, 3), np.int32),
            np.zeros(offspring, np.int64),
            np.zeros(offspring, np.int64),
            np.zeros(1 << (2 * offspring).bit_length(), np.int64),
            np.zeros((nodes, 4), np.int32),
        )


class Nesting(NamedTuple):
    """The nesting constraints of a share's offspring.

    A tuple of its own: with its arrays in those that every kernel takes, the search of a layer took
    1.6 times as long.

    Attributes
    ----------
    limits
        Of :func:`srnet.cgp.nesting.nesting_limits`.
    refused
        By offspring: whether it breaks them.
    depths
        Scratch of this check.
    """

    limits: NDArray[np.int64]
    refused: NDArray[np.bool_]
    depths: NDArray[np.int64]

    @classmethod
    def empty(cls, limits: NDArray[np.int64], offspring: int, nodes: int) -> "Nesting":
        """For so many offspring of chromosomes of so many nodes."""
        return cls(limits, np.zeros(offspring, np.bool_), np.zeros(nodes, np.int64))


@borrowing()
def decode_offspring(layer: Any, share: Any, population: Any) -> None:
    """Draw the offspring of a share and decode their active nodes."""
    for offspring in range(share.last - share.first):
        key = stream(layer.seed, share.generation, layer.number, share.first + offspring)
        population.counts[offspring], population.outputs[offspring] = decode(
            share.parent,
            layer.alleles,
            key,
            share.mutation,
            layer.opcodes,
            layer.terminals,
            population.programs[offspring],
            population.nodes,
        )


@borrowing()
def refuse_offspring(size: Any, layer: Any, population: Any, nesting: Any) -> None:
    """Note which of the decoded offspring break the nesting constraints."""
    if nesting.limits.shape[0] == 0:
        return
    for offspring in range(size):
        nesting.refused[offspring] = breaks_nesting(
            population.programs[offspring],
            population.counts[offspring],
            layer.terminals,
            nesting.limits,
            nesting.depths,
        )


@borrowing()
def forget_graphs(population: Any) -> None:
    """Empty the table of graphs."""
    for place in range(population.table.size):
        population.table[place] = -1


@borrowing()
def is_repeated(population: Any, offspring: Any) -> Any:
    """Whether an earlier offspring has the same active graph; if not, this one is entered in the
    table."""
    programs, counts, outputs = population.programs, population.counts, population.outputs
    program, count, output = programs[offspring], counts[offspring], outputs[offspring]
    last = uint64(population.table.size - 1)
    place = hash_graph(program, count, output) & last
    while population.table[place] >= 0:
        other = population.table[place]
        if (
            counts[other] == count
            and outputs[other] == output
            and same_graph(programs[other], program, count)
        ):
            return True
        place = (place + uint64(1)) & last
    population.table[place] = offspring
    return False


@borrowing()
def evaluate(layer: Any, population: Any, offspring: Any, start: Any, stop: Any) -> Any:
    """Evaluate one offspring on the rows ``start`` … ``stop`` - 1; where its values lie."""
    return evaluate_block(
        population.programs[offspring],
        population.counts[offspring],
        population.outputs[offspring],
        layer.values,
        layer.inputs,
        layer.terminals,
        layer.rows,
        start,
        stop,
        layer.constants_at,
        layer.block_rows,
    )
