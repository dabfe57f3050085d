"""Hill climbing with simulated annealing from a composite (preset ``joint``)."""

import math

import numpy as np

from srnet.cgp.compiling import borrowing, copy
from srnet.cgp.graph import breaks_nesting, cost_of_graph
from srnet.search.kernels.composite_kernel import (
    adopt,
    copy_composite,
    decode_layer,
    entry_of,
    evaluate_from,
    remember,
)
from srnet.search.kernels.composites import CONSTANTS, INPUTS
from srnet.search.kernels.constants import fit_constants
from srnet.search.kernels.variation import below, uniform, vary_layer

# Probability that an offspring changes a second layer.
_SECOND_LAYER = 0.2
# An offspring is promising whose fitness is at most this times its parent's. Without a bound the
# fitness reached is a tenth worse.
_PROMISING = 1.5


@borrowing(inline="always")
def vary(composite, problem, random, scratch):  # type: ignore[no-untyped-def]
    """Write an offspring's genes, constants and complexities to ``scratch``; the first layer that
    was changed, -1 where it breaks the nesting constraints."""
    layout, graph, allowed = problem.layout, scratch.graph, True
    layers = layout.table.shape[0]
    copy(composite.genes, scratch.genes)
    copy(composite.constants, scratch.constants)
    copy(composite.complexities, scratch.complexities)
    first = below(layers, random)
    second = first
    if layers > 1 and uniform(random) < _SECOND_LAYER:
        second = (first + 1 + below(layers - 1, random)) % layers
    for layer in range(layers):
        if layer in (first, second):
            vary_layer(layer, scratch.genes, scratch.constants, layout, graph, random)
            count = decode_layer(layer, layout, scratch.genes, graph)[0]
            terminals = layout.table[layer, INPUTS] + layout.table[layer, CONSTANTS]
            allowed &= not breaks_nesting(
                graph.program, count, terminals, problem.nesting, graph.depths
            )
            scratch.complexities[layer] = cost_of_graph(graph.program, count, problem.costs)
    return min(first, second) if allowed else np.int64(-1)


@borrowing(inline="always")
def climb(budget, temperature, problem, climber, scratch):  # type: ignore[no-untyped-def]
    """Climb for ``budget`` chromosome evaluations, or a few more.

    An offspring changes one or two layers; it replaces the parent if it is no worse, or worse by a
    share of the fitness that is exponentially distributed about ``temperature``. Constants that fit
    one structure seldom fit another: a promising offspring that would be refused has its own fitted
    first.
    """
    composite, archive, trial = climber.composite, climber.archive, scratch.trial
    genes, constants = scratch.genes, scratch.constants
    end = scratch.evaluations[0] + budget
    # offspring that are refused unseen cost no evaluation, so their number is limited too
    for _ in range(100 * budget):
        if scratch.evaluations[0] >= end:
            break
        first = vary(composite, problem, climber.random, scratch)
        complexity, accepted = scratch.complexities.sum(), composite.total[0]
        if first < 0 or complexity > max(problem.max_complexity, composite.complexities.sum()):
            continue
        promising = _PROMISING * accepted if problem.constant_steps > 0 else 0.0
        if not accepted < np.inf:
            first = 0
        elif temperature > 0.0:
            accepted *= 1.0 - temperature * math.log(1.0 - uniform(climber.random))
        # not good enough to go on from, but perhaps the best of its complexity
        limit = max(accepted, promising, archive.totals[entry_of(complexity, archive)])
        total = evaluate_from(first, genes, constants, problem, composite, limit, scratch)
        if not total < np.inf:
            continue
        remember(complexity, total, genes, constants, archive)
        if total <= accepted:
            adopt(total, genes, constants, composite, scratch)
        elif total <= promising:
            copy_composite(composite, trial)
            adopt(total, genes, constants, trial, scratch)
            fit_constants(problem.constant_steps, problem, trial, scratch)
            remember(complexity, trial.total[0], trial.genes, trial.constants, archive)
            if trial.total[0] <= accepted:
                copy_composite(trial, composite)


@borrowing()
def improve(budget, temperature, steps, problem, climber, scratch):  # type: ignore[no-untyped-def]
    """Evaluate the climber's composite where it is new, climb from it for a budget of chromosome
    evaluations, and fit its constants in at most so many steps.

    The only function here that Python calls: to compile another one takes seconds.
    """
    composite, archive = climber.composite, climber.archive
    genes, constants, total = composite.genes, composite.constants, composite.total
    scratch.evaluations[0] = 0
    if not total[0] < np.inf:
        first = np.int64(0)  # for a literal, evaluate_from would be compiled once more
        found = evaluate_from(first, genes, constants, problem, composite, np.inf, scratch)
        if found < np.inf:
            adopt(found, genes, constants, composite, scratch)
            remember(composite.complexities.sum(), found, genes, constants, archive)
    climb(budget, temperature, problem, climber, scratch)
    if steps > 0 and total[0] < np.inf:
        fit_constants(steps, problem, composite, scratch)
        remember(composite.complexities.sum(), total[0], genes, constants, archive)
    climber.evaluations[0] += scratch.evaluations[0]
