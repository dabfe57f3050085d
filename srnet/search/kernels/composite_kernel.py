"""The composites of the joint search, and the compiled kernel that scores them (preset ``joint``).

A composite is one chromosome per layer with its own constants. All layers lie in flat arrays;
``Problem.table`` holds a row per layer with the offsets and sizes named below. A layer's inputs are
the affine images wⱼ·f + bⱼ of the layer before, so only f, w and b are kept and the inputs that the
active nodes read are made on the fly.

Everything is evaluated on one block of rows: training rows, then validation rows. The target of a
classifier's output layer is one number per row, its class; its weights and biases are those of the
logits of all classes but the most frequent one.
"""

from typing import NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing, copy, owning
from srnet.cgp.evaluation import evaluate_block
from srnet.cgp.genome import ARITIES, decode, mix
from srnet.cgp.vector_math import float_bits
from srnet.search.kernels.class_kernel import LogisticWork, Points, cross_entropy
from srnet.search.kernels.sums import SUM_D, SUM_DD, accumulate, solve

# Columns of ``Problem.table``.
GENES_AT, GENES, CONSTANTS_AT, CONSTANTS, INPUTS, TARGET_AT, UNITS, WIDTH, BASIS_AT, MEAN_AT = (
    range(10)
)

# Fields of ``Lineage.counters``.
DRAWS, EVALUATIONS = range(2)

_NO_MUTATION = uint64(0)


class Problem(NamedTuple):
    """What all lineages of a run share."""

    table: NDArray[np.int64]  # layers × 10
    alleles: NDArray[np.int64]  # of every gene of every layer
    opcodes: NDArray[np.int64]
    x: NDArray[np.float32]  # the network's inputs, column after column
    targets: NDArray[np.float64]  # of every layer: units × rows, centred and projected
    sums_h: NDArray[np.float64]  # layers × 2 × units: Σh of train, valid
    sums_hh: NDArray[np.float64]  # layers × 2
    mean: NDArray[np.float64]  # of every layer: width
    basis: NDArray[np.float64]  # of every layer: units × width
    # Of a classifier, else empty: 2 × rows, which are for training and validation; 2 × classes ×
    # rows, the same by class.
    point_rows: NDArray[np.float64]
    members: NDArray[np.float64]
    extra: float  # nats that classes without training rows cost
    train_rows: int
    rows: int
    max_complexity: int
    two_layers: float  # probability that an offspring changes a second layer
    again: float  # probability that a change is followed by another on the same layer
    constant: float  # probability that a change moves a constant, where there is an active one
    restructure: float  # probability that a change of the graph puts a node in or takes one out
    neutral: NDArray[np.int64]  # function alleles of add and mul, -1 where the set has none
    # offspring of a new structure up to this times the parent's fitness have their constants fitted
    # first
    promising: float
    polish: int  # steps of that fit


class Lineage(NamedTuple):
    """One climber: its composite, what has been computed of it, and the best it has met."""

    key: NDArray[np.uint64]
    counters: NDArray[np.int64]  # draws, evaluations
    allowance: NDArray[np.float64]  # evaluations granted so far
    # From here to ``losses``: what ``Composite`` holds.
    genes: NDArray[np.int32]
    constants: NDArray[np.float64]
    # By layer: the active function nodes, and the hash of the active graph with its constants.
    counts: NDArray[np.int64]
    names: NDArray[np.uint64]
    total: NDArray[np.float64]  # fitness on the rows of the problem
    # Two versions of every layer: ``side`` says which is the parent's, offspring are written to the
    # other.
    side: NDArray[np.int64]
    f: NDArray[np.float32]  # layers × 2 × rows
    weights: NDArray[np.float64]  # layers × 2 × width
    biases: NDArray[np.float64]
    centres: NDArray[np.float64]  # layers × 2: mean of f over the training rows
    losses: NDArray[np.float64]  # layers × 2
    # By complexity: the best fitness met, and who had it.
    archive: NDArray[np.float64]
    archive_genes: NDArray[np.int32]
    archive_constants: NDArray[np.float64]
    # Hashes of composites evaluated of late; one that is met again is not evaluated again.
    met: NDArray[np.uint64]


class Composite(NamedTuple):
    """A copy of a lineage's composite and of what has been computed of it."""

    genes: NDArray[np.int32]
    constants: NDArray[np.float64]
    counts: NDArray[np.int64]
    names: NDArray[np.uint64]
    total: NDArray[np.float64]
    side: NDArray[np.int64]
    f: NDArray[np.float32]
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]
    centres: NDArray[np.float64]
    losses: NDArray[np.float64]


class Fit(NamedTuple):
    """Room for the normal equations of a composite's constants; the symbols are those of
    :mod:`srnet.search.kernels.normal_equations`."""

    # By constant: its layer, its offset among all constants, Σφg over all rows, dw·w.
    owners: NDArray[np.int64]
    slots: NDArray[np.int64]
    across: NDArray[np.float64]
    turned: NDArray[np.float64]
    tangents: NDArray[np.float32]  # constants × rows: g of the layer reached
    slopes: NDArray[np.float64]  # constants × units: dw of the layer reached
    weights: NDArray[np.float64]  # w of its units
    left: NDArray[np.float64]  # Σφr of its units
    along: NDArray[np.float32]  # rows: the formula's slope along the layer below, then φ
    # By terminal and node: whether its derivative is wanted, and the derivative × rows.
    wanted: NDArray[np.bool_]
    adjoints: NDArray[np.float32]
    products: NDArray[np.float64]  # JᵀJ, flat
    damped: NDArray[np.float64]
    gradient: NDArray[np.float64]  # -Jᵀr
    move: NDArray[np.float64]

    @classmethod
    def of(cls, constants: int, rows: int, units: int, addresses: int) -> "Fit":
        """Room for so many constants, rows, units of a layer, and terminals and nodes of one."""
        return cls(
            owners=np.zeros(constants, dtype=np.int64),
            slots=np.zeros(constants, dtype=np.int64),
            across=np.zeros(constants),
            turned=np.zeros(constants),
            tangents=np.zeros((constants, rows), dtype=np.float32),
            slopes=np.zeros((constants, units)),
            weights=np.zeros(units),
            left=np.zeros(units),
            along=np.zeros(rows, dtype=np.float32),
            wanted=np.zeros(addresses, dtype=np.bool_),
            adjoints=np.zeros(addresses * rows, dtype=np.float32),
            products=np.zeros(constants * constants),
            damped=np.zeros(constants * constants),
            gradient=np.zeros(constants),
            move=np.zeros(constants),
        )


class Scratch(NamedTuple):
    """Room for one thread's work."""

    values: NDArray[np.float32]  # inputs, constants and nodes × rows
    program: NDArray[np.int32]
    nodes: NDArray[np.int32]
    deviations: NDArray[np.float64]
    sums: NDArray[np.float64]
    reduced: NDArray[np.float64]
    counts: NDArray[np.int64]
    names: NDArray[np.uint64]
    fresh: NDArray[np.bool_]
    slots: NDArray[np.int64]
    genes: NDArray[np.int32]
    constants: NDArray[np.float64]
    parent: Composite  # of an offspring whose constants are being fitted
    fit: Fit


@borrowing()
def decode_layer(layer, problem, genes, scratch):  # type: ignore[no-untyped-def]
    """The active nodes of one layer's chromosome, to ``scratch.program``; (count, output)."""
    at, size = problem.table[layer, GENES_AT], problem.table[layer, GENES]
    return decode(
        genes[at : at + size],
        problem.alleles[at : at + size],
        _NO_MUTATION,
        _NO_MUTATION,
        problem.opcodes,
        problem.table[layer, INPUTS] + problem.table[layer, CONSTANTS],
        scratch.program,
        scratch.nodes,
    )


@borrowing()
def is_used(address, program, count, output):  # type: ignore[no-untyped-def]
    """Whether an active node, or the output, reads a terminal."""
    if output == address:
        return True
    for node in range(count):
        if program[node, 1] == address or (
            program[node, 2] == address and ARITIES[program[node, 0]] == 2
        ):
            return True
    return False


@borrowing(error_model="numpy", fastmath={"contract"})
def evaluate_layer(layer, count, output, constants, problem, below_f, below_w, below_b, f, scratch):  # type: ignore[no-untyped-def]
    """Write one layer's f to ``f``; its inputs are x in the first layer, below_w·below_f + below_b
    in the others."""
    inputs, eph, rows = problem.table[layer, INPUTS], problem.table[layer, CONSTANTS], problem.rows
    values, program = scratch.values, scratch.program
    for j in range(inputs):
        if not is_used(j, program, count, output):
            continue
        to = uint64(j * rows)
        if layer == 0:
            for i in range(uint64(rows)):
                values[to + i] = problem.x[to + i]
        else:
            w, b = below_w[j], below_b[j]
            for i in range(uint64(rows)):
                values[to + i] = np.float32(w * np.float64(below_f[i]) + b)
    for j in range(eph):
        if is_used(inputs + j, program, count, output):
            to = uint64((inputs + j) * rows)
            value = np.float32(constants[problem.table[layer, CONSTANTS_AT] + j])
            for i in range(uint64(rows)):
                values[to + i] = value
    at = evaluate_block(
        program, count, output, values, inputs, inputs + eph, rows, 0, rows, inputs * rows, rows
    )
    for i in range(uint64(rows)):
        f[i] = values[at + i]


@borrowing()
def is_classes(layer, problem):  # type: ignore[no-untyped-def]
    """Whether a layer is the output layer of a classifier."""
    return problem.members.size > 0 and layer + 1 == problem.table.shape[0]


@owning()
def fit_classes(problem, f, w, b):  # type: ignore[no-untyped-def]
    """``fit_layer`` of a classifier's output layer: the mean cross-entropy."""
    rows = problem.rows
    for i in range(rows):
        if not abs(f[i]) < np.inf:
            return np.inf
    free = problem.members.shape[1] - 1
    theta, none = np.empty(2 * free), np.empty(0)
    points = Points(problem.point_rows, problem.members, problem.extra)
    # rows are in no order in which neighbours were alike, so none are grouped
    work = LogisticWork(f, np.empty(rows), none, none, theta)
    loss, mean, deviation = cross_entropy(f, points, np.inf, work)
    for c in range(free):
        w[c] = theta[2 * c + 1] / deviation
        b[c] = theta[2 * c] - w[c] * mean
    return loss / rows


@borrowing()
def fit_layer(layer, problem, f, w, b, centres, scratch):  # type: ignore[no-untyped-def]
    """Fit one layer's w and b, and note f's mean in ``centres[0]``; returns the loss over all rows,
    infinite where f is not finite."""
    table, rows, train_rows = problem.table, problem.rows, problem.train_rows
    if is_classes(layer, problem):
        return fit_classes(problem, f, w, b)
    units, width = table[layer, UNITS], table[layer, WIDTH]
    target = problem.targets[
        table[layer, TARGET_AT] : table[layer, TARGET_AT] + units * rows
    ].reshape(units, rows)
    sums, reduced = scratch.sums, scratch.reduced
    sums[:, : 2 + units] = 0.0
    pivot = np.float64(f[0])
    accumulate(f, uint64(0), pivot, target, 0, train_rows, scratch.deviations, sums, 0)
    accumulate(f, uint64(train_rows), pivot, target, train_rows, rows, scratch.deviations, sums, 1)
    if not (sums[0, SUM_DD] < np.inf and sums[1, SUM_DD] < np.inf):
        return np.inf
    total = solve(
        train_rows,
        rows - train_rows,
        sums,
        problem.sums_h[layer],
        problem.sums_hh[layer],
        reduced[:units],
    )
    centres[0] = centre = pivot + sums[0, SUM_D] / train_rows
    for j in range(width):
        weight = 0.0
        for unit in range(units):
            weight += reduced[unit] * problem.basis[table[layer, BASIS_AT] + unit * width + j]
        w[j] = weight
        b[j] = problem.mean[table[layer, MEAN_AT] + j] - weight * centre
    return total / (rows * width)


@borrowing()
def evaluate_from(first, genes, constants, problem, lineage, limit, scratch):  # type: ignore[no-untyped-def]
    """Fitness of a composite whose layers below ``first`` are those of the lineage's parent.

    The layers are written to the parent's other side and marked in ``scratch.fresh``. Stops with
    infinity as soon as the layers so far are worse than ``limit``; every layer evaluated counts.
    """
    layers = problem.table.shape[0]
    hidden = max(layers - 1, 1)
    side, fresh, losses = lineage.side, scratch.fresh, lineage.losses
    total = 0.0
    for layer in range(layers):
        fresh[layer] = False
        if layer < first:
            total += losses[layer, side[layer]] / hidden
    for layer in range(first, layers):
        count, output = decode_layer(layer, problem, genes, scratch)
        here = 1 - side[layer]
        beneath = layer - 1 if layer > 0 else 0
        source = 1 - side[beneath] if fresh[beneath] else side[beneath]
        f, w, b = lineage.f[layer, here], lineage.weights[layer, here], lineage.biases[layer, here]
        evaluate_layer(
            layer,
            count,
            output,
            constants,
            problem,
            lineage.f[beneath, source],
            lineage.weights[beneath, source],
            lineage.biases[beneath, source],
            f,
            scratch,
        )
        losses[layer, here] = fit_layer(
            layer, problem, f, w, b, lineage.centres[layer, here:], scratch
        )
        fresh[layer] = True
        lineage.counters[EVALUATIONS] += 1
        total += losses[layer, here] / (hidden if layer + 1 < layers else 1)
        if not total <= limit:
            return np.inf
    return total


@borrowing()
def adopt(total, genes, constants, lineage, scratch):  # type: ignore[no-untyped-def]
    """Make the composite evaluated last, whose layers are identified in ``scratch``, the lineage's
    parent."""
    lineage.total[0] = total
    copy(scratch.counts, lineage.counts)
    copy(scratch.names, lineage.names)
    copy(genes, lineage.genes)
    copy(constants, lineage.constants)
    for layer in range(lineage.side.size):
        if scratch.fresh[layer]:
            lineage.side[layer] = 1 - lineage.side[layer]


def composite_of(lineage: Lineage) -> Composite:
    """A copy of a lineage's composite."""
    return Composite(*(getattr(lineage, name).copy() for name in Composite._fields))


@borrowing()
def copy_composite(source, target):  # type: ignore[no-untyped-def]
    """Make the composite of a lineage, or a copy of one, that of another."""
    copy(source.genes, target.genes)
    copy(source.constants, target.constants)
    copy(source.counts, target.counts)
    copy(source.names, target.names)
    copy(source.total, target.total)
    copy(source.side, target.side)
    copy(source.f, target.f)
    copy(source.weights, target.weights)
    copy(source.biases, target.biases)
    copy(source.centres, target.centres)
    copy(source.losses, target.losses)


@borrowing()
def remember(complexity, total, genes, constants, lineage):  # type: ignore[no-untyped-def]
    """Put a composite in the archive if it is the best of its complexity."""
    if total < lineage.archive[complexity]:
        lineage.archive[complexity] = total
        copy(genes, lineage.archive_genes[complexity])
        copy(constants, lineage.archive_constants[complexity])


@borrowing()
def identify_layer(layer, genes, constants, problem, scratch):  # type: ignore[no-untyped-def]
    """Note one layer's active function nodes and the hash of its active graph with its constants in
    ``scratch``."""
    count, output = decode_layer(layer, problem, genes, scratch)
    name = mix(uint64(output) ^ (uint64(layer) << uint64(32)))
    for node in range(count):
        a, b = scratch.program[node, 1], scratch.program[node, 2]
        name = mix(
            name
            ^ (
                uint64(scratch.program[node, 0])
                | (uint64(a) << uint64(8))
                | (uint64(b) << uint64(32))
            )
        )
    for k in range(active_constants(layer, count, output, problem, scratch)):
        name = mix(name ^ uint64(float_bits(constants[scratch.slots[k]])))  # type: ignore[call-arg]
    scratch.counts[layer] = count
    scratch.names[layer] = name


@borrowing()
def identity(scratch):  # type: ignore[no-untyped-def]
    """(complexity, hash) of the composite whose layers have been identified."""
    complexity, name = 0, uint64(0)
    for layer in range(scratch.counts.size):
        complexity += scratch.counts[layer]
        name = mix(name ^ scratch.names[layer])
    return complexity, name


@borrowing()
def active_constants(layer, count, output, problem, scratch):  # type: ignore[no-untyped-def]
    """The constants that one chromosome's active nodes read, as offsets among all constants; how
    many."""
    found = 0
    for j in range(problem.table[layer, CONSTANTS]):
        if is_used(problem.table[layer, INPUTS] + j, scratch.program, count, output):
            scratch.slots[found] = problem.table[layer, CONSTANTS_AT] + j
            found += 1
    return found


@borrowing()
def start(problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Evaluate the lineage's own composite."""
    total = evaluate_from(0, lineage.genes, lineage.constants, problem, lineage, np.inf, scratch)
    if total < np.inf:
        for layer in range(problem.table.shape[0]):
            identify_layer(layer, lineage.genes, lineage.constants, problem, scratch)
        adopt(total, lineage.genes, lineage.constants, lineage, scratch)
        remember(identity(scratch)[0], total, lineage.genes, lineage.constants, lineage)
