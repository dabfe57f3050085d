"""Functions of a user's own: one definition, the same everywhere, or a sentence."""

import pickle
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from helpers import c_text, formula_text
from numba import float64

from srnet import make_function
from srnet.cgp import function_table, own_functions, primitives
from srnet.cgp.bounds import is_regular
from srnet.cgp.derivatives import sweep
from srnet.cgp.evaluation import evaluate_block
from srnet.cgp.genome import Grid
from srnet.cgp.nesting import NestedConstraints
from srnet.cgp.primitives import INLINED, OPCODES, Primitive, by_name, is_own, remove_own
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.model.export import to_c, to_numpy, to_torch
from srnet.model.formulas import raw_forms
from srnet.model.latex import names_latex, program_latex
from srnet.model.names import symbol_names
from srnet.model.simplify import simplify
from srnet.model.srnet import SRNet
from srnet.model.sympy_forms import layer_sympy, symbols, text

HARD = [0.0, -0.0, 1.0, -1.0, 1e-30, -87.0, 1e30, -1e30, np.inf, -np.inf, np.nan]
ORDINARY = np.random.default_rng(0).normal(0, 2, (50, 2))
X = np.vstack([np.array(np.meshgrid(HARD, HARD)).reshape(2, -1).T, ORDINARY])


pytestmark = pytest.mark.usefixtures("no_own_functions")


def bump(m: Any, x: Any) -> Any:
    return m.exp(-x * x)


def gap(m: Any, x: Any, y: Any) -> Any:
    return m.where(x > y, x - y, 0.0)


def expected(x: np.ndarray) -> np.ndarray:
    """bump(x0) · gap(x0, x1), in plain NumPy."""
    with np.errstate(all="ignore"):
        gaps = np.where(x[:, 0] > x[:, 1], np.subtract(x[:, 0], x[:, 1]), 0.0)
        return np.exp(-np.square(x[:, 0])) * gaps


@pytest.fixture
def model() -> SRNet:
    make_function("bump", bump)
    make_function("gap", gap)
    program = Program(2, (), (("bump", (0,)), ("gap", (0, 1)), ("mul", (2, 3))), 4)
    return SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))


def test_every_rendering_is_the_definition(model: SRNet) -> None:
    ((program,),) = model.programs
    np.testing.assert_array_equal(program(X), expected(X))
    np.testing.assert_allclose(to_torch(model)(torch.tensor(X))[:, 0], expected(X), rtol=1e-13)
    names: dict[str, Any] = {}
    exec(to_numpy(model), names)
    np.testing.assert_allclose(names["network"](X)[:, 0], expected(X), rtol=1e-15)
    by_c = [c_text.run(to_c(model), row, 1)[0] for row in X.tolist()]
    np.testing.assert_allclose(by_c, expected(X), rtol=1e-13)
    expression = layer_sympy(program, ["x0", "x1"])
    by_sympy = sympy.lambdify(symbols(["x0", "x1"]), expression, "numpy")(*ORDINARY.T)
    np.testing.assert_allclose(by_sympy, expected(ORDINARY), rtol=1e-12)
    assert text(layer_sympy(Program(1, (), (("bump", (0,)),), 1), ["x0"])) == "exp(-x0**2)"
    assert program.render(["x0", "x1"]) == "(bump(x0) * gap(x0, x1))"
    assert raw_forms(model).layers[0].latex == (
        r"\operatorname{bump}\left(x_{0}\right) \cdot \operatorname{gap}\left(x_{0}, x_{1}\right)"
    )
    assert symbol_names(["bump", "bumpy"]) == ["bump_", "bumpy"]


def test_compiled_code_has_its_values_and_derivatives(model: SRNet) -> None:
    ((program,),) = model.programs
    grid = Grid(2, 0, 1, 3, ("bump", "gap", "mul"))
    assert min(grid.opcodes()[:2]) >= INLINED
    steps = np.array([(OPCODES[name], *at, *[0] * (2 - len(at))) for name, at in program.nodes])
    steps = steps.astype(np.int32)
    rows = len(X)
    values = np.zeros(5 * rows, np.float32)
    values[: 2 * rows] = X.T.ravel()
    at = evaluate_block(steps, 3, 4, values, 2, 2, rows, 0, rows, 2 * rows, rows)
    with np.errstate(all="ignore"):
        wanted = expected(X.astype(np.float32).astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(values[at : at + rows], wanted, rtol=1e-5, atol=1e-37)

    leaves = torch.tensor(ORDINARY, requires_grad=True)
    to_torch(model)(leaves).sum().backward()
    for name in ("bump", "gap"):
        function_table.load(name, float64)
    known = [ORDINARY[:, 0], ORDINARY[:, 1]]
    for name, operands in program.nodes:
        value = primitives.by_name(name).value
        known.append(value(np, *(known[operand] for operand in operands)))
    adjoints = np.zeros(5 * len(ORDINARY))
    flags = np.array([True, True, False, False, False])
    sweep(steps, 3, 4, 2, np.concatenate(known), adjoints, flags, len(ORDINARY))
    found = adjoints.reshape(5, -1)[:2].T
    np.testing.assert_allclose(found, leaves.grad, rtol=1e-6, atol=1e-9)


def test_bounds_follow_from_the_definition() -> None:
    make_function("bump", bump)
    make_function("inverse", lambda m, x: 1 / (x * x))
    make_function("clipped", lambda m, x: m.where(x > 1, 1, m.where(x < -1, -1, x)))

    def logarithm(name: str, shift: float, low: float, high: float) -> bool:
        program = Program(1, (shift,), ((name, (0,)), ("add", (2, 1)), ("ln", (3,))), 4)
        return is_regular(program, [low], [high])

    assert logarithm("bump", 0.0, -2, 2)
    assert logarithm("clipped", 9.1, -9, 9)  # which branch is taken is not known
    assert not logarithm("clipped", 8.9, -9, 9)
    assert is_regular(Program(1, (), (("inverse", (0,)),), 1), [0.5], [2.0])
    assert not is_regular(Program(1, (), (("inverse", (0,)),), 1), [-0.5], [2.0])


def test_a_run_holds_the_definition_and_is_compared_with_it(model: SRNet) -> None:
    run = model.to_run()
    assert run["own_functions"].keys() == {"bump", "gap"}
    again = SRNet.from_run(run)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    make_function("bump", lambda m, x: m.exp(-abs(x)))
    with pytest.raises(UserError, match=r"'bump', .*the one that was made is np\.exp\(\(-np\.abs"):
        SRNet.from_run(run)
    function_table.unload("bump")
    remove_own("bump")
    with pytest.raises(UserError, match=r"'bump', .*make it by srnet\.make_function"):
        SRNet.from_run(run)


def test_a_function_that_is_made_again_is_replaced() -> None:
    first = make_function("f", lambda m, x: x + 1)
    opcode = OPCODES["f"]
    second = make_function("f", lambda m, x: x + 2)
    assert OPCODES["f"] == opcode
    np.testing.assert_array_equal(Program(1, (), (("f", (0,)),), 1)(X[-3:, :1]), X[-3:, 0] + 2)
    values = np.zeros(4, np.float32)
    evaluate_block(np.array([[opcode, 0, 0]], np.int32), 1, 1, values, 1, 1, 2, 0, 2, 2, 2)
    assert values.tolist() == [0, 0, 2, 2]
    assert pickle.loads(pickle.dumps(first)) is second
    third = make_function("f", lambda m, x, y: x + y)
    assert third.arity == 2
    with pytest.raises(UserError, match="'f' cannot be written"):
        make_function("f", lambda m, x: m.arctan(x))
    assert primitives.by_name("f") is third


def test_a_function_in_the_place_of_one_that_was_removed_is_its_own() -> None:
    make_function("former", lambda m, x: x + 1)
    remove_own("former")
    make_function("latter", lambda m, x: x * 3)  # is compared with its compiled code
    assert by_name("latter").value(np, 2.0) == 6


def test_it_counts_as_any_function() -> None:
    make_function("bump", bump)
    assert NestedConstraints().check("nested_constraints", {"bump": {"bump": 0}})


def test_given_derivatives_and_latex_are_used() -> None:
    function = make_function(
        "cube",
        lambda m, x: x * x * x,
        derivatives=[lambda m, g, x, y: g * 3 * x * x],
        latex=r"\left({}\right)^{{3}}",
    )
    assert function.derivatives[0](np, 2.0, 3.0, 27.0) == 54.0
    assert function.latex.template.format("x") == r"\left(x\right)^{3}"
    assert formula_text.evaluate("x0**2", {"x0": np.array([3.0])}) == 9.0


@pytest.mark.parametrize(
    ("value", "derivative", "words"),
    [
        (lambda m, x: x**3, lambda m, g, x, y: g * 2 * x * x, "at 0.25146 the derivative 0.18969"),
        (lambda m, x: x * x, lambda m, g, x, y: m.where(abs(x) < 1e-9, g, 2 * g * x), "at 0 .* 1 "),
        (lambda m, x: m.tanh(x), lambda m, g, x, y: m.where(x > 9, g, g * (1 - y * y)), "1e.30 "),
        (lambda m, x: x * x, lambda m, g, x, y: m.where(x < -1e6, -x, 2 * g * x), "at -1e.30 "),
        (lambda m, x: m.sqrt(x), lambda m, g, x, y: m.where(x < 1e-6, g, g / y / 2), "at 1e-30 "),
        (lambda m, x: abs(x), lambda m, g, x, y: m.where(x == 0, 5 * g, g * x / y), "at 0 .* 5 "),
        (lambda m, x: m.log(x), lambda m, g, x, y: m.log(-g * x), "nan by 'derivatives' 0"),
    ],
)
def test_a_derivative_of_another_function_is_a_sentence(
    value: Any, derivative: Any, words: str
) -> None:
    """Also where it is wrong at a few hard inputs alone."""
    with pytest.raises(UserError, match=f"{words}.*the same at ordinary and at hard inputs$"):
        make_function("f", value, derivatives=[derivative])
    assert not is_own("f")


@pytest.mark.parametrize(
    ("value", "derivative"),
    [
        (lambda m, x: abs(x), lambda m, g, x, y: m.where(x > 0, g, -g)),
        (lambda m, x: abs(x), lambda m, g, x, y: g * x / y),  # has no value at 0
        (lambda m, x: m.maximum(x, x * x), lambda m, g, x, y: m.where(x > x * x, g, 2 * g * x)),
        (lambda m, x: m.log(1 + m.exp(x)), lambda m, g, x, y: g / (1 + m.exp(-x))),
        (lambda m, x: 1 / (1 + m.exp(-x)), lambda m, g, x, y: g * y * (1 - y)),
        (lambda m, x: x + m.sin(x), lambda m, g, x, y: g + g * m.cos(x)),
        (lambda m, x: 1 / x, lambda m, g, x, y: -g * y * y),
        (lambda m, x: m.where(x > 0, 1.0, 0.0), lambda m, g, x, y: 0.0),
    ],
)
def test_a_derivative_in_another_form_is_taken(value: Any, derivative: Any) -> None:
    """At a kink it may be that of either side."""
    assert make_function("f", value, derivatives=[derivative]).derivatives == (derivative,)


@pytest.mark.parametrize("primitive", primitives.PRIMITIVES, ids=lambda p: p.name)
def test_the_derivatives_of_the_primitives_pass_the_same_comparison(primitive: Primitive) -> None:
    points = np.vstack([np.resize(ORDINARY, (own_functions._ORDINARY, 2)), X])
    own_functions._check_derivatives(primitive, points.T[: primitive.arity])


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"{}^{{2}}", r"\left(x_{0} + x_{1}\right)^{2}"),
        (r"{{{}}}^{{2}}", r"{\left(x_{0} + x_{1}\right)}^{2}"),
        (r"\sin {}", r"\sin \left(x_{0} + x_{1}\right)"),
        (r"\left|{}\right|", r"\left|x_{0} + x_{1}\right|"),
        (r"\sqrt{{{}}}", r"\sqrt{x_{0} + x_{1}}"),
        (r"\frac{{1}}{{{}}}", r"\frac{1}{x_{0} + x_{1}}"),
        (r"e^{{-{}}}", r"e^{-\left(x_{0} + x_{1}\right)}"),
    ],
)
def test_an_operand_in_given_latex_stays_together(latex: str, shown: str) -> None:
    make_function("f", lambda m, x: m.exp(x), latex=latex)
    program = Program(2, (), (("add", (0, 1)), ("f", (2,))), 3)
    assert program_latex(program, names_latex(["x0", "x1"]))[0] == shown


@pytest.mark.parametrize(
    "value",
    [
        lambda m, x: m.minimum(m.maximum(x, 0), 1.5),
        lambda m, x: m.minimum(1.5, m.maximum(0, x)),
    ],
)
def test_the_lesser_and_the_greater_may_be_of_a_number(value: Any) -> None:
    make_function("clip", value)  # compares NumPy, torch, sympy, compiled code and source
    program = Program(1, (), (("clip", (0,)),), 1)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    x, wanted = X[:, :1], np.clip(X[:, :1], 0, 1.5)
    scripted: Any = torch.jit.script(to_torch(model, trainable=True))
    np.testing.assert_array_equal(scripted(torch.tensor(x)).detach(), wanted)
    assert is_regular(program, [-9.0], [9.0])


def test_its_formulas_are_not_simplified_by_a_process_that_lacks_it(model: SRNet) -> None:
    forms = simplify(model, ORDINARY)
    assert [form.note for form in forms.outputs] == ["not simplified: it has functions of your own"]


@pytest.mark.parametrize(
    ("name", "value", "options", "words"),
    [
        ("add", bump, {}, "'name' is 'add', which is a primitive"),
        ("a b", bump, {}, "'name' is 'a b'; ASCII letters"),
        ("lambda", bump, {}, "'name' is 'lambda'"),
        (3, bump, {}, "'name' is 3"),
        ("f", 3, {}, "the value of 'f' is 3; a function of m and one or two operands"),
        ("f", lambda m: 1.0, {}, "one or two operands"),
        ("f", lambda m, x, y, z: x, {}, "one or two operands"),
        ("f", lambda m, x: m.arctan(x), {}, "arctan.*and of m sqrt, log, exp"),
        ("f", lambda m, x: np.exp(x), {}, "cannot be written as source text"),
        ("f", lambda m, x: x / x, {}, "at 0 the value nan in NumPy and 1 by sympy"),
        ("f", lambda m, x: m.where(x == 3, 0, x), {}, "== and != are not allowed"),
        ("f", lambda m, x: x if x > 0 else 0, {}, "gives no numbers in NumPy"),
        ("f", lambda m, x: m.maximum(m.sqrt(2), x), {}, "gives no numbers in torch"),
        ("f", bump, {"derivatives": []}, r"'derivatives' has 0 function\(s\)"),
        ("f", bump, {"latex": "f"}, "'latex' is 'f'"),
        ("f", bump, {"latex": "{}^{2}"}, "'latex' is"),
        ("f", bump, {"latex": 3}, "'latex' is 3"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    name: Any, value: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words) as caught:
        make_function(name, value, **options)
    assert "\n" not in str(caught.value)
    assert not is_own("f")


def test_there_are_places_for_so_many() -> None:
    shift = 0.0
    for i in range(primitives.OWN_PLACES):
        shift = float(i)
        primitives.add_own(
            primitives.Primitive(
                name=f"f{i}_",
                arity=1,
                value=lambda m, x, shift=shift: x + shift,
                derivatives=(),
                text="",
                latex=primitives.Latex(""),
                c="",
                python="",
            )
        )
    with pytest.raises(UserError, match="there are 32 functions of 1 operand"):
        make_function("f", lambda m, x: x + 1)
