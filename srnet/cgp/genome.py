"""The chromosome of NNCGP: its grid, its genes, mutation and the decoding of its active nodes (Luo
et al. 2022, section 3).

A chromosome is a vector of integers: for every node of the grid, column by column, one function
gene and ``MAX_ARITY`` input genes, then one output gene. An input gene is an address: the layer's
inputs first, then the constants, then the nodes of earlier columns (levels-back is unlimited).

Random numbers are counter-based: the draw for one gene is a hash of (seed, generation, layer,
offspring, gene). An offspring's gene can therefore be computed when, and only when, it is looked
at; inactive genes of losing offspring never are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import njit
from srnet.cgp.function_table import load
from srnet.cgp.primitives import (
    ARITIES,
    COMMUTES,
    MAX_ARITY,
    OPCODES,
    by_name,
    by_opcode,
    function_set,
)
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.validation import Count, Integer, validate

GENES_PER_NODE = 1 + MAX_ARITY
Genes = NDArray[np.int32]


@dataclass(frozen=True)
class Grid:
    """The shape of a chromosome: ``inputs`` values of the previous layer, ``constants``, rows ×
    cols function nodes.

    Raises
    ------
    UserError
        If a size is not positive or a primitive unknown.
    """

    inputs: Count
    constants: Annotated[int, Integer(0)]
    rows: Count
    cols: Count
    functions: tuple[str, ...]

    def __post_init__(self) -> None:
        validate(self)
        function_set(self.functions)

    @property
    def terminals(self) -> int:
        """Inputs and constants."""
        return self.inputs + self.constants

    @property
    def nodes(self) -> int:
        """Function nodes."""
        return self.rows * self.cols

    @property
    def genes(self) -> int:
        """Length of the chromosome."""
        return self.nodes * GENES_PER_NODE + 1

    def opcodes(self) -> NDArray[np.int64]:
        """The kernel's opcode of every function allele; the kernel can then evaluate them."""
        for name in self.functions:
            load(name)
        return np.array([OPCODES[name] for name in self.functions], dtype=np.int64)

    def unary_opcodes(self) -> NDArray[np.int64]:
        """The kernel's opcodes of the unary functions."""
        return np.array(
            [OPCODES[name] for name in self.functions if by_name(name).arity == 1], dtype=np.int64
        )

    def alleles(self) -> NDArray[np.int64]:
        """For every gene, the number of admissible alleles 0 … n-1."""
        counts = np.empty(self.genes, dtype=np.int64)
        for node in range(self.nodes):
            first = node * GENES_PER_NODE
            counts[first] = len(self.functions)
            counts[first + 1 : first + GENES_PER_NODE] = (
                self.terminals + (node // self.rows) * self.rows
            )
        counts[-1] = self.terminals + self.nodes
        return counts

    def check(self, genes: Sequence[int]) -> Genes:
        """Genes read from a file, as an array.

        Raises
        ------
        UserError
            If the length is wrong or an allele is out of its range.
        """
        array = np.asarray(genes)
        if array.shape != (self.genes,) or array.dtype.kind != "i":
            raise UserError(
                f"a chromosome has {array.size} genes of type {array.dtype}; {self.genes} "
                f"integers are needed"
            )
        if (array < 0).any() or (array >= self.alleles()).any():
            raise UserError(
                f"gene {int(np.argmax((array < 0) | (array >= self.alleles())))} of a chromosome "
                f"is out of its range"
            )
        return array.astype(np.int32)

    def program(self, genes: Genes, constants: Sequence[float]) -> Program:
        """The active graph of a chromosome: its nodes in order, renumbered."""
        out = np.empty((self.nodes, 3), dtype=np.int32)
        scratch = np.empty((self.nodes, 4), dtype=np.int32)
        count, output = decode(
            genes,
            self.alleles(),
            np.uint64(0),
            np.uint64(0),
            self.opcodes(),
            self.terminals,
            out,
            scratch,
        )
        nodes = []
        for opcode, a, b in out[:count].tolist():
            primitive = by_opcode(opcode)
            nodes.append((primitive.name, (a, b)[: primitive.arity]))
        return Program(self.inputs, tuple(float(c) for c in constants), tuple(nodes), int(output))


@njit(cache=True, nogil=True, forceinline=True)
def mix(state):  # type: ignore[no-untyped-def]
    """The finaliser of SplitMix64: 64 well-mixed bits of a 64-bit counter (Steele, Lea, Flood
    2014)."""
    state = uint64(state)
    state = (state ^ (state >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> uint64(27))) * uint64(0x94D049BB133111EB)
    return state ^ (state >> uint64(31))


@njit(cache=True, nogil=True, forceinline=True)
def stream(seed, generation, layer, offspring):  # type: ignore[no-untyped-def]
    """The key of one offspring's random numbers."""
    key = mix(uint64(seed) + uint64(0x9E3779B97F4A7C15))
    key = mix(key ^ (uint64(generation) + uint64(0x9E3779B97F4A7C15)))
    key = mix(key ^ ((uint64(layer) << uint64(32)) | uint64(offspring)))
    return key


@njit(cache=True, nogil=True, forceinline=True)
def draw(key, counter):  # type: ignore[no-untyped-def]
    """The ``counter``-th 64 random bits of a stream."""
    return mix(uint64(key) + (uint64(counter) + uint64(1)) * uint64(0x9E3779B97F4A7C15))


@njit(cache=True, nogil=True)
def threshold(probability):  # type: ignore[no-untyped-def]
    """A probability as the bound of a 32-bit draw."""
    return uint64(probability * 4294967296.0)


@njit(cache=True, nogil=True, forceinline=True)
def mutated_gene(parent, alleles, key, bound, gene):  # type: ignore[no-untyped-def]
    """One gene of an offspring: with the probability of ``bound``, uniform over the other
    admissible alleles."""
    current = parent[gene]
    if bound == uint64(0):
        return current
    bits = draw(key, gene)
    if (bits >> uint64(32)) >= bound or alleles[gene] < 2:
        return current
    other = np.int32(((bits & uint64(0xFFFFFFFF)) * uint64(alleles[gene] - 1)) >> uint64(32))
    return other + np.int32(1) if other >= current else other


@njit(cache=True, nogil=True)
def mutate(parent, alleles, key, bound):  # type: ignore[no-untyped-def]
    """The whole offspring that ``decode`` sees lazily."""
    genes = np.empty_like(parent)
    for gene in range(parent.size):
        genes[gene] = mutated_gene(parent, alleles, key, bound, gene)
    return genes


@njit(cache=True, nogil=True)
def random_genes(alleles, key):  # type: ignore[no-untyped-def]
    """A chromosome drawn uniformly."""
    genes = np.empty(alleles.size, dtype=np.int32)
    for gene in range(alleles.size):
        genes[gene] = np.int32(
            ((draw(key, gene) >> uint64(32)) * uint64(alleles[gene])) >> uint64(32)
        )
    return genes


@njit(cache=True, nogil=True)
def random_normals(count, key):  # type: ignore[no-untyped-def]
    """``count`` draws from N(0, 1) by Box and Muller, rounded to float32 so that kernel and formula
    share them."""
    values = np.empty(count, dtype=np.float64)
    for i in range(count):
        u = (float(draw(key, 2 * i) >> uint64(11)) + 1.0) / 9007199254740992.0
        v = float(draw(key, 2 * i + 1) >> uint64(11)) / 9007199254740992.0
        values[i] = np.float64(np.float32(np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * v)))
    return values


@njit(cache=True, nogil=True, forceinline=True)
def decode(parent, alleles, key, bound, opcodes, terminals, program, scratch):  # type: ignore[no-untyped-def]
    """Write the active nodes of an offspring of ``parent`` to ``program``; only active genes are
    looked at.

    Returns
    -------
    count, output
        The number of active nodes, and the output's address among terminals and active nodes.
    """
    output = mutated_gene(parent, alleles, key, bound, parent.size - 1)
    if output < terminals:
        return 0, output
    last = output - terminals
    for node in range(last + 1):
        scratch[node, 0] = -1  # -1: inactive
    scratch[last, 0] = 0
    for node in range(last, -1, -1):
        if scratch[node, 0] < 0:
            continue
        first = node * GENES_PER_NODE
        opcode = opcodes[mutated_gene(parent, alleles, key, bound, first)]
        scratch[node, 0] = opcode
        for operand in range(ARITIES[opcode]):
            address = mutated_gene(parent, alleles, key, bound, first + 1 + operand)
            scratch[node, 1 + operand] = address
            if address >= terminals:
                scratch[address - terminals, 0] = 0
    count = 0
    for node in range(last + 1):
        opcode = scratch[node, 0]
        if opcode < 0:
            continue
        program[count, 0] = opcode
        program[count, 2] = 0
        for operand in range(ARITIES[opcode]):
            address = scratch[node, 1 + operand]
            program[count, 1 + operand] = (
                address if address < terminals else terminals + scratch[address - terminals, 3]
            )
        if COMMUTES[opcode] and program[count, 1] > program[count, 2]:
            # the same value to the last bit; in one order, equal graphs are seen as equal
            program[count, 1], program[count, 2] = program[count, 2], program[count, 1]
        scratch[node, 3] = count
        count += 1
    return count, terminals + count - 1
