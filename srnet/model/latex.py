"""Formulas as LaTeX."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial, reduce
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter, greek_letters_set

from srnet.cgp.primitives import ATOM, NEGATIVE, PRODUCT, by_name
from srnet.cgp.program import Program
from srnet.escaping import printable
from srnet.model.digits import EXACT
from srnet.model.names import columns_in, input_names_in, symbol_names
from srnet.model.sympy_forms import exact_number, symbols
from srnet.typing import Floats

# A letter, also a Greek one by its name, and its numbers: x, x0, theta, h1_2. The line below of a
# name that is taken (beta_) is not shown.
_GREEK = "|".join(name for letter in sorted(greek_letters_set) for name in (letter, letter.title()))
_LETTER = re.compile(rf"((?:[A-Za-z]|{_GREEK})[0-9]*(?:_[0-9]+)*)_?")
# Of Greek characters the same names; Unicode knows no lambda with a b.
_CHARACTERS = {
    unicodedata.lookup(f"GREEK {size} LETTER {name.replace('lambda', 'lamda').upper()}"): spelled
    for name in greek_letters_set
    for size, spelled in (("SMALL", name), ("CAPITAL", name.title()))
} | {"\N{MICRO SIGN}": "mu"}
_NUMBERS = ("e", "i", "pi")  # letters that are numbers
_SPECIAL = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\backslash{}",
    "~": r"\sim{}",
    "^": r"\hat{}",
    " ": r"\ ",
    # a notebook becomes a page, in which these would begin a tag or an entity
    "<": "<{}",
    "&": r"\&{}",
    **{c: c for c in ">|"},
}
# Parts of a name, and again those that are plain.
_PARTS = re.compile(r"(([A-Za-z0-9]+)|[&%$#_{}\\~^ <>|]|[^A-Za-z0-9&%$#_{}\\~^ <>|]+)")


class _Latex(LatexPrinter):
    def __init__(self, digits: int, names: Mapping[str, str] | None = None) -> None:
        self.digits, self.names = digits, names or {}
        # words in a row would read as one
        words = any(name.startswith(r"\mathrm") for name in self.names.values())
        super().__init__({"ln_notation": True, "mul_symbol": "dot" if words else None})

    def _print_Float(self, expr: sympy.Float) -> str:
        digits = self.digits
        if digits >= EXACT and expr.is_finite:
            digits = len(Decimal(repr(float(expr))).as_tuple().digits)
        # from the decimal digits: rounded in binary first, one in seventy ends in another digit
        number = float(expr)
        shown = f"{number:.{digits}g}" if math.isfinite(number) else expr
        return str(super()._print_Float(sympy.Float(shown, digits)))

    def _print_Rational(self, expr: sympy.Rational) -> str:
        # a decimal number that is kept in an exponent, see sympy_forms
        if expr.q > 1 and 9 < abs(expr) < 1e16 and sympy.Rational(repr(float(expr))) == expr:
            return repr(float(expr))
        return str(super()._print_Rational(expr))

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:
        if expr.name in self.names:
            return self.names[expr.name]
        if letter := _LETTER.fullmatch(expr.name):
            return str(super()._print_Symbol(sympy.Symbol(letter[1])))
        return _verbatim(expr.name)


def latex(expr: sympy.Expr, digits: int = 4, names: Mapping[str, str] | None = None) -> str:
    """A sympy expression in LaTeX (for math mode), constants rounded to ``digits`` significant
    digits, or with ``EXACT`` as they are; ``names`` are the symbols' in LaTeX."""
    return str(_Latex(digits, names).doprint(expr))


def columns_latex(columns: Sequence[str]) -> list[str]:
    """The names of columns in LaTeX (for math mode), no two the same: a letter with its numbers (x,
    x0, alpha, λ, h1_2) as a symbol with an index, every other name letter by letter. One that could
    be read as a number is its symbol (2019), or has a line before it (e, π)."""
    shown = []
    for column, symbol in zip(columns, symbol_names(columns), strict=True):
        spelled = _CHARACTERS.get(column[:1], column[:1]) + column[1:]
        letter = _LETTER.fullmatch(spelled)
        if spelled in _NUMBERS:
            shown.append(_verbatim(f"_{spelled}"))
        elif letter is not None and letter[1] == spelled:
            shown.append(latex(sympy.Symbol(spelled)))
        else:
            shown.append(_verbatim(symbol if re.match(r"[0-9.+-]|$", column) else column))
    return [
        _verbatim(column) if shown.count(text) > 1 else text
        for column, text in zip(columns, shown, strict=True)
    ]


def shown_names(run: Mapping[str, Any], inputs: int) -> dict[str, str] | None:
    """What the symbols of a RUN.json's inputs are in LaTeX: the names of their columns, where they
    have some."""
    columns = columns_in(run, inputs)
    if columns is None:
        return None
    return dict(zip(input_names_in(run, inputs), columns_latex(columns), strict=True))


def _verbatim(name: str) -> str:
    """A name letter by letter; what is no plain letter, number or sign of LaTeX is set as text."""
    shown = [
        part if alphanumeric else _SPECIAL.get(part, rf"\text{{{part}}}")
        for part, alphanumeric in _PARTS.findall(printable(name))
    ]
    return r"\mathrm{" + "".join(shown) + "}"


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


def constant_latex(value: float, digits: int = 4) -> Piece:
    """A constant, rounded."""
    shown = latex(exact_number(value), digits)
    return shown, NEGATIVE if value < 0 else PRODUCT if "cdot" in shown else ATOM


def names_latex(names: Sequence[str], shown: Mapping[str, str] | None = None) -> list[Piece]:
    """Inputs by their names, or what is shown of these."""
    return [(latex(symbol, names=shown), ATOM) for symbol in symbols(names)]


def program_latex(program: Program, operands: Sequence[Piece], digits: int = 4) -> Piece:
    """A formula node by node."""
    return program.fold(operands, partial(constant_latex, digits=digits), node_latex)


def affine_latex(
    weights: Floats, formulas: Sequence[Piece], biases: Iterable[float], digits: int = 4
) -> list[Piece]:
    """The units z · W + b of a layer; ``weights`` are formulas × width."""
    return [
        node_latex(
            "add",
            reduce(
                partial(node_latex, "add"),
                (
                    node_latex("mul", constant_latex(w, digits), formula)
                    for w, formula in zip(row, formulas, strict=True)
                ),
            ),
            constant_latex(b, digits),
        )
        for row, b in zip(weights.T, biases, strict=True)
    ]
