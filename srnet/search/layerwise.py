"""MNNCGP-ES as published: every generation picks each layer's best chromosome, first layer first
(Luo et al. 2022, section 3)."""

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.cgp import genome
from srnet.cgp.genome import Genes, Grid, decode, mutate, random_genes, random_normals, threshold
from srnet.cgp.primitives import OPCODES
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.model.fitting import fitness
from srnet.networks.layers import Layers
from srnet.search.checkpoints import saved_history
from srnet.search.individual import Individual, judge
from srnet.search.kernels import class_kernel, layer_kernel, sums
from srnet.search.kernels.bins import Bins, divide
from srnet.search.kernels.class_kernel import Classes, Points
from srnet.search.kernels.enclosures import room
from srnet.search.kernels.memory import Memory
from srnet.search.kernels.target import Target
from srnet.search.pareto import front
from srnet.search.settings import Settings
from srnet.typing import Floats

# Streams of a seed that are no layer's offspring.
_CONSTANTS, _START = 2**31 - 1, 2**31 - 2
# Composites that the kernel finds worse than the last elite by no more than this share are judged
# in float64.
_NEAR = 1e-5
# A layer's last inputs of which it keeps what the kernel knows of them.
_REMEMBERED_INPUTS = 16
# Layers of at most so many inputs keep the unary primitives of their inputs as columns.
_IMAGED_INPUTS = 16


# The active graphs of the layers before, the last one first.
Origin = tuple[Any, ...]


class Symbolic(NamedTuple):
    """The symbolic values f·w + b of a layer: f by row, weights and biases by unit, and the means
    of both over the training rows."""

    f: NDArray[np.float32]
    weights: Floats
    biases: Floats
    centre: float
    centres: Floats


class Inputs(NamedTuple):
    """The symbolic values that a layer reads, and what the kernel knows of them."""

    below: Symbolic
    line: Floats
    bins: Bins
    version: int  # no other inputs of the layer have it


class LayerSearch:
    """One layer: its grid, its target, and the values that its chromosomes read."""

    imaged_inputs = _IMAGED_INPUTS

    def __init__(
        self,
        index: int,
        grid: Grid,
        target: Target | Classes,
        seed: int,
        threads: int,
        block_rows: int,
    ) -> None:
        self.index, self.grid, self.target, self.seed = index, grid, target, seed
        self.alleles, self.opcodes = grid.alleles(), grid.opcodes()
        # float32 values, so that the kernel and the formula in float64 share them
        self.constants = random_normals(grid.constants, self.stream(0, _CONSTANTS))
        rows = target.rows
        self.block_rows = min(block_rows, -(-rows // sums.CHUNK) * sums.CHUNK)
        # wide layers share too few primitives of an input among offspring to keep them
        self._unary_opcodes = (
            grid.unary_opcodes()
            if grid.inputs <= self.imaged_inputs
            else np.empty(0, dtype=np.int64)
        )
        self._inputs_end = grid.inputs * (1 + self._unary_opcodes.size) * rows
        self._region = (grid.constants + grid.nodes) * self.block_rows
        self.values = np.zeros(self._inputs_end + threads * self._region, dtype=np.float32)
        for thread in range(threads):
            at = self.constants_at(thread)
            self.values[at : at + grid.constants * self.block_rows] = np.repeat(
                self.constants, self.block_rows
            )
        self._origin: Origin | None = None
        self._versions = itertools.count(1)
        self._lately: OrderedDict[Origin, Inputs] = OrderedDict()
        if isinstance(target, Target):
            self._kernels = self._layers_of(target, threads)

    def _layers_of(self, target: Target, threads: int) -> list[layer_kernel.Layer]:
        """All of it, for the kernel in each thread."""
        grid = self.grid
        unary = np.full(len(OPCODES), -1, dtype=np.int64)
        unary[self._unary_opcodes] = np.arange(self._unary_opcodes.size)
        images = self._unary_opcodes.size * grid.inputs
        return [
            layer_kernel.Layer(
                self.index,
                self.seed,
                self.alleles,
                self.opcodes,
                unary,
                self._unary_opcodes,
                grid.inputs,
                grid.terminals,
                self.block_rows,
                self.values,
                self.constants_at(thread),
                np.zeros((images, len(target.blocks)), np.bool_),
                next(self._versions),
                Memory.empty(grid.terminals + grid.nodes),
                Bins.none(),
                room(self.constants, grid.nodes),
                np.zeros((grid.inputs + 1, 3)),
                target,
            )
            for thread in range(threads)
        ]

    def constants_at(self, thread: int) -> int:
        """Where a thread's constants and, behind them, its nodes lie in ``values``."""
        return self._inputs_end + thread * self._region

    def stream(self, generation: int, number: int) -> np.uint64:
        """The key of an offspring's random numbers."""
        return np.uint64(genome.stream(self.seed, generation, self.index, number))

    def start(self) -> Genes:
        """A random chromosome, the first parent."""
        genes: Genes = random_genes(self.alleles, self.stream(0, _START))
        return genes

    def offspring(self, parent: Genes, generation: int, number: int, bound: int) -> Genes:
        """One offspring in full."""
        genes: Genes = mutate(
            parent, self.alleles, self.stream(generation, number), np.uint64(bound)
        )
        return genes

    def search(
        self,
        parent: Genes,
        generation: int,
        first: int,
        last: int,
        bound: int,
        limit: float,
        thread: int,
        shortcuts: bool,
    ) -> tuple[float, int]:
        """(sum of losses, number) of the best offspring of a range; the number is -1 where none is
        within the limit."""
        best, loss = layer_kernel.search_layer(
            self._kernels[thread],
            parent,
            generation,
            first,
            last,
            np.uint64(bound),
            limit,
            shortcuts,
        )
        return loss, best

    def graph(self, genes: Genes) -> tuple[bytes, int]:
        """The active graph of a chromosome, for comparisons."""
        program, output = self._decoded(genes)
        return program.tobytes(), output

    def _decoded(self, genes: Genes) -> tuple[NDArray[np.int32], int]:
        """The active nodes of a chromosome, and the output's address."""
        program = np.empty((self.grid.nodes, 3), dtype=np.int32)
        scratch = np.empty((self.grid.nodes, 4), dtype=np.int32)
        none = np.uint64(0)
        count, output = decode(
            genes, self.alleles, none, none, self.opcodes, self.grid.terminals, program, scratch
        )
        return program[:count], int(output)

    def propagate(self, genes: Genes) -> "Symbolic":
        """The layer's fitted symbolic values of its chosen chromosome."""
        program, output = self._decoded(genes)
        kernel = self._kernels[0]
        centres = kernel.target.mean
        f = np.empty(self.target.rows, dtype=np.float32)
        weights, biases = np.empty(centres.size), np.empty(centres.size)
        centre = layer_kernel.propagate(kernel, program, len(program), output, f, weights, biases)
        return Symbolic(f, weights, biases, centre, centres)

    def receive_data(self, x: NDArray[np.float32]) -> None:
        """Take the network's inputs, rows × columns, as those of the first layer."""
        self.values[: x.size] = x.T.ravel()

    def follow(self, below: "LayerSearch", genes: Genes) -> None:
        """Take the symbolic values of a chromosome of the layer before as inputs, unless it is what
        they are."""
        origin = (below._origin, below.graph(genes))
        if origin == self._origin:
            return
        inputs = self._lately.pop(origin, None) or self.inputs(below.propagate(genes))
        self._lately[origin], self._origin = inputs, origin
        if len(self._lately) > _REMEMBERED_INPUTS:
            self._lately.popitem(last=False)
        self.receive(inputs)

    def inputs(self, below: "Symbolic") -> "Inputs":
        """What the kernel must know of the symbolic values of the layer before."""
        target = self._kernels[0].target
        line = layer_kernel.draw_line(below.f, below.centre, below.weights, below.centres)
        bins = divide(below.f, below.weights, below.biases, target.leads, target.seen_rows[-1, 0])
        return Inputs(below, line, bins, next(self._versions))

    def receive(self, inputs: "Inputs") -> None:
        """Take the symbolic values of the layer before as inputs."""
        below, _, bins, version = inputs
        layer_kernel.spread(below.f, below.weights, below.biases, self.target.rows, self.values)
        self._kernels = [
            kernel._replace(line=inputs.line, bins=bins, version=version)
            for kernel in self._kernels
        ]
        for kernel in self._kernels:
            kernel.ready[:] = False

    def program(self, genes: Genes) -> Program:
        """The formula of a chromosome."""
        return self.grid.program(genes, self.constants)


class ClassSearch(LayerSearch):
    """The output layer of a classifier."""

    imaged_inputs = 0  # its inputs are the same few numbers' images already

    def __init__(
        self, index: int, grid: Grid, target: Classes, seed: int, threads: int, block_rows: int
    ) -> None:
        super().__init__(index, grid, target, seed, threads, block_rows)
        self.extra = target.extra
        self.points = Points(target)

    def search(
        self,
        parent: Genes,
        generation: int,
        first: int,
        last: int,
        bound: int,
        limit: float,
        thread: int,
        shortcuts: bool,
    ) -> tuple[float, int]:
        """(sum of losses, number) of the best offspring of a range; the number is -1 where none is
        within the limit."""
        points = self.points
        best, loss = class_kernel.search_classes(
            parent,
            self.alleles,
            self.opcodes,
            self.seed,
            generation,
            self.index,
            first,
            last,
            np.uint64(bound),
            self.values,
            self.grid.inputs,
            self.grid.terminals,
            self.constants_at(thread),
            self.block_rows,
            self.target.rows,
            points.count,
            points.rows,
            points.members,
            self.extra,
            limit,
            shortcuts,
        )
        return loss, best

    def receive_data(self, x: NDArray[np.float32]) -> None:
        """Take the network's inputs, rows × columns, as those of the first layer."""
        super().receive_data(x)
        self.points.single()

    def inputs(self, below: "Symbolic") -> "Inputs":
        """The symbolic values alone."""
        return Inputs(below, np.empty((0, 3)), Bins.none(), next(self._versions))

    def receive(self, inputs: "Inputs") -> None:
        """Take the symbolic values of the layer before as inputs, at the points of equal f."""
        below = inputs.below
        layer_kernel.spread(
            self.points.shared(below.f), below.weights, below.biases, self.target.rows, self.values
        )


class LayerwiseSearch:
    """The state of one MNNCGP-ES run; ``step`` is one generation.

    The composite of the layers' best chromosomes is accepted on its fitness in float64, recomputed
    from the formulas, so that a formula always computes what is reported. With ``shortcuts`` a
    generation whose hidden layers alone are worse than the last elite ends there, for nothing could
    come of it; without, everything is evaluated, with the same result.
    """

    def __init__(
        self,
        layers: Layers,
        settings: Settings,
        seed: int,
        *,
        threads: int = 1,
        shortcuts: bool = True,
        block_rows: int = 1024,
    ) -> None:
        self.layers, self.settings, self.seed, self.shortcuts = layers, settings, seed, shortcuts
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._threads = threads
        self._layers: list[LayerSearch] = []
        train, valid = layers.splits["train"], layers.splits["valid"]
        for i in range(layers.depth):
            grid = Grid(
                layers.widths[i], settings.n_eph, settings.rows, settings.cols, settings.functions
            )
            if settings.loss == "cross_entropy" and i + 1 == layers.depth:
                self._layers.append(
                    ClassSearch(
                        i, grid, Classes.of(train[i + 1], valid[i + 1]), seed, threads, block_rows
                    )
                )
            else:
                target = Target.of(train[i + 1], valid[i + 1], block_rows, projection=shortcuts)
                self._layers.append(LayerSearch(i, grid, target, seed, threads, block_rows))
        self._layers[0].receive_data(np.vstack([train[0], valid[0]]))
        self.generation = 0
        self.parent: tuple[Genes, ...] = tuple(layer.start() for layer in self._layers)
        self.elites: list[Individual] = []
        self._considered: set[tuple[tuple[bytes, int], ...]] = set()
        self.history: list[float] = []
        self.elapsed: float | None = (
            None  # nothing here depends on it: only the joint search has a schedule
        )

    @property
    def best(self) -> Individual | None:
        """The parent, once it is finite."""
        return self.elites[0] if self.elites else None

    @property
    def fitness(self) -> float:
        """The parent's fitness, infinite until one is finite."""
        return self.elites[0].fitness if self.elites else float("inf")

    @property
    def finished(self) -> bool:
        """Out of generations, or good enough."""
        return self.generation >= self.settings.generations or self.fitness <= self.settings.stop

    @property
    def evaluations(self) -> int:
        """Chromosome evaluations so far, those that a shortcut answered included."""
        return self.generation * self.settings.population * len(self._layers)

    def step(self) -> None:
        """One generation."""
        self.generation += 1
        candidate = self._candidate()
        if candidate is not None:
            self._consider(candidate)
        self.history.append(self.fitness)

    def _candidate(self) -> tuple[Genes, ...] | None:
        """The composite of the layers' best chromosomes, or None where it is worse than the last
        elite."""
        # the kernel's float32 may be off by a little: float64 has the last word on what is near
        accept = (
            self.elites[-1].fitness * (1 + _NEAR)
            if len(self.elites) >= self.settings.elites
            else float("inf")
        )
        # the first generation is random: every gene of every offspring is drawn
        bound = int(threshold(1.0 if self.generation == 1 else self.settings.mutation))
        hidden = max(len(self._layers) - 1, 1)
        chosen: list[Genes] = []
        losses: list[float] = []
        for layer, parent in zip(self._layers, self.parent, strict=True):
            is_output = layer is self._layers[-1]
            left = accept - sum(losses) / hidden
            limit = (
                left * (1 if is_output else hidden) * layer.target.elements
                if self.shortcuts
                else float("inf")
            )
            loss, number = self._best(layer, parent, bound, limit)
            if number < 0:
                return None
            losses.append(loss / layer.target.elements)
            chosen.append(layer.offspring(parent, self.generation, number, bound))
            if not is_output:
                self._layers[layer.index + 1].follow(layer, chosen[-1])
        return tuple(chosen) if fitness(losses) < accept else None

    def _best(
        self, layer: LayerSearch, parent: Genes, bound: int, limit: float
    ) -> tuple[float, int]:
        population = self.settings.population
        if self._pool is None:
            return layer.search(
                parent, self.generation, 0, population, bound, limit, 0, self.shortcuts
            )
        edges = [population * thread // self._threads for thread in range(self._threads + 1)]
        jobs = [
            self._pool.submit(
                layer.search, parent, self.generation, a, b, bound, limit, thread, self.shortcuts
            )
            for thread, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
        ]
        results = [job.result() for job in jobs]
        return min((result for result in results if result[1] >= 0), default=(float("inf"), -1))

    def _consider(self, genes: tuple[Genes, ...]) -> None:
        """Put a composite among the elites if its formulas, in float64, deserve it; the first elite
        is the parent."""
        graphs = tuple(layer.graph(g) for layer, g in zip(self._layers, genes, strict=True))
        # it is among the elites, or was not good enough for them, and they have become no worse
        if graphs in self._considered:
            return
        self._considered.add(graphs)
        individual = self._individual(genes)
        if individual is None or any(
            individual.model.programs == elite.model.programs for elite in self.elites
        ):
            return
        self.elites.append(individual)
        self.elites.sort(key=lambda elite: elite.fitness)  # stable: of equals the older stays ahead
        del self.elites[self.settings.elites :]
        self.parent = self.elites[0].genes

    def _individual(self, genes: Sequence[Genes]) -> Individual | None:
        return judge(
            genes,
            [layer.program(g) for layer, g in zip(self._layers, genes, strict=True)],
            self.layers,
            self.settings.loss,
        )

    def conclude(self, until: float | None = None) -> None:
        """Nothing is left to do where the search is stopped early."""

    def archive(self) -> dict[str, Any]:
        """The best composites of the run, for RUN.json."""
        return {
            "elites": [elite.to_json() for elite in self.elites],
            "pareto": [individual.to_json() for individual in front(self.elites)],
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold, as plain JSON."""
        return {
            "generation": self.generation,
            "history": [finite_or_none(value) for value in self.history],
            "elites": [[genes.tolist() for genes in elite.genes] for elite in self.elites],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; the elites are refitted, so a state cannot claim a fitness.

        Raises
        ------
        UserError
            If the state is not one of this search.
        """
        try:
            history = saved_history(state, self.settings.generations)
            restored = []
            for composite in state["elites"]:
                genes = [
                    layer.grid.check(g) for layer, g in zip(self._layers, composite, strict=True)
                ]
                individual = self._individual(genes)
                if individual is None:
                    raise UserError("an elite is not finite")
                restored.append(individual)
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"the checkpoint's state is damaged ({type(error).__name__}: {error})"
            ) from error
        if restored and history[-1:] != [restored[0].fitness]:
            raise UserError("the checkpoint's history does not end with its best elite's fitness")
        self.generation, self.history, self.elites = len(history), history, restored
        if restored:
            self.parent = restored[0].genes
