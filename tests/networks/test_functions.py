"""Any model by its output: known by its methods, called as its library calls it."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.any_models import Keras, OnnxSession, Skorch
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from torch import nn

from srnet.errors import UserError
from srnet.explanation.rows import as_rows
from srnet.networks.adapters import adapt
from srnet.networks.checks import check_parts
from srnet.networks.functions import FunctionBox
from srnet.networks.inputs import Inputs, tabulate
from srnet.networks.mlp import Network

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] ** 2 + X[:, 1]
TWO, THREE = (Y > 0.5).astype(int), np.digitize(Y, [0.0, 1.0])
WORDS = np.array(["low", "mid", "top"])


def values(model: Any, x: Any = X, **options: Any) -> np.ndarray:
    """The output of the model's black box at the rows x, in the form of x."""
    inputs = Inputs.of(x)
    rows, _ = as_rows(tabulate(x, inputs.texts))
    box = adapt(model, ["output"], inputs=inputs, **options)
    check_parts(box, rows)
    [name], [found] = box.layers(rows)
    assert name == "output"
    return found


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(5, random_state=0),
        SVR(),
        make_pipeline(MinMaxScaler(), Ridge()),
        GridSearchCV(SVR(), {"C": [1, 2]}, cv=2),
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_predict_gives_is_explained(model: Any) -> None:
    model.fit(X, Y)
    np.testing.assert_allclose(values(model), model.predict(X)[:, None])
    np.testing.assert_allclose(values(model.predict), model.predict(X)[:, None])


def test_of_a_classifier_the_probabilities_are_explained() -> None:
    three = RandomForestClassifier(5, random_state=0).fit(X, WORDS[THREE])
    np.testing.assert_allclose(values(three), three.predict_proba(X))
    two = HistGradientBoostingClassifier(max_iter=3).fit(X, TWO)
    np.testing.assert_allclose(values(two), two.predict_proba(X)[:, 1:])
    np.testing.assert_allclose(values(two, output=0), two.predict_proba(X)[:, :1])
    both = values(two, output=lambda probabilities: probabilities)
    np.testing.assert_allclose(both, two.predict_proba(X))


def test_of_a_classifier_of_several_targets_one_is_chosen() -> None:
    model = MultiOutputClassifier(LogisticRegression()).fit(X, np.column_stack([TWO, THREE]))
    np.testing.assert_allclose(values(model, output=1), model.predict_proba(X)[1])
    with pytest.raises(UserError, match="a list of 2 items .*choose one by output="):
        values(model)


def test_a_classifier_without_probabilities_has_its_decision_function() -> None:
    for model in (
        SVC().fit(X, THREE),
        LinearSVC().fit(X, TWO),
        IsolationForest(n_estimators=5).fit(X),
    ):
        expected = model.decision_function(X)
        np.testing.assert_allclose(values(model), expected.reshape(len(X), -1))


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_alone_are_indicators_and_no_numbers(classes: int) -> None:
    labels = WORDS[TWO if classes == 2 else THREE]
    model = VotingClassifier([("a", LogisticRegression()), ("b", LinearSVC())]).fit(X, labels)
    expected = model.predict(X)[:, None] == np.unique(labels)
    np.testing.assert_array_equal(values(model), expected[:, 1:] if classes == 2 else expected)


def test_a_regressor_may_have_no_classes() -> None:
    model = Ridge().fit(X, Y)
    model.classes_ = []
    np.testing.assert_allclose(values(model), model.predict(X)[:, None])


def test_a_pipeline_reads_its_own_columns() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 60),
            "income": rng.normal(size=60),
            "colour": rng.choice(["red", "green", "blue"], 60),
            "owner": rng.random(60) > 0.5,
        }
    )
    numbers = ColumnTransformer(
        [("n", StandardScaler(), ["income", "age"]), ("c", OneHotEncoder(), ["colour"])],
        remainder="passthrough",
    )
    model = make_pipeline(numbers, RandomForestRegressor(5, random_state=0)).fit(frame, Y)
    np.testing.assert_allclose(values(model, frame), model.predict(frame)[:, None])
    turned = frame[["owner", "colour", "age", "income"]]  # the model finds them by name
    np.testing.assert_allclose(values(model, turned), model.predict(frame)[:, None])


def test_columns_that_a_model_refuses_do_not_reach_it_as_a_plain_array() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = Ridge().fit(frame, Y)
    np.testing.assert_allclose(values(model, frame), model.predict(frame)[:, None])
    for asked in (model, model.predict):
        with pytest.raises(UserError, match="ValueError: The feature names should match"):
            values(asked, frame[["c", "b", "a"]])


@pytest.mark.filterwarnings("error")
def test_a_model_that_was_fitted_on_an_array_reads_an_array() -> None:
    model = Ridge().fit(X, Y)
    found = values(model, pd.DataFrame(X, columns=["a", "b", "c"]))
    np.testing.assert_allclose(found, model.predict(X)[:, None])


def test_functions_read_x_in_the_form_of_x() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    np.testing.assert_allclose(values(lambda rows: rows["a"] * 2, frame), 2 * X[:, :1])
    np.testing.assert_allclose(values(lambda rows: rows[:, :2], frame), X[:, :2])
    np.testing.assert_allclose(values(lambda rows: [row[0] ** 2 for row in rows]), X[:, :1] ** 2)
    tensor = torch.tensor(X)
    np.testing.assert_allclose(values(lambda t: torch.sin(t[:, 0]), tensor), np.sin(X[:, :1]))
    ids = np.arange(60) % 7

    def two(dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
        assert ids.dtype == np.arange(1).dtype
        return dense[:, 0] + ids

    expected = X[:, :1] + ids[:, None]
    np.testing.assert_allclose(values(two, (X, ids)), expected)
    np.testing.assert_allclose(values(two, {"ids": ids, "dense": X}), expected)


def test_many_rows_are_read_in_batches() -> None:
    sizes: list[int] = []

    def counted(rows: np.ndarray) -> np.ndarray:
        sizes.append(len(rows))
        return rows[:, 0]

    x = np.random.default_rng(0).normal(size=(20_001, 1))
    np.testing.assert_array_equal(FunctionBox(counted).layers(x)[1][0], x)
    assert (max(sizes), sum(sizes)) == (8192, 20_001)


def test_keras() -> None:
    np.testing.assert_allclose(values(Keras()), X[:, :1] ** 2)
    np.testing.assert_allclose(values(Keras(), (X[:, :2], X[:, 2:])), X[:, :1] ** 2)
    np.testing.assert_allclose(
        values(Keras(2), {"a": X[:, :2], "b": X[:, 2:]}, output=1), X[:, :1] ** 2 + 1
    )
    with pytest.raises(UserError, match="gives a list of 2 items .*output=0"):
        values(Keras(2))
    with pytest.raises(UserError, match="no layer 'h'; .*keras.Model"):
        adapt(Keras(), ["h"])


def test_skorch() -> None:
    module = nn.Linear(3, 2)
    x = X.astype(np.float32)
    np.testing.assert_allclose(values(Skorch(module), x), Skorch(module).predict(x))
    with pytest.raises(UserError, match=r"give it X in float32, X.astype\('float32'\)"):
        values(Skorch(module))
    with pytest.raises(UserError, match=r"srnet.explain\(model.module_, X, layers=…\)"):
        adapt(Skorch(module), ["0"])


@pytest.mark.parametrize("rows", ["batch", 1, 7])
def test_onnx_sessions(rows: int | str) -> None:
    session = OnnxSession({"y": lambda feed: feed["x"][:, :2] * 2}, {"x": "float"}, rows)
    np.testing.assert_allclose(values(session), 2 * X[:, :2], rtol=1e-6)
    outputs = {"label": lambda feed: feed["x"][:, 0] > 0, "p": lambda feed: feed["x"][:, 1:]}
    session = OnnxSession(outputs, {"x": "float"}, rows)
    np.testing.assert_allclose(values(session, output="p"), X[:, 1:], rtol=1e-6)
    with pytest.raises(UserError, match="a dict of label, p .*output='p'"):
        values(session)


def test_a_session_that_merges_values_is_a_warning() -> None:
    session = OnnxSession({"y": lambda feed: feed["x"][:, :1] * 2}, {"x": "float"})
    with pytest.warns(UserWarning, match="the network reads the column x0 in too few digits"):
        values(session, X + 1.7e9)


def test_inputs_of_an_onnx_session_are_found_by_name() -> None:
    session = OnnxSession(
        {"y": lambda feed: feed["age"] + (feed["sex"] == "m")}, {"age": "int64", "sex": "string"}
    )
    ages, sexes = np.arange(20, 50), np.array(["m", "f", "f"] * 10)
    frame = pd.DataFrame({"sex": sexes, "age": ages})
    expected = (ages + (sexes == "m"))[:, None]
    np.testing.assert_array_equal(values(session, frame), expected)
    with pytest.raises(
        UserError, match=r"lacks the model's input 'sex'; .*X=\{'age': …, 'sex': …\}"
    ):
        values(session, frame[["age"]])


BAD: dict[str, tuple[Any, str]] = {
    "a class": (SVR, "the class SVR cannot be explained; give a fitted model"),
    "a path": ("net.pt", "'net.pt' is a path; .* srnet explain net.pt DATA.csv --out DIR"),
    "a state dict": (nn.Linear(1, 1).state_dict(), "module.load_state_dict"),
    "nothing": (None, r"NoneType cannot be explained; .*srnet.explain\(lambda rows: …, X\)"),
    "a transformer": (StandardScaler(), r"no predict; .*srnet.explain\(model.transform, X\)"),
    "not fitted": (GridSearchCV(SVR(), {}), "the GridSearchCV is not fitted"),
    "a function that fails": (
        lambda rows: 1 / 0,
        r"with numpy.ndarray .*ZeroDivisionError.*srnet.explain\(lambda rows: model\(…\), X\)",
    ),
    "a function of tensors": (nn.Linear(3, 1).forward, r"as a tensor, torch.tensor\(X\)"),
    "a function of the batch": (
        lambda rows: rows - rows.mean(0),
        "output at row .* depends on the other rows or on chance",
    ),
    "chance": (
        lambda rows: rows[:, 0] + np.random.default_rng().normal(size=len(rows)),
        r"a function of one row is needed: call model.eval\(\), or fix what is random",
    ),
    "a function of a row": (lambda row: row[0] ** 2, r"\[f\(row\) for row in rows\]"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_explained_says_what_would_work(what: str) -> None:
    model, words = BAD[what]
    with pytest.raises(UserError, match=words) as caught:
        values(model)
    assert "\n" not in str(caught.value)


def test_hidden_layers_are_named_where_they_are() -> None:
    inner = MLPRegressor(hidden_layer_sizes=(2,), max_iter=5)
    with pytest.warns(UserWarning, match="converge"):
        pipeline = make_pipeline(MinMaxScaler(), inner).fit(X, Y)
    with pytest.raises(UserError, match=r"model\[-1\], model\[:-1\].transform\(X\), layers=…"):
        adapt(pipeline, ["hidden1"], 0)
    assert adapt(pipeline[-1], ["hidden1"]).layers(pipeline[:-1].transform(X))[0] == [
        "hidden1",
        "output",
    ]
    with pytest.raises(UserError, match="the SVR shows its output alone, no layer 'hidden1'$"):
        adapt(SVR().fit(X, Y), ["hidden1"])


def test_an_output_of_a_network_that_is_opened_can_be_chosen() -> None:
    network = Network((np.eye(2, 3, dtype=np.float32),), (np.zeros(2, np.float32),), "regression")
    np.testing.assert_allclose(values(network, output=1), X[:, 1:2], rtol=1e-6)


def test_hidden_layers_beside_a_chosen_output_are_a_sentence() -> None:
    model = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1)
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, np.column_stack([Y, Y]))
    with pytest.raises(UserError, match="no layer 'hidden1' where output= is given; leave it out"):
        adapt(model, ["hidden1"], output=0)
