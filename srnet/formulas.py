"""The formulas of a model: sympy, text and LaTeX, simplified and checked (Luo et al. 2022, sections 3 and 4).

Everything is built from the nodes of the programs, never from the text of a result file. sympy's own rules
(x − x → 0, x / x → 1, √x² → x …) hold wherever the model is finite; at isolated points where the model is infinite or NaN the
sympy expression may be finite. ``evaluate=False`` switches these rules off and keeps the program node by node.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from srnet.cgp.primitives import by_name
from srnet.errors import UserError
from srnet.files import finite_or_none, read_json, write_json
from srnet.layers import Layers
from srnet.model import SRNet, network_operations
from srnet.names import default_names, names_in
from srnet.program import Program, written_out

# Sub-expressions are shared in memory but not on paper, and sympy's rules walk what would stand on paper.
MAX_OPERATIONS = 2000


def layer_sympy(program: Program, names: Sequence[str], *, evaluate: bool | None = None) -> sympy.Expr:
    """The formula fᵢ of one layer as a sympy expression of real symbols called ``names``.

    Parameters
    ----------
    evaluate
        Whether sympy's own rules are applied; by default where they are cheap (see ``MAX_OPERATIONS``).
    """
    if evaluate is None:
        evaluate = written_out(program, [0] * program.inputs) <= MAX_OPERATIONS
    return _formula(program, symbols(names), evaluate)


def network_sympy(model: SRNet, names: Sequence[str] | None = None, *, evaluate: bool | None = None) -> list[sympy.Expr]:
    """The whole network, one sympy expression per output, of its inputs ``names`` (by default x0, x1, …).

    The expressions share their sub-expressions, so that composing many layers stays cheap; printing them need not be.
    """
    if evaluate is None:
        evaluate = network_operations(model) <= MAX_OPERATIONS
    values: list[sympy.Expr] = symbols(input_names(model, 0, names))
    for program, weights, biases in zip(model.programs, model.weights, model.biases, strict=True):
        formula = _formula(program, values, evaluate)
        with sympy.evaluate(evaluate):
            values = [_number(w) * formula + _number(b) for w, b in zip(weights, biases, strict=True)]
    return values


def compose(model: SRNet, formulas: Sequence[sympy.Expr], names: Sequence[str] | None = None) -> list[sympy.Expr]:
    """The whole network from other forms of its layers' formulas, as of :func:`layer_sympy` with :func:`input_names`."""
    values: list[sympy.Expr] = symbols(input_names(model, 0, names))
    for i, (formula, weights, biases) in enumerate(zip(formulas, model.weights, model.biases, strict=True)):
        composed = formula.xreplace(dict(zip(symbols(input_names(model, i, names)), values, strict=True)))
        values = [_number(w) * composed + _number(b) for w, b in zip(weights, biases, strict=True)]
    return values


def input_names(model: SRNet, layer: int, names: Sequence[str] | None = None) -> list[str]:
    """What the inputs of a layer are called: ``names`` in the first, x0… where there are none, and h0… in the others."""
    if layer == 0 and names is not None:
        return list(names)
    return [f"{'h' if layer else 'x'}{i}" for i in range(model.programs[layer].inputs)]


def symbols(names: Sequence[str]) -> list[sympy.Symbol]:
    """Real symbols; names are taken literally, never parsed."""
    return [sympy.Symbol(name, real=True) for name in names]


class _Protected(sympy.Function):
    """A protected primitive. A function of its own, since sympy multiplies out a Piecewise in the condition of a Piecewise.

    ``rewrite(sympy.Piecewise)`` writes the definition out; derivatives hold away from the guarded point.
    """

    is_extended_real = True

    @classmethod
    def eval(cls, *arguments: sympy.Expr) -> sympy.Expr | None:
        if all(isinstance(argument, sympy.Number) for argument in arguments):
            return _constant(cls.__name__, *arguments)
        return None

    def _eval_rewrite_as_Piecewise(self, *arguments: sympy.Expr, **_: Any) -> sympy.Expr:
        return by_name(type(self).__name__).sympy(sympy, *arguments)


class pdiv(_Protected):
    """a / b, and 1 where b = 0."""

    nargs = 2
    _imp_ = staticmethod(by_name("pdiv").numpy)

    @classmethod
    def eval(cls, *arguments: sympy.Expr) -> sympy.Expr | None:
        dividend, divisor = arguments
        if isinstance(divisor, sympy.Number) and divisor.is_finite:
            return dividend / divisor if divisor else sympy.Integer(1)
        return super().eval(*arguments)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        dividend, divisor = self.args
        return 1 / divisor if argindex == 1 else -dividend / divisor**2


class pln(_Protected):
    """ln|a|, and 0 where a = 0."""

    nargs = 1
    _imp_ = staticmethod(by_name("pln").numpy)

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return 1 / self.args[0]


PROTECTED = {"pdiv": pdiv, "pln": pln}


def _formula(program: Program, operands: Sequence[sympy.Expr], evaluate: bool) -> sympy.Expr:
    with sympy.evaluate(evaluate):
        return program.fold(operands, _number, _apply)


def _apply(name: str, *arguments: sympy.Expr) -> sympy.Expr:
    if all(isinstance(argument, sympy.Number) for argument in arguments):
        return _constant(name, *arguments)
    return PROTECTED[name](*arguments) if name in PROTECTED else by_name(name).sympy(sympy, *arguments)


def _constant(name: str, *arguments: sympy.Number) -> sympy.Number:
    """Numbers are computed by the primitive: the same overflow and NaN, and no integers of a million digits."""
    with np.errstate(all="ignore"):
        return _number(by_name(name).numpy(*(np.float64(argument) for argument in arguments)))


def _number(value: float) -> sympy.Number:
    value = float(value)
    if value.is_integer() and abs(value) < 2**53:
        return sympy.Integer(int(value))
    return sympy.Float(value)  # infinities and NaN become oo and nan


class _Text(StrPrinter):
    """Numbers as short as float64 allows and exact; ``ln`` as everywhere in this project."""

    def _print_Float(self, expr: sympy.Float) -> str:
        return repr(float(expr))

    def _print_log(self, expr: sympy.Expr) -> str:
        return f"ln({self._print(expr.args[0])})"


class _Latex(LatexPrinter):
    def __init__(self, digits: int) -> None:
        super().__init__({"ln_notation": True})
        self.digits = digits

    def _print_Float(self, expr: sympy.Float) -> str:
        return str(super()._print_Float(sympy.Float(expr, self.digits)))

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:
        if expr.name.isidentifier() and expr.name.isascii():
            return str(super()._print_Symbol(expr))
        special = {**{c: f"\\{c}" for c in "&%$#_{}"}, "\\": r"\backslash{}", "~": r"\sim{}", "^": r"\hat{}"}
        return r"\mathrm{" + "".join(special.get(c, r"\ " if c == " " else c) for c in expr.name) + "}"


def text(expr: sympy.Expr) -> str:
    """A sympy expression in one line; its numbers are exact."""
    return str(_Text().doprint(expr))


def latex(expr: sympy.Expr, digits: int = 4) -> str:
    """A sympy expression in LaTeX (for math mode), constants rounded to ``digits`` significant digits."""
    return str(_Latex(digits).doprint(expr))


@dataclass(frozen=True)
class Form:
    """One formula as it is shown.

    Attributes
    ----------
    raw
        The program as text, node by node.
    text, latex
        The shortest form that was found and agrees with the model; the raw form where there is none.
    simplified
        Whether it is shorter than the raw form.
    rel_error
        Largest relative difference of the simplified form from the model over the rows of the check; None for a raw form, which
        is the model itself.
    seconds
        Time spent on it.
    note
        Why it is not simplified, or not further; empty if there is nothing to say.
    """

    raw: str
    text: str
    latex: str
    simplified: bool = False
    rel_error: float | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Simplified:
    """The formulas of a model: one per layer, and the composed one of every network output."""

    layers: tuple[Form, ...]
    outputs: tuple[Form, ...]


# How tightly a piece of LaTeX binds: an operand that binds less than its place needs is bracketed.
NEGATIVE, SUM, PRODUCT, ATOM = range(4)
Piece = tuple[str, int]

# Template, what its places need, how the whole binds. sympy's printer is not used on raw forms: it evaluates them now and then.
RAW_LATEX: dict[str, tuple[str, tuple[int, ...], int]] = {
    "add": ("{} + {}", (SUM, SUM), SUM),
    "sub": ("{} - {}", (SUM, PRODUCT), SUM),
    "mul": (r"{} \cdot {}", (PRODUCT, PRODUCT), PRODUCT),
    "div": (r"\frac{{{}}}{{{}}}", (NEGATIVE, NEGATIVE), PRODUCT),
    "sqrt": (r"\sqrt{{{}}}", (NEGATIVE,), PRODUCT),
    "square": ("{}^{{2}}", (ATOM,), PRODUCT),
    "ln": (r"\ln\left({}\right)", (NEGATIVE,), PRODUCT),
    "sin": (r"\sin\left({}\right)", (NEGATIVE,), PRODUCT),
    "cos": (r"\cos\left({}\right)", (NEGATIVE,), PRODUCT),
    "tan": (r"\tan\left({}\right)", (NEGATIVE,), PRODUCT),
    "pdiv": (r"\operatorname{{pdiv}}\left({}, {}\right)", (NEGATIVE, NEGATIVE), PRODUCT),
    "psqrt": (r"\sqrt{{\left|{}\right|}}", (NEGATIVE,), PRODUCT),
    "pln": (r"\operatorname{{pln}}\left({}\right)", (NEGATIVE,), PRODUCT),
}


def _node_latex(name: str, *operands: Piece) -> Piece:
    template, needs, binding = RAW_LATEX[name]
    places = (
        operand if level >= need else rf"\left({operand}\right)" for (operand, level), need in zip(operands, needs, strict=True)
    )
    return template.format(*places), binding


def _constant_latex(value: float) -> Piece:
    shown = latex(_number(value))
    return shown, NEGATIVE if value < 0 else PRODUCT if "cdot" in shown else ATOM


def _names_latex(names: Sequence[str]) -> list[Piece]:
    return [(latex(symbol), ATOM) for symbol in symbols(names)]


def _program_latex(program: Program, operands: Sequence[Piece]) -> Piece:
    return program.fold(operands, _constant_latex, _node_latex)


def _affine_latex(weights: Iterable[float], formula: Piece, biases: Iterable[float]) -> list[Piece]:
    return [
        _node_latex("add", _node_latex("mul", _constant_latex(w), formula), _constant_latex(b))
        for w, b in zip(weights, biases, strict=True)
    ]


def raw_forms(model: SRNet, names: Sequence[str] | None = None) -> Simplified:
    """All formulas node by node, not simplified; ``names`` are those of the network's inputs.

    A formula that would be too long on paper is written in steps: f1 = … of the inputs, f2 = … of f1, and so on.
    """
    layers = []
    values = input_names(model, 0, names)
    pieces = _names_latex(values)
    long = network_operations(model) > MAX_OPERATIONS
    steps: list[Step] = []
    for i, (program, weights, biases) in enumerate(zip(model.programs, model.weights, model.biases, strict=True)):
        inputs = input_names(model, i, names)
        layers.append(_form(_steps(program, inputs, _names_latex(inputs), f"f{i + 1}")))
        if long:
            steps += _steps(program, values, pieces, f"f{i + 1}")
            values = [f"({w!r} * {steps[-1][0]} + {b!r})" for w, b in zip(weights.tolist(), biases.tolist(), strict=True)]
            pieces = _affine_latex(weights, _names_latex([steps[-1][0]])[0], biases)
        else:
            pieces = _affine_latex(weights, _program_latex(program, pieces), biases)
    texts = values if long else model.network_expressions(names)
    outputs = [_form([*steps, (f"y{j}", raw, piece[0])]) for j, (raw, piece) in enumerate(zip(texts, pieces, strict=True))]
    return Simplified(tuple(layers), tuple(outputs))


Step = tuple[str, str, str]  # name, text, LaTeX


def _steps(program: Program, names: Sequence[str], pieces: Sequence[Piece], name: str) -> list[Step]:
    """A formula as one step, or as one per node where it is too long."""
    if written_out(program, [0] * program.inputs) <= MAX_OPERATIONS:
        return [(name, program.render(names), _program_latex(program, pieces)[0])]
    steps: list[Step] = []

    def apply(primitive: str, *operands: tuple[str, Piece]) -> tuple[str, Piece]:
        step = f"{name}_{len(steps) + 1}"
        shown = by_name(primitive).infix.format(*(operand for operand, _ in operands))
        steps.append((step, shown, _node_latex(primitive, *(piece for _, piece in operands))[0]))
        return step, _names_latex([step])[0]

    program.fold(list(zip(names, pieces, strict=True)), lambda value: (repr(value), _constant_latex(value)), apply)
    return steps


def _form(steps: Sequence[Step]) -> Form:
    if len(steps) == 1:
        _, raw, shown = steps[0]
        return Form(raw, raw, shown)
    raw = "; ".join(f"{name} = {text}" for name, text, _ in steps)
    lines = r" \\ ".join(f"{_names_latex([name])[0][0]} &= {shown}" for name, _, shown in steps)
    note = f"not simplified: more than {MAX_OPERATIONS} operations if written out"
    return Form(raw, raw, rf"\begin{{aligned}} {lines} \end{{aligned}}", note=note)


CHILD = (sys.executable, "-m", "srnet.simplify")


def simplify(
    model: SRNet, rows: ArrayLike, time_limit: float = 20.0, *, names: Sequence[str] | None = None, child: Sequence[str] = CHILD
) -> Simplified:
    """Shorter forms of a model's formulas, each checked numerically against the model before it is returned.

    sympy's simplification can run for hours or eat all memory, so it happens in a child process (``srnet.simplify``), which is
    killed at the limit; what it has found and checked by then is kept. Text that comes back is shown, never evaluated.

    Parameters
    ----------
    rows
        Inputs of the check, n × k₀: the training (and validation) rows.
    time_limit
        Seconds for all formulas together.
    names
        Of the network's inputs; x0, x1, … where not given.
    child
        Command of the child process.

    Raises
    ------
    UserError
        If the limit is not a positive number, or the rows do not fit the model.
    """
    check_time_limit(time_limit)
    x = np.asarray(rows, dtype=np.float64)
    model.layers(x[:1])  # the rows must fit
    forms = raw_forms(model, names)
    request = {
        "run": {
            "programs": [program.to_json() for program in model.programs],
            "weights": [weights.tolist() for weights in model.weights],
            "biases": [biases.tolist() for biases in model.biases],
        },
        "rows": x.tolist(),
        "names": input_names(model, 0, names),
        # a tenth is left to the child to stop by itself, formula by formula
        # by a clock that both processes read and nobody sets
        "deadline": time.monotonic() + 0.9 * time_limit,
    }
    answers, failure = _ask(child, json.dumps(request), time_limit)
    found = {answer.pop("formula"): answer for answer in answers}
    shown = [
        replace(form, **found.get(i, {} if form.note else {"note": f"not simplified: {failure}"}))
        for i, form in enumerate((*forms.layers, *forms.outputs))
    ]
    return Simplified(tuple(shown[: len(forms.layers)]), tuple(shown[len(forms.layers) :]))


def check_time_limit(seconds: float) -> None:
    """UserError unless it is a positive number."""
    if not 0 < seconds < float("inf"):
        raise UserError(f"the time limit is {seconds}; a positive number of seconds is needed")


def _ask(child: Sequence[str], request: str, time_limit: float) -> tuple[list[dict[str, Any]], str]:
    """The whole lines of JSON that the child wrote in time, and why there may be no more."""
    # one thread each: thread stacks would count against the memory limit
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        child,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(request, timeout=time_limit)
        failure = f"the child process failed ({(errors.strip().splitlines() or ['no message'])[-1]})"
    except subprocess.TimeoutExpired:
        _kill(process)
        output, _ = process.communicate()
        failure = f"cut off after {time_limit:g} s"
    finally:
        _kill(process)
    return [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith("\n")], failure


def _kill(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def describe(run: Mapping[str, Any], layers: Layers, time_limit: float = 20.0) -> dict[str, Any]:
    """Every formula of a run, simplified and checked, with its loss: the content of formulas.json.

    Of a run with the loss ``cross_entropy`` the network's formulas are the logits.

    Raises
    ------
    UserError
        If the run is not one of these layers, or its content is not a run's.
    """
    model = SRNet.from_run(run)
    widths = [model.programs[0].inputs, *(weights.size for weights in model.weights)]
    if widths != layers.widths:
        raise UserError(f"the run explains layers of the widths {widths}, the layers have {layers.widths}; they must be equal")
    if run.get("layers_fingerprint") not in (None, layers.fingerprint()):
        raise UserError("the run's 'layers_fingerprint' is not that of the layers; give the layers that the run was made from")
    start = time.monotonic()
    x = np.vstack([layers.splits[split][0] for split in ("train", "valid")])
    forms = simplify(model, x, time_limit, names=names_in(run, "input_names", default_names(widths[0])))
    y = np.vstack([layers.splits[split][-1] for split in ("train", "valid")])
    losses = [{"mse": finite_or_none(loss)} for loss in model.losses(layers)]
    if model.loss == "cross_entropy":  # of all outputs together: a logit alone has no error
        losses[-1] = {"mse": None, "cross_entropy": losses[-1]["mse"]}
        output_losses = [losses[-1]] * y.shape[1]
    else:
        output_losses = [{"mse": finite_or_none(mse)} for mse in np.mean(np.square(model.predict(x) - y), axis=0)]
    return {
        "task": run.get("task"),
        "preset": run.get("preset"),
        "seed": run.get("seed"),
        "loss": model.loss,
        "fitness": run.get("fitness"),
        "complexity": model.complexity,
        "time_limit": time_limit,
        "seconds": time.monotonic() - start,
        "layers": [
            {**_entry(form), **loss, "complexity": program.complexity}
            for form, loss, program in zip(forms.layers, losses, model.programs, strict=True)
        ],
        "network": [{**_entry(form), **loss} for form, loss in zip(forms.outputs, output_losses, strict=True)],
    }


def _entry(form: Form) -> dict[str, Any]:
    return {
        "raw": form.raw,
        "simplified": form.text,
        "is_simplified": form.simplified,
        "latex": form.latex,
        "checked_rel_error": form.rel_error,
        "seconds": form.seconds,
        "note": form.note,
    }


def write_formulas(
    run_file: str | os.PathLike[str], layers_file: str | os.PathLike[str], out: str | os.PathLike[str], time_limit: float = 20.0
) -> None:
    """Write formulas.json of a RUN.json, whole or not at all.

    Raises
    ------
    UserError
        If a file cannot be read or written, or the run is not one of these layers.
    """
    run, layers = read_json(run_file), Layers.load(layers_file)
    try:
        content = describe(run, layers, time_limit)
    except UserError as error:
        raise UserError(f"{run_file}: {error}") from error
    write_json(out, content)
