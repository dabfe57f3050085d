"""The result of an explanation: errors, selection, every export against the model, files."""

import copy
import json
import pickle
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from helpers import c_text, made_up, ranked
from matplotlib.figure import Figure

from srnet.cgp.primitives import PRIMITIVES, Primitive
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.predict import write_predictions
from srnet.explanation.result import Explanation
from srnet.explanation.units import describe
from srnet.model.digits import EXACT
from srnet.model.export import to_c, to_numpy, to_torch
from srnet.model.latex import columns_latex
from srnet.model.logistic import softmax
from srnet.model.names import symbol_names
from srnet.model.srnet import READS, SRNet
from srnet.networks.layers import Layers
from srnet.search.individual import Individual, judge, measure
from srnet.search.run import evolve
from srnet.search.settings import preset

HARD = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    1e-30,
    -1e-30,
    1e30,
    -1e30,
    1e200,
    np.inf,
    -np.inf,
    np.nan,
    5e-324,
    1.7e308,
]
PAIRS = np.array(np.meshgrid(HARD, HARD)).reshape(2, -1).T
ORDINARY = np.random.default_rng(0).normal(0, 5, (60, 2))
PRIMITIVE = pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
RANKED = pytest.mark.parametrize("reads", READS)
LAYERS = made_up.layers((2, 3, 2))

SIMPLE = (Program(2, (), (("sub", (0, 1)),), 2), Program(3, (), (), 1))
COMPLEX = (
    Program(2, (1.5,), (("mul", (0, 2)), ("sin", (1,)), ("add", (3, 4))), 5),
    Program(3, (-0.25,), (("add", (0, 3)), ("square", (4,))), 5),
)


def explanation(**changes: Any) -> Explanation:
    """Two models, the better selected, as srnet.explain makes them."""
    entries = []
    for programs, fitness in ((SIMPLE, 0.5), (COMPLEX, 0.2)):
        individual = judge((), programs, LAYERS)
        assert individual is not None
        entries.append(describe(replace(individual, fitness=fitness), LAYERS))
    run = {
        "task": "made-up",
        "seed": 1,
        "preset": "joint",
        **entries[-1],
        "pareto": entries,
        "selected": 1,
    }
    return Explanation(json.loads(json.dumps(run | changes)), layers=LAYERS)


FOUND = explanation()
X = LAYERS.splits["train"][0]
Y = LAYERS.splits["train"][-1]


def single(primitive: Primitive) -> SRNet:
    """The primitive alone: w = 1, b = 0; and a second output with w = -2.5, b = 1e-5."""
    program = Program(2, (), ((primitive.name, (0, 1)[: primitive.arity]),), 2)
    return SRNet(((program,),), (np.array([[1.0, -2.5]]),), (np.array([0.0, 1e-5]),))


def numpy_function(source: str) -> Any:
    names: dict[str, Any] = {}
    exec(source, names)
    return names["network"]


# --- exports --------------------------------------------------------------------------------------


@PRIMITIVE
@pytest.mark.parametrize("x", [ORDINARY, PAIRS], ids=["ordinary", "hard"])
def test_numpy_source_is_the_model(primitive: Primitive, x: np.ndarray) -> None:
    model = single(primitive)
    np.testing.assert_array_equal(numpy_function(to_numpy(model))(x), model.predict(x))


@PRIMITIVE
@pytest.mark.parametrize("x", [ORDINARY, PAIRS], ids=["ordinary", "hard"])
def test_c_is_the_model(primitive: Primitive, x: np.ndarray) -> None:
    model = single(primitive)
    found = np.array([c_text.run(to_c(model), row.tolist(), 2) for row in x])
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-13)


@PRIMITIVE
@pytest.mark.parametrize("constants", [(-2.5, 0.5), (0.5, 0.0), (0.0, -0.0)])
def test_constants_are_those_of_the_model(
    primitive: Primitive, constants: tuple[float, float]
) -> None:
    """Of one number NumPy computes by other rules than of a column: the power 0.5 by a root, which
    differs at -inf; and Python by its own: it refuses 1 / 0."""
    x = np.array([[value, 1.0] for value in HARD])
    for places in ((0, 2), (0, 3), (2, 0), (3, 0), (2, 3), (3, 2)):
        program = Program(2, constants, ((primitive.name, places[: primitive.arity]),), 4)
        model = SRNet(((program,),), (np.array([[2.0]]),), (np.array([1.0]),))
        expected = model.predict(x)
        np.testing.assert_array_equal(numpy_function(to_numpy(model))(x), expected)
        found = [c_text.run(to_c(model), row.tolist(), 1) for row in x]
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        np.testing.assert_allclose(to_torch(model)(torch.tensor(x)), expected, rtol=1e-13)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_compiled_c_is_the_model(tmp_path: Path) -> None:
    """Every primitive on ordinary and hard inputs, and a model of two layers, in one program."""
    models = [*(single(primitive) for primitive in PRIMITIVES), FOUND.model]
    source = ["#include <stdio.h>", "#include <stdlib.h>"]
    for i, model in enumerate(models):
        source.append(to_c(model).replace("void network(", f"void network{i}("))
    calls = "".join(f"network{i}(x, y); print(y); " for i in range(len(models)))
    source.append('static void print(const double *y) { printf("%.17g %.17g\\n", y[0], y[1]); }')
    source = [source[0], source[1], source.pop(), *source[2:]]
    source.append(
        "int main(void) { char a[64], b[64]; double x[2], y[2];\n"
        f'while (scanf("%63s %63s", a, b) == 2) {{ x[0] = strtod(a, 0); x[1] = strtod(b, 0); '
        f"{calls} }} return 0; }}"
    )
    (tmp_path / "all.c").write_text("\n".join(source))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off"]
    subprocess.run(["gcc", *flags, tmp_path / "all.c", "-o", tmp_path / "all", "-lm"], check=True)
    x = np.vstack([ORDINARY, PAIRS])
    rows = "".join(f"{a!r} {b!r}\n" for a, b in x.tolist())
    output = subprocess.run(
        [tmp_path / "all"], input=rows, capture_output=True, text=True, check=True
    ).stdout
    found = np.array(
        [[float(cell) for cell in line.split()] for line in output.splitlines()]
    ).reshape(len(x), len(models), 2)
    for i, model in enumerate(models):
        np.testing.assert_allclose(found[:, i], model.predict(x), rtol=1e-12)


def test_every_export_of_a_model_of_layers_is_the_model() -> None:
    expected = FOUND.predict(X)
    np.testing.assert_array_equal(numpy_function(FOUND.to_numpy())(X), expected)
    np.testing.assert_allclose(
        [c_text.run(FOUND.to_c(), row, 2) for row in X.astype(float).tolist()], expected, rtol=1e-13
    )
    for trainable in (False, True):
        module = FOUND.to_torch(trainable)
        assert bool(list(module.parameters())) == trainable
        values = module(torch.tensor(X.astype(float))).detach().numpy()
        np.testing.assert_allclose(values, expected, rtol=1e-13)
    symbols = sympy.symbols("x0 x1", real=True)
    for output in range(2):
        for expression in (
            FOUND.sympy(output),
            sympy.sympify(
                FOUND.expression(output), locals=dict(zip(("x0", "x1"), symbols, strict=True))
            ),
        ):
            values = sympy.lambdify(symbols, expression, "numpy")(*X.astype(float).T)
            np.testing.assert_allclose(values, expected[:, output], rtol=1e-9)


def test_protected_primitives_are_written_out_for_sympy() -> None:
    program = Program(2, (), (("pdiv", (0, 1)), ("pln", (2,))), 3)
    model = SRNet(((program,),), (np.array([[1.0]]),), (np.array([0.0]),))
    found = Explanation({"programs": [program.to_json()], "weights": [[1.0]], "biases": [[0.0]]})
    expression = sympy.sympify(found.expression())
    for a, b in ((2.0, 3.0), (0.0, 2.0), (1.0, 0.0)):
        assert float(expression.subs({"x0": a, "x1": b})) == pytest.approx(
            model.predict(np.array([[a, b]]))[0, 0]
        )


def test_constant_formulas_have_a_value_for_every_row() -> None:
    model = SRNet(
        ((Program(1, (2.0,), (), 1),),),
        (np.array([[3.0]]),),
        (np.array([-1.0]),),
        'evil """ */ name',
    )
    assert numpy_function(to_numpy(model))(np.zeros((3, 1))).tolist() == [[5.0]] * 3
    assert c_text.run(to_c(model), [0.0], 1) == [5.0]


@pytest.mark.slow
def test_inputs_have_their_names_everywhere() -> None:
    named = explanation(input_names=["mass", "c"])
    assert named.layers[0].formula == "((mass * 1.5) + sin(c))"
    assert set(map(str, named.sympy().free_symbols)) == {"mass", "c"}
    forms = named.simplified(10)
    shown = [
        text
        for form in (forms.layers[0], *forms.outputs)
        for text in (form.raw, form.text, form.latex)
    ]
    for text in (
        named.to_c(),
        named.to_numpy(),
        named.latex(),
        named.expression(1),
        str(named),
        *shown,
    ):
        assert "mass" in text
        assert "x0" not in text
    np.testing.assert_array_equal(numpy_function(named.to_numpy())(X), FOUND.predict(X))


def test_columns_are_found_by_their_names() -> None:
    named = explanation(input_names=["mass", "c"])
    frame = pd.DataFrame(X, columns=["mass", "c"])
    np.testing.assert_array_equal(named.predict(frame[["c", "mass"]]), FOUND.predict(X))
    assert named.fidelity(frame[["c", "mass"]], Y) == FOUND.fidelity(X, Y)
    np.testing.assert_array_equal(named.predict(X), FOUND.predict(X))
    np.testing.assert_array_equal(FOUND.predict(frame), FOUND.predict(X))
    with pytest.raises(UserError, match="the columns are mass, speed; the formulas read mass, c"):
        named.predict(frame.rename(columns={"c": "speed"}))


@pytest.mark.parametrize(
    "columns", [["温度", "压力"], ["λ", "μ"], ["a b", "a-b"], ["S", "S_"], ["x1", "x0"]]
)
def test_columns_are_found_by_their_own_names_and_not_by_their_symbols(
    columns: list[str], tmp_path: Path
) -> None:
    symbols = symbol_names(columns)
    named = explanation(input_names=symbols, columns=columns)
    frame = pd.DataFrame(X, columns=columns)
    expected = FOUND.predict(X)
    named.save(tmp_path / "run.json")
    frame[columns[::-1]].to_csv(tmp_path / "x.csv", index=False)
    for found in (named, Explanation.load(tmp_path / "run.json"), named.select("accuracy")):
        assert (found.input_names, found.columns) == (symbols, columns)
        for symbol, column in zip(symbols, columns, strict=True):
            assert (f"{symbol} is '{column}'" in str(found)) == (symbol != column)
        np.testing.assert_array_equal(found.predict(frame[columns[::-1]]), expected)
        assert found.fidelity(frame[columns[::-1]], Y) == FOUND.fidelity(X, Y)
        for others in (symbols, ["密度", "体积"], ["S_", "S__"]):
            if sorted(others) != sorted(columns):
                with pytest.raises(UserError, match="X: the columns are .*; the formulas read "):
                    found.predict(pd.DataFrame(X, columns=others))
        with pytest.raises(UserError, match="X has the column 'a' twice"):
            found.predict(pd.DataFrame(X, columns=["a", "a"]))
    write_predictions(tmp_path / "run.json", tmp_path / "x.csv", tmp_path / "y.csv")
    np.testing.assert_allclose(
        np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1), expected, rtol=1e-5
    )
    expression = sympy.sympify(named.expression(1))
    assert {str(symbol) for symbol in expression.free_symbols} <= set(symbols)
    for name in columns_latex(columns):
        assert name in named.latex()
    np.testing.assert_array_equal(numpy_function(named.to_numpy())(X), expected)
    assert all(line.isascii() or "input(s): " in line for line in named.to_c().splitlines())
    np.testing.assert_allclose(c_text.run(named.to_c(), X[0].tolist(), 2), expected[0], rtol=1e-12)


def test_a_formula_too_long_to_write_is_shown_in_steps() -> None:
    program = Program(1, (), tuple(("mul", (i, i)) for i in range(12)), 12)
    found = Explanation({"programs": [program.to_json()], "weights": [[1.0]], "biases": [[0.0]]})
    assert r"\begin{aligned}" in found.latex()
    assert len(str(found)) < 12_000


def test_latex_computes_what_it_says() -> None:
    """Constants that cancel have more digits than those of the result."""
    x = np.random.default_rng(0).uniform(-1, 1, (60, 1))
    program = Program(1, (1234.5678,), (("add", (0, 1)), ("square", (2,))), 3)
    model = SRNet(((program,),), (np.array([[0.5]]),), (np.array([-762078.8262]),))
    y = model.predict(x)
    layers = Layers({"train": [x, y], "valid": [x, y]})
    content = describe(Individual((), model, tuple(model.losses(layers)), 0.0), layers)
    found = Explanation({"task": "t", **content}, layers=layers)
    for text in (found.latex(), found._repr_latex_(), Explanation(found.run).latex()):
        assert "1234.5678" in text
        assert "762078.8" in text
    assert "1235" in found.latex(digits=4)


# --- what it tells --------------------------------------------------------------------------------


def test_layers_and_text() -> None:
    assert [(layer.name, layer.complexity) for layer in FOUND.layers] == [("h1", 3), ("output", 2)]
    assert [layer.mse for layer in FOUND.layers] == FOUND.model.losses(LAYERS)
    assert FOUND.complexity == 5
    assert FOUND.outputs == 2
    text = str(FOUND)
    for words in ("((x0 * 1.5) + sin(x1))", "output", "y0 = ", "y1 = ", "complexity 5"):
        assert words in text
    assert "complexity 5" in repr(FOUND)
    assert FOUND._repr_latex_().startswith(r"$\displaystyle \begin{aligned} y_{0} &= ")


def test_fidelity_is_against_the_network() -> None:
    fidelity = FOUND.fidelity(X, Y)
    found = FOUND.predict(X)
    assert fidelity.mse == pytest.approx(np.mean((found - Y) ** 2))
    assert fidelity.r2 == pytest.approx(
        1 - fidelity.mse / np.mean((Y - Y.astype(float).mean(0)) ** 2)
    )
    assert fidelity.agreement == (found.argmax(1) == Y.argmax(1)).mean()
    assert (fidelity.finite, fidelity.rows) == (1.0, len(X))
    assert FOUND.fidelity(X, torch.tensor(Y).bfloat16()).r2 == pytest.approx(fidelity.r2, abs=0.01)
    with pytest.raises(UserError, match="y holds complex64; real numbers"):
        FOUND.fidelity(X, Y + 1j)
    assert FOUND.fidelity(X, np.ones_like(Y)).r2 is None
    nearly = np.full(Y.shape, 0.1)
    nearly[0] = np.nextafter(0.1, 1)  # its last bit depends on the batch
    assert FOUND.fidelity(X, nearly).r2 is None
    assert FOUND.fidelity(X, 1 + 1e-9 * Y.astype(float)).r2 is not None


def test_fidelity_where_a_formula_has_no_value() -> None:
    run = {
        "programs": [Program(1, (), (("ln", (0,)),), 1).to_json()],
        "weights": [[1.0]],
        "biases": [[0.0]],
    }
    fidelity = Explanation(run).fidelity([[1.0], [-1.0]], [0.0, 1.0])
    assert (fidelity.mse, fidelity.r2, fidelity.finite, fidelity.agreement) == (
        np.inf,
        -np.inf,
        0.5,
        None,
    )


def test_the_front_and_the_selection_of_its_models() -> None:
    frame = FOUND.pareto
    assert frame.complexity.tolist() == [1, 5]
    assert frame.fitness.tolist() == [0.5, 0.2]
    assert frame["h1"].tolist() == ["(x0 - x1)", "((x0 * 1.5) + sin(x1))"]
    assert FOUND.select("accuracy").run == FOUND.run
    simple = FOUND.select("knee")
    assert simple.complexity == 1
    assert simple.run["selected"] == 0
    np.testing.assert_array_equal(
        simple.predict(X), SRNet.from_run(FOUND.run["pareto"][0]).predict(X)
    )
    assert simple.select("accuracy").complexity == 5
    assert [each.run for each in FOUND.models] == [simple.run, FOUND.run]
    assert FOUND.select(0).run == simple.run
    with pytest.raises(UserError, match="'how' is 'worst'; allowed are accuracy, best, knee"):
        FOUND.select("worst")
    with pytest.raises(UserError, match="'how' is 2; "):
        FOUND.select(2)
    assert explanation(pareto=[]).models == ()


def test_plot() -> None:
    for rows, figure in ((None, FOUND.plot()), (X, FOUND.plot(X, Y))):
        assert isinstance(figure, Figure)
        bars, points, shares = figure.axes
        assert [bar.get_width() for bar in bars.patches] == [
            max(layer.r2 or 0, 0) for layer in FOUND.layers
        ]
        assert [text.get_text() for text in points.get_legend().get_texts()] == ["y0", "y1"]
        found = FOUND.importance(rows).inputs
        labels = [text.get_text() for text in shares.get_yticklabels()]
        assert labels[:2] == found["input"].tolist()
        widths = [bar.get_width() for bar in shares.patches[:4]]
        np.testing.assert_allclose(widths, [*found["total_order"], *found["first_order"]])
    shown = points.collections[0].get_offsets()
    np.testing.assert_allclose(shown, np.column_stack([Y.ravel(), FOUND.predict(X).ravel()]))


@pytest.mark.parametrize("kind", ["layers", "columns"])
def test_long_names_leave_room_in_the_plot(kind: str) -> None:
    names = [f"{'concentration_' * 12}{i}_in_mg" for i in range(2)]
    changes = {"layer_names": names} if kind == "layers" else {"columns": names}
    figure = explanation(**changes).plot()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    axes = figure.axes[0 if kind == "layers" else 2]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 22  # of a pair two and a comma


@pytest.mark.slow
def test_short_and_raw_forms_show_the_names_of_the_columns() -> None:
    named = explanation(input_names=["x_2", "wind_speed"], columns=["x^2", "wind speed"])
    for limit in (10.0, 1e-3):  # with the latter nothing is simplified
        forms = named.simplified(limit)
        for form in (forms.layers[0], *forms.outputs):
            assert r"\mathrm{x\hat{}2}" in form.latex
            assert r"\mathrm{wind\ speed}" in form.latex
            assert "x_{2}" not in form.latex
            assert "wind_speed" in form.text


@pytest.mark.slow
def test_simplified() -> None:
    forms = FOUND.simplified(10)
    assert (len(forms.layers), len(forms.outputs)) == (2, 2)


# --- several formulas per layer -------------------------------------------------------------------


def test_logits_of_a_single_column_are_no_probabilities() -> None:
    """Also where all that are given are within 0 … 1."""
    model = explanation_of_rank("units", "cross_entropy")
    found = Explanation({**model.run, "network_outputs": "logits"})
    logits = np.linspace(0.1, 0.9, len(X))[:, None]
    second = 1 / (1 + np.exp(-logits))
    expected = found.fidelity(X, np.hstack([1 - second, second])).r2
    assert found.fidelity(X, logits).r2 == pytest.approx(expected)
    assert model.fidelity(X, logits).r2 != pytest.approx(expected)


def test_an_output_has_its_own_number() -> None:
    run = {"programs": [SIMPLE[0].to_json()], "weights": [[1.0]], "biases": [[0.0]]}
    for number, name, index in ((0, "y0", "0"), (3, "y3", "3"), (-1, "y[-1]", "-1")):
        found = Explanation({**run, "output": number})
        assert str(found).splitlines()[-1].startswith(f"{name} = ")
        assert found.equation().startswith(f"y_{{{index}}} = ")
        assert str(found.explain_at([1.0, 2.0])).startswith(f"{name} = ")
    assert "y1 = " in str(Explanation({**FOUND.run, "output": 5}))  # of two it tells nothing


def test_why_there_is_no_r2_is_told() -> None:
    """Of a constant output, and of formulas that have no value at a row."""
    rows = {"train": 60, "valid": 20, "test": 7}
    constant = explanation(test_r2=None, test_linear_r2=None, rows=rows)
    assert constant.r2 is None
    assert "R² of the output undefined, for it is constant on the 7 held-out rows" in str(constant)
    assert constant.doubt() is None
    assert not constant.warnings

    undefined = explanation(test_r2=None, test_linear_r2=0.5, rows=rows)
    assert undefined.r2 == -np.inf
    assert "on 7 held-out rows undefined (linear regression 0.5000)" in str(undefined)
    assert undefined.warnings == [
        "Poor: the formulas have no value at some of the 7 held-out rows."
    ]
    assert "R² no value at some of the 7 held-out rows" in str(undefined.doubt())


def explanation_of_rank(reads: str, loss: str = "mse", targets: str = "classes") -> Explanation:
    """Two models of two formulas per layer, the better selected."""
    layers = LAYERS if loss == "mse" else made_up.classifier((2, 3, 2), valid=12)
    entries = []
    for seed, fitness in ((2, 0.5), (3, 0.2)):
        programs = ranked.model(seed, reads, (2, 3, 2), (2, 2)).programs
        individual = measure(programs, layers, loss, reads, targets=targets)
        assert individual is not None
        entries.append(describe(replace(individual, fitness=fitness), layers))
    run = {"task": "made-up", "preset": "rank", **entries[-1], "pareto": entries, "selected": 1}
    return Explanation(json.loads(json.dumps(run)), layers=layers)


@RANKED
def test_several_formulas_of_a_layer_are_told(reads: str) -> None:
    found = explanation_of_rank(reads)
    texts = found.model.formula_texts()
    assert [layer.formulas for layer in found.layers] == [tuple(names) for names in texts]
    assert found.layers[0].formula == "; ".join(texts[0])
    assert [layer.complexity for layer in found.layers] == [
        1 + sum(program.complexity for program in programs) for programs in found.model.programs
    ]
    assert sum(layer.complexity for layer in found.layers) == found.complexity
    assert [layer.mse for layer in found.layers] == pytest.approx(found.model.losses(LAYERS))
    for words in (texts[0][1], texts[1][0], found.model.network_expressions()[1]):
        assert words in str(found)
    for i, text in enumerate(texts[0]):  # as the layer above has them
        assert (f"z{i} = {text}" in str(found)) == (reads == "scalars")
    assert found.pareto["h1"].tolist()[1] == found.layers[0].formula
    fidelity = found.fidelity(X, Y)
    assert fidelity.mse == pytest.approx(np.mean((ranked.values(found.model, X)[1][-1] - Y) ** 2))
    assert found._repr_latex_().count(r"\\ y_{1} &= ") == 1
    assert (
        r"\operatorname{logit} y_{1} &= "
        in explanation_of_rank(reads, "cross_entropy")._repr_latex_()
    )


@RANKED
@pytest.mark.parametrize(
    ("loss", "targets"),
    [("mse", "classes"), ("cross_entropy", "classes"), ("cross_entropy", "probabilities")],
)
def test_every_export_of_several_formulas_is_the_model(
    reads: str, loss: str, targets: str, tmp_path: Path
) -> None:
    found = explanation_of_rank(reads, loss, targets)
    assert found.model.targets == targets
    found.save(tmp_path / "run.json")
    assert Explanation.load(tmp_path / "run.json").model.targets == targets
    logits = ranked.values(found.model, X)[1][-1]
    expected = logits if loss == "mse" else softmax(logits)
    for values in (
        found.predict(X),
        numpy_function(found.to_numpy())(X),
        found.to_torch()(torch.tensor(X.astype(float))).numpy(),
        [c_text.run(found.to_c(), row, 2) for row in X.astype(float).tolist()],
    ):
        np.testing.assert_allclose(values, expected, rtol=1e-9)
    for output in range(2):
        expression = sympy.sympify(found.expression(output))
        values = sympy.lambdify(sympy.symbols("x0 x1"), expression, "numpy")(*X.astype(float).T)
        np.testing.assert_allclose(values, logits[:, output], rtol=1e-9)


def test_a_front_may_hold_models_of_both_kinds() -> None:
    """Of the paper's form and of several formulas that read scalars."""
    both = [explanation_of_rank(reads).run for reads in READS]
    entries = [both[0]["pareto"][0], both[1]["pareto"][1]]
    found = Explanation(both[1] | {"pareto": entries})
    assert found.model.reads == "scalars"
    simple = found.select("knee")
    assert simple.model.reads == "units"
    np.testing.assert_array_equal(simple.predict(X), SRNet.from_run(entries[0]).predict(X))
    assert simple.select("accuracy").model.reads == "scalars"


@RANKED
def test_other_models_and_files_of_several_formulas(reads: str, tmp_path: Path) -> None:
    found = explanation_of_rank(reads)
    other = found.select("knee")
    assert other.model.reads == reads
    assert other.complexity == found.pareto.complexity[0] < found.complexity
    found.save(tmp_path / "run.json")
    loaded = Explanation.load(tmp_path / "run.json")
    assert str(loaded) == str(found)
    np.testing.assert_array_equal(loaded.predict(X), found.predict(X))
    np.savez(tmp_path / "x.npz", x=X)
    write_predictions(tmp_path / "run.json", tmp_path / "x.npz", tmp_path / "y.csv")
    np.testing.assert_array_equal(
        np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1), found.predict(X)
    )


# --- files ----------------------------------------------------------------------------------------


def test_a_saved_explanation_is_the_same(tmp_path: Path) -> None:
    FOUND.save(tmp_path / "run.json")
    loaded = Explanation.load(tmp_path / "run.json")
    assert str(loaded) == str(FOUND)
    assert loaded.latex(1, digits=5) == FOUND.latex(1, digits=5)
    assert loaded.latex(1) == FOUND.latex(1, digits=EXACT)
    assert loaded.select("knee").run == FOUND.select("knee").run
    assert loaded.fidelity(X, Y) == FOUND.fidelity(X, Y)
    np.testing.assert_array_equal(loaded.predict(X), FOUND.predict(X))
    np.savez(tmp_path / "x.npz", x=X)
    write_predictions(tmp_path / "run.json", tmp_path / "x.npz", tmp_path / "y.csv")
    np.testing.assert_array_equal(
        np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1), FOUND.predict(X)
    )
    for asked in (
        lambda: loaded.fidelity(X),
        loaded.plot,
        lambda: loaded.plot(X),
        loaded.simplified,
    ):
        with pytest.raises(UserError, match="a loaded explanation has no"):
            asked()


def test_copies_and_pickles_are_the_same() -> None:
    for other in (copy.deepcopy(FOUND), pickle.loads(pickle.dumps(FOUND))):
        assert other.run == FOUND.run
        np.testing.assert_array_equal(other.predict(X), FOUND.predict(X))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"programs": None}, "programs"),
        ({"layer_names": ["a"]}, "'layer_names'"),
        ({"input_names": ["a", 3]}, "'input_names.1' is 3"),
        ({"layer_losses": ["x", 1]}, "'layer_losses.0' is 'x'"),
        ({"layer_losses": [1.0]}, "'layer_losses'"),
        ({"pareto": [{"fitness": 1.0}]}, "the key 'complexity' is missing in 'pareto.0'"),
        (
            {"pareto": [{"fitness": -1.0, "complexity": 3}]},
            "'pareto.0.fitness' is -1.0; at least 0",
        ),
        ({"pareto": 3}, "'pareto'"),
    ],
)
def test_a_bad_run_is_a_sentence(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(FOUND.run | changes))
    with pytest.raises(UserError, match=words) as caught:
        Explanation.load(tmp_path / "run.json")
    assert str(caught.value).startswith(f"{tmp_path / 'run.json'}: ")


def test_bad_arguments_are_a_sentence() -> None:
    for asked, words in (
        (lambda: FOUND.sympy(2), "'output' is 2; a whole number from 0 to 1"),
        (lambda: FOUND.latex(-1), "'output' is -1"),
        (lambda: FOUND.predict(X[:, :1]), r"rows × 2 columns"),
        (lambda: FOUND.fidelity(X, Y[:3]), "y has the shape"),
        (lambda: FOUND.fidelity(X[:0], Y[:0]), "X has 0 rows; at least 1"),
        (lambda: FOUND.plot(X[:0], Y[:0]), "X has 0 rows; at least 1"),
        (lambda: explanation(pareto=[]).pareto, "no Pareto front"),
    ):
        with pytest.raises(UserError, match=words):
            asked()


@pytest.mark.parametrize(
    ("agreed", "linear", "largest", "words"),
    [
        (0.95, 0.96, 0.5, "Poor: a linear logistic model has the network's class on 96.0% of the"),
        (0.97, 0.974, 0.5, None),
        (0.85, 0.80, 0.5, "Poor: on 15.0% of the validation rows the class is not the network's"),
        (0.95, 0.95, 0.96, "Poor: on 5.0% of the validation rows the class is not the network's"),
        (0.99, 0.95, 0.96, None),
    ],
)
def test_a_poor_classification_is_called_so(
    agreed: float, linear: float, largest: float, words: str | None
) -> None:
    run = explanation_of_rank("scalars", "cross_entropy", "probabilities").run
    told = {"valid_accuracy": agreed, "linear_accuracy": linear, "majority_share": largest}
    shown = str(Explanation({**run, **told}))
    assert "Poor" not in shown if words is None else words in shown


@pytest.mark.parametrize("measure", ["r2", "robust_r2"])
def test_what_a_constant_does_better_is_called_so(measure: str) -> None:
    run = {**explanation_of_rank("scalars").run, f"linear_{measure}": 0.5}
    name = "robust R²" if measure == "robust_r2" else "R²"
    assert Explanation({**run, f"valid_{measure}": -3.3478}).warnings == [
        f"Poor: {name} on the validation rows is -3.3478, worse than that of a constant; a larger "
        f"budget may find more."
    ]
    better = Explanation({**run, f"valid_{measure}": 0.2})
    assert better.warnings == [
        f"Poor: a linear regression has {name} 0.5000 on the validation rows."
    ]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"test_r2": 0.4999, "rows": {"test": 40}}, "R² 0.50 on the 40 held-out rows; a larger"),
        ({"test_r2": -3.0, "valid_r2": 0.9}, "R² -3.00 on the held-out rows"),
        ({"valid_r2": 0.2, "validation": "fitted"}, "R² 0.20 on the rows that were fitted"),
        ({"valid_accuracy": 0.4, "valid_r2": 0.9}, "share of the network's class 0.40 on the"),
        ({"test_r2": 0.5, "valid_r2": 0.1}, None),
        ({"test_r2": None}, None),
        ({"valid_accuracy": 0.6, "valid_r2": 0.1}, None),
        ({}, None),
    ],
)
def test_less_than_half_is_a_doubt(told: dict[str, Any], words: str | None) -> None:
    kept = {key: value for key, value in FOUND.run.items() if "valid" not in key}
    doubt = Explanation({**kept, **told}).doubt()
    assert doubt is None if words is None else words in str(doubt)


@pytest.mark.parametrize("kind", ["made up", "fitted", "held out", "given"])
def test_few_rows_are_told(kind: str) -> None:
    run = {**explanation_of_rank("scalars").run, "valid_r2": 0.99, "linear_r2": 0.5}
    shown = str(Explanation({**run, "validation": kind}))
    assert ("Few rows: none is held out" in shown) == (kind in ("made up", "fitted"))
    assert "Few rows" not in str(Explanation({**run, "validation": kind, "test_r2": 0.9}))


def test_r2_of_every_output_is_told() -> None:
    found = explanation_of_rank("scalars")
    x, *_, y = LAYERS.splits["valid"]
    told = found.run["valid_output_r2"]
    rest = np.square(found.predict(x) - y).mean(axis=0)
    np.testing.assert_allclose(told, 1 - rest / y.astype(float).var(axis=0))


def test_a_poor_output_that_the_others_hide_is_called_so() -> None:
    run = explanation_of_rank("scalars").run
    told = {"valid_r2": 0.9999, "linear_r2": 0.5, "valid_output_r2": [0.9999, -0.01]}
    words = "Poor: R² of y1 on the validation rows is -0.0100, though all outputs together have"
    assert words in str(Explanation({**run, **told}))
    for each in ([0.9999, 0.95], [0.9999, None]):
        assert "Poor" not in str(Explanation({**run, **told, "valid_output_r2": each}))
    many = str(Explanation({**run, **told, "valid_output_r2": [0.1] * 5}))
    assert many.count("Poor: R² of y") == 3
    assert "So are 2 other outputs." in many


def test_a_loaded_classifier_shows_its_logits_and_its_accuracy() -> None:
    layers = made_up.classifier((2, 3, 3))
    run = evolve(layers, preset("paper", loss="cross_entropy", population=10, generations=10), 1)
    found = Explanation(json.loads(json.dumps(run)))
    assert f"network's class {run['accuracy']:.4f}" in str(found)
    assert f"cross-entropy {run['layer_losses'][-1]:.3g}" in str(found)
    assert "logit of y2 = " in str(found)
    x, y = layers.splits["train"][0], layers.splits["train"][-1]
    np.testing.assert_allclose(found.predict(x).sum(axis=1), 1)
    assert found.fidelity(x, y).agreement == run["accuracy"]
    simplest = found.select("knee")
    assert ("accuracy" in simplest.run) == (simplest.run["fitness"] == run["fitness"])
