"""How many digits of its constants a formula must show for what it shows to compute what it
says."""

from collections.abc import Sequence

import numpy as np
import sympy

from srnet.typing import Floats

# With this number every constant of float64 is shown as it is.
EXACT = 17
_LEAST = 4


def enough_digits(
    expr: sympy.Expr,
    symbols: Sequence[sympy.Symbol],
    x: Floats,
    reference: Floats,
    share: float = 1e-6,
) -> int:
    """The least number of significant digits, at least 4, to which the constants of an expression
    can be rounded so that its values on the rows x (n × symbols) differ from the reference (n) by
    at most this share of its variance in the mean square; ``EXACT`` where there is none.

    Constants that cancel need more digits than are right in the result.
    """
    rows = np.isfinite(reference)
    wanted = reference[rows]
    if not len(wanted):
        return EXACT
    allowed = share * wanted.var() + 1e-26 * np.mean(np.square(wanted))
    for digits in range(_LEAST, EXACT):
        shown = expr.xreplace(
            {value: rounded(value, digits) for value in expr.atoms(sympy.Float) if value.is_finite}
        )
        function = sympy.lambdify(list(symbols), shown, modules="numpy", dummify=True, cse=False)
        with np.errstate(all="ignore"):
            try:
                error = np.mean(np.square(function(*x[rows].T) - wanted))
            except (ArithmeticError, TypeError, ValueError):  # as of a literal zero below a bar
                continue
        if np.isfinite(error) and error <= allowed:
            return digits
    return EXACT


def rounded(value: sympy.Float, digits: int) -> sympy.Float:
    """A constant as it is shown with so many significant digits."""
    number = float(value)
    return sympy.Float(repr(number) if digits >= EXACT else f"{number:.{digits}g}")
