"""Long formulas are broken into lines, and nothing of them is lost."""

import re

import pytest
import sympy
from helpers.fakes import run
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.primitives import PRIMITIVES
from srnet.drawing.typesetting import break_lines, fit_lines, measure, to_svg
from srnet.errors import UserError
from srnet.model.formulas import raw_forms
from srnet.model.latex import latex
from srnet.model.srnet import SRNet

LONG = (
    r"87.34 - 99.57 \sin{\left(- 8.442 \cos{\left(\left(1.452 "
    r"\cos{\left(\tan{\left(\cos{\left(0.09125 \sqrt{\frac{\sqrt{x_{2}} "
    r"\left(x_{0} + x_{3}\right)}{x_{1}}} + 0.4289 \right)} \right)} \right)} - 0.5991\right)^{2} "
    r"- 0.4718 \right)} + 7.569 \right)}"
)


def atoms(text):
    """Numbers, names and functions in their order: what a break must keep. A root may become a
    power, a fraction a quotient."""
    found = re.findall(
        r"\d+\.\d+|x_\{\d+\}|h_\{\d+\}|\\(?:sin|cos|tan|ln|operatorname\{\w+\})", text
    )
    return [re.sub(r"\s", "", atom) for atom in found]


def balanced(line):
    """Braces, and brackets that grow, belong to one line."""
    assert line.count("{") == line.count("}")
    assert line.count(r"\left") == line.count(r"\right")


def test_a_short_formula_stays_as_it_is():
    assert break_lines(r"\sin{\left(x_{0} \right)} + 0.25", 40) == [
        r"\sin{\left(x_{0} \right)} + 0.25"
    ]


def test_a_long_formula_is_broken_before_its_operators():
    lines = break_lines(LONG, 50)
    assert len(lines) > 2
    assert lines[0].startswith(r"87.34 - 99.57 \sin (")
    assert all(line.startswith(r"\quad ") for line in lines[1:])
    assert atoms(" ".join(lines)) == atoms(LONG)
    for line in lines:
        balanced(line)
    text = " ".join(lines)
    assert re.sub(r"\\(left|right)[()|]", "", text).count("(") == re.sub(
        r"\\(left|right)[()|]", "", text
    ).count(")")


def test_a_wide_fraction_becomes_a_quotient_in_brackets():
    terms = " + ".join(f"1.{i} x_{{{i}}}" for i in range(8))
    lines = break_lines(rf"2.0 \frac{{{terms}}}{{x_{{9}} - 3.5}} - 4.0", 20)
    assert "[ ( 1.0" in " ".join(lines)
    assert "/ (" in " ".join(lines)


@pytest.mark.parametrize(("root", "power"), [(r"\sqrt", "2"), (r"\sqrt[4]", "4")])
def test_a_wide_root_becomes_a_power(root, power):
    terms = " + ".join(f"1.{i} x_{{{i}}}" for i in range(8))
    lines = break_lines(rf"{root}{{{terms}}}", 20)
    assert lines[0].startswith("( 1.0")
    assert lines[-1].endswith(f")^{{1/{power}}}")
    assert all(measure(line)[0] > 0 for line in lines)
    assert break_lines(rf"{root}{{x}}", 20) == [rf"{root}{{x}}"]


@pytest.mark.parametrize("degree", ["4", "10"])
def test_a_root_keeps_its_degree(degree):
    """The table of expressions failed where a line ended near a fourth root."""
    root = rf"\sqrt[{degree}]{{0.06636 x + 0.3026}}"
    formula = rf"0.1204 - 0.03896 \sqrt{{1.086 {root} - 0.3715}}"
    assert break_lines(formula, 200) == [formula]
    for width in range(4, 60):
        lines = break_lines(formula, width)
        text = " ".join(lines)
        assert (rf"\sqrt[{degree}]{{" in text) != (f"^{{1/{degree}}}" in text)
        for line in lines:
            balanced(line)
            assert measure(line)[0] > 0


@pytest.mark.parametrize("formula", [r"\sqrt", r"\sqrt[4", r"\left", "{" * 5000, "x^"])
def test_a_formula_that_ends_too_early_is_refused(formula):
    with pytest.raises(UserError, match="cannot be typeset"):
        break_lines(formula, 20)


def test_steps_have_a_line_each():
    assert break_lines(
        r"\begin{aligned} f_{1} &= x_{0} + 1 \\ y_{0} &= 2.0 f_{1} \end{aligned}", 40
    ) == [
        "f_{1} = x_{0} + 1",
        "y_{0} = 2.0 f_{1}",
    ]


leaves = st.sampled_from(
    [*sympy.symbols("x_0 x_1 x_12"), *map(sympy.Float, ("0.5", "12.25", "-3.125"))]
)
formulas = st.recursive(
    leaves,
    lambda part: st.one_of(
        st.tuples(part, part).map(lambda ab: ab[0] + ab[1]),
        st.tuples(part, part).map(lambda ab: ab[0] * ab[1]),
        st.tuples(part, part).map(lambda ab: ab[0] / (ab[1] + sympy.Float("1.75"))),
        part.map(sympy.sin),
        part.map(lambda a: sympy.sqrt(a + sympy.Float("7.5"))),
        part.map(lambda a: sympy.root(a + sympy.Float("7.5"), 4)),
        part.map(lambda a: a**2),
    ),
    max_leaves=25,
)


@given(formulas, st.integers(15, 80))
def test_nothing_is_lost_and_every_line_can_be_set(formula, width):
    text = latex(formula)
    lines = break_lines(text, width)
    assert atoms(" ".join(lines)) == atoms(text)
    for line in lines:
        balanced(line)


@pytest.mark.parametrize(
    "formula", [LONG, *(form.latex for form in raw_forms(SRNet.from_run(run("F3"))).outputs)]
)
def test_lines_fit_the_width_as_matplotlib_sets_them(formula):
    lines = fit_lines(formula, 2.5, prefix="y_{0} = ")
    assert all(measure(line)[0] <= 2.5 for line in lines)


def test_every_primitive_can_be_set():
    for primitive in PRIMITIVES:
        text = primitive.latex.template.format(*["x_{0}", "h_{12}"][: primitive.arity])
        assert measure(text)[0] > 0, primitive.name
        assert to_svg(text, 3.0).startswith("<svg")
