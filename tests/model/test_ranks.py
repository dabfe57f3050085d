"""Layers of several formulas that read units or scalars: every form of a model computes what NumPy
does by hand, and the fits are the least."""

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from helpers import c_text, formula_text, made_up, ranked
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from srnet.cgp.program import Program
from srnet.drawing.typesetting import space_functions
from srnet.errors import UserError
from srnet.model.export import to_c, to_numpy, to_torch
from srnet.model.fitting import fit, fit_and_measure, fitness, least_squares
from srnet.model.formulas import raw_forms
from srnet.model.logistic import classes_of, fit_logits, row_losses, softmax
from srnet.model.simplify import describe, simplify
from srnet.model.simplify_worker import simplest
from srnet.model.srnet import READS, SRNet
from srnet.model.sympy_forms import MAX_OPERATIONS, compose, layer_sympy, network_sympy, symbols
from srnet.networks.layers import Layers

X = np.random.default_rng(5).uniform(-1.5, 1.5, (25, 2))
BOTH = pytest.mark.parametrize("reads", READS)
SEEDS = st.integers(0, 10**6)

# By hand: z1 = (x0 · x1, sin x1); the output reads two of three units, or both scalars.
FIRST = (Program(2, (), (("mul", (0, 1)),), 2), Program(2, (), (("sin", (1,)),), 2))
WEIGHTS = np.array([[2.0, -1.0, 0.5], [0.25, 4.0, -3.0]])
BIASES = np.array([0.5, 0.0, -2.0])
BY_UNITS = SRNet(
    (FIRST, (Program(3, (1.5,), (("mul", (2, 3)),), 4), Program(3, (), (("square", (0,)),), 3))),
    (WEIGHTS, np.array([[1.0], [-2.0]])),
    (BIASES, np.array([3.0])),
)
BY_SCALARS = SRNet(
    (FIRST, (Program(2, (1.5,), (("mul", (1, 2)),), 3), Program(2, (), (("square", (0,)),), 2))),
    BY_UNITS.weights,
    BY_UNITS.biases,
    reads="scalars",
)


def close(found: Any, expected: np.ndarray) -> None:
    """Equal but for rounding."""
    np.testing.assert_allclose(
        found, expected, rtol=1e-9, atol=1e-10 * max(1.0, float(np.abs(expected).max()))
    )


def lambdified(expressions: list[sympy.Expr], x: np.ndarray) -> np.ndarray:
    names = symbols([f"x{i}" for i in range(x.shape[1])])
    columns = [sympy.lambdify(names, e, "numpy", cse=False)(*x.T) for e in expressions]
    return np.column_stack([np.broadcast_to(column, len(x)) for column in columns])


# --- What a model computes ------------------------------------------------------------------------


def test_known_values() -> None:
    z = np.column_stack([X[:, 0] * X[:, 1], np.sin(X[:, 1])])
    h = z @ WEIGHTS + BIASES
    close(BY_UNITS.layers(X)[0], h)
    close(BY_UNITS.predict(X)[:, 0], 1.5 * h[:, 2] - 2 * h[:, 0] ** 2 + 3)
    close(BY_SCALARS.layers(X)[0], h)
    close(BY_SCALARS.predict(X)[:, 0], 1.5 * z[:, 1] - 2 * z[:, 0] ** 2 + 3)
    for model in (BY_UNITS, BY_SCALARS):
        assert (model.inputs, model.depth, model.ranks) == (2, 2, [2, 2])
        assert model.widths == [2, 3, 1]
        assert model.complexity == 6  # four nodes, and an addition per layer


@BOTH
@given(seed=SEEDS)
def test_scalars_layers_and_losses_are_those_by_hand(reads: str, seed: int) -> None:
    model = ranked.model(seed, reads)
    scalars, units = ranked.values(model, X)
    for found, expected in zip(model.scalars(X), scalars, strict=True):
        close(found, expected)
    for found, expected in zip(model.layers(X), units, strict=True):
        close(found, expected)
    close(model.predict(X), units[-1])
    layers = made_up.layers((2, 4, 3, 2), seed=seed)
    _, units = ranked.values(model, layers.values(0))
    expected = [np.mean((h - layers.values(i)) ** 2) for i, h in enumerate(units, start=1)]
    assert model.losses(layers) == pytest.approx(expected, rel=1e-6)


@BOTH
@given(seed=SEEDS)
def test_a_classifiers_probabilities_loss_and_accuracy(reads: str, seed: int) -> None:
    model = ranked.model(seed, reads, (2, 4, 3), (2, 3), "cross_entropy")
    layers = made_up.classifier((2, 4, 3), seed=seed)
    logits = ranked.values(model, layers.values(0))[1][-1]
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    close(model.predict(layers.values(0)), np.exp(log_p))
    classes = layers.values(-1).argmax(axis=1)
    own = log_p[np.arange(len(log_p)), classes]
    assert model.losses(layers)[-1] == pytest.approx(-own.mean(), rel=1e-9)
    assert model.accuracy(layers) == np.mean(logits.argmax(axis=1) == classes)


def test_parts_that_do_not_fit() -> None:
    def changed(**changes: Any) -> SRNet:
        parts = {"programs": BY_UNITS.programs, "weights": BY_UNITS.weights}
        return SRNet(**{**parts, "biases": BY_UNITS.biases, **changes})

    for weights in (
        (WEIGHTS[:1], BY_UNITS.weights[1]),
        (WEIGHTS[:, :2], BY_UNITS.weights[1]),
        (WEIGHTS[0], BY_UNITS.weights[1]),
        (WEIGHTS[:0], BY_UNITS.weights[1]),
        (np.where(WEIGHTS == 4, np.nan, WEIGHTS), BY_UNITS.weights[1]),
    ):
        with pytest.raises(UserError, match="layer 1 has 2 formula"):
            changed(weights=weights)
    with pytest.raises(UserError, match="layer 1 has 0 formula"):
        changed(programs=((), BY_UNITS.programs[1]))
    with pytest.raises(UserError, match="layer 2 reads 3 values, layer 1 gives 2"):
        changed(reads="scalars")
    with pytest.raises(UserError, match="layer 2 reads 2 values, layer 1 gives 3"):
        changed(programs=BY_SCALARS.programs)
    with pytest.raises(UserError, match="layer 2 has formulas of different numbers of inputs"):
        changed(programs=(FIRST, (BY_UNITS.programs[1][0], BY_SCALARS.programs[1][1])))
    with pytest.raises(UserError, match="'reads' is 'all'; allowed are units, scalars"):
        changed(reads="all")


# --- Text, sympy, LaTeX ---------------------------------------------------------------------------


def test_known_text() -> None:
    first = ["(x0 * x1)", "sin(x1)"]
    assert BY_UNITS.formula_texts() == [first, ["(h2 * 1.5)", "(h0)**2"]]
    assert BY_SCALARS.formula_texts(["a", "b"]) == [
        ["(a * b)", "sin(b)"],
        ["(z1 * 1.5)", "(z0)**2"],
    ]
    assert BY_SCALARS.expressions() == [first, ["(z1 * 1.5)", "(z0)**2"]]
    assert BY_SCALARS.network_expressions() == [
        "(1.0 * (sin(x1) * 1.5) + (-2.0) * ((x0 * x1))**2 + 3.0)"
    ]
    h = {
        0: "(2.0 * (x0 * x1) + 0.25 * sin(x1) + 0.5)",
        2: "(0.5 * (x0 * x1) + (-3.0) * sin(x1) + (-2.0))",
    }
    assert BY_UNITS.network_expressions() == [
        f"(1.0 * ({h[2]} * 1.5) + (-2.0) * ({h[0]})**2 + 3.0)"
    ]


@BOTH
@given(seed=SEEDS)
def test_text_computes_the_model(reads: str, seed: int) -> None:
    model = ranked.model(seed, reads)
    scalars, units = ranked.values(model, X)
    read = {"x": X, "h": None, "z": None}
    for i, texts in enumerate(model.formula_texts()):
        names = formula_text.inputs(read["x"]) if i == 0 else {}
        if i:
            names = formula_text.inputs(units[i - 1], "h") | formula_text.inputs(
                scalars[i - 1], "z"
            )
            assert model.operands(i)[0] == ("h0" if reads == "units" else "z0")
        for j, text in enumerate(texts):
            close(formula_text.evaluate(text, names), scalars[i][:, j])
    for j, text in enumerate(model.network_expressions()):
        close(formula_text.evaluate(text, formula_text.inputs(X)), units[-1][:, j])


@BOTH
@pytest.mark.parametrize("evaluate", [True, False])
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_sympy_computes_the_model(reads: str, evaluate: bool, seed: int) -> None:
    model = ranked.model(seed, reads, (2, 3, 2), (2, 2))
    expressions = network_sympy(model, evaluate=evaluate)
    expected = ranked.values(model, X)[1][-1]
    close(lambdified(expressions, X), expected)
    forms = [
        [layer_sympy(program, model.operands(i), evaluate=evaluate) for program in programs]
        for i, programs in enumerate(model.programs)
    ]
    close(lambdified(compose(model, forms), X), expected)


def test_known_sympy() -> None:
    x0, x1 = symbols(["x0", "x1"])
    assert network_sympy(BY_SCALARS) == [1.5 * sympy.sin(x1) - 2 * x0**2 * x1**2 + 3]
    a, b = symbols(["a", "b"])
    assert network_sympy(BY_SCALARS, ["a", "b"]) == [1.5 * sympy.sin(b) - 2 * a**2 * b**2 + 3]


def test_names_of_layers_do_not_mix_with_those_of_inputs() -> None:
    """An input that is called like a scalar stays itself when layers are composed."""
    names = ["z1", "z0"]
    forms = [
        [layer_sympy(program, BY_SCALARS.operands(i, names)) for program in programs]
        for i, programs in enumerate(BY_SCALARS.programs)
    ]
    assert compose(BY_SCALARS, forms, names) == network_sympy(BY_SCALARS, names)


def test_known_latex() -> None:
    forms = raw_forms(BY_SCALARS)
    assert [form.latex for form in forms.layers] == [
        r"x_{0} \cdot x_{1}",
        r"\sin\left(x_{1}\right)",
        r"z_{1} \cdot 1.5",
        r"z_{0}^{2}",
    ]
    assert [form.raw for form in forms.layers] == [
        text for texts in BY_SCALARS.formula_texts() for text in texts
    ]
    assert forms.outputs[0].latex == (
        r"1 \cdot \sin\left(x_{1}\right) \cdot 1.5 + "
        r"\left(-2\right) \cdot \left(x_{0} \cdot x_{1}\right)^{2} + 3"
    )


@BOTH
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_latex_can_be_typeset(reads: str, seed: int) -> None:
    parser = MathTextParser("path")
    forms = raw_forms(ranked.model(seed, reads, (2, 3, 2), (2, 2)))
    assert (len(forms.layers), len(forms.outputs)) == (4, 2)
    for form in (*forms.layers, *forms.outputs):
        parser.parse(f"${space_functions(form.latex)}$")


def long_model(reads: str, nodes: int) -> SRNet:
    """Formulas cos(… cos(x²)² …), whose length on paper doubles with every second node."""

    def program(inputs: int, first: int) -> Program:
        chain = [("mul", (first, first)), ("cos", (inputs,))]
        for i in range(inputs + 1, inputs + nodes - 2, 2):
            chain += [("mul", (i, i)), ("cos", (i + 1,))]
        return Program(inputs, (), tuple(chain), inputs + nodes - 1)

    inputs = (2, 3, 3) if reads == "units" else (2, 2, 2)
    rng = np.random.default_rng(0)
    return SRNet(
        tuple((program(k, 0), program(k, 1)) for k in inputs),
        tuple(rng.normal(0, 0.5, (2, k)) for k in (3, 3, 2)),
        tuple(rng.normal(0, 0.5, k) for k in (3, 3, 2)),
        reads=reads,
    )


def in_steps(raw: str, x: np.ndarray) -> np.ndarray:
    """The last of the steps ``name = text; …``, each of which may read those before."""
    names = formula_text.inputs(x)
    for step in raw.split("; "):
        name, text = step.split(" = ")
        assert name not in names
        names[name] = formula_text.evaluate(text, names)
    return names[name]


@BOTH
@pytest.mark.parametrize("nodes", [16, 60])
def test_long_formulas_are_written_in_steps_that_compute_the_model(reads: str, nodes: int) -> None:
    """Of 16 nodes a formula is a step, of 60 its nodes are."""
    model = long_model(reads, nodes)
    forms = raw_forms(model)
    expected = ranked.values(model, X)[1][-1]
    for j, form in enumerate(forms.outputs):
        close(in_steps(form.raw, X), expected[:, j])
        assert str(MAX_OPERATIONS) in form.note
        lines = form.latex.removeprefix(r"\begin{aligned} ").removesuffix(r" \end{aligned}")
        assert len(lines.split(r" \\ ")) == len(form.raw.split("; "))
        assert ("f1_1_1 = " in form.raw) == (nodes == 60)
        assert ("f1_2 = " in form.raw) == (nodes == 16)


# --- Simplified -----------------------------------------------------------------------------------


@BOTH
def test_the_simplest_forms_of_every_formula_and_output(reads: str) -> None:
    model = BY_UNITS if reads == "units" else BY_SCALARS
    found = dict(simplest(model, X, time.monotonic() + 20, [sympy.expand]))
    assert sorted(found) == [0, 1, 2, 3, 4]
    x0, x1 = symbols(["x0", "x1"])
    read = symbols(["h0", "h2"] if reads == "units" else ["z0", "z1"])
    assert [found[i].best for i in range(4)] == [
        x0 * x1,
        sympy.sin(x1),
        1.5 * read[1],
        read[0] ** 2,
    ]
    close(lambdified([found[4].best], X), model.predict(X))


@pytest.mark.slow
@BOTH
def test_formulas_json_has_an_entry_per_formula(reads: str) -> None:
    model = ranked.model(3, reads, (2, 3, 2), (3, 2))
    layers = made_up.layers((2, 3, 2))
    told = {"preset": "rank", "seed": 1, "fitness": fitness(model.losses(layers))}
    content = describe(model.to_run() | told, layers, 20)
    assert [entry["layer"] for entry in content["layers"]] == [1, 1, 1, 2, 2]
    assert [entry["raw"] for entry in content["layers"]] == [
        text for texts in model.formula_texts() for text in texts
    ]
    assert [entry["complexity"] for entry in content["layers"]] == [
        program.complexity for programs in model.programs for program in programs
    ]
    losses = model.losses(layers)
    assert [entry["mse"] for entry in content["layers"]] == [losses[0]] * 3 + [losses[1]] * 2
    assert content["complexity"] == model.complexity
    assert len(content["network"]) == 2
    for j, entry in enumerate(content["network"]):
        close(
            formula_text.evaluate(entry["simplified"], formula_text.inputs(X)),
            model.predict(X)[:, j],
        )


@pytest.mark.slow
def test_simplified_forms_stay_in_the_order_of_the_formulas() -> None:
    forms = simplify(BY_SCALARS, X, 20, names=["a", "b"])
    assert [form.raw for form in forms.layers] == [
        text for texts in BY_SCALARS.formula_texts(["a", "b"]) for text in texts
    ]
    assert [form.text for form in forms.layers] == ["a*b", "sin(b)", "1.5*z1", "z0**2"]
    assert forms.outputs[0].text == "-2*a**2*b**2 + 1.5*sin(b) + 3"


# --- Other languages ------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_every_language_computes_the_model(reads: str, loss: str, seed: int) -> None:
    model = ranked.model(seed, reads, loss=loss)
    expected = ranked.values(model, X)[1][-1]
    if loss == "cross_entropy":
        expected = softmax(expected)
    close(to_torch(model)(torch.tensor(X)).numpy(), expected)
    names: dict[str, Any] = {}
    exec(to_numpy(model), names)
    np.testing.assert_array_equal(names["network"](X), model.predict(X))
    close(names["network"](X), expected)
    close([c_text.run(to_c(model), row, 2) for row in X.tolist()], expected)


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_gradients(reads: str, seed: int) -> None:
    model = ranked.model(seed, reads)
    x = torch.tensor(X[:4], requires_grad=True)
    assert torch.autograd.gradcheck(to_torch(model), x)
    assert to_torch(model)(torch.zeros(3, 2, device="meta")).shape == (3, 2)
    assert to_torch(model)(torch.zeros(3, 2, dtype=torch.float32)).dtype == torch.float32


@BOTH
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_compiled_c_is_the_model(reads: str, tmp_path: Path) -> None:
    models = [ranked.model(seed, reads) for seed in range(6)]
    source = ["#include <stdio.h>"]
    source += [
        to_c(model).replace("void network(", f"void network{i}(") for i, model in enumerate(models)
    ]
    calls = "".join(
        f'network{i}(x, y); printf("%.17g %.17g\\n", y[0], y[1]); ' for i in range(len(models))
    )
    source.append(
        "int main(void) { double x[2], y[2];\n"
        f'while (scanf("%lf %lf", x, x + 1) == 2) {{ {calls} }} return 0; }}'
    )
    (tmp_path / "all.c").write_text("\n".join(source))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off"]
    subprocess.run(["gcc", *flags, tmp_path / "all.c", "-o", tmp_path / "all", "-lm"], check=True)
    rows = "".join(f"{a!r} {b!r}\n" for a, b in X.tolist())
    output = subprocess.run(
        [tmp_path / "all"], input=rows, capture_output=True, text=True, check=True
    ).stdout
    found = np.array([[float(cell) for cell in line.split()] for line in output.splitlines()])
    found = found.reshape(len(X), len(models), 2)
    for i, model in enumerate(models):
        close(found[:, i], ranked.values(model, X)[1][-1])


# --- Fits -----------------------------------------------------------------------------------------


@st.composite
def columns(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Formula values (n × r), some constant or linear in the others, and units (n × k)."""
    rng = np.random.default_rng(draw(SEEDS))
    rows, rank, width = draw(st.integers(2, 60)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    f = rng.normal(0, 1, (rows, rank))
    for i in range(rank):
        match draw(st.sampled_from(["free", "free", "constant", "linear", "equal"])):
            case "constant":
                f[:, i] = rng.normal()
            case "linear":
                f[:, i] = f @ rng.normal(0, 1, rank) + rng.normal()
            case "equal":
                f[:, i] = f[:, rng.integers(rank)]
    scale = 10.0 ** np.array([draw(st.integers(-4, 4)) for _ in range(rank)])
    return f * scale + scale * rng.normal(0, 3, rank), rng.normal(0, 1, (rows, width))


def best(f: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The units that NumPy fits to h by those of the formula values f (n × r) that vary by more
    than rounding; no case of values that are all rounding, or nearly linear in each other."""
    largest = np.abs(f).max(axis=0)
    assume(((largest == 0) | (largest > 1e-9)).all())
    varies = f.std(axis=0) > 1e-12 * np.abs(f.mean(axis=0))
    varying = f[:, varies] - f[:, varies].mean(axis=0)
    design = np.column_stack([varying / varying.std(axis=0), np.ones(len(f))])
    weights, _, _, sizes = np.linalg.lstsq(design, h, rcond=1e-9)
    assume(not ((sizes > 1e-11 * sizes[0]) & (sizes < 1e-5 * sizes[0])).any())
    return design @ weights


@given(columns())
def test_least_squares_are_numpys(values: tuple[np.ndarray, np.ndarray]) -> None:
    f, h = values
    w, b = least_squares(list(f.T), h)
    assert w.shape == (f.shape[1], h.shape[1])
    expected = best(f, h)
    np.testing.assert_allclose(f @ w + b, expected, atol=1e-6)
    left = np.sum((h - f @ w - b) ** 2)
    assert left <= np.sum((h - expected) ** 2) * (1 + 1e-9) + 1e-12


@given(SEEDS)
def test_weights_of_independent_formulas_are_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    f, h = rng.normal(2, 1, (50, 3)), rng.normal(0, 1, (50, 4))
    w, b = least_squares(list(f.T), h)
    expected = np.linalg.lstsq(np.column_stack([f, np.ones(50)]), h, rcond=None)[0]
    np.testing.assert_allclose(w, expected[:3], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(b, expected[3], rtol=1e-8, atol=1e-10)


def test_a_formula_that_adds_nothing_gets_no_weight() -> None:
    rng = np.random.default_rng(0)
    f, g = rng.normal(size=(2, 40))
    h = np.outer(f, [1.0, 2.0]) + 0.1 * rng.normal(size=(40, 2))
    alone, b = least_squares([f], h)
    for others in ([2 * f - 1], [np.full(40, 0.1)], [np.zeros(40), f]):
        w, c = least_squares([f, *others], h)
        np.testing.assert_array_equal(w[1:], 0)
        np.testing.assert_array_equal(w[:1], alone)
        np.testing.assert_array_equal(c, b)
    w, _ = least_squares([np.full(40, -1e30), f, f + g, g], h)
    np.testing.assert_array_equal(w[[0, 3]], 0)


def test_formulas_that_are_nearly_linear_in_each_other_are_fitted_still() -> None:
    rng = np.random.default_rng(0)
    f, g = rng.normal(size=(2, 200))
    w, b = least_squares([f, f + 1e-6 * g], g[:, None])
    np.testing.assert_allclose(np.column_stack([f, f + 1e-6 * g]) @ w + b, g[:, None], atol=1e-7)


@BOTH
@given(seed=SEEDS)
def test_fitting_follows_the_layers(reads: str, seed: int) -> None:
    model = ranked.model(seed, reads)
    layers = made_up.layers((2, 4, 3, 2), seed=seed)
    fitted = fit_and_measure(model.programs, layers, "mine", reads=reads)
    assert fitted is not None
    found, losses = fitted
    assert (found.programs, found.task, found.reads) == (model.programs, "mine", reads)
    assert losses == pytest.approx(found.losses(layers), rel=1e-9, abs=1e-18)
    scalars, units = ranked.values(found, layers.splits["train"][0])
    for z, h, target in zip(scalars, units, layers.splits["train"][1:], strict=True):
        np.testing.assert_allclose(h, best(z, target.astype(np.float64)), atol=1e-6)


@BOTH
def test_layers_that_a_model_is_have_no_loss(reads: str) -> None:
    model = ranked.model(11, reads)
    splits = {
        split: [v[0].astype(np.float32), *(h.astype(np.float32) for h in model.layers(v[0]))]
        for split, v in made_up.layers((2, 4, 3, 2)).splits.items()
    }
    found = fit(model.programs, Layers(splits), reads=reads)
    assert found is not None
    assert max(found.losses(Layers(splits))) < 1e-11


@pytest.mark.parametrize("place", [0, 1])
def test_one_formula_that_is_not_finite_is_enough(place: int) -> None:
    formulas = [Program(2, (), (("sin", (1,)),), 2)]
    formulas.insert(place, Program(2, (), (("ln", (0,)),), 2))
    layers = made_up.layers((2, 1))
    for values in layers.splits.values():
        values[0][:] = np.abs(values[0]) + 0.1
    assert fit([formulas], layers) is not None
    layers.splits["valid"][0][-1, 0] = 0
    assert fit([formulas], layers) is None


def classes_drawn(f: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Classes that overlap, drawn from a logistic model of the features f (n × r)."""
    logits = f @ rng.normal(0, 1.5, (f.shape[1], count)) + rng.normal(0, 0.5, count)
    classes = (logits + rng.gumbel(0, 1, logits.shape)).argmax(axis=1)
    classes[:count] = np.arange(count)
    return classes


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_logits_of_several_formulas_are_scikit_learns(count: int, rank: int) -> None:
    rng = np.random.default_rng([count, rank])
    f = rng.normal(0, 1, (400, rank))
    classes = classes_drawn(f, count, rng)
    scale, offset = 10.0 ** rng.integers(-5, 6, rank), rng.normal(0, 5, rank)
    g = (f + offset) * scale
    w, b = fit_logits(list(g.T), classes, count)
    assert w.shape == (rank, count)
    np.testing.assert_allclose(w.sum(axis=1), 0, atol=1e-9 * np.abs(w).max())
    expected = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cg")
    expected.fit(f, classes)
    np.testing.assert_allclose(softmax(g @ w + b), expected.predict_proba(f), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 4), st.integers(1, 4), st.integers(20, 120))
def test_no_other_logits_cost_less(seed: int, count: int, rank: int, rows: int) -> None:
    """By SciPy's general minimiser, from the fit and from zero."""
    rng = np.random.default_rng(seed)
    f = rng.normal(0, 1, (rows, rank))
    classes = classes_drawn(f, count, rng)
    w, b = fit_logits(list(f.T), classes, count)
    design, own = np.column_stack([f, np.ones(rows)]), np.eye(count)[classes]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        table = theta.reshape(rank + 1, count)
        logits = design @ table
        slope = design.T @ (softmax(logits) - own) / rows
        return float(row_losses(logits, classes).mean()), slope.ravel()

    fitted = np.vstack([w, b]).ravel()
    least = loss(fitted)[0]
    for start in (fitted, np.zeros_like(fitted)):
        other = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        assert least <= other.fun + 1e-8


def test_logits_of_formulas_that_add_nothing() -> None:
    rng = np.random.default_rng(0)
    f = rng.normal(0, 1, 300)
    classes = classes_drawn(f[:, None], 3, rng)
    alone = softmax(np.outer(f, (fitted := fit_logits([f], classes, 3))[0]) + fitted[1])
    for others in ([np.full(300, 7.0)], [f], [2 * f - 1], [np.zeros(300), -f]):
        columns = [f, *others]
        w, b = fit_logits(columns, classes, 3)
        assert np.isfinite(w).all()
        np.testing.assert_allclose(softmax(np.column_stack(columns) @ w + b), alone, atol=1e-6)
        constant = [i for i, column in enumerate(columns) if np.ptp(column) == 0]
        np.testing.assert_array_equal(w[constant], 0)


def test_two_formulas_separate_what_one_does_not() -> None:
    """Three classes in three directions."""
    rng = np.random.default_rng(0)
    classes = np.arange(90) % 3
    angle = 2 * np.pi * classes / 3
    f = np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, 0.1, (90, 2))
    w, b = fit_logits(list(f.T), classes, 3)
    assert np.isfinite(w).all()
    assert row_losses(f @ w + b, classes).mean() < 1e-8
    w, b = fit_logits([f[:, 0]], classes, 3)
    assert row_losses(np.outer(f[:, 0], w) + b, classes).mean() > 0.3


def test_a_class_without_rows_is_never_predicted_by_several_formulas() -> None:
    rng = np.random.default_rng(0)
    f = rng.normal(0, 1, (200, 2))
    classes = 2 * classes_drawn(f, 2, rng)
    w, b = fit_logits(list(f.T), classes, 3)
    far = np.array([[-1e6, 1e6], [0, 0], [1e6, 1e6]])
    assert (softmax(far @ w + b)[:, 1] < 1e-17).all()


@BOTH
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_classifier_of_several_formulas_is_fitted(reads: str, seed: int) -> None:
    layers = made_up.classifier((2, 4, 3), rows=80, valid=20, seed=seed)
    model = ranked.model(seed, reads, (2, 4, 3), (2, 2), "cross_entropy")
    fitted = fit_and_measure(model.programs, layers, loss="cross_entropy", reads=reads)
    assert fitted is not None
    found, losses = fitted
    assert (found.loss, found.reads) == ("cross_entropy", reads)
    assert losses == pytest.approx(found.losses(layers), rel=1e-9, abs=1e-12)
    train, y = layers.splits["train"][0], layers.splits["train"][-1]
    z = ranked.values(found, train)[0][-1]
    expected = LogisticRegression(C=1e10, tol=1e-10, max_iter=10_000).fit(z, classes_of(y))
    least = row_losses(expected.decision_function(z), classes_of(y)).mean()
    assert row_losses(found.layers(train)[-1], classes_of(y)).mean() <= least + 1e-8
