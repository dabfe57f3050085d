"""The joint search climbs from a composite (preset ``joint``)."""

import math

import numpy as np
from numba import uint64

from srnet.cgp.compiling import borrowing, copy
from srnet.search.kernels.composite_kernel import (
    EVALUATIONS,
    adopt,
    copy_composite,
    evaluate_from,
    identify_layer,
    identity,
    remember,
)
from srnet.search.kernels.constants import polish
from srnet.search.kernels.variation import below, uniform, vary_layer


@borrowing()
def climb(budget, temperature, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Climb from the lineage's composite for ``budget`` chromosome evaluations, or a few more.

    An offspring changes one or two layers; it replaces the parent if it is no worse, or worse by a
    share of the fitness that is exponentially distributed about ``temperature``. Constants that fit
    one structure seldom fit another: where the structure is new and the offspring promising, it is
    judged after some steps of fitting its constants. Composites met of late are passed over without
    an evaluation.
    """
    layers = problem.table.shape[0]
    genes, constants = scratch.genes, scratch.constants
    end = lineage.counters[EVALUATIONS] + budget
    for _ in range(100 * budget):
        if lineage.counters[EVALUATIONS] >= end:
            break
        copy(lineage.genes, genes)
        copy(lineage.constants, constants)
        first = below(layers, lineage)
        second = first
        if layers > 1 and uniform(lineage) < problem.two_layers:
            second = (first + 1 + below(layers - 1, lineage)) % layers
        most = max(problem.max_complexity, lineage.counts.sum())
        copy(lineage.counts, scratch.counts)
        copy(lineage.names, scratch.names)
        structure = False
        for layer in range(layers):
            if layer in (first, second):
                structure |= vary_layer(layer, genes, constants, problem, lineage, scratch)
                identify_layer(layer, genes, constants, problem, scratch)
        complexity, name = identity(scratch)
        if complexity > most:
            continue
        slot = name & uint64(lineage.met.size - 1)
        if lineage.met[slot] == name:
            continue
        lineage.met[slot] = name
        accept = lineage.total[0]
        if temperature > 0.0:
            accept *= 1.0 - temperature * math.log(1.0 - uniform(lineage))
        # not good enough to go on from, but perhaps the best of its complexity
        limit = max(accept, lineage.archive[complexity])
        finite = lineage.total[0] < np.inf
        hope = (
            problem.promising * lineage.total[0]
            if structure and finite and problem.polish > 0
            else 0.0
        )
        total = evaluate_from(
            min(first, second) if finite else 0,
            genes,
            constants,
            problem,
            lineage,
            max(limit, hope),
            scratch,
        )
        if total < np.inf:
            remember(complexity, total, genes, constants, lineage)
            if total <= accept:
                adopt(total, genes, constants, lineage, scratch)
            elif total <= hope:
                copy_composite(lineage, scratch.parent)
                adopt(total, genes, constants, lineage, scratch)
                polish(problem.polish, problem, lineage, scratch)
                if lineage.total[0] > accept:
                    copy_composite(scratch.parent, lineage)
