"""Formulas as sympy expressions."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy
from sympy.printing.str import StrPrinter

from srnet.cgp.primitives import PRIMITIVES, Primitive, by_name
from srnet.cgp.program import Program, written_out
from srnet.model.srnet import SRNet, network_operations

# Sub-expressions are shared in memory but not on paper, and sympy's rules walk what would stand on
# paper.
MAX_OPERATIONS = 2000
# Sympy may take summands up to this out of exponents.
_LARGEST_SHIFT = 30.0


def layer_sympy(
    program: Program, names: Sequence[str], *, evaluate: bool | None = None
) -> sympy.Expr:
    """The formula fᵢ of one layer as a sympy expression of real symbols called ``names``.

    Parameters
    ----------
    evaluate
        Whether sympy's own rules are applied; by default where they are cheap (see
        ``MAX_OPERATIONS``).
    """
    if evaluate is None:
        evaluate = written_out(program, [0] * program.inputs) <= MAX_OPERATIONS
    return _formula(program, symbols(names), evaluate)


def network_sympy(
    model: SRNet, names: Sequence[str] | None = None, *, evaluate: bool | None = None
) -> list[sympy.Expr]:
    """The whole network, one sympy expression per output, of its inputs ``names`` (by default x0,
    x1, …).

    The expressions share their sub-expressions, so that composing many layers stays cheap; printing
    them need not be.
    """
    if evaluate is None:
        evaluate = network_operations(model) <= MAX_OPERATIONS
    values: list[sympy.Expr] = symbols(model.operands(0, names))
    for i, programs in enumerate(model.programs):
        scalars = [_formula(program, values, evaluate) for program in programs]
        with sympy.evaluate(evaluate):
            values = _given(model, i, scalars)
    return values


def compose(
    model: SRNet, formulas: Sequence[Sequence[sympy.Expr]], names: Sequence[str] | None = None
) -> list[sympy.Expr]:
    """The whole network from other forms of its layers' formulas, as of :func:`layer_sympy` with
    the names of ``model.operands``."""
    values: list[sympy.Expr] = symbols(model.operands(0, names))
    for i, layer in enumerate(formulas):
        given = dict(zip(symbols(model.operands(i, names)), values, strict=True))
        values = _given(model, i, [formula.xreplace(given) for formula in layer])
    return values


def _given(model: SRNet, layer: int, scalars: list[sympy.Expr]) -> list[sympy.Expr]:
    """What a layer gives to the next, or the outputs."""
    if model.reads == "scalars" and layer + 1 < model.depth:
        return scalars
    return [
        sum(
            (exact_number(w) * z for w, z in zip(row[1:], scalars[1:], strict=True)),
            exact_number(row[0]) * scalars[0],
        )
        + exact_number(b)
        for row, b in zip(model.weights[layer].T, model.biases[layer], strict=True)
    ]


def symbols(names: Sequence[str]) -> list[sympy.Symbol]:
    """Real symbols; names are taken literally, never parsed."""
    return [sympy.Symbol(name, real=True) for name in names]


def _exp(exponent: sympy.Expr) -> sympy.Expr:
    """e to an exponent whose large summand stays in it: sympy takes a Float out, and e to that may
    be 0 or infinite in float64; a fraction it leaves there."""
    shift, rest = sympy.sympify(exponent).as_coeff_Add()
    if shift.is_Float and shift.is_finite and abs(shift) > _LARGEST_SHIFT:
        exponent = rest + sympy.Rational(repr(float(shift)))
    return sympy.exp(exponent)


# sympy, for the primitives.
_MODULE = SimpleNamespace(**{**vars(sympy), "exp": _exp})
# The same where no operand is 0: the condition of a `where` is then a plain truth.
_SYMPY = SimpleNamespace(
    **vars(_MODULE), where=lambda condition, first, second: first if condition else second
)


class _Guarded(sympy.Function):
    """A guarded primitive. A function of its own, since sympy multiplies out a Piecewise in the
    condition of a Piecewise.

    :func:`by_cases` writes the definition out; derivatives hold away from the guarded
    point.
    """

    primitive: Primitive
    is_extended_real = True

    @classmethod
    def eval(cls, *arguments: sympy.Expr) -> sympy.Expr | None:
        *others, guarded = arguments
        if others and isinstance(guarded, sympy.Number) and guarded.is_finite:
            return cls._case(*others, guarded if guarded else sympy.Integer(0))
        if all(isinstance(argument, sympy.Number) for argument in arguments):
            return _constant(cls.primitive.name, *arguments)
        return None

    @classmethod
    def _case(cls, *arguments: sympy.Expr) -> sympy.Expr:
        """The value where the last argument is 0, if it is Integer(0), else where it is not."""
        return sympy.sympify(cls.primitive.value(_SYMPY, *arguments))

    @classmethod
    def _imp_(cls, *arguments: Any) -> Any:
        return cls.primitive.value(np, *arguments)

    def _eval_rewrite_as_Piecewise(self, *arguments: sympy.Expr, **_: Any) -> sympy.Expr:
        *others, guarded = arguments
        return sympy.Piecewise(
            (self._case(*others, sympy.Integer(0)), sympy.Eq(guarded, 0)),
            (self._case(*arguments), True),
        )

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        derivative = self.primitive.derivatives[argindex - 1]
        return derivative(_SYMPY, sympy.Integer(1), *self.args, self._case(*self.args))


GUARDED = {
    primitive.name: type(
        primitive.name,
        (_Guarded,),
        {"primitive": primitive, "nargs": primitive.arity, "__module__": __name__},
    )
    for primitive in PRIMITIVES
    if primitive.guarded
}
globals().update(GUARDED)  # where pickle looks for them


def by_cases(expr: sympy.Expr) -> sympy.Expr:
    """An expression with the definitions of guarded primitives written out."""
    return expr.rewrite(tuple(GUARDED.values()), sympy.Piecewise)


def _formula(program: Program, operands: Sequence[sympy.Expr], evaluate: bool) -> sympy.Expr:
    with sympy.evaluate(evaluate):
        return program.fold(operands, exact_number, _apply)


def _apply(name: str, *arguments: sympy.Expr) -> sympy.Expr:
    if all(isinstance(argument, sympy.Number) for argument in arguments):
        return _constant(name, *arguments)
    if name in GUARDED:
        return GUARDED[name](*arguments)
    return symbolic(by_name(name), *arguments)


def symbolic(primitive: Primitive, *arguments: sympy.Expr) -> sympy.Expr:
    """A primitive's value in sympy."""
    return sympy.sympify((primitive.symbolic or primitive.value)(_MODULE, *arguments))


def _constant(name: str, *arguments: sympy.Number) -> sympy.Number:
    """Numbers are computed by the primitive: the same overflow and NaN, and no integers of a
    million digits."""
    with np.errstate(all="ignore"):
        return exact_number(
            by_name(name).value(np, *(np.float64(argument) for argument in arguments))
        )


def exact_number(value: float) -> sympy.Number:
    """A float64 as sympy has it, whole numbers as integers."""
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


def text(expr: sympy.Expr) -> str:
    """A sympy expression in one line; its numbers are exact."""
    return str(_Text().doprint(expr))
