"""Digits that a formula shows, against what it computes."""

import numpy as np
import sympy

from srnet.model.digits import EXACT, enough_digits, rounded

A = sympy.Symbol("größe", real=True)
X = np.linspace(-1, 1, 50)[:, None]


def digits(expr: sympy.Expr, share: float = 1e-6) -> int:
    values = np.asarray(sympy.lambdify(A, expr, "numpy", dummify=True)(X[:, 0]))
    return enough_digits(expr, [A], X, values, share)


def test_plain_constants_need_four() -> None:
    assert digits(sympy.Float(0.123456789) * A + sympy.Float(0.03333333)) == 4
    assert digits(sympy.Float(0.123456789) * A + sympy.Float(3333.33333)) == 8
    assert digits(2 * A) == 4


def test_constants_that_cancel_need_more_and_a_lower_share_more_of_them() -> None:
    expr = (A + sympy.Float(1234.5678)) ** 2 / 2 - sympy.Float(762078.8262)
    found = [digits(expr, share) for share in (1e-2, 1e-4, 1e-6, 1e-9)]
    assert found == sorted(found)
    assert found[0] >= 5
    assert found[-1] > found[0]
    for share, number in zip((1e-2, 1e-4, 1e-6, 1e-9), found, strict=True):
        shown = expr.xreplace({f: rounded(f, number) for f in expr.atoms(sympy.Float)})
        a, b = (sympy.lambdify(A, each, dummify=True)(X[:, 0]) for each in (expr, shown))
        assert np.mean((a - b) ** 2) <= 1.01 * share * a.var() + 1e-6


def test_where_no_digits_are_enough_all_are_shown() -> None:
    assert enough_digits(A, [A], X, X[:, 0] + 1) == EXACT
    assert enough_digits(A, [A], X, np.full(50, np.nan)) == EXACT
    assert rounded(sympy.Float(0.1), EXACT) == sympy.Float(0.1)
