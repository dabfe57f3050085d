"""Formulas as LaTeX."""

import re
from collections.abc import Iterable, Sequence
from functools import partial, reduce

import sympy
from sympy.printing.latex import LatexPrinter, greek_letters_set

from srnet.cgp.primitives import ATOM, NEGATIVE, PRODUCT, by_name
from srnet.cgp.program import Program
from srnet.model.sympy_forms import exact_number, symbols
from srnet.typing import Floats

# A letter, also a Greek one by its name, and its numbers: x, x0, theta, h1_2. The line below of a
# name that is taken (beta_) is not shown.
_GREEK = "|".join(name for letter in sorted(greek_letters_set) for name in (letter, letter.title()))
_LETTER = re.compile(rf"((?:[A-Za-z]|{_GREEK})\d*(?:_\d+)*)_?")


class _Latex(LatexPrinter):
    def __init__(self, digits: int) -> None:
        super().__init__({"ln_notation": True})
        self.digits = digits

    def _print_Float(self, expr: sympy.Float) -> str:
        return str(super()._print_Float(sympy.Float(expr, self.digits)))

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:
        if letter := _LETTER.fullmatch(expr.name):
            return str(super()._print_Symbol(sympy.Symbol(letter[1])))
        special = {
            **{c: f"\\{c}" for c in "&%$#_{}"},
            "\\": r"\backslash{}",
            "~": r"\sim{}",
            "^": r"\hat{}",
        }
        return (
            r"\mathrm{" + "".join(special.get(c, r"\ " if c == " " else c) for c in expr.name) + "}"
        )


def latex(expr: sympy.Expr, digits: int = 4) -> str:
    """A sympy expression in LaTeX (for math mode), constants rounded to ``digits`` significant
    digits."""
    return str(_Latex(digits).doprint(expr))


# LaTeX and how tightly it binds. sympy's printer is not used on raw forms: it evaluates them now
# and then.
Piece = tuple[str, int]


def node_latex(name: str, *operands: Piece) -> Piece:
    """A primitive of operands, in brackets where they bind less tightly."""
    template, needs, binding = by_name(name).latex
    places = (
        operand if level >= need else rf"\left({operand}\right)"
        for (operand, level), need in zip(operands, needs, strict=False)
    )
    return template.format(*places), binding


def constant_latex(value: float) -> Piece:
    """A constant, rounded."""
    shown = latex(exact_number(value))
    return shown, NEGATIVE if value < 0 else PRODUCT if "cdot" in shown else ATOM


def names_latex(names: Sequence[str]) -> list[Piece]:
    """Inputs by their names."""
    return [(latex(symbol), ATOM) for symbol in symbols(names)]


def program_latex(program: Program, operands: Sequence[Piece]) -> Piece:
    """A formula node by node."""
    return program.fold(operands, constant_latex, node_latex)


def affine_latex(
    weights: Floats, formulas: Sequence[Piece], biases: Iterable[float]
) -> list[Piece]:
    """The units z · W + b of a layer; ``weights`` are formulas × width."""
    return [
        node_latex(
            "add",
            reduce(
                partial(node_latex, "add"),
                (
                    node_latex("mul", constant_latex(w), formula)
                    for w, formula in zip(row, formulas, strict=True)
                ),
            ),
            constant_latex(b),
        )
        for row, b in zip(weights.T, biases, strict=True)
    ]
