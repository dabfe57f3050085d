"""Names of columns in LaTeX: valid, each its own, and none that reads as something else."""

import re

import pytest
import sympy
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser

from srnet.model.latex import columns_latex, latex

PARSER = MathTextParser("path")


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (["x", "x0", "h1_2"], ["x", "x_{0}", "h_{1 2}"]),
        (["alpha", "λ", "Ω0", "\N{MICRO SIGN}"], [r"\alpha", r"\lambda", r"\Omega_{0}", r"\mu"]),
        (["angle", "wind speed"], [r"\mathrm{angle}", r"\mathrm{wind\ speed}"]),
        (["größe", "温度"], [r"\mathrm{gr\text{öß}e}", r"\mathrm{\text{温度}}"]),
        (["x (2)", "x^2"], [r"\mathrm{x\ \text{(}2\text{)}}", r"\mathrm{x\hat{}2}"]),
        (["x²", "a-b"], [r"\mathrm{x\text{²}}", r"\mathrm{a\text{-}b}"]),
        (["e", "π", "i", "E"], [r"\mathrm{\_e}", r"\mathrm{\_pi}", r"\mathrm{\_i}", "E"]),
        (["pi", "π"], [r"\mathrm{pi}", r"\mathrm{\text{π}}"]),
        (["S", "S_"], ["S", r"\mathrm{S\_}"]),
        (["x1", "x_1"], [r"\mathrm{x1}", r"\mathrm{x\_1}"]),
        (["alpha", "α"], [r"\mathrm{alpha}", r"\mathrm{\text{α}}"]),
        (["2019", "-1", ""], [r"\mathrm{\_2019}", r"\mathrm{\_1}", r"\mathrm{\_}"]),
        ([r"$\alpha$"], [r"\mathrm{\$\backslash{}alpha\$}"]),
    ],
)
def test_names_of_columns(columns: list[str], shown: list[str]) -> None:
    assert columns_latex(columns) == shown


def test_words_do_not_run_together() -> None:
    """A product of two names; of letters it stays as it is."""
    a, b = sympy.symbols("a_b c", real=True)
    names = dict(zip(("a_b", "c"), columns_latex(["a b", "speed"]), strict=True))
    assert latex(a * b, names=names) == r"\mathrm{a\ b} \cdot \mathrm{speed}"
    assert latex(a * b, names={"a_b": "x", "c": "y"}) == "x y"
    assert latex(a * b**2, names=names).endswith(r"\mathrm{speed}^{2}")


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), st.integers(1, 17))
@example(0.28774911165237427, 4)  # .2878 where 17 bits are kept before the digits are
@example(0.5926485405745885, 4)
def test_a_constant_is_rounded_as_python_rounds_it(value: float, digits: int) -> None:
    shown = latex(sympy.Float(value), digits)
    number = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", shown)
    assert float(number) == float(f"{value:.{digits}g}")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=4))
def test_any_names_are_valid_and_different(columns: list[str]) -> None:
    columns = list(dict.fromkeys(columns))
    found = columns_latex(columns)
    for text in found:
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
        assert re.search(r"(?<!\\)[$%#&~]", text) is None
        if text.isascii():
            PARSER.parse(f"${text}^{{2}}$")
    assert len({*found}) >= len({re.sub(r"\W", "_", column) for column in columns})
