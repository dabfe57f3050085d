"""``srnet.explain``: any network in, left as it was; every mistake is a sentence."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from helpers.nesting import keeps
from helpers.trained import mlp
from helpers.waiting import HANG, wait_for
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

import srnet
from srnet.errors import UserError
from srnet.explanation.explain import explain
from srnet.explanation.files import write_explanation
from srnet.explanation.layers import sample_layers
from srnet.explanation.result import Explanation
from srnet.explanation.rows import as_rows
from srnet.io.schema import check_json
from srnet.model.digits import rounded
from srnet.model.fitting import check_run
from srnet.model.srnet import SRNet
from srnet.networks.adapters import adapt
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network
from srnet.search import run as run_module
from srnet.search.budget import Budget
from srnet.search.settings import limit_evaluations, preset

SMALL: dict[str, Any] = {"budget": 2000, "progress": False}
# the published form: one formula for each layer, every hidden layer too
JOINT: dict[str, Any] = {**SMALL, "preset": "joint"}
X = np.random.default_rng(3).uniform(-1, 1, (40, 2))


@pytest.fixture(scope="module")
def explained() -> Explanation:
    return explain(mlp(2, 3, 3, 1), X, **JOINT)


# --- the rows -------------------------------------------------------------------------------------


def test_of_many_rows_a_sample_is_searched() -> None:
    x = np.random.default_rng(0).normal(size=(30_000, 2))
    with pytest.warns(UserWarning, match="X has 30000 rows; the formulas are fitted to 10000 of"):
        kept = sample_layers(adapt(mlp(2, 3, 1)), x).layers
    assert [kept.rows(split) for split in ("train", "valid", "test")] == [10_000, 1000, 1000]
    assert np.isin(kept.splits["train"][0][:, 0], x[:, 0].astype(np.float32)).all()


@pytest.mark.parametrize("count", [200, 1500])
def test_the_headline_is_on_rows_that_were_given_and_not_fitted(count: int) -> None:
    """Also where an outlier has most of the variance, and beside the same of made-up rows."""
    x = np.random.default_rng(0).normal(size=(count, 1))
    x[0] = 30

    class Wave(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 2 * torch.sin(3 * x)

    found = explain(Wave(), x, **SMALL)
    layers = found.network_layers
    assert layers is not None
    split = "test" if count < 1000 else "valid"
    held, expected = (layers.splits[split][i] for i in (0, -1))
    assert len(held) == count // 5
    assert np.isin(held, x.astype(np.float32)).all()
    assert not np.isin(held, layers.splits["train"][0]).any()
    error = np.mean((found.predict(held) - expected) ** 2)
    assert found.r2 == pytest.approx(1 - error / expected.astype(float).var(), abs=1e-4)
    assert f"on {count // 5} held-out rows {found.r2:.4f} (linear regression " in str(found)
    assert (", on made-up ones " in str(found)) == (count < 1000)
    check_json(json.loads(json.dumps(found.run, allow_nan=False)), "run")


# --- the model is left as it was ------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_left_as_it_was(training: bool) -> None:
    model = mlp(2, 3, 3, 1).train(training)
    model[1].train(not training)
    calls: list[int] = []
    model[1].register_forward_hook(lambda *_: calls.append(1))
    model[0].weight.grad = torch.ones_like(model[0].weight)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    hooks = [len(module._forward_hooks) for module in model.modules()]
    explain(model, X, **SMALL)
    assert [module.training for module in model.modules()] == [
        training,
        training,
        not training,
        *[training] * 3,
    ]
    assert hooks == [len(module._forward_hooks) for module in model.modules()]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.equal(model[0].weight.grad, torch.ones_like(model[0].weight))
    assert all(p.requires_grad for p in model.parameters())
    assert torch.is_grad_enabled()


class Counting(nn.Module):
    """A buffer that is filled, one that is replaced, and one that is made at the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.end = nn.Linear(2, 1)
        self.register_buffer("peak", torch.full((1,), -9.0))
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("ones", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.peak.copy_(torch.maximum(self.peak, x.max()))
        self.calls = self.calls + 1
        self.ones = torch.ones(2) if self.ones is None else self.ones
        return self.end(torch.tanh(3 * x * self.ones))


def test_buffers_are_left_as_they_were() -> None:
    model = Counting()
    buffers = dict(model.named_buffers())
    explain(model, X, **SMALL)
    assert (model.peak.item(), model.calls.item(), model.ones) == (-9, 0, None)
    assert dict(model.named_buffers()).keys() == buffers.keys()
    assert model.calls is buffers["calls"]


# --- the result -----------------------------------------------------------------------------------


def test_errors_are_those_of_the_formulas(explained: Explanation) -> None:
    layers = explained.network_layers
    assert layers is not None
    assert [layer.name for layer in explained.layers] == ["1", "3", "output"]
    assert [layer.mse for layer in explained.layers] == explained.model.losses(layers)
    values = np.vstack([layers.splits[split][-1] for split in ("train", "valid")]).astype(float)
    layer = explained.layers[-1]
    assert layer.r2 == pytest.approx(1 - layer.mse / values.var())
    # fitness: the output's error in units of its variance, and the mean of the hidden layers'
    run = explained.run
    assert run["fitness"] == pytest.approx(
        run["normalised"] + np.mean(run["layer_losses"][:-1]), rel=1e-5
    )
    assert run["layers_fingerprint"] == layers.fingerprint()
    assert (
        explained.complexity
        == sum(layer.complexity for layer in explained.layers)
        == explained.pareto.complexity.iloc[-1]
    )


def without_time(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if not key.endswith("seconds")}


def test_evaluations_give_the_same_result_every_time_and_for_any_threads(
    explained: Explanation,
) -> None:
    again = explain(mlp(2, 3, 3, 1), X, threads=2, **JOINT)
    assert without_time(again.run) == without_time(explained.run)
    assert explain(mlp(2, 3, 3, 1), X, seed=1, **SMALL).run["seed"] == 2
    assert explain(mlp(2, 3, 3, 1), X, preset="paper", **SMALL).run["preset"] == "paper"


@pytest.mark.parametrize("scale", [1e-4, 1e5])
def test_the_magnitude_of_the_output_does_not_matter(scale: float, explained: Explanation) -> None:
    model = mlp(2, 3, 3, 1)
    with torch.no_grad():
        model[4].weight *= scale
        model[4].bias *= scale
    found = explain(model, X, **JOINT)
    assert found.r2 is not None
    assert found.r2 > 0.3
    layer = found.layers[-1]
    assert layer.mse == pytest.approx((1 - layer.r2) * found.run["output_scale"] ** 2)


@pytest.mark.parametrize("preset_name", ["joint", "rank"])
def test_a_standardised_network_is_explained_in_its_inputs_own_units(preset_name: str) -> None:
    x = X * [10, 0.1] + [500, 3]
    with warnings.catch_warnings(action="ignore"):
        model = make_pipeline(
            StandardScaler(),
            MLPRegressor(hidden_layer_sizes=(3,), activation="tanh", max_iter=300, random_state=0),
        ).fit(x, X[:, 0] ** 2)
    found = explain(model, x, **SMALL, preset=preset_name)
    assert found.network_layers is not None
    kept = found.network_layers.splits["train"][0]
    if preset_name == "joint":
        assert len(kept) == 32
    assert np.isin(kept[:32], x.astype(np.float32)).all()
    fidelity = found.fidelity(x)
    assert fidelity.r2 == pytest.approx(
        1 - np.mean((found.predict(x)[:, 0] - model.predict(x)) ** 2) / model.predict(x).var()
    )
    assert fidelity.r2 is not None
    assert fidelity.r2 > 0.3


class Clock(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin((x[:, :1] - 1.7e9) / 100) + x[:, 1:]


def test_times_since_1970_are_told_apart(tmp_path: Path) -> None:
    """Float32 has 6 values for ten minutes."""
    rng = np.random.default_rng(0)
    x = np.column_stack([1.7e9 + rng.uniform(0, 600, 500), rng.uniform(-1, 1, 500)])
    found = explain(Clock(), x, budget=60_000, progress=False)
    assert found.network_layers is not None
    seen = found.network_layers.splits["train"][0][:, 0]
    assert np.isin(seen[:100], x[:, 0]).all()
    fidelity = found.fidelity(x).r2
    assert fidelity is not None
    assert fidelity > 0.95
    assert "x0 - 1700000000.0" in str(found)
    check_run(found.run, found.model, found.network_layers)
    found.network_layers.save(tmp_path / "layers.npz")
    again = Layers.load(tmp_path / "layers.npz")
    check_run(found.run, found.model, again)
    function = sympy.lambdify(sympy.symbols("x0 x1", real=True), found.sympy(), "numpy")
    np.testing.assert_allclose(function(*x.T), found.predict(x)[:, 0], atol=1e-3)


def test_a_network_that_merges_values_is_a_warning() -> None:
    frame = pd.DataFrame(X, columns=["time", "b"])
    frame["time"] += 1.7e9
    with pytest.warns(
        UserWarning, match="the network reads the column time .* of its 40 different"
    ):
        explain(mlp(2, 3, 1), frame, **SMALL)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*too few digits")
        explain(mlp(2, 3, 1, dtype=torch.float64), frame, **SMALL)


def test_columns_of_a_frame_name_the_inputs() -> None:
    frame = pd.DataFrame(X, columns=["petal length (cm)", "sin"])
    found = explain(mlp(2, 3, 1), frame, **SMALL)
    assert found.input_names == ["petal_length__cm_", "sin_"]
    assert set(map(str, found.sympy().free_symbols)) <= set(found.input_names)
    np.testing.assert_array_equal(found.predict(frame), found.predict(X))


def test_columns_of_validation_rows_are_found_by_their_names() -> None:
    frame = pd.DataFrame(X, columns=["a b", "a-b"])
    found = explain(mlp(2, 3, 1), frame, validation=frame[["a-b", "a b"]][:7], **SMALL)
    assert (found.run["columns"], found.input_names) == (["a b", "a-b"], ["a_b", "a_b_"])
    assert found.network_layers is not None
    np.testing.assert_allclose(found.network_layers.splits["valid"][0], X[:7], rtol=1e-6)
    for other, said in (
        (["a", "b"], "'validation': the columns are a, b; the formulas read a b, a-b"),
        (["a", "a"], "'validation' has the column 'a' twice"),
    ):
        with pytest.raises(UserError, match=said):
            explain(mlp(2, 3, 1), frame, validation=pd.DataFrame(X, columns=other), **SMALL)
    with pytest.raises(UserError, match="X has the column 'a' twice"):
        explain(mlp(2, 3, 1), pd.DataFrame(X, columns=["a", "a"]), **SMALL)


def test_columns_that_pandas_numbers_have_no_names() -> None:
    found = explain(mlp(2, 3, 1), pd.DataFrame(X), **SMALL)
    assert (found.input_names, found.columns) == (["x0", "x1"], None)
    np.testing.assert_array_equal(found.predict(pd.DataFrame(X)[[1, 0]]), found.predict(X))


def test_columns_in_another_order_than_those_of_the_fit_are_a_sentence() -> None:
    frame = pd.DataFrame(X, columns=["speed", "mass"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=20, random_state=0).fit(
            frame, X[:, 0]
        )
    assert explain(model, frame, **SMALL).input_names == ["speed", "mass"]
    with pytest.raises(
        UserError,
        match="X has the columns mass, speed; the model was fitted on speed, mass, in this order",
    ):
        explain(model, frame[["mass", "speed"]], **SMALL)


@pytest.mark.parametrize(
    "turned",
    [
        lambda x: x[::-1],
        lambda x: x[:, ::-1],
        lambda x: x.astype(">f8"),
        lambda x: x.astype(np.longdouble),
        np.asfortranarray,
    ],
    ids=["rows", "columns", "bytes", "long", "fortran"],
)
def test_an_array_may_lie_in_memory_in_any_way(turned: Any) -> None:
    expected = turned(X).astype(np.float64).copy()
    found, names = as_rows(turned(X))
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous
    assert found.dtype.isnative
    assert names is None
    model = mlp(2, 3, 1)
    for ours, theirs in zip(
        adapt(model, None).layers(found)[1], adapt(model, None).layers(expected)[1], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


# --- several formulas for each layer --------------------------------------------------------------


def test_by_default_the_output_is_explained_by_as_many_formulas_as_it_takes() -> None:
    found = explain(mlp(2, 3, 3, 1), X, **SMALL)
    assert [layer.name for layer in found.layers] == ["output"]
    run = found.run
    assert (run["preset"], run["settings"]["formulas"]) == ("rank", 0)
    assert (run["rows"]["train"], run["rows"]["test"]) == (32 + 1936, 8)
    again = explain(mlp(2, 3, 3, 1), X, threads=2, **SMALL)
    assert without_time(again.run) == without_time(run)
    assert explain(mlp(2, 3, 3, 1), X, seed=1, **SMALL).run != run


@pytest.mark.parametrize("preset", ["joint", "rank"])
def test_latex_has_the_digits_that_its_fidelity_needs(preset: str) -> None:
    found = explain(mlp(2, 3, 3, 1), X, preset=preset, **SMALL)
    assert ("digits" in found.run) == (preset == "rank")
    expression, least = found.sympy(), found._digits(found.sympy(), 0)
    assert found.latex() == found.latex(digits=least)
    assert found.network_layers is not None
    x, y = found.network_layers.values(0), found.network_layers.values(-1)[:, 0]
    shown = expression.xreplace({f: rounded(f, least) for f in expression.atoms(sympy.Float)})
    values = sympy.lambdify(sympy.symbols("x0 x1", real=True), shown, "numpy")(*x.T)
    before, after = (np.mean((y - each) ** 2) for each in (found.predict(x)[:, 0], values))
    assert after <= 1.1 * before + 1e-8 * y.var()


def test_a_linear_network_is_its_inputs() -> None:
    found = explain(nn.Linear(3, 2), np.random.default_rng(0).normal(size=(50, 3)), **SMALL)
    assert sorted(found.layers[0].formulas) == ["x0", "x1", "x2"]
    assert found.r2 == pytest.approx(1, abs=1e-6)


def test_layers_that_are_named_are_explained_too() -> None:
    found = explain(mlp(2, 3, 3, 1), X, layers=["1", "output"], **SMALL)
    assert [layer.name for layer in found.layers] == ["1", "output"]
    assert found.run["reads"] == "scalars"


@pytest.mark.parametrize(
    ("formulas", "most"),
    [(1, [1, 1]), (3, [3, 3]), ({"1": 2, "output": 1}, [2, 1]), ({"output": 2}, [99, 2])],
)
def test_numbers_of_formulas(formulas: Any, most: list[int]) -> None:
    found = explain(mlp(2, 4, 3), X, layers=["1", "output"], formulas=formulas, **SMALL)
    counts = [len(layer.formulas) for layer in found.layers]
    assert all(count <= limit for count, limit in zip(counts, most, strict=True))
    assert all(max(model.ranks) <= max(most) for model in [found.model])


def test_numbers_of_formulas_may_be_a_setting() -> None:
    settings = SMALL.get("settings", {}) | {"formulas": 2}
    found = explain(mlp(2, 4, 3), X, **SMALL | {"settings": settings})
    assert found.run["settings"]["formulas"] == 2
    assert found.model.ranks == [2]


def test_a_lower_fidelity_is_reached_by_shorter_formulas() -> None:
    model = mlp(2, 6, 1)
    short, long = (explain(model, X, **SMALL, fidelity=f, seed=2) for f in (0.5, 0.9999))
    assert short.complexity < long.complexity
    assert short.run["valid_r2"] >= 0.5
    assert short.run["settings"]["fidelity"] == 0.5
    assert short.run["evaluations"] <= long.run["evaluations"]


def test_formulas_do_not_grow_beyond_their_nodes() -> None:
    found = explain(mlp(3, 8, 2), np.random.default_rng(0).normal(size=(60, 3)), nodes=5, **SMALL)
    assert found.run["settings"]["most_nodes"] == 5
    longest = max(entry["complexity"] for entry in found.run["pareto"])
    assert longest <= 5 + 9  # what a round adds before something is taken out


@pytest.mark.parametrize("nodes", [1, 3, 6])
def test_no_more_nodes_than_given(nodes: int) -> None:
    explanation = explain(mlp(2, 8, 1), X, nodes=nodes, budget=8000, progress=False)
    linear = not any(program.nodes for program in explanation.model.programs[0])
    assert explanation.complexity <= nodes or linear


def test_nested_constraints_are_kept() -> None:
    constraints = {"add": {"mul": 0}, "mul": {"mul": 0, "add": 0}}
    checked = (("add", (("mul", 0),)), ("mul", (("add", 0), ("mul", 0))))
    x = np.random.default_rng(0).normal(size=(60, 3))
    for given, kept in ((constraints, True), ({}, False)):
        found = explain(mlp(3, 8, 2), x, nested_constraints=given, **SMALL)
        assert found.run["settings"].get("nested_constraints", {}) == given
        models = [SRNet.from_run(entry) for entry in found.run["pareto"]]
        programs = [p for model in models for layer in model.programs for p in layer]
        assert all(keeps(program, checked) for program in programs) == kept


@pytest.mark.parametrize("options", [SMALL, JOINT])
def test_costs_count_in_the_front(options: dict[str, Any]) -> None:
    costs = {"add": 2, "mul": 3, "sin": 4}
    found = explain(mlp(2, 6, 1), X, costs=costs, **options)
    entries = [SRNet.from_run(entry) for entry in found.run["pareto"]]
    assert found.pareto["complexity"].tolist() == [model.complexity for model in entries]
    for model in entries:
        programs = [p for layer in model.programs for p in layer]
        nodes = [name for program in programs for name, _ in program.nodes]
        expected = sum(costs.get(name, 1) for name in nodes) + 2 * (len(programs) - model.depth)
        assert model.complexity == expected
    assert found.complexity == sum(layer.complexity for layer in found.layers)
    assert found.select("knee").complexity in found.pareto["complexity"].tolist()


# --- budgets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "budget"),
    [
        ("60s", Budget(seconds=60)),
        (" 1.5 min ", Budget(seconds=90)),
        (".5h", Budget(seconds=1800)),
        (1000, Budget(evaluations=1000)),
        (np.int64(7), Budget(evaluations=7)),
        ("1000", Budget(evaluations=1000)),
        (None, Budget()),
    ],
)
def test_budgets(value: Any, budget: Budget) -> None:
    assert Budget.parse(value) == budget


@pytest.mark.parametrize(
    "value", ["", "fast", "-1s", "0s", "0", "1 day", 0, -5, 1.5, True, "s", "1e9s"]
)
def test_bad_budgets_are_a_sentence(value: Any) -> None:
    with pytest.raises(UserError, match="the budget is .*; a time as '60s'"):
        Budget.parse(value)


def test_evaluations_are_about_as_many_as_given(explained: Explanation) -> None:
    assert explained.run["evaluations"] < 2 * 2000


@pytest.fixture
def heeded() -> Iterator[None]:
    """Ctrl-C as in a terminal: tests in the background may have been told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("seeds", [{}, {"seeds": 100}])
def test_ctrl_c_gives_the_best_so_far_and_a_second_one_is_as_ever(seeds: dict[str, int]) -> None:
    handler = signal.getsignal(signal.SIGINT)

    def interrupt() -> None:
        wait_for(lambda: signal.getsignal(signal.SIGINT) is not handler, "the search to listen")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    options = {"budget": f"{HANG}s", "progress": False, "settings": {"stop": 0.0}}
    with pytest.warns(UserWarning, match="best so far"):
        found = explain(mlp(2, 3, 3, 1), X, **options, **seeds)
    assert found.consensus is None  # of one search
    assert signal.getsignal(signal.SIGINT) is handler
    assert found.run["generations"] >= 1
    assert len(found.pareto) >= 1


def test_elsewhere_than_in_the_main_thread() -> None:
    results: list[Explanation] = []
    thread = threading.Thread(target=lambda: results.append(explain(mlp(2, 3, 1), X, **SMALL)))
    thread.start()
    thread.join()
    assert len(results) == 1


def test_progress_in_a_log_is_silent_for_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    explain(mlp(2, 3, 1), X, budget=2000)
    assert capsys.readouterr().err == ""


# --- bad input ------------------------------------------------------------------------------------


class NaN(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log(-torch.abs(x))


BAD: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "dropout": (
        nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.Linear(3, 1)).train(),
        X,
        {},
        r"training mode .*'1' \(Dropout\).*model.eval",
    ),
    "batch norm": (
        nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).train(),
        X,
        {},
        r"training mode .*BatchNorm1d.*model.eval",
    ),
    "NaN": (
        nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1), NaN()),
        X - 9,
        {},
        "'output' gives a value that is not finite.* row",
    ),
    "width": (mlp(2, 3, 1), X[:, :1], {}, r"X has 1 column\(s\), but the network reads 2"),
    "width, sklearn": (
        Network((np.ones((1, 3), np.float32),), (np.ones(1, np.float32),), "regression"),
        X,
        {},
        "network reads 3",
    ),
    "one row": (mlp(2, 3, 1), X[:1], {}, r"X has 1 row\(s\); at least 2"),
    "no row": (mlp(2, 3, 1), X[:0], {}, r"X has 0 row\(s\)"),
    "a vector": (mlp(2, 3, 1), X[0], {}, r"X has the shape \(2,\)"),
    "text": (mlp(2, 3, 1), np.array([["a", "b"]] * 3), {}, "X holds <U1"),
    "words": (mlp(2, 3, 1), [["a", None]] * 3, {}, "X is not an array of numbers"),
    "infinite": (
        mlp(2, 3, 1),
        np.where(np.eye(2, dtype=bool), np.inf, 1.0),
        {},
        "X has a value that is not finite in row 0, column 0",
    ),
    "empty layers": (mlp(2, 3, 1), X, {"layers": []}, "'layers' is empty"),
    "one name": (mlp(2, 3, 1), X, {"layers": "1"}, "'layers' is '1'; a list"),
    "twice": (mlp(2, 3, 1), X, {"layers": ["1", "1"]}, "each layer can be named once"),
    "unknown layer": (
        mlp(2, 3, 1),
        X,
        {"layers": ["seven"]},
        "no layer 'seven'; it has 0, 1, 2, output",
    ),
    "conv": (
        nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 1, 1)),
        X,
        {"preset": "joint"},
        r"'1' \(Conv1d\) is convolutional.*layers=",
    ),
    "lstm": (
        nn.Sequential(nn.LSTM(2, 3)),
        X,
        {"preset": "joint"},
        r"'0' \(LSTM\) is .*recurrent.*feature extractor",
    ),
    "named conv": (nn.Sequential(nn.Conv1d(1, 1, 1)), X, {"layers": ["0"]}, r"'0' \(Conv1d\)"),
    "not a matrix": (
        nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Unflatten(1, (1, 2))),
        X,
        {"preset": "joint"},
        r"'output' gives \(32, 1, 2\)",
    ),
    "not a matrix, output alone": (
        nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 1, 1)),
        X,
        {},
        r"'output' gives \(1968, 1, 2\) for 1968 rows.*output=lambda y: y.reshape\(len\(y\), -1\)",
    ),
    "a tuple of outputs": (
        nn.Sequential(nn.LSTM(2, 3)),
        X,
        {},
        "'output' gives a tuple of 2 items.*output=0",
    ),
    "formulas": (
        mlp(2, 3, 1),
        X,
        {"formulas": "many"},
        "'formulas' is 'many'; auto, a number, or numbers by layer are needed",
    ),
    "no formula": (mlp(2, 3, 1), X, {"formulas": 0}, "'formulas' is 0; a whole number from 1 to"),
    "half a formula": (mlp(2, 3, 1), X, {"formulas": 1.5}, "'formulas' is 1.5; a whole number"),
    "formulas, true": (mlp(2, 3, 1), X, {"formulas": True}, "'formulas' is True"),
    "formulas, none": (mlp(2, 3, 1), X, {"formulas": None}, "'formulas' is None"),
    "formulas of a layer that is not explained": (
        mlp(2, 3, 1),
        X,
        {"formulas": {"1": 2}},
        "'formulas' names the layer '1'; there are output",
    ),
    "formulas of a layer": (
        mlp(2, 3, 1),
        X,
        {"formulas": {"output": -2}},
        "'formulas' is -2; a whole number from 1 to",
    ),
    "formulas of the published form": (
        mlp(2, 3, 1),
        X,
        {"preset": "joint", "formulas": 2},
        "'formulas' is 2; the preset joint has one formula for each layer",
    ),
    "fidelity": (mlp(2, 3, 1), X, {"fidelity": 1.5}, "'fidelity' is 1.5; a number"),
    "fidelity, text": (mlp(2, 3, 1), X, {"fidelity": "high"}, "'fidelity' is 'high'; a number"),
    "fidelity of the published form": (
        mlp(2, 3, 1),
        X,
        {"preset": "paper", "fidelity": 0.9},
        "'fidelity' is of the preset rank; the preset is 'paper'",
    ),
    "task": (mlp(2, 3, 1), X, {"task": 5}, "^'task' is 5; a name as text is needed"),
    "callback": (mlp(2, 3, 1), X, {"callback": True}, "^'callback' is True; a function of a"),
    "layers, a number": (mlp(2, 3, 1), X, {"layers": 1}, "'layers' is 1; a list of names"),
    "nodes": (mlp(2, 3, 1), X, {"nodes": 0}, "^'nodes' is 0; a whole number"),
    "nodes, text": (mlp(2, 3, 1), X, {"nodes": "3"}, "^'nodes' is '3'"),
    "a tuple": (nn.ModuleList([nn.Tanh()]), X, {}, "cannot be called"),
    "no model": (
        3,
        X,
        {},
        r"int cannot be explained; a torch.nn.Module, .* srnet.explain\(lambda rows: …, X\)",
    ),
    "a transformer": (StandardScaler(), X, {}, r"no predict; .*explain\(model.transform, X\)"),
    "another pipeline, not fitted": (
        make_pipeline(MinMaxScaler(), MLPRegressor()),
        X,
        {},
        "Pipeline is not fitted",
    ),
    "not fitted": (MLPRegressor(), X, {}, "MLPRegressor is not fitted"),
    "pipeline not fitted": (
        make_pipeline(StandardScaler(), MLPRegressor()),
        X,
        {},
        "Pipeline is not fitted",
    ),
    "seed": (mlp(2, 3, 1), X, {"seed": -1}, "'seed' is -1"),
    "preset": (mlp(2, 3, 1), X, {"preset": "papre"}, "'preset' is 'papre'"),
    "budget": (mlp(2, 3, 1), X, {"budget": "soon"}, "the budget is 'soon'"),
    "settings": (mlp(2, 3, 1), X, {"settings": {"colour": 1}}, "unknown setting 'colour'"),
    "no settings": (mlp(2, 3, 1), X, {"settings": 5}, "'settings' is 5; settings by their names"),
    "nesting": (
        mlp(2, 3, 1),
        X,
        {"nested_constraints": {"sin": {"kos": 0}}},
        "'nested_constraints.sin' has the unknown key 'kos'; allowed are add",
    ),
    "nesting of paper": (
        mlp(2, 3, 1),
        X,
        {"preset": "paper", "nested_constraints": {}},
        "unknown setting 'nested_constraints'",
    ),
    "a setting": (
        mlp(2, 3, 1),
        X,
        {"settings": {"mutation": "a"}},
        "'mutation' is 'a'; a number above 0 and at most 1 is needed",
    ),
    "threads": (mlp(2, 3, 1), X, {"threads": "2"}, "'threads' is '2'; a whole number"),
    "validation width": (
        mlp(2, 3, 1),
        X,
        {"validation": X[:, :1]},
        r"'validation' has .*rows × 2 columns",
    ),
    "validation values": (
        mlp(2, 3, 1),
        X,
        {"validation": [[np.nan, 0.0]]},
        "'validation' has a value that is not finite",
    ),
    "validation rows": (mlp(2, 3, 1), X, {"validation": X[:0]}, "'validation' has 0 row"),
    "one validation row": (mlp(2, 3, 1), X, {"validation": X[:1]}, "at least 2 are needed"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_a_sentence(what: str) -> None:
    model, x, options, words = BAD[what]
    with pytest.raises(UserError, match=words) as caught:
        explain(model, x, **SMALL | options)
    assert "\n" not in str(caught.value)


def test_a_file_is_not_explained_before_all_options_are_known_to_be_good(tmp_path: Path) -> None:
    """Or an hour's search would end with half of its files."""
    for limit in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="'time_limit' is"):
            write_explanation(
                "no such network", "no such table", tmp_path / "out", time_limit=limit
            )
    assert not (tmp_path / "out").exists()


def test_a_constant_network_is_a_warning() -> None:
    model = mlp(2, 3, 1)
    nn.init.zeros_(model[2].weight)  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="nearly constant .* is it trained"):
        found = explain(model, X, **SMALL)
    assert found.r2 is None
    # to the digits of what is printed
    np.testing.assert_allclose(found.predict(X), model(torch.zeros(1, 2)).item(), rtol=5e-5)
    assert "undefined, for it is constant on the 8 held-out rows" in str(found)
    assert found.doubt() is None


def test_an_output_that_is_chosen_has_its_own_number() -> None:
    def model(x: Any) -> Any:
        return np.column_stack([x[:, 0], 2 * x[:, 1], x[:, 0] - x[:, 1]])

    found = explain(model, X, output=1, **SMALL)
    assert "y1 = " in str(found)
    assert "y0" not in str(found)
    assert "y1 = " in str(found.resume(500, progress=False))
    assert "y[-1] = " in str(explain(model, X, output=-1, **SMALL))


def test_no_activation_module_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="only the output"):
        found = explain(nn.Linear(2, 1), X, **JOINT)
    assert [layer.name for layer in found.layers] == ["output"]


def test_formulas_that_explain_little_are_a_warning() -> None:
    def wild(x: Any) -> Any:
        return np.sin(1e4 * x[:, 0] * x[:, 1])

    with pytest.warns(UserWarning, match="the formulas are not the network: R² .* on the 8 held"):
        found = explain(wild, X, **SMALL)
    assert found.r2 is not None
    assert found.r2 < 0.5
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the formulas are not the network")
        explain(lambda x: 2 * x[:, 0], X, **SMALL)


@pytest.fixture(scope="module")
def trained() -> nn.Sequential:
    """A network that has learned x0 x2 − x1²."""
    torch.manual_seed(1)
    x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = x[:, :1] * x[:, 2:] - x[:, 1:2] ** 2
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(x), y).backward()
        optimizer.step()
    return network


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "seeds"), [("rank", 3), ("joint", 6)])
def test_every_seed_of_a_small_budget_is_good_or_called_poor(
    trained: nn.Sequential, preset: str, seeds: int
) -> None:
    """The search of one formula per layer has local optima, in which a small budget leaves it."""
    rows, new = (np.random.default_rng(i).uniform(-1, 1, (200, 3)) for i in (0, 1))
    for seed in range(seeds):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = explain(trained, rows, preset=preset, seed=seed, budget=20_000, progress=False)
        r2, told_r2 = found.fidelity(new).r2, found.r2
        assert r2 is not None
        assert told_r2 is not None
        assert r2 > 0.9 or (preset == "joint" and "Poor: " in str(found)), (seed, r2)
        is_warned = any("the formulas are not the network" in str(each.message) for each in told)
        assert is_warned == (told_r2 < 0.5), (seed, told_r2)


def test_a_law_that_a_network_has_learned_is_printed() -> None:
    """A cos(w t), by two hidden layers of 64 units: the default prints the law alone, with a cosine
    or a sine."""
    rng = np.random.default_rng(1)
    columns = {"A": rng.uniform(0.5, 2, 1000), "w": rng.uniform(0.5, 2, 1000)}
    frame = pd.DataFrame(columns | {"t": rng.uniform(0, 3, 1000)}).astype(np.float32)
    x = torch.tensor(frame.to_numpy())
    y = x[:, :1] * torch.cos(x[:, 1:2] * x[:, 2:])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)]
        model = nn.Sequential(*layers)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(1500):
        optimiser.zero_grad()
        ((model(x[:700]) - y[:700]) ** 2).mean().backward()
        optimiser.step()
    result = explain(model, frame[:700], budget=300_000, progress=False)
    number = r"[\d.e-]+"
    law = rf"({number}\*)?A\*(cos\(t\*w\)|sin\(t\*w [+-] {number}\))( [+-] {number})?"
    assert re.fullmatch(law, result.expression())
    assert result.fidelity(frame[700:]).r2 > 0.999
    assert len(str(result)) < 400


def test_a_model_that_nobody_trained_is_a_warning() -> None:
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="of the model's 2 linear .* are as torch draws them; is"):
        explain(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)), X, **SMALL)


@pytest.mark.parametrize(("progress", "compiled"), [(True, False), (True, True), (False, False)])
def test_a_first_compilation_is_a_line(
    progress: bool,
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("srnet.explanation.explain.is_compiled", lambda settings: compiled)
    explain(lambda x: 2 * x[:, 0], X, budget=2000, progress=progress)
    said = (
        "the search is compiled first, once on this machine: about half a minute, or minutes if "
        "it is busy\n"
    )
    assert capsys.readouterr().err == (said if progress and not compiled else "")


# --- the package ----------------------------------------------------------------------------------


def test_the_public_names_load_when_asked_for() -> None:
    heavy = ("torch", "sympy", "sklearn", "pandas", "matplotlib", "numpy", "numba")
    code = (
        f"import sys, srnet, srnet.cli\nassert not [name for name in {heavy!r} if name in "
        f"sys.modules]\n"
        "srnet.explain\nassert callable(srnet.explain) and 'torch' not in sys.modules\n"
        "import srnet.explanation.explain, srnet.explanation.result\nfrom srnet import explain, "
        "Explanation\n"
        "assert callable(explain) and isinstance(Explanation, type)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert set(srnet.__all__) <= set(dir(srnet))
    with pytest.raises(AttributeError, match="no attribute 'explian'"):
        srnet.explian  # noqa: B018


# --- time limits of a run -------------------------------------------------------------------------


class Ticking:
    """A clock that moves a hundredth of a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.01
        return self.now

    def process_time(self) -> float:
        return self.now


@pytest.mark.parametrize("preset_name", ["joint", "paper"])
def test_a_time_limit_ends_the_run_with_its_schedule_complete(
    preset_name: str, monkeypatch: pytest.MonkeyPatch, layers: Layers
) -> None:
    clock = Ticking()
    monkeypatch.setattr(run_module, "time", clock)
    shares: list[float] = []
    climbers: list[int] = []

    def watch(search: Any) -> None:
        shares.append(search.elapsed)
        climbers.append(len(getattr(search, "_climbers", [])))

    begin = clock.now
    run = run_module.evolve(
        layers, preset(preset_name, stop=0.0), 1, time_limit=5.0, progress=watch
    )
    assert 4.8 <= run["seconds"] <= 5.0
    assert clock.now - begin <= 5.25
    assert shares == sorted(shares)
    assert run["settings"]["generations"] == run["generations"] == len(run["history"])
    assert run["pareto"]
    if preset_name == "joint":
        # first the published search, then 16 climbers, 8, 4, 2, and in the end one
        assert [n for i, n in enumerate(climbers) if i == 0 or n != climbers[i - 1]] == [
            0,
            16,
            8,
            4,
            2,
            1,
        ]


def test_a_search_that_is_stopped_has_its_front(layers: Layers) -> None:
    for steps in (1, 30, 80):
        asked: list[int] = []

        def stop(asked: list[int] = asked, steps: int = steps) -> bool:
            asked.append(1)
            return len(asked) >= steps

        run = run_module.evolve(
            layers, preset("joint", population=10, generations=100, stop=0.0), 1, stop=stop
        )
        assert run["pareto"][-1]["fitness"] == run["fitness"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time_limit": 0.0}, "'time_limit' is 0"),
        ({"time_limit": 1.0, "checkpoint": "c"}, "no checkpoint"),
    ],
)
def test_bad_time_limits_are_a_sentence(
    layers: Layers, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        run_module.evolve(layers, preset("joint", population=4, generations=4), 1, **options)


@pytest.mark.parametrize(
    ("evaluations", "population", "generations"),
    [(3_000_000, 200, 5000), (30_000, 10, 1000), (10, 10, 1)],
)
def test_what_evaluations_pay_for(evaluations: int, population: int, generations: int) -> None:
    settings = limit_evaluations(preset("joint"), evaluations, 3)
    assert (settings.population, settings.generations) == (population, generations)


def test_a_loss_is_an_argument_of_its_own() -> None:
    with pytest.raises(
        UserError, match="'settings' has the loss 'cross_entropy'; give it as loss="
    ):
        explain(mlp(2, 3, 3, 2), X, progress=False, settings={"loss": "cross_entropy"})
    with pytest.raises(UserError, match="'loss' is 'hinge'; allowed are mse, cross_entropy"):
        explain(mlp(2, 3, 3, 2), X, progress=False, loss="hinge")


# --- classifications ------------------------------------------------------------------------------

Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 0] > 0.5)


@pytest.fixture(scope="module")
def logits() -> nn.Module:
    """A network of three classes whose outputs are logits."""
    network = mlp(2, 6, 3)
    with torch.no_grad():
        network[-1].weight *= 4
        network[-1].bias -= network(torch.tensor(X, dtype=torch.float32)).mean(axis=0)
    return network


@pytest.fixture(scope="module")
def classified(logits: nn.Module) -> Explanation:
    return explain(logits, X, loss="cross_entropy", budget=4000, progress=False)


def test_a_classifier_is_explained_by_logits(classified: Explanation, logits: nn.Module) -> None:
    run = classified.run
    assert (run["loss"], run["targets"], run["output_scale"]) == (
        "cross_entropy",
        "probabilities",
        1,
    )
    with torch.no_grad():
        expected = torch.softmax(logits(torch.tensor(X, dtype=torch.float32)), 1).numpy()
    found = classified.predict(X)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert ((found > 0) & (found < 1)).all()
    fidelity = classified.fidelity(X)
    assert fidelity.agreement == np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) > 0.9
    assert fidelity.mse == pytest.approx(np.mean((found - expected) ** 2), rel=1e-4)
    assert classified.fidelity(X, expected).mse == pytest.approx(fidelity.mse, rel=1e-4)
    assert classified.fidelity(X, np.log(expected) + 3).mse == pytest.approx(fidelity.mse, rel=1e-4)
    check_run(run, classified.model, classified.network_layers)
    check_json(json.loads(json.dumps(run, allow_nan=False)), "run")


def test_validation_rows_tell_how_far_a_classification_is_explained(
    classified: Explanation,
) -> None:
    layers = classified.network_layers
    assert layers is not None
    (x, p), (v, expected) = layers.splits["train"], layers.splits["test"]
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-6)
    linear = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    linear.fit(np.repeat(x, 3, axis=0), np.tile(np.arange(3), len(x)), p.astype(float).ravel())
    classes, run = expected.argmax(axis=1), classified.run
    agreed = np.mean(classified.predict(v).argmax(axis=1) == classes)
    assert run["test_accuracy"] == agreed
    by_linear = run["test_linear_accuracy"]
    assert by_linear == pytest.approx(np.mean(linear.predict(v) == classes), abs=0.005)
    assert run["test_majority_share"] == np.bincount(classes).max() / len(classes)
    assert run["valid_accuracy"] >= run["linear_accuracy"]
    words = (
        f"network's class on 8 held-out rows {agreed:.4f} (linear logistic model {by_linear:.4f}, "
        f"largest class {run['test_majority_share']:.4f}), on made-up ones "
        f"{run['valid_accuracy']:.4f}"
    )
    assert words in str(classified)
    assert f"divergence {run['layer_losses'][-1]:.3g}" in str(classified)
    assert "logit of y2 = " in str(classified)
    layer = classified.layers[-1]
    assert (layer.gains, layer.bound) == ((), None)
    mse = np.mean((classified.predict(layers.values(0)) - layers.values(-1)) ** 2)
    assert layer.r2 == pytest.approx(1 - mse / layers.values(-1).var(axis=0).mean(), rel=1e-6)


def test_two_classes_of_one_output_have_two_logits() -> None:
    """scikit-learn gives the probability of the second."""
    network = MLPClassifier((4,), solver="lbfgs", max_iter=100, random_state=0).fit(X, Y > 0)
    found = explain(network, X, loss="cross_entropy", **SMALL)
    assert found.outputs == 2
    logits = found.model.layers(X)[-1]
    np.testing.assert_allclose(logits[:, 0], -logits[:, 1], atol=1e-2 * np.abs(logits).max())
    fidelity = found.fidelity(X)
    assert found.fidelity(X, network.predict_proba(X)[:, 1]).mse == pytest.approx(fidelity.mse)
    assert found.fidelity(X, network.predict_proba(X)).mse == pytest.approx(fidelity.mse)
    assert fidelity.agreement is not None
    assert fidelity.agreement > 0.8


def test_other_presets_fit_the_class_that_is_predicted(logits: nn.Module) -> None:
    found = explain(logits, X, loss="cross_entropy", **JOINT)
    assert (found.model.loss, found.model.targets) == ("cross_entropy", "classes")
    assert "targets" not in found.run
    assert found.run["valid_accuracy"] > 0
    assert "cross-entropy " in str(found)


def test_other_models_of_a_classifiers_front(classified: Explanation) -> None:
    simple = classified.select("knee")
    assert simple.model.targets == "probabilities"
    v, expected = (classified.network_layers.splits["valid"][i] for i in (0, -1))
    agreed = np.mean(simple.predict(v).argmax(axis=1) == expected.argmax(axis=1))
    assert simple.run["valid_accuracy"] == agreed
