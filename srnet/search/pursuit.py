"""Matching pursuit for one layer: formulas found one after the other, each for what those so far
leave unexplained.

A round has three steps:

1. The joint search looks for one formula of the inputs for the residual. The inputs are
   standardised, or keep their zero: a product of inputs then needs no constants.
2. The constants of all formulas are fitted together (:mod:`srnet.search.variable_projection`).
3. Backward elimination (:mod:`srnet.search.elimination`) takes out what pays least, and so makes
   room for the next round. Everything that it passes competes for its complexity.

With any number of formulas the first round begins from the inputs themselves, each a formula
without a node: the linear regression is among the candidates, and so is every part of it that the
elimination leaves. With a given number r the targets are the layer's first r principal components,
and what is found for one becomes part of its formula.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.bounds import is_regular
from srnet.cgp.folding import fold_constants, fold_sum
from srnet.cgp.genome import stream
from srnet.cgp.graph import keeps_nesting
from srnet.cgp.nesting import nesting_limits
from srnet.cgp.program import Program
from srnet.data.dataset import widen_box
from srnet.errors import UserError
from srnet.metrics import column_deviations, column_means
from srnet.model.losses import SQUARED, RowLoss, clip_residuals, fit_columns, least_squares_weights
from srnet.model.regression import weigh
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search.elimination import Fitted, eliminate, measure
from srnet.search.joint import JointSearch
from srnet.search.sampling import proportional_sample, representative
from srnet.search.settings import JointSettings, RankSettings
from srnet.search.variable_projection import design, fit_constants
from srnet.threads import single_thread
from srnet.typing import Floats

# What the streams of a seed are drawn for.
_ROWS, _SEARCH = 16, 17
# A wide layer is replaced by so many principal components at most, of this share of its variance.
_COMPONENTS, _VARIANCE = 10, 0.9999
# Steps of the fit of all constants after a formula was found.
_STEPS = 20
# The elimination of a round ends where the error has risen by this share.
_RISE = 0.02
# Of more inputs only so many are read by one formula: those that say most about the residual.
_INPUTS = 12
# A formula must be finite wherever the inputs are in their box, wider by this factor.
_BOX = 1.5
# Where rows are held out, an input of one sign keeps it in this box if its largest size is at most
# so many times its smallest: 1/r² is a law of distances between 1 and 5.
_ONE_SIGN = 10.0
# More than any formula has.
_UNBOUNDED = 2**31
# Of a robust loss, the joint search reads no larger residuals of rows than so many deviations.
_MOST_DEVIATIONS = 3.0
# Cells of equal numbers of rows in which the residual's mean is taken, to rank the inputs.
_CELLS = 8
# A round that keeps the zero of its inputs standardises those whose mean is more than so many
# deviations from it all the same: float32 holds too little of what tells their values apart.
_FAR = 100.0
# It divides the others by a power of ten where their root mean square is not within these bounds.
_OWN_UNITS = (0.2, 5.0)


class LayerPursuit:
    """The formulas of one layer.

    Parameters
    ----------
    x, h
        Rows that are fitted: what the formulas read (n × inputs) and the layer's units (n × k).
    number, turn
        The layer's number, 0 …, and the pass's; with the seed they give the random streams.
    passes
        Passes that share the budget.
    loss
        What the errors of the rows cost. The joint search of a round, whose loss is squared, reads
        the rows in proportion to their weights, and for a robust loss a residual that is clipped
        (:func:`srnet.model.losses.clip_residuals`).

    Attributes
    ----------
    found
        The best formulas of every complexity.
    current
        Those from which the next round goes on.
    linear
        With any number of formulas: the linear regression, and what its elimination passes.
    """

    def __init__(
        self,
        x: Floats,
        h: Floats,
        settings: RankSettings,
        seed: int,
        number: int,
        turn: int = 0,
        passes: int = 1,
        threads: int = 1,
        loss: RowLoss = SQUARED,
    ) -> None:
        self._inner, self._threads = inner_settings(settings, passes), threads
        self._seed, self._number, self._turn = seed, number, turn
        # a formula has about as many inputs and constants as operators
        self._most_nodes = min(settings.most_nodes, (settings.maxsize or _UNBOUNDED) // 2)
        self._costs = settings.costs
        self._nesting = nesting_limits(settings.nested_constraints)
        self._wanted = settings.formulas_of(number)
        # errors below this are those of the units in float32
        self._rounding = loss.mean(h * np.finfo(np.float32).eps / 2)
        self._mean = column_means(x, loss.weights)
        self._std = column_deviations(x, loss.weights)
        rows, loss = _sample(x, h, settings.sample_rows, seed, number, loss)
        self._x, h, self._loss = x[rows], h[rows], loss
        # those that the joint searches read
        self._search_rows: NDArray[np.int64] | slice = slice(None)
        if loss.weights is not None:
            self._search_rows = proportional_sample(loss.weights, settings.sample_rows)
        self._is_far = np.abs(self._mean) > _FAR * self._std
        self._std[self._std <= 1e-12 * np.abs(self._mean)] = 1.0
        self._keeps_zero = False
        self._box = _keep_sign(x, *widen_box(x, _BOX)) if settings.hold_out else widen_box(x, _BOX)
        self._h = components(h, self._wanted, self._loss)
        self._loss = self._loss.component_loss(self._h.shape[1], h.shape[1])
        self.linear: list[Fitted] = []
        self.round = 0
        self.found: dict[int, Fitted] = {}
        self._search: JointSearch | None = None
        constant = Program(x.shape[1], (0.0,), (), x.shape[1])
        self._constant = self._measure([constant])
        self._note(self._constant)
        if self._wanted:  # a formula for every component
            self.current = self._measure((constant,) * self._h.shape[1])
        else:
            inputs = [Program(x.shape[1], (), (), i) for i in range(x.shape[1])]
            self.current = self._measure(inputs)
            self.linear = [self.current, *eliminate(self.current, self._x, self._h, self._loss)]
            for fitted in self.linear:
                self._note(fitted)
        self._note(self.current)
        self._start_formulas = self.current

    @property
    def search(self) -> JointSearch:
        """The search of the present round."""
        if self._search is None:
            self._search = self._start()
        return self._search

    def _start(self) -> JointSearch:
        """The joint search for the residual of the current formulas."""
        residual = self._residual(self._target())[self._search_rows]
        x = self._x[self._search_rows]
        kept = _best_inputs(x, residual)
        shift, scale = self._scaling()
        x = ((x - shift) / scale)[:, kept]
        spread = np.sqrt(np.mean(np.square(residual - residual.mean(axis=0)))) or 1.0
        values = [x.astype(np.float32), (residual / spread).astype(np.float32)]
        # every fifth row is a validation row of the joint search
        valid = np.arange(len(x)) % 5 == 4
        layers = Layers(
            {"train": [v[~valid] for v in values], "valid": [v[valid] for v in values]},
            name="residual",
            source="the residual",
        )
        self._kept = kept
        key = stream(self._seed, _SEARCH + self._turn, self._number, self.round)
        return JointSearch(
            layers,
            self._inner,
            int(key >> np.uint64(2)) + 1,
            threads=self._threads,
        )

    def _scaling(self) -> tuple[Floats, Floats]:
        """What the present round takes from each input, and what it then divides it by."""
        if not self._keeps_zero:
            return self._mean, self._std
        size = np.hypot(self._mean, self._std)
        smallest, largest = _OWN_UNITS
        is_usual = (smallest <= size) & (size <= largest) | (size == 0)
        power = 10.0 ** np.round(np.log10(np.where(is_usual, 1.0, size)))
        shift = np.where(self._is_far, self._mean, 0.0)
        return shift, np.where(self._is_far, self._std, power)

    def _target(self) -> int | None:
        """The principal component that is this round's target, by turns the one of which most is
        left and each in its order; None for all."""
        if not self._wanted:
            return None
        if self.round % 2:
            return (self.round // 2 + 1) % self._h.shape[1]
        left = [np.sum(np.square(self._residual(i))) for i in range(self._h.shape[1])]
        return int(np.argmax(left))

    def _residual(self, target: int | None) -> Floats:
        """What the formulas so far leave of a component, or of all, of rows far off less where the
        loss is robust."""
        h = self._h if target is None else self._h[:, [target]]
        programs = self.current.programs
        programs = programs if target is None else programs[target : target + 1]
        left = fit_columns(design(programs, self._x), h, self._loss)[1]
        if self._loss.name == "mse":
            return left
        return clip_residuals(left, _MOST_DEVIATIONS, self._loss.weights)

    def end_round(self) -> None:
        """Take the search's formula in, fit all constants, and take out what pays least."""
        for entry in reversed(self.search.archive()["pareto"]):
            ((program,),) = SRNet.from_run(entry).programs
            program = _lift(program, self._kept, self._x.shape[1])
            shift, scale = self._scaling()
            term = fold_constants(program, shift.tolist(), scale.tolist())
            if term is not None and self._is_allowed([term]):
                self._include(term)
                break
        self._search = None
        self.round += 1

    def begin(self, most: float | None = None) -> None:
        """Let the next round go on from the start again, or from the best formulas of at most this
        complexity, or the simplest there are; with minus infinity from the constant. It then looks
        for the whole law: in most laws inputs are multiplied, and so keep their zero."""
        self.current = self._start_formulas
        self._keeps_zero = most is not None and most <= 0
        if most == -np.inf and not self._wanted:  # there the start is constants
            self.current = self._constant
        elif most is not None:
            simpler = [each for each in self.front() if each.complexity <= max(most, 0)]
            if self._wanted:  # not the constant alone, which lacks the other components
                count = len(self.current.programs)
                simpler = [each for each in simpler if len(each.programs) == count]
            self.current = [self.current, *simpler][-1]

    def add_start(self, start: Sequence[Sequence[Program]]) -> list[str | None]:
        """Let given formulas of the layer compete, their constants fitted; the first round goes on
        from the best of them. What keeps each of them out; None where nothing does."""
        added = []
        reasons: list[str | None] = []
        for programs in start:
            reason = None
            for fitted in map(self._measure, (self._fit(programs, self._h), tuple(programs))):
                reason = self._objection(fitted)
                if reason is None:
                    self._note(fitted)
                    added.append(fitted)
                    break
            reasons.append(reason)
        if added and not self._wanted:  # which formula was of which component is not known
            self.current = min([self.current, *added], key=lambda fitted: fitted.error)
        return reasons

    def shorten(self, until: float | None = None) -> None:
        """Go on taking out, to a single input or formula without a node, or to ``until`` (as
        ``time.monotonic()``): the front is then full."""
        fewer = not self._wanted
        for shorter in eliminate(self.current, self._x, self._h, self._loss, fewer=fewer):
            self._note(shorter)
            if until is not None and time.monotonic() >= until:
                break

    def _measure(self, programs: Sequence[Program]) -> Fitted:
        return measure(programs, self._x, self._h, self._costs, self._loss)

    def _fit(self, programs: Sequence[Program], h: Floats) -> tuple[Program, ...]:
        """The formulas with their constants fitted to units or one component."""
        return fit_constants(programs, self._x, h, _STEPS, self._loss)

    def _is_allowed(self, programs: Sequence[Program]) -> bool:
        """Whether the formulas are finite all over the inputs' box and keep the nesting
        constraints, which folded constants may break: they add sums and products."""
        low, high = (bounds.tolist() for bounds in self._box)
        return all(
            is_regular(program, low, high) and keeps_nesting(program, self._nesting)
            for program in programs
        )

    def _objection(self, fitted: Fitted) -> str | None:
        """Why formulas that are given may not compete, if they may not."""
        if not np.isfinite(fitted.error):
            return "it has no value at some of the fitted rows"
        if not all(keeps_nesting(program, self._nesting) for program in fitted.programs):
            return "it breaks the nesting constraints, of which nested_constraints={} is free"
        if not self._is_allowed(fitted.programs):
            return "it may have no value somewhere in the box of the fitted rows, widened by half"
        return None

    def _include(self, term: Program) -> None:
        x, h, target = self._x, self._h, self._target()
        programs = (*self.current.programs, term) if target is None else self._joined(term, target)
        fitted = self._fit(programs, h)
        start = self._measure(fitted if self._is_allowed(fitted) else programs)
        if not np.isfinite(start.error) or not self._is_allowed(programs):
            return
        most = self._most_nodes
        bound = max((1 + _RISE) * min(start.error, self.current.error), self._rounding)
        current = start if start.error <= self.current.error else self.current
        self._note(start)
        for shorter in eliminate(start, x, h, self._loss, fewer=target is None):
            if shorter.error > bound and current.complexity <= most:
                break
            if self._note(shorter):
                current = shorter
        self.current = current

    def _joined(self, term: Program, target: int) -> tuple[Program, ...]:
        """The formulas, of which the target's takes the term in."""
        programs = list(self.current.programs)
        own: Sequence[Program] = (term,)
        if programs[target].used_inputs():
            own = (programs[target], term)
        own = self._fit(own, self._h[:, [target]])
        weights = _weights(own, self._x, self._h[:, [target]], self._loss)
        joined = fold_sum(own, weights) or term
        programs[target] = joined
        return tuple(programs)

    def _note(self, fitted: Fitted) -> bool:
        """Let formulas compete for their complexity; whether they may."""
        if not self._is_allowed(fitted.programs):
            return False
        known = self.found.get(fitted.complexity)
        if known is None or self._improves(fitted, known):
            self.found[fitted.complexity] = fitted
        return True

    def _improves(self, fitted: Fitted, known: Fitted) -> bool:
        """Whether the error is lower by more than rounding."""
        return fitted.error < known.error and known.error > self._rounding

    def sort(self, programs: Sequence[Program]) -> tuple[Program, ...]:
        """The formulas, first what explains most, then what adds most to it, and so on."""
        columns = design(programs, self._x)[:, 1:]
        # by powers of two, which round nothing: squares of large values would overflow
        columns = np.ldexp(columns, -np.frexp(np.abs(columns).max(axis=0))[1])
        weights = least_squares_weights(design(programs, self._x), self._h, self._loss)
        columns = weigh(columns - column_means(columns, weights), weights)
        h = weigh(self._h - column_means(self._h, weights), weights)
        smallest = 1e-20 * np.einsum("ni,ni->i", columns, columns)
        left, order = list(range(len(programs))), []
        while left:
            squares = np.einsum("ni,ni->i", columns, columns)
            squares[squares <= smallest] = np.inf  # what is linear in those before adds nothing
            added = np.sum(np.square(np.einsum("ni,nk->ik", columns, h)), axis=1) / squares
            best = max(left, key=lambda i: added[i])
            order.append(best)
            left.remove(best)
            unit = columns[:, best] / np.sqrt(squares[best])
            columns -= np.multiply.outer(unit, np.einsum("n,ni->i", unit, columns))
            h -= np.multiply.outer(unit, np.einsum("n,nk->k", unit, h))
        return tuple(programs[i] for i in order)

    def front(self) -> list[Fitted]:
        """What no simpler formulas match, simplest first."""
        chosen: list[Fitted] = []
        for complexity in sorted(self.found):
            if not chosen or self._improves(self.found[complexity], chosen[-1]):
                chosen.append(self.found[complexity])
        return chosen

    def candidates(self, most_linear: int | None = None) -> list[Fitted]:
        """The front, and the linear ones (or the first ``most_linear`` of them), in the order of
        complexity. With few rows a linear one may be better on other rows than those that beat it
        on the fitted rows."""
        linear = self.linear[:most_linear]
        return sorted([*self.front(), *linear], key=lambda fitted: fitted.complexity)

    # Checkpoints.

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold, as plain JSON."""
        return {
            "round": self.round,
            "current": _to_json(self.current),
            "keeps_zero": self._keeps_zero,
            "found": [_to_json(fitted) for fitted in self.found.values()],
            "search": None if self._search is None else self._search.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; every error in it is measured again.

        Raises
        ------
        UserError
            If it is not one of this layer.
        """
        self.round = int(state["round"])
        self.current = self._from_json(state["current"])
        self._keeps_zero = bool(state["keeps_zero"])
        self.found = {}
        for saved in state["found"]:
            self._note(self._from_json(saved))
        self._search = None
        if state["search"] is not None:
            self.search.restore(state["search"])

    def _from_json(self, saved: Any) -> Fitted:
        programs = [Program.from_json(program) for program in saved]
        if not programs or any(program.inputs != self._x.shape[1] for program in programs):
            raise UserError("a formula of the checkpoint reads other inputs than the layer has")
        return self._measure(programs)


def inner_settings(settings: RankSettings, passes: int = 1) -> JointSettings:
    """The settings of the joint search of one round, where so many passes share the budget."""
    names = JointSettings.__dataclass_fields__
    values = {name: getattr(settings, name) for name in names}
    generations = settings.generations // (settings.affordable_rounds(passes) * passes)
    generations = min(generations, settings.round_generations)
    return JointSettings(
        **{**values, "search": "joint", "loss": "mse", "generations": generations, "stop": 0.0}
    )


def _to_json(fitted: Fitted) -> list[dict[str, Any]]:
    return [program.to_json() for program in fitted.programs]


def _lift(program: Program, kept: Sequence[int], inputs: int) -> Program:
    """The same formula of all inputs, of which it read the kept ones."""
    fewer = program.inputs

    def moved(address: int) -> int:
        return kept[address] if address < fewer else address - fewer + inputs

    nodes = tuple((name, tuple(map(moved, operands))) for name, operands in program.nodes)
    return Program(inputs, program.constants, nodes, moved(program.output))


def _sample(
    x: Floats, h: Floats, most: int, seed: int, number: int, loss: RowLoss
) -> tuple[NDArray[np.int64] | slice, RowLoss]:
    """At most so many rows, and their loss; of more, drawn in proportion to their weights, all
    count alike."""
    if len(x) <= most:
        return slice(None), loss
    rng = np.random.default_rng([seed, _ROWS, number])
    values = np.hstack([x, h])
    if loss.weights is None:
        return representative(values, most, rng), loss
    pool = proportional_sample(loss.weights, len(x))
    rows = pool[representative(values[pool], most, rng)]
    return rows, SQUARED if loss.name == "mse" else replace(loss, weights=None)


def components(h: Floats, most: int = 0, loss: RowLoss = SQUARED) -> Floats:
    """The units' principal components, n × c, largest first: the first ``most`` where it is not 0,
    else as many as hold nearly all of the variance. Their squared errors are the units'. Rows count
    by the weights that the loss gives their distances from the best constant."""
    weights = least_squares_weights(np.ones((len(h), 1)), h, loss)
    centred = h - column_means(h, weights)
    heavy = weigh(centred, weights)
    with single_thread():  # or the result would depend on their number
        variances, directions = np.linalg.eigh(np.einsum("ni,nj->ij", heavy, heavy))
    variances, directions = variances[::-1], directions[:, ::-1]
    count = most
    if not count:
        shares = np.cumsum(variances) / max(float(variances.sum()), 1e-300)
        count = min(int(np.searchsorted(shares, _VARIANCE)) + 1, _COMPONENTS)
    return np.einsum("ni,ic->nc", centred, directions[:, : min(count, h.shape[1])])


def _keep_sign(x: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """A box about rows (n × inputs) of which an input of one sign reaches no further towards zero
    than half of its smallest size, where the largest is not many times that."""
    sizes = np.abs(x)
    smallest, largest = sizes.min(axis=0), sizes.max(axis=0)
    is_near = largest <= _ONE_SIGN * smallest
    is_positive, is_negative = is_near & (x > 0).all(axis=0), is_near & (x < 0).all(axis=0)
    return (
        np.where(is_positive, np.maximum(low, smallest / 2), low),
        np.where(is_negative, np.minimum(high, -smallest / 2), high),
    )


def _weights(programs: Sequence[Program], x: Floats, h: Floats, loss: RowLoss) -> list[float]:
    """The best weights of formulas for one target, n × 1."""
    return [float(weight) for weight in fit_columns(design(programs, x), h, loss)[0][1:, 0]]


def _best_inputs(x: Floats, residual: Floats) -> list[int]:
    """The inputs whose cells of equal numbers of rows differ most in the residual's mean."""
    if x.shape[1] <= _INPUTS:
        return list(range(x.shape[1]))
    gains = []
    for column in x.T:
        cells = np.array_split(np.argsort(column, kind="stable"), _CELLS)
        gains.append(sum(len(c) * float(np.sum(residual[c].mean(axis=0) ** 2)) for c in cells))
    return sorted(np.argsort(-np.array(gains), kind="stable")[:_INPUTS].tolist())
