"""The joint search (preset ``joint``): whole composites are scored, so that every layer's formula
serves the output.

1. A twentieth of the budget goes to the published search.
2. Hill climbers start from its elites, at most half of them, and from random composites. They
   change active genes or nodes of one or two layers at a time; the weights and biases of every
   layer above are fitted again, and an offspring is accepted on the total fitness, at first also
   when it is a little worse (simulated annealing); a promising one that would be refused has its
   constants fitted by Levenberg and Marquardt first. Successive halving: every round drops the
   worse half of the climbers and shares their budget among the others.
3. The constants of the best composite met of every complexity are fitted on all rows. What no
   simpler composite matches is the Pareto front.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.costs import cost_table
from srnet.cgp.genome import Genes, Grid, random_genes, random_normals, stream
from srnet.cgp.graph import keeps_nesting
from srnet.cgp.nesting import nesting_limits
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.networks.layers import Layers
from srnet.search.checkpoints import saved_history
from srnet.search.individual import Individual, judge
from srnet.search.kernels.climbing import improve
from srnet.search.kernels.composites import (
    CONSTANTS_AT,
    GENES_AT,
    Archive,
    Climber,
    Layout,
    Problem,
    Scratch,
)
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.pareto import front
from srnet.search.sampling import representative
from srnet.search.settings import JointSettings
from srnet.typing import Floats

# What the streams of a seed are drawn for.
_ROWS, _GENES, _CONSTANTS, _CLIMB = range(4)
# Random composites tried until one is finite.
_DRAWS = 1000
# Share of the budget kept for fitting the constants of the archive on all rows, and the steps of
# that fit.
_FINAL_SHARE = 0.005
_FINAL_STEPS = 20
# Share of the climbers' time at which the temperature is 0.
_COLD = 0.9


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
        self._problem = self._make_problem(_sample_rows(layers, settings.sample_rows, seed))
        self._scratch = [Scratch.empty(self._problem) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.generation = 0
        self.history: list[float] = []
        # the share of the time that has passed, where a clock ends the run and not a number of
        # generations
        self.elapsed: float | None = None
        self.until: float | None = None
        self.best: Individual | None = None
        self._front: list[Individual] = []
        self._elites: list[Individual] = []  # of the published search
        self._climbers: list[Climber] = []
        self._climbed = 0  # generations of each climber that is left
        self._best_total = float("inf")  # the best composite's fitness on the sample of rows
        # What climbers have met, and evaluations that were made, that are no longer there.
        self._dropped = Archive.empty(self._problem)
        self._evaluations = 0
        self._layerwise: LayerwiseSearch | None = None
        self._first_climb = int(settings.layerwise_share * settings.generations)
        if self._first_climb:
            first = replace(settings, generations=self._first_climb)
            self._layerwise = LayerwiseSearch(
                layers,
                first,
                seed,
                threads=threads,
                constraints=settings.nested_constraints,
                costs=settings.costs,
            )
        else:
            self._start_climbers([])

    def _make_problem(self, rows: Sequence[NDArray[np.int64]] | None) -> Problem:
        """The arrays of the kernel, for the given training and validation rows or for all."""
        train, valid = self.layers.splits["train"], self.layers.splits["valid"]
        if rows is not None:
            train = [values[rows[0]] for values in train]
            valid = [values[rows[1]] for values in valid]
        settings = self.settings
        most = int(settings.nodes_per_layer * len(self._grids))
        return Problem.build(
            self._grids,
            train,
            valid,
            settings.loss,
            most,
            settings.constant_steps,
            nesting_limits(settings.nested_constraints),
            cost_table(settings.costs),
        )

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
        return self._evaluations + sum(int(climber.evaluations[0]) for climber in self._climbers)

    def archive(self) -> dict[str, Any]:
        """The Pareto front, simplest first."""
        return {"pareto": [individual.to_json() for individual in self._front]}

    def step(self) -> None:
        """One generation of the published search, or of every climber."""
        if self._layerwise is not None:
            self._step_layerwise(self._layerwise)
        else:
            self._step_climbers()

    def conclude(self) -> None:
        """Finish a search that is stopped early: the front of what it has met. No more constants
        are fitted after ``until``."""
        if self._layerwise is not None:
            self._front = front(self._layerwise.elites)
        elif not self.finished:
            self._finish()

    # 1. The published search.

    def _step_layerwise(self, search: LayerwiseSearch) -> None:
        """One generation; the elites become climbers after the last."""
        search.step()
        self.generation, self.best = search.generation, search.best
        self.history.append(self.fitness)
        share = self.settings.layerwise_share
        if search.finished or (self.elapsed is not None and self.elapsed >= share):
            self._evaluations += search.evaluations
            self._layerwise = None
            self._first_climb = self.generation
            if self.finished:
                self._front = front(search.elites)
            else:
                self._start_climbers(search.elites)

    # 2. Hill climbers.

    def _start_climbers(self, elites: Sequence[Individual]) -> None:
        """Make every second climber from an elite, while there are any, and the others at
        random."""
        self._elites = list(elites)
        for number in range(self.settings.restarts):
            elite = elites[number // 2] if number % 2 and number // 2 < len(elites) else None
            self._climbers.append(self._start_climber(number, elite))

    def _start_climber(self, number: int, elite: Individual | None) -> Climber:
        """A climber on an elite, or on a random composite that is redrawn until it is finite."""
        climber = Climber.empty(self._problem, int(stream(self.seed, _CLIMB, number, 0)))
        composite = climber.composite
        if elite is not None:
            composite.assign(*_flat(elite))
            self._evaluate(climber)
        for attempt in range(_DRAWS):
            if np.isfinite(composite.total[0]):
                break
            keys = [
                np.uint64(stream(self.seed, purpose, number, attempt))
                for purpose in (_GENES, _CONSTANTS)
            ]
            composite.assign(
                random_genes(self._problem.layout.alleles, keys[0]),
                random_normals(composite.constants.size, keys[1]),
            )
            self._shorten(composite.genes)
            self._evaluate(climber)
        return climber

    def _shorten(self, genes: NDArray[np.int32]) -> None:
        """Let the output of every layer's chromosome be an earlier node until its formula keeps the
        nesting constraints; a terminal always does."""
        for layer, grid in enumerate(self._grids):
            chromosome = self._chromosome(genes, layer)
            while not keeps_nesting(
                grid.program(chromosome, [0.0] * grid.constants), self._problem.nesting
            ):
                chromosome[-1] -= 1

    def _chromosome(self, genes: NDArray[np.int32], layer: int) -> Genes:
        """That of a layer in the genes of a composite, which it shares."""
        at = self._problem.layout.table[layer, GENES_AT]
        return genes[at : at + self._grids[layer].genes]

    def _evaluate(self, climber: Climber) -> None:
        improve(0, 0.0, 0, self._problem, climber, self._scratch[0])

    def _step_climbers(self) -> None:
        """One generation of every climber; at the end of a round the worse ones are dropped."""
        climbers = self._climbers[: self.settings.generations - self.generation]
        self._climbed += 1
        self._climb(climbers)
        self.generation += len(climbers)
        self._update_best()
        rounds = (self.settings.restarts - 1).bit_length() + 1
        self._keep_best(max(1, self.settings.restarts >> int(rounds * self._progress())))
        if self.finished:
            self._finish()
        self.history += [self.fitness] * len(climbers)

    def _progress(self) -> float:
        """The share of the climbers' generations, or of their time, that has passed."""
        if self.elapsed is not None:
            begin = self.settings.layerwise_share
            return min(max((self.elapsed - begin) / (1.0 - begin), 0.0), 1.0)
        generations = max(self.settings.generations - self._first_climb, 1)
        return (self.generation - self._first_climb) / generations

    def _climb(self, climbers: Sequence[Climber]) -> None:
        """One generation of each; they are independent, so it does not matter which thread does
        it."""
        share = self.settings.population * len(self._grids) * (1.0 - _FINAL_SHARE)
        temperature = self.settings.temperature * max(0.0, 1.0 - self._progress() / _COLD)

        def work(thread: int) -> None:
            for climber in climbers[thread :: self._threads]:
                # what fitting constants took too much of the last generation is taken off this one
                budget = max(int(self._climbed * share) - int(climber.evaluations[0]), 0)
                improve(budget, temperature, 0, self._problem, climber, self._scratch[thread])

        if self._pool is None:
            work(0)
        else:
            for job in [self._pool.submit(work, thread) for thread in range(self._threads)]:
                job.result()

    def _update_best(self) -> None:
        """Judge the best composite that a climber has met where it is new."""
        archive = min((climber.archive for climber in self._climbers), key=_lowest)
        best = int(np.argmin(archive.totals))
        if archive.totals[best] < self._best_total:
            self._best_total = float(archive.totals[best])
            self._compete(self._judge(archive.genes[best], archive.constants[best]))

    def _compete(self, individual: Individual | None) -> None:
        if individual is not None and individual.fitness < self.fitness:
            self.best = individual

    def _keep_best(self, count: int) -> None:
        """Drop all climbers but those that have met the best composites."""
        if count >= len(self._climbers):
            return
        ranked = sorted(self._climbers, key=lambda climber: _lowest(climber.archive))
        for climber in ranked[count:]:
            self._evaluations += int(climber.evaluations[0])
            self._dropped.merge(climber.archive)
        self._climbers = ranked[:count]

    # 3. The front.

    def _finish(self) -> None:
        """Fit the constants of the archive on all rows, judge it in float64, and keep the Pareto
        front."""
        archive = self._dropped
        for climber in self._climbers:
            archive.merge(climber.archive)
        problem = self._make_problem(None)
        scratch, climber = Scratch.empty(problem), Climber.empty(problem, 0)
        composite = climber.composite
        met = [*self._elites, self.best]
        for entry in archive.front():
            if self.until is not None and time.monotonic() >= self.until:
                break
            composite.assign(archive.genes[entry], archive.constants[entry])
            met.append(self._judge(composite.genes, composite.constants))
            improve(0, 0.0, _FINAL_STEPS, problem, climber, scratch)
            met.append(self._judge(composite.genes, composite.constants))
        self._evaluations += int(climber.evaluations[0])
        self._front = front([individual for individual in met if individual is not None])
        if self._front:
            self._compete(self._front[-1])

    def _judge(self, genes: NDArray[np.int32], constants: Floats) -> Individual | None:
        """A composite in float64 on all rows; None where it is not finite."""
        chromosomes: list[Genes] = []
        programs = []
        for layer, grid in enumerate(self._grids):
            chromosomes.append(self._chromosome(genes, layer).copy())
            own = constants[self._problem.layout.table[layer, CONSTANTS_AT] :][: grid.constants]
            programs.append(grid.program(chromosomes[-1], own.tolist()))
        settings = self.settings
        return judge(chromosomes, programs, self.layers, settings.loss, settings.costs)

    # Checkpoints.

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold, as plain JSON."""
        if self._layerwise is not None:
            return {"layerwise": self._layerwise.state()}
        return {
            "generation": self.generation,
            "history": [finite_or_none(value) for value in self.history],
            "evaluations": self._evaluations,
            "climbed": self._climbed,
            "best_total": finite_or_none(self._best_total),
            "best": None if self.best is None else _flat(self.best),
            "elites": [_flat(elite) for elite in self._elites],
            "front": [_flat(individual) for individual in self._front],
            "dropped": _archive_to_json(self._dropped),
            "climbers": [
                {
                    "random": climber.random.tolist(),
                    "evaluations": int(climber.evaluations[0]),
                    "total": finite_or_none(float(climber.composite.total[0])),
                    "genes": climber.composite.genes.tolist(),
                    "constants": climber.composite.constants.tolist(),
                    "archive": _archive_to_json(climber.archive),
                }
                for climber in self._climbers
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
            total = state["best_total"]
            self._layerwise = None
            self.history = saved_history(state, self.settings.generations)
            self.generation = len(self.history)
            self._evaluations, self._climbed = int(state["evaluations"]), int(state["climbed"])
            self._best_total = float("inf") if total is None else float(total)
            self.best = None if state["best"] is None else self._restore_individual(state["best"])
            self._elites = [self._restore_individual(elite) for elite in state["elites"]]
            self._front = [self._restore_individual(saved) for saved in state["front"]]
            self._dropped = _archive_from_json(state["dropped"], self._problem)
            self._climbers = [self._restore_climber(climber) for climber in state["climbers"]]
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"the checkpoint's state is damaged ({type(error).__name__}: {error})"
            ) from error
        ended = self.history[-1:] in ([], [self.fitness])
        if not ended or not (self._climbers or self.finished):
            raise UserError(
                "the checkpoint's history does not end with its best composite's fitness"
            )

    def _restore_individual(self, saved: Any) -> Individual:
        genes, constants = _check_composite(saved, self._problem.layout)
        individual = self._judge(genes, constants)
        if individual is None:
            raise UserError("a composite of the checkpoint is not finite")
        return individual

    def _restore_climber(self, saved: Any) -> Climber:
        key, draws = saved["random"]
        climber = Climber.empty(self._problem, int(key))
        composite, problem = climber.composite, self._problem
        composite.assign(*_check_composite([saved["genes"], saved["constants"]], problem.layout))
        self._evaluate(climber)
        if finite_or_none(float(composite.total[0])) != saved["total"]:
            raise UserError("a composite of the checkpoint has another fitness than it says")
        archive = _archive_from_json(saved["archive"], problem)
        climber.random[1], climber.evaluations[0] = draws, saved["evaluations"]
        return climber._replace(archive=archive)


def _lowest(archive: Archive) -> float:
    return float(archive.totals.min())


def _flat(individual: Individual) -> tuple[list[int], list[float]]:
    """Genes and constants of all layers."""
    constants = [
        constant for (program,) in individual.model.programs for constant in program.constants
    ]
    return np.concatenate(individual.genes).tolist(), constants


def _archive_to_json(archive: Archive) -> list[Any]:
    """Plain lists: complexity, fitness, genes, constants."""
    return [
        [entry, float(archive.totals[entry]), *(a[entry].tolist() for a in archive[1:])]
        for entry in np.flatnonzero(np.isfinite(archive.totals)).tolist()
    ]


def _archive_from_json(saved: Any, problem: Problem) -> Archive:
    """Read from a file; a wrong fitness can only cost, for what is reported is judged anew."""
    archive = Archive.empty(problem)
    for entry, total, *composite in saved:
        if not 0 <= entry < archive.totals.size:
            raise UserError(f"the checkpoint's archive has a composite of complexity {entry}")
        archive.totals[entry] = float(total)
        archive.genes[entry], archive.constants[entry] = _check_composite(composite, problem.layout)
    return archive


def _check_composite(saved: Any, layout: Layout) -> tuple[NDArray[np.int32], Floats]:
    """Genes and constants read from a file, of the right number and range.

    Raises
    ------
    UserError
        If they are not.
    """
    genes, constants = np.asarray(saved[0]), np.asarray(saved[1], dtype=np.float64)
    if (
        genes.shape != layout.alleles.shape
        or genes.dtype.kind != "i"
        or (genes < 0).any()
        or (genes >= layout.alleles).any()
    ):
        raise UserError("a composite of the checkpoint has genes that are out of their range")
    if constants.shape != (layout.constants,) or not np.isfinite(constants).all():
        raise UserError("a composite of the checkpoint has constants that are not finite")
    return genes.astype(np.int32), constants


def _sample_rows(
    layers: Layers, most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation rows on which composites are compared: all, or a sample of each, in
    proportion, that is like all of them."""
    train, valid = layers.rows("train"), layers.rows("valid")
    if train + valid <= most:
        return np.arange(train), np.arange(valid)
    rng = np.random.default_rng([seed, _ROWS])
    kept = min(max(most * train // (train + valid), 2), most - 1)

    def draw(split: str, count: int) -> NDArray[np.int64]:
        values = layers.splits[split]
        return representative(np.hstack([values[0], values[-1]]), count, rng)

    return draw("train", kept), draw("valid", min(most - kept, valid))
