"""The joint search (preset ``joint``): whole composites are scored, so that every layer's formula
serves the output.

A twentieth of the budget goes to the published search, whose elites start up to half of the
climbers; the others start from random composites. Climbers change active genes, nodes or constants
of one or two layers at a time; the weights and biases of every layer above are fitted again, and
the offspring is accepted on the total fitness, at first also when it is a little worse (annealing).
Constants are fitted by Levenberg and Marquardt, those of a promising new structure before it is
judged. Every round drops the worse half of the climbers and shares their budget among the others.
The best composite met of every complexity is kept.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.genome import Genes, Grid, random_genes, random_normals, stream
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.networks.layers import Layers
from srnet.search.checkpoints import saved_history
from srnet.search.individual import Individual, judge
from srnet.search.kernels import composite_kernel
from srnet.search.kernels.class_kernel import Classes, Points
from srnet.search.kernels.climbing import climb
from srnet.search.kernels.composite_kernel import Fit, Lineage, Problem, Scratch
from srnet.search.kernels.constants import polish
from srnet.search.kernels.sums import CHUNK
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.pareto import front
from srnet.search.sampling import representative
from srnet.search.settings import JointSettings

# What the streams of a seed are drawn for.
_ROWS, _GENES, _CONSTANTS, _CLIMB = range(4)
# Random composites tried until one is finite.
_DRAWS = 1000
# Share of the budget kept for fitting the constants of the archive on all rows.
_FINAL = 0.005
_FINAL_ITERATIONS = 20
# Generations after which the memory of composites met is cleared: a checkpoint can be taken there,
# and holds no memory.
_EPOCH = 1000
# Rows × units that a climber of wide layers may take between two such points: some ten seconds, so
# that a kill costs no more.
_EPOCH_WORK = 5 * 10**7
_MEMORY = 2**17


class JointSearch:
    """The state of one joint run; ``step`` is one generation, population × layers evaluations, of
    every climber."""

    def __init__(
        self, layers: Layers, settings: JointSettings, seed: int, *, threads: int = 1
    ) -> None:
        self.layers, self.settings, self.seed, self._threads = layers, settings, seed, threads
        self._grids = [
            Grid(layers.widths[i], settings.n_eph, settings.rows, settings.cols, settings.functions)
            for i in range(layers.depth)
        ]
        rows = _screening_rows(layers, settings.screen_rows, seed)
        self._problem = _problem(layers, self._grids, settings, rows)
        self._scratch = [_scratch(self._problem) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.generation = 0
        self.history: list[float] = []
        # the share of the time that has passed, where a clock ends the run and not a number of
        # generations
        self.elapsed: float | None = None
        self.best: Individual | None = None
        self._front: list[Individual] = []
        self._best_screened = float("inf")
        self._retired = _Archive()
        self._spent = 0
        self._seeds: list[Individual] = []
        self._lineages: list[Lineage] = []
        self._cleared = 0
        self._epoch = max(
            1, min(_EPOCH, _EPOCH_WORK // (self._problem.rows * sum(layers.widths[1:])))
        )
        self._layerwise: LayerwiseSearch | None = None
        self._climbs_from = int(settings.layerwise * settings.generations)
        if self._climbs_from:
            first = replace(settings, generations=self._climbs_from)
            self._layerwise = LayerwiseSearch(layers, first, seed, threads=threads)
        else:
            self._begin([])

    @property
    def fitness(self) -> float:
        """The best composite's, in float64 on all rows."""
        return self.best.fitness if self.best is not None else float("inf")

    @property
    def finished(self) -> bool:
        """Out of budget, or good enough."""
        return self.generation >= self.settings.generations or self.fitness <= self.settings.stop

    @property
    def evaluations(self) -> int:
        """Chromosome evaluations so far; one of a layer that did not change is none."""
        if self._layerwise is not None:
            return self._layerwise.evaluations
        return self._spent + sum(
            int(lineage.counters[composite_kernel.EVALUATIONS]) for lineage in self._lineages
        )

    @property
    def resumable(self) -> bool:
        """Whether the state is complete without the climbers' memory."""
        return self._layerwise is not None or self._cleared == self.generation

    def archive(self) -> dict[str, Any]:
        """The Pareto front, simplest first."""
        return {"pareto": [individual.to_json() for individual in self._front]}

    def step(self) -> None:
        """One generation of every climber, and at the end of a round, the choice of those that go
        on."""
        if self._layerwise is not None:
            self._step_layerwise(self._layerwise)
            return
        climbers = self._lineages[: self.settings.generations - self.generation]
        share = self.settings.population * len(self._grids) * (1.0 - _FINAL)
        rounds = max(self.settings.starts - 1, 0).bit_length() + 1
        progress = self._progress()
        temperature = self.settings.temperature * max(0.0, 1.0 - progress / 0.9)
        self._each(
            climbers, lambda lineage, scratch: self._climb(lineage, scratch, share, temperature)
        )
        self.generation += len(climbers)
        self._note_best()
        survivors = max(1, self.settings.starts >> int(rounds * self._progress()))
        if survivors < len(self._lineages):
            self._halve(survivors)
        if self.generation - self._cleared >= self._epoch or not self.settings.memory:
            for lineage in self._lineages:
                lineage.met[:] = 0
            self._cleared = self.generation
        if self.finished:
            self._finish()
        self.history += [self.fitness] * len(climbers)

    def _progress(self) -> float:
        """The share of the climbers' generations, or of their time, that has passed."""
        if self.elapsed is not None:
            return min(
                max(
                    (self.elapsed - self.settings.layerwise) / (1.0 - self.settings.layerwise), 0.0
                ),
                1.0,
            )
        return (self.generation - self._climbs_from) / max(
            self.settings.generations - self._climbs_from, 1
        )

    def _step_layerwise(self, search: LayerwiseSearch) -> None:
        """One generation of the published search; its elites become climbers when it ends."""
        search.step()
        self.generation, self.best = search.generation, search.best
        self.history.append(self.fitness)
        if search.finished or (
            self.elapsed is not None and self.elapsed >= self.settings.layerwise
        ):
            self._spent += search.evaluations
            self._layerwise = None
            self._climbs_from = self.generation
            if self.finished:
                self._front = front(search.elites)
            else:
                self._begin(search.elites)

    def _begin(self, elites: Sequence[Individual]) -> None:
        """Set up the climbers: at most half of them from elites, the others at random."""
        self._cleared = self.generation
        self._seeds = list(elites)
        for number in range(self.settings.starts):
            elite = elites[number // 2] if number % 2 and number // 2 < len(elites) else None
            self._lineages.append(self._start(number, elite))

    def _each(self, lineages: Sequence[Lineage], work: Any) -> None:
        """Work on every lineage; they are independent, so it does not matter which thread does
        it."""
        if self._pool is None:
            for lineage in lineages:
                work(lineage, self._scratch[0])
            return

        def share(thread: int) -> None:
            for lineage in lineages[thread :: self._threads]:
                work(lineage, self._scratch[thread])

        for job in [self._pool.submit(share, thread) for thread in range(self._threads)]:
            job.result()

    def _climb(self, lineage: Lineage, scratch: Scratch, share: float, temperature: float) -> None:
        """One generation of one climber; what fitting constants took of the last one is taken off
        this one."""
        lineage.allowance[0] += share
        budget = int(lineage.allowance[0]) - int(lineage.counters[composite_kernel.EVALUATIONS])
        before = lineage.genes.copy()
        if budget > 0:
            climb(budget, temperature, self._problem, lineage, scratch)
        if self.settings.polish and not np.array_equal(before, lineage.genes):
            polish(self.settings.polish, self._problem, lineage, scratch)

    def _note_best(self) -> None:
        """Judge the best composite of all climbers where it is new."""
        leader = min(self._lineages, key=lambda lineage: lineage.archive.min())
        complexity = int(np.argmin(leader.archive))
        if not leader.archive[complexity] < self._best_screened:
            return
        self._best_screened = float(leader.archive[complexity])
        self._challenge(
            self._judge(leader.archive_genes[complexity], leader.archive_constants[complexity])
        )

    def _challenge(self, individual: Individual | None) -> None:
        if individual is not None and individual.fitness < self.fitness:
            self.best = individual

    def _halve(self, survivors: int) -> None:
        """Keep the climbers that have met the best composites."""
        order = sorted(range(len(self._lineages)), key=lambda i: self._lineages[i].archive.min())
        for i in order[survivors:]:
            self._spent += int(self._lineages[i].counters[composite_kernel.EVALUATIONS])
            self._retired.add(self._lineages[i])
        self._lineages = [self._lineages[i] for i in order[:survivors]]

    def conclude(self, until: float | None = None) -> None:
        """Finish a search that is stopped early: the front of what it has met.

        Parameters
        ----------
        until
            Time (as ``time.monotonic()``) after which no more constants are fitted.
        """
        if self._layerwise is not None:
            self._front = front(self._layerwise.elites)
        elif not self.finished:
            self._finish(until)

    def _finish(self, until: float | None = None) -> None:
        """Fit the constants of the archive on all rows, judge it in float64, and keep the Pareto
        front."""
        for lineage in self._lineages:
            self._retired.add(lineage)
        problem = _problem(self.layers, self._grids, self.settings, None)
        scratch = _scratch(problem)
        lineage = _lineage(problem, 0)
        before = int(lineage.counters[composite_kernel.EVALUATIONS])
        found = [*self._seeds, *([self.best] if self.best is not None else [])]
        for genes, constants in self._retired.composites():
            if until is not None and time.monotonic() >= until:
                break
            screened = self._judge(genes, constants)
            if screened is not None:
                found.append(screened)
            lineage.genes[:], lineage.constants[:], lineage.total[0] = genes, constants, np.inf
            composite_kernel.start(problem, lineage, scratch)
            if np.isfinite(lineage.total[0]):
                polish(_FINAL_ITERATIONS, problem, lineage, scratch)
                polished = self._judge(lineage.genes, lineage.constants)
                if polished is not None:
                    found.append(polished)
        self._spent += int(lineage.counters[composite_kernel.EVALUATIONS]) - before
        self._front = front(found)
        if self._front:
            self._challenge(self._front[-1])

    def _start(self, number: int, elite: Individual | None) -> Lineage:
        """A climber on an elite, or on a random composite that is redrawn until it is finite."""
        lineage = _lineage(self._problem, int(stream(self.seed, _CLIMB, number, 0)))
        if elite is not None:
            lineage.genes[:] = np.concatenate(elite.genes)
            lineage.constants[:] = [
                constant for program in elite.model.programs for constant in program.constants
            ]
            composite_kernel.start(self._problem, lineage, self._scratch[0])
        for attempt in range(_DRAWS):
            if np.isfinite(lineage.total[0]):
                break
            lineage.genes[:] = random_genes(
                self._problem.alleles, np.uint64(stream(self.seed, _GENES, number, attempt))
            )
            key = np.uint64(stream(self.seed, _CONSTANTS, number, attempt))
            lineage.constants[:] = random_normals(lineage.constants.size, key)
            composite_kernel.start(self._problem, lineage, self._scratch[0])
        return lineage

    def _judge(self, genes: NDArray[np.int32], constants: NDArray[np.float64]) -> Individual | None:
        chosen: list[Genes] = []
        programs = []
        for row, grid in zip(self._problem.table, self._grids, strict=True):
            chosen.append(genes[row[composite_kernel.GENES_AT] :][: grid.genes].copy())
            programs.append(
                grid.program(
                    chosen[-1],
                    constants[row[composite_kernel.CONSTANTS_AT] :][: grid.constants].tolist(),
                )
            )
        return judge(chosen, programs, self.layers, self.settings.loss)

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold, as plain JSON; only where ``resumable``."""
        if self._layerwise is not None:
            return {"layerwise": self._layerwise.state()}
        return {
            "generation": self.generation,
            "history": [finite_or_none(value) for value in self.history],
            "spent": self._spent,
            "best_screened": finite_or_none(self._best_screened),
            "best": None if self.best is None else _plain_individual(self.best),
            "seeds": [_plain_individual(elite) for elite in self._seeds],
            "retired": self._retired.to_json(),
            "lineages": [
                {
                    "key": int(lineage.key[0]),
                    "counters": lineage.counters.tolist(),
                    "allowance": float(lineage.allowance[0]),
                    "total": finite_or_none(float(lineage.total[0])),
                    "genes": lineage.genes.tolist(),
                    "constants": lineage.constants.tolist(),
                    "archive": _Archive().add(lineage).to_json(),
                }
                for lineage in self._lineages
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; every fitness in it is computed again, so a state cannot claim
        one.

        Raises
        ------
        UserError
            If the state is not one of this search.
        """
        try:
            if "layerwise" in state:
                if self._layerwise is None:
                    raise UserError("the checkpoint is of a search that begins otherwise")
                self._layerwise.restore(state["layerwise"])
                self.generation, self.best = self._layerwise.generation, self._layerwise.best
                self.history = list(self._layerwise.history)
                return
            self._layerwise = None
            self.history = saved_history(state, self.settings.generations)
            self.generation = self._cleared = len(self.history)
            self._spent = int(state["spent"])
            self._best_screened = (
                float("inf") if state["best_screened"] is None else float(state["best_screened"])
            )
            self.best = None if state["best"] is None else self._individual(state["best"])
            self._seeds = [self._individual(elite) for elite in state["seeds"]]
            self._retired = _Archive.from_json(state["retired"], self._problem)
            self._lineages = [self._restored(lineage) for lineage in state["lineages"]]
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"the checkpoint's state is damaged ({type(error).__name__}: {error})"
            ) from error
        if not self._lineages or self.history[-1:] != [self.fitness]:
            raise UserError(
                "the checkpoint's history does not end with its best composite's fitness"
            )

    def _individual(self, saved: Any) -> Individual:
        genes, constants = _checked(saved, self._problem)
        individual = self._judge(genes, constants)
        if individual is None:
            raise UserError("a composite of the checkpoint is not finite")
        return individual

    def _restored(self, saved: Any) -> Lineage:
        lineage = _lineage(self._problem, int(saved["key"]))
        lineage.genes[:], lineage.constants[:] = _checked(
            [saved["genes"], saved["constants"]], self._problem
        )
        composite_kernel.start(self._problem, lineage, self._scratch[0])
        if finite_or_none(float(lineage.total[0])) != saved["total"]:
            raise UserError("a composite of the checkpoint has another fitness than it says")
        lineage.archive[:] = np.inf
        for complexity, (total, genes, constants) in _Archive.from_json(
            saved["archive"], self._problem
        ).best.items():
            lineage.archive[complexity] = total
            lineage.archive_genes[complexity], lineage.archive_constants[complexity] = (
                genes,
                constants,
            )
        lineage.counters[:] = saved["counters"]
        lineage.allowance[0] = float(saved["allowance"])
        return lineage


_Entry = tuple[float, NDArray[np.int32], NDArray[np.float64]]


@dataclass
class _Archive:
    """The best composite met of every complexity: (fitness on the screening rows, genes,
    constants)."""

    best: dict[int, _Entry] = field(default_factory=dict)

    def add(self, lineage: Lineage) -> "_Archive":
        """Take over what a climber has met."""
        for complexity in np.flatnonzero(np.isfinite(lineage.archive)).tolist():
            total = float(lineage.archive[complexity])
            if complexity not in self.best or total < self.best[complexity][0]:
                self.best[complexity] = (
                    total,
                    lineage.archive_genes[complexity].copy(),
                    lineage.archive_constants[complexity].copy(),
                )
        return self

    def composites(self) -> list[tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """Genes and constants, the simplest first; none that a simpler one matches."""
        chosen, lowest = [], float("inf")
        for _, (total, genes, constants) in sorted(self.best.items()):
            if total < lowest:
                lowest = total
                chosen.append((genes, constants))
        return chosen

    def to_json(self) -> list[Any]:
        """Plain lists."""
        return [
            [complexity, total, genes.tolist(), constants.tolist()]
            for complexity, (total, genes, constants) in sorted(self.best.items())
        ]

    @classmethod
    def from_json(cls, saved: Any, problem: Problem) -> "_Archive":
        """The inverse of ``to_json``."""
        most = sum(problem.table[:, composite_kernel.GENES]) // 3
        best = {}
        for complexity, total, genes, constants in saved:
            if not 0 <= complexity <= most:
                raise UserError(f"a composite of complexity {complexity} is impossible")
            best[int(complexity)] = (float(total), *_checked([genes, constants], problem))
        return cls(best)


def _checked(saved: Any, problem: Problem) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Genes and constants read from a file, of the right number and range."""
    genes, constants = np.asarray(saved[0]), np.asarray(saved[1], dtype=np.float64)
    if (
        genes.shape != problem.alleles.shape
        or genes.dtype.kind != "i"
        or (genes < 0).any()
        or (genes >= problem.alleles).any()
    ):
        raise UserError("a composite of the checkpoint has genes that are out of their range")
    if (
        constants.shape != (problem.table[:, composite_kernel.CONSTANTS].sum(),)
        or not np.isfinite(constants).all()
    ):
        raise UserError("a composite of the checkpoint has constants that are not finite")
    return genes.astype(np.int32), constants


def _plain_individual(individual: Individual) -> list[Any]:
    constants = [
        constant for program in individual.model.programs for constant in program.constants
    ]
    return [np.concatenate(individual.genes).tolist(), constants]


def _screening_rows(
    layers: Layers, most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation rows on which composites are compared: all, or a sample of each, in
    proportion, that is like all of them."""
    train, valid = layers.rows("train"), layers.rows("valid")
    if train + valid <= most:
        return np.arange(train), np.arange(valid)
    rng = np.random.default_rng([seed, _ROWS])
    kept = min(max(most * train // (train + valid), 2), most - 1)

    def drawn(split: str, count: int) -> NDArray[np.int64]:
        values = layers.splits[split]
        return representative(np.hstack([values[0], values[-1]]), count, rng)

    return drawn("train", kept), drawn("valid", min(most - kept, valid))


def _problem(
    layers: Layers,
    grids: Sequence[Grid],
    settings: JointSettings,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
) -> Problem:
    """The arrays of the kernel, for the given rows or for all."""
    train, valid = layers.splits["train"], layers.splits["valid"]
    if rows is not None:
        train, valid = [values[rows[0]] for values in train], [values[rows[1]] for values in valid]
    count = train[0].shape[0] + valid[0].shape[0]
    whole = -(-count // CHUNK) * CHUNK
    targets = [Target.build(h, g, whole) for h, g in zip(train[1:], valid[1:], strict=True)]
    point_rows, members, extra = np.zeros((2, 0)), np.zeros((2, 1, 0)), 0.0
    if settings.loss == "cross_entropy":
        classes = Classes.build(train[-1], valid[-1])
        points = Points.single(classes)
        point_rows, members, extra = points.rows, points.members, points.extra
        targets[-1] = targets[-1]._replace(values=classes.labels[None].astype(np.float64))
    units = max(target.values.shape[0] for target in targets)
    table = np.zeros((len(grids), 10), dtype=np.int64)
    sums_h, sums_hh = np.zeros((len(grids), 2, units)), np.zeros((len(grids), 2))
    genes_at = constants_at = target_at = basis_at = mean_at = 0
    for i, (grid, target) in enumerate(zip(grids, targets, strict=True)):
        size, width = target.values.shape[0], target.mean.size
        table[i] = (
            genes_at,
            grid.genes,
            constants_at,
            grid.constants,
            grid.inputs,
            target_at,
            size,
            width,
            basis_at,
            mean_at,
        )
        genes_at, constants_at, target_at = (
            genes_at + grid.genes,
            constants_at + grid.constants,
            target_at + target.values.size,
        )
        basis_at, mean_at = basis_at + target.basis.size, mean_at + width
        if not (members.size and i + 1 == len(grids)):
            sums_h[i, :, :size], sums_hh[i] = target.sum_h, target.sum_hh
    return Problem(
        table=table,
        alleles=np.concatenate([grid.alleles() for grid in grids]),
        opcodes=grids[0].opcodes(),
        x=np.vstack([train[0], valid[0]]).T.ravel().astype(np.float32),
        targets=np.concatenate([target.values.ravel() for target in targets]),
        sums_h=sums_h,
        sums_hh=sums_hh,
        mean=np.concatenate([target.mean for target in targets]),
        basis=np.concatenate([target.basis.ravel() for target in targets]),
        point_rows=point_rows,
        members=members,
        extra=extra,
        train_rows=train[0].shape[0],
        rows=count,
        max_complexity=int(settings.nodes_per_layer * len(grids)),
        two_layers=settings.two_layers,
        again=settings.again,
        constant=settings.constant,
        restructure=settings.restructure,
        neutral=np.array(
            [
                settings.functions.index(name) if name in settings.functions else -1
                for name in ("add", "mul")
            ]
        ),
        promising=settings.promising,
        polish=settings.polish_offspring,
    )


def _lineage(problem: Problem, key: int) -> Lineage:
    """Room for a climber."""
    layers, width = problem.table.shape[0], int(problem.table[:, composite_kernel.WIDTH].max())
    genes, constants = problem.alleles.size, int(problem.table[:, composite_kernel.CONSTANTS].sum())
    nodes = int(((problem.table[:, composite_kernel.GENES] - 1) // 3).sum())
    return Lineage(
        key=np.array([key], dtype=np.uint64),
        counters=np.zeros(2, dtype=np.int64),
        allowance=np.zeros(1),
        genes=np.zeros(genes, dtype=np.int32),
        constants=np.zeros(constants),
        counts=np.zeros(layers, dtype=np.int64),
        names=np.zeros(layers, dtype=np.uint64),
        total=np.full(1, np.inf),
        side=np.zeros(layers, dtype=np.int64),
        f=np.zeros((layers, 2, problem.rows), dtype=np.float32),
        weights=np.zeros((layers, 2, width)),
        biases=np.zeros((layers, 2, width)),
        centres=np.zeros((layers, 2)),
        losses=np.zeros((layers, 2)),
        archive=np.full(nodes + 1, np.inf),
        archive_genes=np.zeros((nodes + 1, genes), dtype=np.int32),
        archive_constants=np.zeros((nodes + 1, constants)),
        met=np.zeros(_MEMORY, dtype=np.uint64),
    )


def _scratch(problem: Problem) -> Scratch:
    """Room for a thread."""
    table = problem.table
    terminals = table[:, composite_kernel.INPUTS] + table[:, composite_kernel.CONSTANTS]
    nodes = (table[:, composite_kernel.GENES] - 1) // 3
    units, constants = problem.sums_h.shape[2], int(table[:, composite_kernel.CONSTANTS].sum())
    return Scratch(
        values=np.zeros(int((terminals + nodes).max()) * problem.rows, dtype=np.float32),
        program=np.zeros((int(nodes.max()), 3), dtype=np.int32),
        nodes=np.zeros((int(nodes.max()), 4), dtype=np.int32),
        deviations=np.zeros(CHUNK),
        sums=np.zeros((2, 2 + units)),
        reduced=np.zeros(units),
        counts=np.zeros(table.shape[0], dtype=np.int64),
        names=np.zeros(table.shape[0], dtype=np.uint64),
        fresh=np.zeros(table.shape[0], dtype=np.bool_),
        slots=np.zeros(constants + 1, dtype=np.int64),
        genes=np.zeros(problem.alleles.size, dtype=np.int32),
        constants=np.zeros(constants),
        parent=composite_kernel.composite_of(_lineage(problem, 0)),
        fit=Fit.of(constants, problem.rows, units, int((terminals + nodes).max())),
    )
