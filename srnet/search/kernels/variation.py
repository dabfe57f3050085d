"""How the joint search varies a composite: changes of genes, nodes and constants of one layer's
chromosome."""

import math

import numpy as np
from numba import uint64

from srnet.cgp.compiling import borrowing
from srnet.cgp.genome import ARITIES, GENES_PER_NODE, draw
from srnet.search.kernels.composite_kernel import (
    CONSTANTS,
    CONSTANTS_AT,
    DRAWS,
    GENES,
    GENES_AT,
    INPUTS,
    active_constants,
    decode_layer,
)

# The constants with which add and mul change nothing.
_NEUTRAL = np.array([0.0, 1.0])


@borrowing()
def uniform(lineage):  # type: ignore[no-untyped-def]
    """The next draw from [0, 1)."""
    bits = draw(lineage.key[0], lineage.counters[DRAWS])
    lineage.counters[DRAWS] += 1
    return float(bits >> uint64(11)) / 9007199254740992.0


@borrowing()
def below(n, lineage):  # type: ignore[no-untyped-def]
    """The next draw from 0 … n-1."""
    bits = draw(lineage.key[0], lineage.counters[DRAWS])
    lineage.counters[DRAWS] += 1
    return np.int64(((bits >> uint64(32)) * uint64(n)) >> uint64(32))


@borrowing()
def normal(lineage):  # type: ignore[no-untyped-def]
    """The next draw from N(0, 1)."""
    u, v = uniform(lineage), uniform(lineage)
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)


@borrowing()
def mutate_gene(layer, genes, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Change random genes of the chromosome decoded last, one by one, until an active one has
    changed (Goldman & Punch 2013)."""
    at, size = problem.table[layer, GENES_AT], problem.table[layer, GENES]
    last = genes[at + size - 1] - problem.table[layer, INPUTS] - problem.table[layer, CONSTANTS]
    while True:
        gene = below(size, lineage)
        alleles = problem.alleles[at + gene]
        if alleles < 2:
            continue
        other = below(alleles - 1, lineage)
        genes[at + gene] = other + 1 if other >= genes[at + gene] else other
        if gene == size - 1:
            return
        node = gene // GENES_PER_NODE
        if (
            node <= last
            and scratch.nodes[node, 0] >= 0
            and gene % GENES_PER_NODE <= ARITIES[scratch.nodes[node, 0]]
        ):
            return


@borrowing()
def active_edge(layer, genes, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """A random gene through which the graph decoded last reads a value: an active node's operand or
    the output."""
    size, terminals = (
        problem.table[layer, GENES],
        problem.table[layer, INPUTS] + problem.table[layer, CONSTANTS],
    )
    last = genes[problem.table[layer, GENES_AT] + size - 1] - terminals
    while True:
        gene = below(size, lineage)
        node, part = gene // GENES_PER_NODE, gene % GENES_PER_NODE
        if gene == size - 1:
            return gene
        if (
            part > 0
            and node <= last
            and scratch.nodes[node, 0] >= 0
            and part <= ARITIES[scratch.nodes[node, 0]]
        ):
            return gene


@borrowing()
def idle_constant(layer, found, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """One of a layer's constants that none of its active nodes reads, or -1; ``found`` in
    ``scratch.slots`` are read."""
    at, size = problem.table[layer, CONSTANTS_AT], problem.table[layer, CONSTANTS]
    if found >= size:
        return -1
    first = below(size, lineage)
    for step in range(size):
        slot = at + (first + step) % size
        idle = True
        for k in range(found):
            idle &= scratch.slots[k] != slot
        if idle:
            return slot
    return -1


@borrowing()
def insert_node(layer, found, genes, constants, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Put an inactive node on an edge of the graph decoded last; whether there was room.

    Half of the time it adds zero or multiplies by one, a constant of its own that can then be
    fitted.
    """
    at, size = problem.table[layer, GENES_AT], problem.table[layer, GENES]
    inputs = problem.table[layer, INPUTS]
    terminals = inputs + problem.table[layer, CONSTANTS]
    nodes = (size - 1) // GENES_PER_NODE
    edge = at + active_edge(layer, genes, problem, lineage, scratch)
    value, last = genes[edge], genes[at + size - 1] - terminals
    first = below(nodes, lineage)
    for step in range(nodes):
        node = (first + step) % nodes
        function = at + node * GENES_PER_NODE
        active = node <= last and scratch.nodes[node, 0] >= 0
        # the reader's column must be a later one than the node's, and the node's a later one than
        # the value's
        if (
            active
            or terminals + node >= problem.alleles[edge]
            or value >= problem.alleles[function + 1]
        ):
            continue
        kind = below(2, lineage)
        slot = (
            idle_constant(layer, found, problem, lineage, scratch) if uniform(lineage) < 0.5 else -1
        )
        if slot >= 0 and problem.neutral[kind] >= 0:
            genes[function] = problem.neutral[kind]
            genes[function + 1], genes[function + 2] = (
                value,
                inputs + slot - problem.table[layer, CONSTANTS_AT],
            )
            constants[slot] = _NEUTRAL[kind]
        else:
            genes[function] = below(problem.alleles[function], lineage)
            other = below(
                terminals if uniform(lineage) < 0.5 else problem.alleles[function + 1], lineage
            )
            if ARITIES[problem.opcodes[genes[function]]] == 1 or kind == 0:
                genes[function + 1], genes[function + 2] = value, other
            else:
                genes[function + 1], genes[function + 2] = other, value
        genes[edge] = terminals + node
        return True
    return False


@borrowing()
def delete_node(layer, count, genes, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Let what reads an active node of the graph decoded last read one of its operands instead;
    whether there was a node."""
    at, size = problem.table[layer, GENES_AT], problem.table[layer, GENES]
    terminals = problem.table[layer, INPUTS] + problem.table[layer, CONSTANTS]
    if count == 0:
        return False
    left = below(count, lineage)
    node = -1
    while left >= 0:
        node += 1
        left -= 1 if scratch.nodes[node, 0] >= 0 else 0
    value = genes[at + node * GENES_PER_NODE + 1 + below(ARITIES[scratch.nodes[node, 0]], lineage)]
    for gene in range(at + (node + 1) * GENES_PER_NODE, at + size):
        part = (gene - at) % GENES_PER_NODE
        if (part > 0 or gene == at + size - 1) and genes[gene] == terminals + node:
            genes[gene] = value
    return True


@borrowing()
def mutate_constant(slot, constants, lineage):  # type: ignore[no-untyped-def]
    """Move a constant on a random scale, or, seldom, draw it anew."""
    kind = uniform(lineage)
    if kind < 0.1:
        value = normal(lineage)
    elif kind < 0.55:
        value = constants[slot] * (1.0 + normal(lineage) * 10.0 ** (-3.0 * uniform(lineage)))
    else:
        value = constants[slot] + normal(lineage) * 10.0 ** (0.5 - 3.5 * uniform(lineage))
    # as the kernel reads it, so that formula and kernel share it
    constants[slot] = np.float64(np.float32(value))


@borrowing()
def vary_layer(layer, genes, constants, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Change one layer's chromosome once or more often; whether its graph may have changed."""
    structure = False
    while True:
        count, output = decode_layer(layer, problem, genes, scratch)
        found = active_constants(layer, count, output, problem, scratch)
        if found > 0 and uniform(lineage) < problem.constant:
            mutate_constant(scratch.slots[below(found, lineage)], constants, lineage)
        else:
            structure = True
            done = False
            if uniform(lineage) < problem.restructure:
                if uniform(lineage) < 0.5:
                    done = insert_node(layer, found, genes, constants, problem, lineage, scratch)
                else:
                    done = delete_node(layer, count, genes, problem, lineage, scratch)
            if not done:
                mutate_gene(layer, genes, problem, lineage, scratch)
        if uniform(lineage) >= problem.again:
            return structure
