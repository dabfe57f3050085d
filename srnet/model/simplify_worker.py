"""The child process of :func:`srnet.model.simplify.simplify`: a model in, one line of JSON out for
every form found and checked.

Run as ``python -m srnet.model.simplify_worker``; the request is one JSON object on standard input.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import sympy

from srnet.model.digits import enough_digits
from srnet.model.formulas import network_operations, written_out
from srnet.model.latex import latex
from srnet.model.srnet import SRNet
from srnet.model.sympy_forms import (
    MAX_OPERATIONS,
    compose,
    layer_sympy,
    network_sympy,
    symbols,
    text,
)
from srnet.typing import Floats

MEMORY = 2 << 30  # bytes
TOLERANCE = 1e-6

Strategy = Callable[[sympy.Expr], sympy.Expr]


def with_named_constants(strategy: Strategy) -> Strategy:
    """Apply a strategy while the float constants are symbols, which spares sympy's polynomials from
    rounding."""

    def named(expr: sympy.Expr) -> sympy.Expr:
        sizes = sorted({abs(value) for value in expr.atoms(sympy.Float)})
        names = {size: sympy.Dummy(f"c{i}", positive=True) for i, size in enumerate(sizes)}
        hidden = expr.xreplace(
            {
                value: names[abs(value)] * (-1 if value < 0 else 1)
                for value in expr.atoms(sympy.Float)
            }
        )
        return strategy(hidden).xreplace({name: size for size, name in names.items()})

    return named


# From cheap to costly; each starts from the best form so far.
STRATEGIES: tuple[Strategy, ...] = (
    sympy.expand,
    sympy.factor_terms,
    with_named_constants(sympy.simplify),
    sympy.simplify,
    partial(sympy.expand_mul, deep=False),  # the sign before a bracket that simplify leaves
)


def relative_error(
    expr: sympy.Expr, names: Sequence[sympy.Symbol], x: Floats, reference: Floats
) -> float:
    """Largest relative difference between a formula and the model's values over the rows where the
    model is finite.

    The formula is evaluated in float64 on ``x`` (n × k). Differences are taken relative to the
    row's value, and where that is tiny to 1e-6 of the values' root mean square. Infinite where the
    formula is not finite or not real, or no row is finite.
    """
    rows = np.isfinite(reference)
    if not rows.any():
        return float("inf")
    with np.errstate(all="ignore"):
        try:
            # cse would rebuild the expression and so undo evaluate=False
            function = sympy.lambdify(list(names), expr, modules="numpy", dummify=True, cse=False)
            values = np.broadcast_to(np.asarray(function(*x[rows].T)), reference[rows].shape)
            if not np.issubdtype(values.dtype, np.floating) and not np.issubdtype(
                values.dtype, np.integer
            ):
                return float("inf")
        except Exception:  # what text that divides by a literal zero, or holds zoo or I, may raise
            return float("inf")
        scale = np.sqrt(np.mean(np.square(reference[rows])))
        errors = np.abs(values - reference[rows]) / np.maximum(
            np.maximum(np.abs(reference[rows]), 1e-6 * scale), 1e-300
        )
        worst = float(np.max(errors))
    return worst if np.isfinite(worst) else float("inf")


class Formula:
    """The shortest form of one formula so far.

    ``raw`` is the program as text, ``names`` are its inputs, ``x`` their values (n × k) and
    ``reference`` the model's values (n).
    """

    def __init__(
        self,
        raw: str,
        names: Sequence[sympy.Symbol],
        x: Floats,
        reference: Floats,
        digits: int | None = 4,
        shown: Mapping[str, str] | None = None,
    ) -> None:
        self.raw, self.names, self.x, self.reference = raw, names, x, reference
        self.digits, self.shown = digits, shown
        self.best: sympy.Expr | None = None
        self.rel_error = self.rejected = float("nan")
        self.seconds = 0.0
        self.note = ""

    def offer(self, candidate: sympy.Expr) -> None:
        """Take a form that agrees with the model and is shorter than the ones before."""
        if self.best is not None and len(text(candidate)) >= len(text(self.best)):
            return
        error = relative_error(candidate, self.names, self.x, self.reference)
        if error > TOLERANCE:
            self.rejected = error
        else:
            self.best, self.rel_error = candidate, error

    def answer(self) -> dict[str, Any]:
        """The fields of :class:`srnet.model.formulas.Form` that are now known."""
        if self.best is not None and len(text(self.best)) < len(self.raw):
            digits = self.digits
            if digits is None:
                digits = enough_digits(self.best, self.names, self.x, self.reference)
            shown = {
                "simplified": True,
                "text": text(self.best),
                "latex": latex(self.best, digits, self.shown),
                "rel_error": self.rel_error,
            }
            return {**shown, "seconds": self.seconds, "note": self.note}
        if not np.isfinite(self.reference).any():
            note = "not simplified: the model is finite on no row, so that nothing can be checked"
        elif self.best is None and not np.isnan(self.rejected):
            note = (
                f"not simplified: the shorter form differs from the model (relative error "
                f"{self.rejected:.1e})"
            )
        else:
            note = f"not simplified: {self.note or 'no shorter form found'}"
        return {"seconds": self.seconds, "note": note}


class _Expired(BaseException):
    """The time of one formula is over. Not an Exception, which sympy would swallow here and
    there."""


@contextlib.contextmanager
def time_for(formula: Formula, end: float) -> Iterator[None]:
    """Stop the block at ``end`` (as time.monotonic()); its time and its failure are noted on the
    formula."""

    def expire(*_: Any) -> None:
        raise _Expired

    start = time.monotonic()
    previous = signal.signal(signal.SIGALRM, expire)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(end - time.monotonic(), 1e-3))
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Expired:
        formula.note = "the search for a shorter form was cut off"
    except Exception as error:
        formula.note = f"sympy failed ({type(error).__name__})"
    signal.signal(signal.SIGALRM, previous)
    formula.seconds += time.monotonic() - start


def simplest(
    model: SRNet,
    x: Floats,
    deadline: float,
    strategies: Sequence[Strategy] = STRATEGIES,
    given: Sequence[str] | None = None,
    digits: int | None = 4,
    shown: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, Formula]]:
    """Number and state of a formula (the layers', then the outputs') whenever it may have become
    simpler.

    ``given`` are the names of the network's inputs and ``shown`` the same in LaTeX; ``digits`` are
    those of the constants there, None for as many as are needed.

    sympy's automatic rules come first for all, as they are fast; then each formula gets an equal
    share of the time left until ``deadline`` (as time.monotonic()).
    """
    formulas: dict[int, Formula] = {}
    first: dict[int, Callable[[], sympy.Expr]] = {}
    units, scalars = model.layers(x), model.scalars(x)
    places = [(i, j) for i, rank in enumerate(model.ranks) for j in range(rank)]
    count = len(places)
    for number, (i, j) in enumerate(places):
        names, program = model.operands(i, given), model.programs[i][j]
        if written_out(program, [0] * program.inputs) <= MAX_OPERATIONS:
            read = x if i == 0 else scalars[i - 1] if model.reads == "scalars" else units[i - 1]
            formulas[number] = Formula(
                program.render(names), symbols(names), read, scalars[i][:, j], digits, shown
            )
            first[number] = partial(layer_sympy, program, names, evaluate=True)
    if network_operations(model) <= MAX_OPERATIONS:
        for j, raw in enumerate(model.network_expressions(given)):
            formulas[count + j] = Formula(
                raw, symbols(model.operands(0, given)), x, units[-1][:, j], digits, shown
            )
            first[count + j] = partial(_output, model, j, given)
    for number, formula in formulas.items():
        with time_for(formula, deadline):
            formula.offer(first[number]())
        yield number, formula
    for done, (number, formula) in enumerate(formulas.items()):
        end = time.monotonic() + (deadline - time.monotonic()) / (len(formulas) - done)
        best = [formulas[place].best for place in range(count) if place in formulas]
        if number >= count and len(best) == count and None not in best:
            left = iter(best)
            layers = [[next(left) for _ in range(rank)] for rank in model.ranks]
            with time_for(formula, end):
                formula.offer(compose(model, layers, given)[number - count])
        for strategy in strategies:
            if formula.best is not None and time.monotonic() < end:
                with time_for(formula, end):
                    formula.offer(strategy(formula.best))
                yield number, formula


def _output(model: SRNet, j: int, names: Sequence[str] | None) -> sympy.Expr:
    return network_sympy(model, names, evaluate=True)[j]


def _end_with_parent(parent: int) -> None:
    """End this process once its parent has gone, however that ended: nobody reads the answer."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    threading.Thread(target=_end_with_parent, args=(request["parent"],), daemon=True).start()
    with contextlib.suppress(ImportError, OSError, ValueError):  # systems without such a limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    model, x = SRNet.from_run(request["run"]), np.array(request["rows"], dtype=np.float64)
    options = {"given": request["names"], "digits": request["digits"], "shown": request["shown"]}
    for i, formula in simplest(model, x, request["deadline"], **options):
        print(json.dumps({"formula": i, **formula.answer()}, allow_nan=False), flush=True)


if __name__ == "__main__":
    main()
