"""MNNCGP-ES as published: every generation picks each layer's best chromosome, first layer first
(Luo et al. 2022, section 3)."""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.cgp import genome
from srnet.cgp.costs import Costs
from srnet.cgp.genome import Genes, Grid, decode, mutate, random_genes, random_normals, threshold
from srnet.cgp.nesting import Constraints, nesting_limits
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.model.fitting import FitCache, fitness
from srnet.networks.layers import Layers
from srnet.search.checkpoints import saved_history
from srnet.search.individual import Individual, judge
from srnet.search.kernels.class_kernel import Classes, LogisticWork, Points, search_classes
from srnet.search.kernels.layer_kernel import (
    Work,
    search_layer,
    spread,
    sum_of_squares,
    weights_of_units,
)
from srnet.search.kernels.line import Line
from srnet.search.kernels.memory import FEWEST_ROWS, Memory
from srnet.search.kernels.population import Layer, Nesting, Population, Share
from srnet.search.kernels.sums import CHUNK, START, SUM_D
from srnet.search.kernels.target import Target
from srnet.search.pareto import front
from srnet.search.settings import Settings
from srnet.typing import Floats

# Streams of a seed that are no layer's offspring.
_CONSTANTS, _START = 2**31 - 1, 2**31 - 2
# Composites that the kernel finds worse than the last elite by no more than this share are judged
# in float64.
_NEAR = 1e-5
# The symbolic values of a layer's latest graphs are kept, for the best ones return: so many at
# most, in so many bytes.
_GRAPHS, _BYTES = 64, 1 << 24
# The active nodes of a chromosome, as bytes, and the output's address.
Graph = tuple[bytes, int]
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


class LayerSearch:
    """One layer: its grid, its target, and the values that its chromosomes read."""

    def __init__(
        self,
        index: int,
        grid: Grid,
        target: Target | Classes,
        seed: int,
        threads: int,
        block_rows: int,
        constraints: Constraints = (),
    ) -> None:
        self.index, self.grid, self.target, self.seed = index, grid, target, seed
        self.alleles, self.opcodes = grid.alleles(), grid.opcodes()
        # float32 values, so that the kernel and the formula in float64 share them
        self.constants = random_normals(grid.constants, self.stream(0, _CONSTANTS))
        rows = target.rows
        block_rows = min(block_rows, -(-rows // CHUNK) * CHUNK)
        columns, region = grid.inputs * rows, (grid.constants + grid.nodes) * block_rows
        self.values = np.zeros(columns + threads * region, dtype=np.float32)
        self.kernels = [
            Layer(
                number=index,
                seed=seed,
                alleles=self.alleles,
                opcodes=self.opcodes,
                inputs=grid.inputs,
                terminals=grid.terminals,
                values=self.values,
                rows=rows,
                constants_at=columns + thread * region,
                block_rows=block_rows,
            )
            for thread in range(threads)
        ]
        constants = np.repeat(self.constants, block_rows)
        for kernel in self.kernels:
            at = kernel.constants_at
            self.values[at : at + constants.size] = constants
        self.lines = [Line.none()] * threads
        self._origin: Origin | None = None
        self._origins: dict[Origin | None, int] = {None: 0}  # numbered
        # by thread, made when the size of a population is known
        self._scratch: list[tuple[Population, Any] | None] = [None] * threads
        self._nesting = [Nesting.empty(nesting_limits(constraints), 0, grid.nodes)] * threads
        self._memories = [Memory.empty(0, places=0)] * threads
        kept = min(_GRAPHS, _BYTES // (rows * np.dtype(np.float32).itemsize))
        self._propagate = lru_cache(kept)(self._compute_symbolic)

    def stream(self, generation: int, number: int) -> np.uint64:
        """The key of an offspring's random numbers."""
        return np.uint64(genome.stream(self.seed, generation, self.index, number))

    def start(self) -> Genes:
        """A random chromosome, the first parent."""
        genes: Genes = random_genes(self.alleles, self.stream(0, _START))
        return genes

    def offspring(self, share: Share, number: int) -> Genes:
        """One offspring of a share's parent in full."""
        key = self.stream(share.generation, number)
        genes: Genes = mutate(share.parent, self.alleles, key, share.mutation)
        return genes

    def search(self, share: Share, thread: int, shortcuts: bool) -> tuple[float, int]:
        """(sum of losses, number) of the best offspring of a share; the number is -1 where none is
        within the limit."""
        population, work = self.scratch(thread, share.last - share.first)
        best, loss = search_layer(
            self.kernels[thread],
            self.target,
            self.lines[thread],
            share,
            population,
            self._nesting[thread],
            self._memories[thread],
            self._origins[self._origin],
            work,
            shortcuts,
        )
        return loss, best

    def scratch(self, thread: int, offspring: int) -> tuple[Population, Any]:
        """A thread's arrays for at least so many offspring."""
        scratch = self._scratch[thread]
        if scratch is None or scratch[0].counts.size < offspring:
            scratch = Population.empty(offspring, self.grid.nodes), self._work(offspring)
            self._scratch[thread] = scratch
            limits = self._nesting[thread].limits
            self._nesting[thread] = Nesting.empty(limits, offspring, self.grid.nodes)
            if self.target.rows >= FEWEST_ROWS:
                self._memories[thread] = Memory.empty(offspring)
        return scratch

    def _work(self, offspring: int) -> Any:
        assert isinstance(self.target, Target)
        return Work.empty(offspring, self.target)

    def graph(self, genes: Genes) -> Graph:
        """The active graph of a chromosome, for comparisons."""
        program, output = self.decode(genes)
        return program.tobytes(), output

    def decode(self, genes: Genes) -> tuple[NDArray[np.int32], int]:
        """The active nodes of a chromosome, and the output's address."""
        program = np.empty((self.grid.nodes, 3), dtype=np.int32)
        scratch = np.empty((self.grid.nodes, 4), dtype=np.int32)
        none = np.uint64(0)
        count, output = decode(
            genes, self.alleles, none, none, self.opcodes, self.grid.terminals, program, scratch
        )
        return program[:count], int(output)

    def propagate(self, graph: Graph) -> Symbolic:
        """The layer's fitted symbolic values of its chosen graph."""
        return self._propagate(self._origins[self._origin], graph)

    def _compute_symbolic(self, inputs: int, graph: Graph) -> Symbolic:
        """Those of the numbered inputs, which the layer has now."""
        target = self.target
        assert isinstance(target, Target)
        population, work = self.scratch(0, 1)
        program, output = np.frombuffer(graph[0], np.int32).reshape(-1, 3), graph[1]
        population.programs[0, : len(program)] = program
        population.counts[0], population.outputs[0] = len(program), output
        sum_of_squares(self.kernels[0], target, population, 0, work)
        f = work.f.copy()
        centre = float(f[target.blocks[0, START]]) + work.sums[0, SUM_D] / target.train_rows
        weights, biases = np.empty(target.mean.size), np.empty(target.mean.size)
        weights_of_units(work.weights, centre, target, weights, biases)
        return Symbolic(f, weights, biases, centre, target.mean)

    def receive_data(self, x: NDArray[np.float32]) -> None:
        """Take the network's inputs, rows × columns, as those of the first layer."""
        self.values[: x.size] = x.T.ravel()

    def follow(self, below: "LayerSearch", genes: Genes) -> None:
        """Take the symbolic values of a chromosome of the layer before as inputs, unless it is what
        they are."""
        graph = below.graph(genes)
        origin = (below._origin, graph)
        if origin != self._origin:
            self._origin = origin
            self._origins.setdefault(origin, len(self._origins))
            self.receive(below.propagate(graph))

    def receive(self, below: Symbolic) -> None:
        """Take the symbolic values of the layer before as inputs."""
        spread(below.f, below.weights, below.biases, self.target.rows, self.values)
        tau = below.f.astype(np.float64) - below.centre
        self.lines = [
            Line.draw(tau, below.weights, below.centres, self.constants, self.grid.nodes)
            for _ in self.kernels
        ]

    def program(self, genes: Genes) -> Program:
        """The formula of a chromosome."""
        return self.grid.program(genes, self.constants)


class ClassSearch(LayerSearch):
    """The output layer of a classifier."""

    target: Classes
    points: Points

    def search(self, share: Share, thread: int, shortcuts: bool) -> tuple[float, int]:
        """(sum of losses, number) of the best offspring of a share; the number is -1 where none is
        within the limit."""
        population, work = self.scratch(thread, share.last - share.first)
        best, loss = search_classes(
            self.kernels[thread],
            self.points,
            share,
            population,
            self._nesting[thread],
            work,
            shortcuts,
        )
        return loss, best

    def _work(self, offspring: int) -> LogisticWork:
        return LogisticWork.empty(self.target.rows, self.target.present)

    def receive_data(self, x: NDArray[np.float32]) -> None:
        """Take the network's inputs, rows × columns, as those of the first layer."""
        super().receive_data(x)
        self.points = Points.single(self.target)

    def receive(self, below: Symbolic) -> None:
        """Take the symbolic values of the layer before as inputs, at the points of equal f."""
        self.points, f = Points.shared(self.target, below.f)
        spread(f, below.weights, below.biases, self.target.rows, self.values)


class LayerwiseSearch:
    """The state of one MNNCGP-ES run; ``step`` is one generation.

    The composite of the layers' best chromosomes is accepted on its fitness in float64, recomputed
    from the formulas, so that a formula always computes what is reported. With ``shortcuts`` a
    generation whose hidden layers alone are worse than the last elite ends there, for nothing could
    come of it; without, everything is evaluated, with the same result. Offspring that break the
    nesting ``constraints`` take no part; ``costs`` count in the Pareto front alone.
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
        constraints: Constraints = (),
        costs: Costs = (),
    ) -> None:
        self.layers, self.settings, self.seed, self.shortcuts = layers, settings, seed, shortcuts
        self._costs = costs
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
                        i,
                        grid,
                        Classes.build(train[i + 1], valid[i + 1]),
                        seed,
                        threads,
                        block_rows,
                        constraints,
                    )
                )
            else:
                target = Target.build(train[i + 1], valid[i + 1], block_rows, projection=shortcuts)
                self._layers.append(
                    LayerSearch(i, grid, target, seed, threads, block_rows, constraints)
                )
        self._layers[0].receive_data(np.vstack([train[0], valid[0]]))
        self.generation = 0
        self.parent: tuple[Genes, ...] = tuple(layer.start() for layer in self._layers)
        self.elites: list[Individual] = []
        self._fits = FitCache()
        self._considered: set[tuple[tuple[bytes, int], ...]] = set()
        self.history: list[float] = []
        self.elapsed: float | None = (
            None  # nothing here depends on it: only the joint search has a schedule
        )
        self.until: float | None = None

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
        mutation = np.uint64(threshold(1.0 if self.generation == 1 else self.settings.mutation))
        hidden = max(len(self._layers) - 1, 1)
        chosen: list[Genes] = []
        losses: list[float] = []
        for layer, parent in zip(self._layers, self.parent, strict=True):
            is_output = layer is self._layers[-1]
            limit = float("inf")
            if self.shortcuts:
                left = accept - sum(losses) / hidden
                limit = left * (1 if is_output else hidden) * layer.target.elements
            share = Share(parent, self.generation, 0, self.settings.population, mutation, limit)
            loss, number = self._best(layer, share)
            if number < 0:
                return None
            losses.append(loss / layer.target.elements)
            chosen.append(layer.offspring(share, number))
            if not is_output:
                self._layers[layer.index + 1].follow(layer, chosen[-1])
        return tuple(chosen) if fitness(losses) < accept else None

    def _best(self, layer: LayerSearch, share: Share) -> tuple[float, int]:
        """(sum of losses, number) of a generation's best offspring, shared among the threads."""
        if self._pool is None:
            return layer.search(share, 0, self.shortcuts)
        edges = [share.last * thread // self._threads for thread in range(self._threads + 1)]
        jobs = [
            self._pool.submit(
                layer.search, share._replace(first=first, last=last), thread, self.shortcuts
            )
            for thread, (first, last) in enumerate(itertools.pairwise(edges))
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
            self._costs,
            self._fits,
        )

    def conclude(self) -> None:
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
