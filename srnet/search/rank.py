"""The search of rank r (presets ``rank``, ``rank2``, ``rank3``): several formulas for a layer,
layer after layer, each layer's reading the values of those of the layer before.

    hᵢ ≈ zᵢ·Wᵢ + bᵢ,   zᵢ = (fᵢ₁(zᵢ₋₁), …, fᵢᵣ(zᵢ₋₁)),   z₀ = x

Every layer has the same budget and is explained by matching pursuit (:mod:`srnet.search.pursuit`).
Where validation rows are held out, the pursuit is repeated while the budget lasts, by turns from
the constant, the start and simpler formulas, and all share one front. There the loss
``cross_entropy`` means that the output's formulas are searched for the logits of the network's
probabilities, and that the weights and biases of every candidate are the multinomial logistic fit
to these probabilities.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from srnet.cgp.costs import layer_complexity
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.metrics import agreement
from srnet.model.fitting import fit_classifier, least_cost
from srnet.model.logistic import explained_divergence, logits_of
from srnet.model.losses import SQUARED, RowLoss
from srnet.model.sizes import program_size, sum_size
from srnet.model.srnet import join
from srnet.networks.layers import Layers
from srnet.search.checkpoints import saved_history
from srnet.search.elimination import Fitted
from srnet.search.individual import Individual, measure
from srnet.search.pareto import front, select_by_fidelity
from srnet.search.pursuit import LayerPursuit, components, inner_settings
from srnet.search.settings import RankSettings
from srnet.search.variable_projection import fit_constants
from srnet.typing import Floats

Formulas = tuple[Program, ...]

# Steps of the fit of a front's constants on all rows, where the search has seen a sample.
_FINAL_STEPS = 3
# Share of a layer's time for its rounds; the rest is for shortening and the choice.
_ROUNDS = 0.85
# What a layer's pursuits begin from, in this order, again and again. None is the start, for several
# rounds; a number is the best formulas whose complexity is so much below that of the chosen ones,
# for one round. Infinitely much below is the constant: the round looks for the whole law.
_BEGINNINGS = (np.inf, None, np.inf, 4, 7, 10)
# Weights of the output beside a hidden layer's units in what a given number of formulas is to
# carry: the better pass counts. With none a layer is explained best, but its formulas may leave out
# what the output needs.
_WEIGHTS = (0.0, 0.1)


class RankSearch:
    """The state of one run; ``step`` is one generation of the joint search of a round for every
    layer there is, population × layers evaluations, all on the layer that is being explained.

    ``start`` are formulas of the first layer that compete with what is found. Where some cannot,
    the archive says of each why not, or None.
    """

    def __init__(
        self,
        layers: Layers,
        settings: RankSettings,
        seed: int,
        *,
        threads: int = 1,
        start: Sequence[Formulas] = (),
    ) -> None:
        self._given = tuple(start)
        self._objections: list[str | None] = []
        self.layers, self.settings, self.seed, self._threads = layers, settings, seed, threads
        self.elapsed: float | None = None
        self.until: float | None = None
        self.history: list[float] = []
        self.best: Individual | None = None
        self._front: list[Individual] = []
        self._evaluations = self._spent = 0  # of rounds that have ended; their generations
        self._finished = False
        # the presets that are compared with the published one fit logits as it does
        self._logits = settings.hold_out and settings.loss == "cross_entropy"
        self._targets = "probabilities" if self._logits else "classes"
        # the output beside the units of a hidden layer would count with its squares
        fixed = settings.robust.is_mean_square and any(
            settings.formulas_of(layer) for layer in range(layers.depth - 1)
        )
        self._weights = _WEIGHTS if fixed and settings.generations > 1 else _WEIGHTS[:1]
        self._inner = inner_settings(settings, len(self._weights))
        self._pass = 0
        self._found: list[Individual] = []  # in the passes that have ended
        self._chosen: list[Individual] = []  # of each of them
        self._begin_pass()

    def _begin_pass(self) -> None:
        """Go on to the first layer."""
        self._done: list[Formulas] = []  # of the layers that are explained
        # What the formulas of the present layer read, by split.
        self._read = {
            split: values[0].astype(np.float64) for split, values in self.layers.splits.items()
        }
        self._begin_layer()

    def _begin_layer(self) -> None:
        """Start the search for the formulas of the next layer."""
        self._pursuit = self._start()
        # Of the present pursuit: its rounds, and the number of its beginning. The complexity of the
        # simplest formulas that were faithful, and the pursuits since. The share of the layer's
        # time that had passed when the round began.
        self._pursuit_rounds, self._beginning = 0, _BEGINNINGS.index(None)
        self._simplest, self._failures = float("inf"), 0
        self._round_start: float | None = None
        self._validated: dict[Formulas, tuple[float, float]] = {}
        self._update()
        if self.settings.hold_out and not (self._given and not self._done):
            self._begin(0)

    def _start(self) -> LayerPursuit:
        """The search for the formulas of the next layer."""
        number = len(self._done)
        x, h = self._fitted_rows(number + 1)
        weight = self._weights[self._pass]
        if weight and self.settings.formulas_of(number) and number + 1 < self.layers.depth:
            _, y = self._fitted_rows(-1)
            # both as they count in the fitness
            units = h / np.sqrt(h.shape[1] * (self.layers.depth - 1))
            h = np.hstack([units, weight * y / np.sqrt(y.shape[1])])
        parts = len(self._weights)
        pursuit = LayerPursuit(
            x,
            h,
            self.settings,
            self.seed,
            number,
            self._pass,
            parts,
            self._threads,
            self._loss(*self._fit_splits),
        )
        if number == 0:
            reasons = pursuit.add_start(self._given)
            self._objections = [
                reason or self._excess(programs)
                for reason, programs in zip(reasons, self._given, strict=True)
            ]
        return pursuit

    def _excess(self, programs: Formulas) -> str | None:
        """Why only shorter forms of formulas that are given can be chosen, if that is so."""
        if not self.settings.hold_out or not any(program.nodes for program in programs):
            return None
        complexity = layer_complexity(programs, self.settings.costs)
        if complexity > self.settings.most_nodes:
            return f"its complexity {complexity} is above nodes={self.settings.most_nodes}"
        if not self._fits(programs):
            return f"its size is above maxsize={self.settings.maxsize}"
        return None

    def _fitted_rows(self, layer: int) -> tuple[Floats, Floats]:
        """What the present layer's formulas read, and a layer's units, on the rows that are
        fitted; of the present one the logits where it is the output of a classification."""
        splits = self._fit_splits
        h = np.vstack([self.layers.splits[split][layer] for split in splits]).astype(np.float64)
        if layer > 0 and self._is_logistic():
            h = logits_of(h)
        return np.vstack([self._read[split] for split in splits]), h

    @property
    def _fit_splits(self) -> tuple[str, ...]:
        return ("train",) if self.settings.hold_out else ("train", "valid")

    def _loss(self, *splits: str) -> RowLoss:
        """What errors of the present layer cost on the rows of splits; only those of the output by
        a robust loss."""
        is_output = len(self._done) + 1 == self.layers.depth
        robust = self.settings.robust if is_output else SQUARED
        return replace(robust, weights=self.layers.row_weights(*splits))

    def _is_logistic(self) -> bool:
        """Whether the present layer is the output of a classification whose formulas the validation
        rows choose."""
        return self._logits and len(self._done) + 1 == self.layers.depth

    @property
    def generation(self) -> int:
        """Generations so far."""
        return len(self.history)

    @property
    def fitness(self) -> float:
        """The best individual's, in float64 on all rows."""
        return self.best.fitness if self.best is not None else float("inf")

    @property
    def finished(self) -> bool:
        """Every layer is explained."""
        return self._finished

    @property
    def evaluations(self) -> int:
        """Chromosome evaluations so far."""
        running = self._pursuit.search.evaluations if not self._finished else 0
        return self._evaluations + running

    def archive(self) -> dict[str, Any]:
        """The Pareto front, simplest first."""
        told = {"start_objections": self._objections} if any(self._objections) else {}
        return {"pareto": [individual.to_json() for individual in self._front], **told}

    def step(self) -> None:
        """One generation; at the end of a round its formula is taken in."""
        pursuit = self._pursuit
        for _ in range(self.layers.depth):
            search = pursuit.search
            search.until = self.until
            search.elapsed = self._share_of_round()
            search.step()
            over = search.elapsed is not None and search.elapsed >= 1.0
            if over:
                search.conclude()
            if over or search.finished:
                self._end_round()
                break
        spent = self._spent + (0 if self._finished else self._pursuit.search.generation)
        self.history += [self.fitness] * (max(spent // self.layers.depth, 1) - len(self.history))
        self.history[-1] = self.fitness

    @property
    def _stages(self) -> int:
        """Layers of all passes."""
        return self.layers.depth * len(self._weights)

    @property
    def _stage(self) -> int:
        """Layers that have been explained in all passes."""
        return self.layers.depth * self._pass + len(self._done)

    def _share_of_rounds(self) -> float:
        """The share of the time for the present layer's rounds that has passed, where a clock ends
        the run; above 1 where it is over."""
        assert self.elapsed is not None
        return (self.elapsed * self._stages - self._stage) / _ROUNDS

    def _share_of_round(self) -> float | None:
        """The share of the present round that has passed, where a clock ends the run."""
        if self.elapsed is None:
            return None
        rounds = self.settings.affordable_rounds(len(self._weights))
        if not self.settings.hold_out:
            return self._share_of_rounds() * rounds - self._pursuit.round
        if self._round_start is None:
            self._round_start = self._share_of_rounds()
        generations = self._pursuit.search.generation / self._inner.generations
        share = self._share_of_rounds()
        return max((share - self._round_start) * rounds, generations, float(share >= 1.0))

    def _end_of_layer(self) -> float | None:
        """When the present layer's time is over (as ``time.monotonic()``)."""
        if self.until is None or self.elapsed is None:
            return None
        left = ((self._stage + 1) / self._stages - self.elapsed) / max(1.0 - self.elapsed, 1e-9)
        now = time.monotonic()
        return now + min(max(left, 0.0), 1.0) * (self.until - now)

    def _end_round(self) -> None:
        pursuit, search = self._pursuit, self._pursuit.search
        self._evaluations += search.evaluations
        self._spent += search.generation
        pursuit.end_round()
        self._round_start = None
        self._update()
        self._pursuit_rounds += 1
        if not self._has_budget() or (self._pursuit_has_ended() and not self._begin_pursuit()):
            self._end_layer()

    def _has_budget(self) -> bool:
        """Whether the present layer's budget has another round."""
        rounds, passes = self._pursuit.round, len(self._weights)
        if not self.settings.hold_out:
            return rounds < self.settings.affordable_rounds(passes)
        if self.elapsed is not None:
            return self._share_of_rounds() < 1.0
        return rounds < self.settings.generations // (self._inner.generations * passes)

    def _pursuit_has_ended(self) -> bool:
        """Whether the present pursuit has, where others may follow."""
        rounds = 1
        if _BEGINNINGS[self._beginning] is None:
            rounds = self.settings.affordable_rounds(len(self._weights))
        return self.settings.hold_out and (self._pursuit_rounds >= rounds or self._is_explained())

    def _begin_pursuit(self) -> bool:
        """Begin another pursuit; False where the present formulas are faithful and cannot, or after
        a pursuit from each beginning did not, become simpler."""
        pursuit = self._pursuit
        pursuit.shorten(self._end_of_layer())
        simplest = self._choose()
        if self._fidelity(simplest) >= self.settings.fidelity:
            self._failures += 1
            if simplest.complexity < self._simplest:
                self._simplest, self._failures = simplest.complexity, 0
            is_simple = not simplest.complexity or simplest in pursuit.linear
            if is_simple or self._failures == len(_BEGINNINGS):
                return False
        self._begin((self._beginning + 1) % len(_BEGINNINGS), simplest.complexity)
        return True

    def _begin(self, beginning: int, complexity: int = 0) -> None:
        """Begin a pursuit from the beginning of this number, where the chosen formulas have this
        complexity."""
        self._pursuit_rounds, self._beginning = 0, beginning
        less = _BEGINNINGS[beginning]
        self._pursuit.begin(None if less is None else complexity - less)

    def _is_explained(self) -> bool:
        """Whether the present formulas are faithful enough."""
        return self._fidelity(self._pursuit.current) >= self.settings.fidelity

    def _end_layer(self) -> None:
        """Fix the formulas of the present layer, and go on to the next."""
        self._pursuit.shorten(self._end_of_layer())
        programs = self._refine_chosen(self._choose())
        if len(self._done) + 1 == self.layers.depth:
            self._end_pass(programs)
            return
        self._fix(programs)
        self._begin_layer()

    def _fix(self, programs: Formulas) -> None:
        """Take a layer's formulas as final; the next layer reads their values."""
        self._done.append(programs)
        self._read = {
            split: np.column_stack([program(x) for program in programs])
            for split, x in self._read.items()
        }

    def _choose(self) -> Fitted:
        """The simplest of the present layer's formulas that are faithful enough on the validation
        rows, or where these were fitted too those of the lowest error."""
        if not self.settings.hold_out:
            return min(self._pursuit.front(), key=self._error)
        # a logistic fit takes long where there are many formulas: of the linear models that the
        # front does not have, only the one of all inputs is fitted
        candidates = self._pursuit.candidates(1 if self._is_logistic() else None)
        most, linear = self.settings.most_nodes, self._pursuit.linear
        candidates = [each for each in candidates if each.complexity <= most or each in linear]
        candidates = [each for each in candidates if self._fits(each.programs)]
        measured = [self._validate(candidate.programs) for candidate in candidates]
        fidelities, agreements = zip(*measured, strict=True)
        if self._is_logistic() and linear and linear[0] in candidates:
            # none may agree with the network's classes less than the linear logistic model does
            least = agreements[candidates.index(linear[0])]
            fidelities = tuple(
                fidelity if share >= least else -np.inf
                for fidelity, share in zip(fidelities, agreements, strict=True)
            )
        return candidates[select_by_fidelity(fidelities, self.settings.fidelity)]

    def _fits(self, programs: Formulas) -> bool:
        """Whether the output's formula is not too large; of a hidden layer's formulas, whether each
        alone leaves that it is not."""
        if self.settings.maxsize is None:
            return True
        read, costs = [1] * self.layers.widths[0], self.settings.costs
        for layer in self._done:
            read = [program_size(program, read, costs) for program in layer]
        sizes = [program_size(program, read, costs) for program in programs]
        if len(self._done) + 1 < self.layers.depth:
            return all(sum_size([size], costs) <= self.settings.maxsize for size in sizes)
        return sum_size(sizes, costs) <= self.settings.maxsize

    def _fidelity(self, candidate: Fitted) -> float:
        """R² of the present layer's formulas on the validation rows, or of logits the share of the
        divergence that they explain."""
        return self._validate(candidate.programs)[0]

    def _agreement(self, programs: Formulas) -> float:
        """The share of validation rows with the network's class."""
        return self._validate(programs)[1]

    def _validate(self, programs: Formulas) -> tuple[float, float]:
        """Fidelity, and of logits the agreement, on the validation rows; once for all formulas of a
        layer."""
        if programs not in self._validated:
            _, (given, expected) = self._predict(programs)
            share = 1.0
            if self._is_logistic():
                share = agreement(expected, given, self.layers.row_weights("valid"))[0]
            self._validated[programs] = self._score(given, expected), share
        return self._validated[programs]

    def _score(self, given: Floats, expected: Floats) -> float:
        """The fidelity of units, or logits, on the validation rows."""
        if self._is_logistic():
            return explained_divergence(given, expected, self.layers.row_weights("valid"))
        return _r_squared(given, expected, self._loss("valid"))

    def _error(self, candidate: Fitted) -> float:
        """Their squared error on all rows."""
        with np.errstate(all="ignore"):
            error = sum(
                float(np.sum(np.square(a - b))) for a, b in self._predict(candidate.programs)
            )
        return error if np.isfinite(error) else np.inf

    def _predict(self, programs: Formulas) -> list[tuple[Floats, Floats]]:
        """The present layer's units by formulas, or their logits where it classifies, and the
        network's units, on training and validation rows; weights and biases are fitted to the
        training rows."""
        number = len(self._done) + 1
        scalars = [
            [program(self._read[split]) for program in programs] for split in ("train", "valid")
        ]
        units = [
            self.layers.splits[split][number].astype(np.float64) for split in ("train", "valid")
        ]
        with np.errstate(all="ignore"):
            if self._is_logistic():
                weights = self.layers.row_weights("train")
                fitted = fit_classifier(scalars[0], units[0], self._targets, weights)
            else:
                fitted = least_cost(scalars[0], units[0], self._loss("train"))
            return [(join(z, *fitted), h) for z, h in zip(scalars, units, strict=True)]

    def _refine_chosen(self, chosen: Fitted) -> Formulas:
        """The chosen formulas refined; for logits only if the validation rows then have the
        network's class no less often."""
        refined = self._refine(chosen.programs)
        if self._is_logistic() and self._agreement(refined) < self._agreement(chosen.programs):
            return self._sort(chosen.programs)
        return refined

    def _sort(self, programs: Formulas) -> Formulas:
        """The formulas, without constant ones, those that add most first."""
        return self._pursuit.sort(_essential(programs))

    def _refine(self, programs: Formulas) -> Formulas:
        """The formulas sorted, their constants fitted on all rows, where the search saw a
        sample."""
        programs = self._sort(programs)
        x, h = self._fitted_rows(len(self._done) + 1)
        if len(x) <= self.settings.sample_rows:
            return programs
        loss = self._loss(*self._fit_splits)
        parts = components(h, loss=loss)
        loss = loss.component_loss(parts.shape[1], h.shape[1])
        return fit_constants(programs, x, parts, _FINAL_STEPS, loss)

    def _update(self) -> None:
        """Judge the present formulas, with the simplest ones of the layers to come."""
        individual = self._judge(_essential(self._pursuit.current.programs))
        if individual is not None and individual.fitness < self.fitness:
            self.best = individual

    def _judge(self, programs: Formulas) -> Individual | None:
        """The individual of the present layer's formulas; the layers to come are constant."""
        formulas = [*self._done, programs]
        while len(formulas) < self.layers.depth:
            read = len(formulas[-1])
            formulas.append((Program(read, (0.0,), (), read),))
        return self._measure(formulas)

    def _measure(self, formulas: Sequence[Formulas]) -> Individual | None:
        settings = self.settings
        return measure(
            formulas,
            self.layers,
            settings.loss,
            "scalars",
            costs=settings.costs,
            targets=self._targets,
            robust=settings.robust,
        )

    def conclude(self) -> None:
        """Finish a search that is stopped early, with what it has found."""
        while not self._finished:
            if self._pursuit.search.best is not None:
                self._evaluations += self._pursuit.search.evaluations
                self._pursuit.end_round()
            self._end_layer()
        self.history[-1:] = [self.fitness]

    def _end_pass(self, last: Formulas) -> None:
        """Keep the front over the output's formulas, and the chosen ones, ``last``; after the last
        pass choose among all."""
        passed = [
            self._judge(self._refine(fitted.programs))
            for fitted in self._pursuit.front()
            if self._fits(fitted.programs)
        ]
        chosen = self._judge(last)
        self._found += [each for each in (*passed, chosen) if each is not None]
        self._chosen += [chosen] if chosen is not None else []
        if self._pass + 1 < len(self._weights) and self.fitness > self.settings.stop:
            self._pass += 1
            self._begin_pass()
            return
        self._finished = True
        self._front = front(self._found)
        if self._front and not self.settings.hold_out:
            self.best = self._front[-1]
        elif self._chosen:
            self.best = best = max(self._chosen, key=self._output_fidelity)
            # it stays, even if on the fitted rows a simpler one is as good
            others = [
                each for each in self._front if each.model.complexity != best.model.complexity
            ]
            self._front = sorted([*others, best], key=lambda each: each.model.complexity)

    def _output_fidelity(self, individual: Individual) -> float:
        """Of an individual's output on the validation rows."""
        x, *_, expected = self.layers.splits["valid"]
        return self._score(individual.model.layers(x)[-1], expected.astype(np.float64))

    # Checkpoints.

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold, as plain JSON."""
        return {
            "generation": self.generation,
            "history": [finite_or_none(value) for value in self.history],
            "evaluations": self._evaluations,
            "spent": self._spent,
            "best": None if self.best is None else _to_json(self.best.model.programs),
            "pass": self._pass,
            "finished": self._finished,
            "found": [_to_json(individual.model.programs) for individual in self._found],
            "chosen": [_to_json(individual.model.programs) for individual in self._chosen],
            "done": _to_json(self._done),
            "pursuit_rounds": self._pursuit_rounds,
            "beginning": self._beginning,
            "simplest": finite_or_none(self._simplest),
            "failures": self._failures,
            "pursuit": self._pursuit.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; every fitness in it is computed again.

        Raises
        ------
        UserError
            If the state is not one of this search.
        """
        try:
            self.history = saved_history(state, self.settings.generations)
            self._evaluations, self._spent = int(state["evaluations"]), int(state["spent"])
            self._pass = int(state["pass"])
            if not 0 <= self._pass < len(self._weights):
                raise UserError(f"the checkpoint is of pass {self._pass}, of {len(self._weights)}")
            self._found = [self._restore(saved) for saved in state["found"]]
            self._chosen = [self._restore(saved) for saved in state["chosen"]]
            for layer in state["done"]:
                self._fix(tuple(map(Program.from_json, layer)))
            if len(self._done) >= self.layers.depth:
                raise UserError("the checkpoint has more layers than the network")
            self._pursuit = self._start()
            self._pursuit.restore(state["pursuit"])
            self._pursuit_rounds = int(state["pursuit_rounds"])
            self._beginning, self._failures = int(state["beginning"]), int(state["failures"])
            if not 0 <= self._beginning < len(_BEGINNINGS):
                raise UserError(
                    f"the checkpoint is of beginning {self._beginning}, of {len(_BEGINNINGS)}"
                )
            self._simplest = float("inf" if state["simplest"] is None else state["simplest"])
            if state["best"] is not None:
                self.best = self._restore(state["best"])
            if state["finished"]:
                self._end_pass(self._refine_chosen(self._choose()))
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"the checkpoint's state is damaged ({type(error).__name__}: {error})"
            ) from error
        if self.history[-1:] not in ([], [self.fitness]):
            raise UserError(
                "the checkpoint's history does not end with its best individual's fitness"
            )

    def _restore(self, saved: Any) -> Individual:
        layers = [tuple(map(Program.from_json, layer)) for layer in saved]
        individual = self._measure(layers)
        if individual is None:
            raise UserError("an individual of the checkpoint is not finite")
        return individual


def _to_json(formulas: Sequence[Formulas]) -> list[list[dict[str, Any]]]:
    return [[program.to_json() for program in layer] for layer in formulas]


def _r_squared(given: Floats, expected: Floats, loss: RowLoss) -> float:
    """R², or with a robust loss its like; minus infinity where a value is not finite, and of
    constant units 1 or 0."""
    with np.errstate(all="ignore"):
        error = loss.mean(given - expected)
    if not np.isfinite(error):
        return -np.inf
    value = loss.r_squared(error, expected)
    return float(error == 0.0) if value is None else value


def _essential(programs: Formulas) -> Formulas:
    """The formulas but the constant ones, where there are others."""
    return tuple(program for program in programs if program.used_inputs()) or programs[:1]
