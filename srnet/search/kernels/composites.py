"""The arrays of the joint search, for its compiled kernels.

A composite is one chromosome per layer with its own constants. The chromosomes of all layers lie
one behind the other in flat arrays; ``Layout.table`` says where.

Everything is evaluated on one block of rows: training rows, then validation rows. The target of a
classifier's output layer is one number per row, its class; the weights and biases of that layer are
those of the logits of all classes but the most frequent one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from srnet.cgp.genome import GENES_PER_NODE, Grid
from srnet.search.kernels.class_kernel import Classes, Points
from srnet.search.kernels.sums import CHUNK
from srnet.search.kernels.target import Target
from srnet.typing import Floats

# Columns of ``Layout.table``.
GENES_AT, GENES, CONSTANTS_AT, CONSTANTS, INPUTS, TARGET_AT, UNITS, WIDTH, BASIS_AT, MEAN_AT = (
    range(10)
)


class Layout(NamedTuple):
    """Where the genes and constants of each layer lie, and what a gene may be."""

    table: NDArray[np.int64]  # layers × 10: offsets and sizes, in the columns named above
    alleles: NDArray[np.int64]  # of every gene of every layer
    opcodes: NDArray[np.int64]  # of every function allele
    neutral: NDArray[np.int64]  # function alleles of add and mul, -1 where the set has none

    @classmethod
    def build(cls, grids: Sequence[Grid], targets: Sequence[Target]) -> "Layout":
        """The layout of the layers' chromosomes and of their targets."""
        table = np.zeros((len(grids), 10), dtype=np.int64)
        for i, (grid, target) in enumerate(zip(grids, targets, strict=True)):
            table[i, GENES], table[i, CONSTANTS] = grid.genes, grid.constants
            table[i, INPUTS] = grid.inputs
            table[i, UNITS], table[i, WIDTH] = target.values.shape[0], target.mean.size
        for column, counts in (
            (GENES_AT, table[:, GENES]),
            (CONSTANTS_AT, table[:, CONSTANTS]),
            (TARGET_AT, [target.values.size for target in targets]),
            (BASIS_AT, [target.basis.size for target in targets]),
            (MEAN_AT, table[:, WIDTH]),
        ):
            table[1:, column] = np.cumsum(counts)[:-1]
        functions = grids[0].functions
        return cls(
            table=table,
            alleles=np.concatenate([grid.alleles() for grid in grids]),
            opcodes=grids[0].opcodes(),
            neutral=np.array(
                [functions.index(name) if name in functions else -1 for name in ("add", "mul")]
            ),
        )

    @property
    def layers(self) -> int:
        """How many layers a composite has."""
        return int(self.table.shape[0])

    @property
    def constants(self) -> int:
        """How many constants a composite has."""
        return int(self.table[:, CONSTANTS].sum())

    @property
    def nodes(self) -> NDArray[np.int64]:
        """How many nodes each layer's grid has."""
        return (self.table[:, GENES] - 1) // GENES_PER_NODE


class Problem(NamedTuple):
    """What all climbers of a run share."""

    layout: Layout
    x: NDArray[np.float32]  # the network's inputs, column after column
    targets: Floats  # of every layer: units × rows, centred and projected
    sums_h: Floats  # layers × 2 × units: Σh of train, valid
    sums_hh: Floats  # layers × 2
    mean: Floats  # of every layer: width
    basis: Floats  # of every layer: units × width
    # Of a classifier; else None, and its kernels are not compiled.
    points: Points | None
    train_rows: int
    rows: int
    max_complexity: int  # offspring above it and above their parent's are skipped
    constant_steps: int  # Levenberg–Marquardt steps on the constants of a promising offspring
    nesting: NDArray[np.int64]  # offspring that break these limits (srnet.cgp.nesting) are skipped
    costs: NDArray[np.int64]  # of every opcode: what a node counts in the complexity

    @classmethod
    def build(
        cls,
        grids: Sequence[Grid],
        train: Sequence[NDArray[np.float32]],
        valid: Sequence[NDArray[np.float32]],
        loss: str,
        max_complexity: int,
        constant_steps: int,
        nesting: NDArray[np.int64],
        costs: NDArray[np.int64],
    ) -> "Problem":
        """From the network's values, rows × width: its inputs, then each layer's."""
        rows = train[0].shape[0] + valid[0].shape[0]
        block_rows = -(-rows // CHUNK) * CHUNK
        targets = [
            Target.build(h, g, block_rows) for h, g in zip(train[1:], valid[1:], strict=True)
        ]
        points = None
        units = max(target.values.shape[0] for target in targets)
        sums_h, sums_hh = np.zeros((len(grids), 2, units)), np.zeros((len(grids), 2))
        for i, target in enumerate(targets):
            sums_h[i, :, : target.values.shape[0]] = target.sum_h
            sums_hh[i] = target.sum_hh
        if loss == "cross_entropy":
            classes = Classes.build(train[-1], valid[-1])
            points = Points.single(classes)
            targets[-1] = targets[-1]._replace(values=classes.labels[None].astype(np.float64))
        return cls(
            layout=Layout.build(grids, targets),
            x=np.vstack([train[0], valid[0]]).T.ravel().astype(np.float32),
            targets=np.concatenate([target.values.ravel() for target in targets]),
            sums_h=sums_h,
            sums_hh=sums_hh,
            mean=np.concatenate([target.mean for target in targets]),
            basis=np.concatenate([target.basis.ravel() for target in targets]),
            points=points,
            train_rows=train[0].shape[0],
            rows=rows,
            max_complexity=max_complexity,
            constant_steps=constant_steps,
            nesting=nesting,
            costs=costs,
        )


class Composite(NamedTuple):
    """A composite and what has been computed of it.

    A layer's inputs are the affine images wⱼ·f + bⱼ of the layer before, so only f, w and b are
    kept. There are two versions of every layer: ``side`` says which is the composite's; those of an
    offspring are written to the other.
    """

    genes: NDArray[np.int32]
    constants: Floats
    complexities: NDArray[np.int64]  # by layer: what the active nodes cost
    total: Floats  # fitness on the rows of the problem; infinite before it is evaluated
    side: NDArray[np.int64]
    f: NDArray[np.float32]  # layers × 2 × rows
    weights: Floats  # layers × 2 × width
    biases: Floats
    centres: Floats  # layers × 2: mean of f over the training rows
    losses: Floats  # layers × 2

    @classmethod
    def empty(cls, problem: Problem) -> "Composite":
        """One whose genes are still to be written."""
        layout = problem.layout
        layers, width = layout.layers, int(layout.table[:, WIDTH].max())
        return cls(
            genes=np.zeros(layout.alleles.size, dtype=np.int32),
            constants=np.zeros(layout.constants),
            complexities=np.zeros(layers, dtype=np.int64),
            total=np.full(1, np.inf),
            side=np.zeros(layers, dtype=np.int64),
            f=np.zeros((layers, 2, problem.rows), dtype=np.float32),
            weights=np.zeros((layers, 2, width)),
            biases=np.zeros((layers, 2, width)),
            centres=np.zeros((layers, 2)),
            losses=np.zeros((layers, 2)),
        )

    def assign(self, genes: ArrayLike, constants: ArrayLike) -> None:
        """Make it another composite, which is still to be evaluated."""
        self.genes[:], self.constants[:], self.total[0] = genes, constants, np.inf


class Archive(NamedTuple):
    """By complexity: the lowest fitness met, and the composite that has it. The last entry is for
    all that are more complex too."""

    totals: Floats
    genes: NDArray[np.int32]
    constants: Floats

    @classmethod
    def empty(cls, problem: Problem) -> "Archive":
        """Nothing met yet."""
        layout = problem.layout
        nodes = int(layout.nodes.sum())
        entries = min(nodes * int(problem.costs.max()), max(nodes, problem.max_complexity)) + 1
        return cls(
            totals=np.full(entries, np.inf),
            genes=np.zeros((entries, layout.alleles.size), dtype=np.int32),
            constants=np.zeros((entries, layout.constants)),
        )

    def merge(self, other: "Archive") -> None:
        """Take over what is better in another archive."""
        better = other.totals < self.totals
        self.totals[better] = other.totals[better]
        self.genes[better] = other.genes[better]
        self.constants[better] = other.constants[better]

    def front(self) -> NDArray[np.int64]:
        """The complexities, smallest first, whose fitness no smaller one reaches."""
        lowest = np.minimum.accumulate(np.concatenate([[np.inf], self.totals[:-1]]))
        return np.flatnonzero(self.totals < lowest)


class Climber(NamedTuple):
    """A hill climber: its composite, its stream of random numbers and its archive."""

    random: NDArray[np.uint64]  # key of the stream, draws so far
    evaluations: NDArray[np.int64]  # of chromosomes, so far
    composite: Composite
    archive: Archive

    @classmethod
    def empty(cls, problem: Problem, key: int) -> "Climber":
        """One whose composite is still to be written."""
        return cls(
            random=np.array([key, 0], dtype=np.uint64),
            evaluations=np.zeros(1, dtype=np.int64),
            composite=Composite.empty(problem),
            archive=Archive.empty(problem),
        )


class Graph(NamedTuple):
    """One layer's chromosome decoded: its active nodes, and the constants that they read."""

    program: NDArray[np.int32]  # active nodes: opcode, addresses of operands
    nodes: NDArray[np.int32]  # nodes of the grid: opcode or -1, operands, position in ``program``
    slots: NDArray[np.int64]  # offsets of the active constants among all constants
    depths: NDArray[np.int64]  # scratch of the nesting constraints


class ConstantFit(NamedTuple):
    """Where the normal equations of a composite's constants are made; the symbols are those of
    :mod:`srnet.search.kernels.normal_equations`."""

    # By constant: its layer, its offset among all constants, Σφg over all rows, dw·w.
    owners: NDArray[np.int64]
    slots: NDArray[np.int64]
    across: Floats
    turned: Floats
    tangents: NDArray[np.float32]  # constants × rows: g of the layer reached
    slopes: Floats  # constants × units: dw of the layer reached
    weights: Floats  # w of its units
    left: Floats  # Σφr of its units
    along: NDArray[np.float32]  # rows: the formula's slope along the layer below, then φ
    # By terminal and node: whether its derivative is wanted, and the derivative × rows.
    wanted: NDArray[np.bool_]
    adjoints: NDArray[np.float32]
    products: Floats  # JᵀJ, flat
    damped: Floats
    gradient: Floats  # -Jᵀr
    move: Floats

    @classmethod
    def empty(cls, constants: int, rows: int, units: int, addresses: int) -> "ConstantFit":
        """For so many constants, rows, units of a layer, and terminals and nodes of one."""
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
    """The working memory of one thread; a climber leaves nothing in it."""

    evaluations: NDArray[np.int64]  # of chromosomes, since the climber began
    values: NDArray[np.float32]  # inputs, constants and nodes × rows
    graph: Graph
    deviations: Floats
    sums: Floats
    reduced: Floats
    # An offspring: its genes and constants, its complexity by layer, which of its layers are
    # evaluated.
    genes: NDArray[np.int32]
    constants: Floats
    complexities: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    trial: Composite  # an offspring whose constants are being fitted
    moved: Floats  # its constants after a step
    fit: ConstantFit

    @classmethod
    def empty(cls, problem: Problem) -> "Scratch":
        """For one thread."""
        layout = problem.layout
        terminals = layout.table[:, INPUTS] + layout.table[:, CONSTANTS]
        addresses, nodes = int((terminals + layout.nodes).max()), int(layout.nodes.max())
        units = problem.sums_h.shape[2]
        return cls(
            evaluations=np.zeros(1, dtype=np.int64),
            values=np.zeros(addresses * problem.rows, dtype=np.float32),
            graph=Graph(
                program=np.zeros((nodes, 3), dtype=np.int32),
                nodes=np.zeros((nodes, 4), dtype=np.int32),
                slots=np.zeros(layout.constants + 1, dtype=np.int64),
                depths=np.zeros(nodes, dtype=np.int64),
            ),
            deviations=np.zeros(CHUNK),
            sums=np.zeros((2, 2 + units)),
            reduced=np.zeros(units),
            genes=np.zeros(layout.alleles.size, dtype=np.int32),
            constants=np.zeros(layout.constants),
            complexities=np.zeros(layout.layers, dtype=np.int64),
            fresh=np.zeros(layout.layers, dtype=np.bool_),
            trial=Composite.empty(problem),
            moved=np.zeros(layout.constants),
            fit=ConstantFit.empty(layout.constants, problem.rows, units, addresses),
        )
