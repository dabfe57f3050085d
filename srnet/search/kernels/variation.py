"""How the joint search varies a composite: changes of genes, nodes and constants of one layer's
chromosome."""

import numpy as np
from numba import uint64

from srnet.cgp.compiling import borrowing
from srnet.cgp.genome import GENES_PER_NODE, draw
from srnet.cgp.primitives import ARITIES
from srnet.search.kernels.composite_kernel import active_constants, decode_layer
from srnet.search.kernels.composites import CONSTANTS, CONSTANTS_AT, GENES, GENES_AT, INPUTS

# Probabilities: that a node is inserted or deleted where otherwise an active gene would be changed;
# that another change of the same chromosome follows.
_RESTRUCTURE = 0.5
_ANOTHER_CHANGE = 0.6
# The constants with which add and mul change nothing.
_NEUTRAL = np.array([0.0, 1.0])


@borrowing()
def uniform(random):  # type: ignore[no-untyped-def]
    """The next draw from [0, 1)."""
    bits = draw(random[0], random[1])
    random[1] += uint64(1)
    return float(bits >> uint64(11)) / 9007199254740992.0


@borrowing()
def below(n, random):  # type: ignore[no-untyped-def]
    """The next draw from 0 … n-1."""
    bits = draw(random[0], random[1])
    random[1] += uint64(1)
    return np.int64(((bits >> uint64(32)) * uint64(n)) >> uint64(32))


@borrowing()
def mutate_gene(layer, genes, layout, graph, random):  # type: ignore[no-untyped-def]
    """Change random genes of the chromosome decoded last, one by one, until an active one has
    changed (Goldman & Punch 2013)."""
    at, size = layout.table[layer, GENES_AT], layout.table[layer, GENES]
    last = genes[at + size - 1] - layout.table[layer, INPUTS] - layout.table[layer, CONSTANTS]
    while True:
        gene = below(size, random)
        alleles = layout.alleles[at + gene]
        if alleles < 2:
            continue
        other = below(alleles - 1, random)
        genes[at + gene] = other + 1 if other >= genes[at + gene] else other
        if gene == size - 1:
            return
        node = gene // GENES_PER_NODE
        if (
            node <= last
            and graph.nodes[node, 0] >= 0
            and gene % GENES_PER_NODE <= ARITIES[graph.nodes[node, 0]]
        ):
            return


@borrowing()
def active_edge(layer, genes, layout, graph, random):  # type: ignore[no-untyped-def]
    """A random gene through which the graph decoded last reads a value: an active node's operand or
    the output."""
    size, terminals = (
        layout.table[layer, GENES],
        layout.table[layer, INPUTS] + layout.table[layer, CONSTANTS],
    )
    last = genes[layout.table[layer, GENES_AT] + size - 1] - terminals
    while True:
        gene = below(size, random)
        node, part = gene // GENES_PER_NODE, gene % GENES_PER_NODE
        if gene == size - 1:
            return gene
        if (
            part > 0
            and node <= last
            and graph.nodes[node, 0] >= 0
            and part <= ARITIES[graph.nodes[node, 0]]
        ):
            return gene


@borrowing()
def idle_constant(layer, found, layout, graph, random):  # type: ignore[no-untyped-def]
    """One of a layer's constants that none of its active nodes reads, or -1; ``found`` in
    ``graph.slots`` are read."""
    at, size = layout.table[layer, CONSTANTS_AT], layout.table[layer, CONSTANTS]
    if found >= size:
        return -1
    first = below(size, random)
    for step in range(size):
        slot = at + (first + step) % size
        idle = True
        for k in range(found):
            idle &= graph.slots[k] != slot
        if idle:
            return slot
    return -1


@borrowing()
def insert_node(layer, found, genes, constants, layout, graph, random):  # type: ignore[no-untyped-def]
    """Put an inactive node on an edge of the graph decoded last; whether there was room.

    Half of the time it adds zero or multiplies by one, a constant of its own that can then be
    fitted.
    """
    at, size = layout.table[layer, GENES_AT], layout.table[layer, GENES]
    inputs = layout.table[layer, INPUTS]
    terminals = inputs + layout.table[layer, CONSTANTS]
    nodes = (size - 1) // GENES_PER_NODE
    edge = at + active_edge(layer, genes, layout, graph, random)
    value, last = genes[edge], genes[at + size - 1] - terminals
    first = below(nodes, random)
    for step in range(nodes):
        node = (first + step) % nodes
        function = at + node * GENES_PER_NODE
        active = node <= last and graph.nodes[node, 0] >= 0
        # the reader's column must be a later one than the node's, and the node's a later one than
        # the value's
        if (
            active
            or terminals + node >= layout.alleles[edge]
            or value >= layout.alleles[function + 1]
        ):
            continue
        kind = below(2, random)
        slot = idle_constant(layer, found, layout, graph, random) if uniform(random) < 0.5 else -1
        if slot >= 0 and layout.neutral[kind] >= 0:
            genes[function] = layout.neutral[kind]
            genes[function + 1], genes[function + 2] = (
                value,
                inputs + slot - layout.table[layer, CONSTANTS_AT],
            )
            constants[slot] = _NEUTRAL[kind]
        else:
            genes[function] = below(layout.alleles[function], random)
            other = below(
                terminals if uniform(random) < 0.5 else layout.alleles[function + 1], random
            )
            if ARITIES[layout.opcodes[genes[function]]] == 1 or kind == 0:
                genes[function + 1], genes[function + 2] = value, other
            else:
                genes[function + 1], genes[function + 2] = other, value
        genes[edge] = terminals + node
        return True
    return False


@borrowing()
def delete_node(layer, count, genes, layout, graph, random):  # type: ignore[no-untyped-def]
    """Let what reads an active node of the graph decoded last read one of its operands instead;
    whether there was a node."""
    at, size = layout.table[layer, GENES_AT], layout.table[layer, GENES]
    terminals = layout.table[layer, INPUTS] + layout.table[layer, CONSTANTS]
    if count == 0:
        return False
    left = below(count, random)
    node = -1
    while left >= 0:
        node += 1
        left -= 1 if graph.nodes[node, 0] >= 0 else 0
    value = genes[at + node * GENES_PER_NODE + 1 + below(ARITIES[graph.nodes[node, 0]], random)]
    for gene in range(at + (node + 1) * GENES_PER_NODE, at + size):
        part = (gene - at) % GENES_PER_NODE
        if (part > 0 or gene == at + size - 1) and genes[gene] == terminals + node:
            genes[gene] = value
    return True


@borrowing(inline="always")
def vary_layer(layer, genes, constants, layout, graph, random):  # type: ignore[no-untyped-def]
    """Change one layer's chromosome once or more often."""
    while True:
        count, output = decode_layer(layer, layout, genes, graph)
        found = active_constants(layer, count, output, layout, graph)
        done = False
        if uniform(random) < _RESTRUCTURE:
            if uniform(random) < 0.5:
                done = insert_node(layer, found, genes, constants, layout, graph, random)
            else:
                done = delete_node(layer, count, genes, layout, graph, random)
        if not done:
            mutate_gene(layer, genes, layout, graph, random)
        if uniform(random) >= _ANOTHER_CHANGE:
            return
