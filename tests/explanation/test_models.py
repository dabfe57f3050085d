"""Every row of docs/models.md: the model is explained as the page says, or says what would work."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.any_models import Keras, OnnxSession, Skorch
from helpers.trained import mlp
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from torch import nn

from srnet.errors import UserError
from srnet.explanation.explain import explain
from srnet.explanation.predict import write_predictions
from srnet.explanation.result import Explanation

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
SMALL: dict[str, Any] = {"budget": 500, "progress": False}
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 2))
X32, T = X.astype(np.float32), torch.tensor(X, dtype=torch.float32)
CODES = RNG.integers(0, 5, (60, 2))
FRAME = pd.DataFrame(
    {"size": X[:, 0], "colour": RNG.choice(["red", "green", "blue"], 60), "count": CODES[:, 0]}
)
Y, CLASSES = X[:, 0] ** 2 + X[:, 1], (X[:, 1] > 0).astype(int)


class Case(NamedTuple):
    """A model, the rows that it reads, how it is explained, and its output there, n × k."""

    model: Any
    expected: Any
    x: Any = X
    options: dict[str, Any] = {}


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Linear(2, 3), nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(torch.tanh(self.a(x)))


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = mlp(2, 3, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": self.net(x), "other": x}


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.codes, self.out = nn.Embedding(5, 2), nn.Linear(4, 1)

    def forward(self, ids: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.out(torch.cat([self.codes(ids), dense], 1)))


def given(model: Any, *x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(*x).double().numpy())


def functional() -> Case:
    model = Functional()
    return Case(model, given(model, T), options={"layers": ["b.input"]})


def embedding() -> Case:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(4, 1))
    return Case(model, given(model, torch.tensor(CODES)), CODES)


def several() -> Case:
    model, ids = Two(), CODES[:, 0]
    return Case(model, given(model, torch.tensor(ids), T), {"ids": ids, "dense": X})


def exported() -> Case:
    model = mlp(2, 3, 1)
    program = torch.export.export(model, (T,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    return Case(program, given(model, T))


def fitted(model: Any, y: Any = Y, how: str = "predict", x: Any = X, **options: Any) -> Case:
    model.fit(x, y)
    return Case(model, np.asarray(getattr(model, how)(x), dtype=float), x, options)


def perceptron() -> Case:
    model = MLPRegressor(
        hidden_layer_sizes=(3,), activation="tanh", solver="lbfgs", max_iter=20000, random_state=0
    )
    return fitted(model, layers=["hidden1"])


def probabilities() -> Case:
    case = fitted(RandomForestClassifier(5, random_state=0), CLASSES, "predict_proba")
    return case._replace(expected=case.expected[:, 1:])


def votes() -> Case:
    return fitted(VotingClassifier([("a", LogisticRegression()), ("b", SVC())]), CLASSES)


def columns_of_text() -> Case:
    numbers = ColumnTransformer(
        [("n", StandardScaler(), ["size", "count"]), ("c", OneHotEncoder(), ["colour"])]
    )
    return fitted(make_pipeline(numbers, Ridge()), x=FRAME)


EXPLAINED: dict[str, Callable[[], Case]] = {
    "torch module, Lightning module": lambda: Case(
        mlp(2, 3, 1), given(mlp(2, 3, 1), T), options={"layers": ["1"]}
    ),
    "torch module with functional activations": functional,
    "torch module in float64, bfloat16 or float16, on a GPU": lambda: Case(
        mlp(2, 3, 1).double(), given(mlp(2, 3, 1).double(), torch.tensor(X))
    ),
    "torch module with an embedding": embedding,
    "torch module of several inputs": several,
    "torch module that gives a dict, a tuple or `.logits`": lambda: Case(
        Named(), given(mlp(2, 3, 1), T), options={"output": "y"}
    ),
    "`torch.compile`": lambda: Case(torch.compile(mlp(2, 3, 1)), given(mlp(2, 3, 1), T)),
    "TorchScript": lambda: Case(torch.jit.script(mlp(2, 3, 1)), given(mlp(2, 3, 1), T)),
    "torch.export": exported,
    "scikit-learn's perceptron": perceptron,
    "regressor with `predict`": lambda: fitted(GradientBoostingRegressor(n_estimators=5)),
    "classifier with `predict_proba`": probabilities,
    "classifier with `decision_function`": lambda: fitted(SVC(), CLASSES, "decision_function"),
    "classifier with `predict` alone": votes,
    "Pipeline, GridSearchCV, TransformedTargetRegressor": lambda: fitted(
        make_pipeline(MinMaxScaler(), Ridge())
    ),
    "Pipeline with columns of text": columns_of_text,
    "XGBoost, LightGBM, CatBoost": lambda: fitted(GradientBoostingRegressor(n_estimators=3)),
    "skorch": lambda: Case(Skorch(mlp(2, 3, 1)), given(mlp(2, 3, 1), T), X32),
    "keras": lambda: Case(Keras(), X[:, :1] ** 2),
    "ONNX Runtime session": lambda: Case(
        OnnxSession(
            {"label": lambda feed: feed["x"][:, 0], "y": lambda feed: feed["x"][:, :1] ** 2},
            {"x": "float"},
        ),
        X[:, :1] ** 2,
        options={"output": "y"},
    ),
    "function": lambda: Case(lambda rows: rows[:, 0] * rows[:, 1], X[:, :1] * X[:, 1:]),
}

CONVOLUTION = nn.Sequential(
    nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 2, 1), nn.Tanh(), nn.Flatten(), nn.Linear(4, 1)
)
REFUSED: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "a model that is not fitted, or on the device meta": (Ridge(), X, {}, "fit it before"),
    "dropout or batch normalisation in training mode": (
        nn.Sequential(nn.Linear(2, 1), nn.Dropout()),
        X,
        {},
        r"call model.eval\(\) first",
    ),
    "a function of the batch, or with chance in it": (
        lambda rows: rows - rows.mean(axis=0),
        X,
        {},
        "a function of one row is needed",
    ),
    "a state dict": (mlp(2, 1).state_dict(), X, {}, "load it into its module"),
    "a path, a class": (Ridge, X, {}, "give a fitted model"),
    "a transformer, as `StandardScaler`": (StandardScaler(), X, {}, "model.transform, X"),
    "hidden layers of TorchScript, or of a model that shows its output alone": (
        Skorch(mlp(2, 3, 1)),
        X32,
        {"layers": ["1"]},
        "model.module_, X, layers=…",
    ),
    "convolutional, recurrent and attention layers, named in `layers=`": (
        CONVOLUTION,
        X32,
        {"layers": ["1"]},
        r"'1' \(Conv1d\) is convolutional, .*; name fully connected layers",
    ),
    "X with more than two dimensions": (
        mlp(4, 1),
        np.ones((9, 2, 2)),
        {},
        r"rows.reshape\(-1, 2, 2\)\), X.reshape\(len\(X\), -1\)",
    ),
    "a function of one row": (lambda row: row[0], X[:, :1], {}, r"\[f\(row\) for row in rows\]"),
    "labels that are text": (
        lambda rows: np.where(rows[:, 0] > 0, "yes", "no"),
        X,
        {},
        "output=lambda labels: labels == ",
    ),
}


def rows_of_table(number: int) -> list[str]:
    """The first cells of a table of the page."""
    tables = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [line.split("|")[1].strip() for line in tables[number].splitlines()[2:]]


def test_every_row_of_the_page_is_shown_here() -> None:
    assert rows_of_table(0) == [*EXPLAINED]
    assert rows_of_table(1) == [*REFUSED]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("what", EXPLAINED)
def test_a_model_is_explained(what: str) -> None:
    model, expected, x, options = EXPLAINED[what]()
    expected = np.asarray(expected).reshape(60, -1)
    found = explain(model, x, **SMALL, **options)
    hidden = [layer.name for layer in found.layers[:-1]]
    assert hidden == options.get("layers", [])
    predicted = found.predict(x)
    assert predicted.shape == expected.shape
    # the formulas are compared with the model itself
    mse = float(np.mean((predicted - expected) ** 2))
    assert found.fidelity(x).mse == pytest.approx(mse, rel=1e-4, abs=1e-9)
    assert found.fidelity(x, expected).mse == pytest.approx(mse, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("what", REFUSED)
def test_a_model_that_is_refused_says_what_would_work(what: str) -> None:
    model, x, options, words = REFUSED[what]
    with pytest.raises(UserError, match=words) as caught:
        explain(model, x, **SMALL, **options)
    assert "\n" not in str(caught.value)


def test_what_a_linear_layer_behind_a_convolution_reads_is_explained() -> None:
    found = explain(CONVOLUTION, X32, layers=["4.input"], **SMALL)
    assert [layer.name for layer in found.layers] == ["4.input", "output"]
    assert found.model.widths == [2, 4, 1]


def test_a_frame_with_text_is_read_by_a_result_that_was_saved(tmp_path: Path) -> None:
    model, expected, x, _ = columns_of_text()
    found = explain(model, x, validation=x[:20], **SMALL)
    assert found.input_names == ["size", "colour_blue", "colour_green", "colour_red", "count"]
    assert found.run["input_texts"] == {"colour": ["blue", "green", "red"]}
    assert found.run["linear_r2"] == pytest.approx(1)  # on the rows that were given
    found.save(tmp_path / "run.json")
    loaded = Explanation.load(tmp_path / "run.json")
    turned = x[["count", "colour", "size"]][:7]
    np.testing.assert_array_equal(loaded.predict(turned), found.predict(x)[:7])
    with pytest.raises(UserError, match="'colour' of X has the text 'pink' in row 0; .* with blue"):
        loaded.predict(x.assign(colour="pink"))
    turned.to_csv(tmp_path / "x.csv", index=False)
    write_predictions(tmp_path / "run.json", tmp_path / "x.csv", tmp_path / "y.csv")
    read = np.loadtxt(tmp_path / "y.csv", skiprows=1)
    np.testing.assert_array_equal(read, found.predict(x)[:7, 0])
    for wrong in (turned.assign(colour="pink"), turned.drop(columns="count")):
        wrong.to_csv(tmp_path / "x.csv", index=False)
        with pytest.raises(UserError, match="x.csv: "):
            write_predictions(tmp_path / "run.json", tmp_path / "x.csv", tmp_path / "z.csv")
    assert not (tmp_path / "z.csv").exists()


@pytest.mark.parametrize("texts", [5, ["a"], {"a": "b"}, {"a": [1]}])
def test_texts_of_a_run_that_are_none_are_a_sentence(texts: Any) -> None:
    found = explain(lambda rows: rows[:, 0], X, **SMALL)
    with pytest.raises(UserError, match="the key 'input_texts.* is .*; it must be"):
        Explanation({**found.run, "input_texts": texts})


def test_hidden_layers_of_a_perceptron_behind_columns_of_text() -> None:
    numbers = ColumnTransformer(
        [("n", StandardScaler(), ["size", "count"]), ("c", OneHotEncoder(), ["colour"])]
    )
    mlp = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=20000, random_state=0)
    model = make_pipeline(numbers, mlp).fit(FRAME, Y)
    turned = FRAME[["count", "colour", "size"]]
    found = explain(model, turned, layers=["hidden1"], **SMALL)
    assert [layer.name for layer in found.layers] == ["hidden1", "output"]
    mse = np.mean((found.predict(FRAME)[:, 0] - model.predict(FRAME)) ** 2)
    assert found.fidelity(FRAME).mse == pytest.approx(mse)


def test_rows_that_are_made_up_are_some_that_the_model_can_read() -> None:
    read: list[pd.DataFrame] = []

    def model(frame: pd.DataFrame) -> pd.Series:
        read.append(frame)
        return frame["size"] + (frame["colour"] == "red") * frame["count"]

    found = explain(model, FRAME, **SMALL)
    table = pd.concat(read)
    assert len(table) > 1000
    assert list(map(str, table.dtypes)) == list(map(str, FRAME.dtypes))
    assert set(table["colour"]) == {"red", "green", "blue"}
    assert set(table["count"]) == set(FRAME["count"])
    layers = found.network_layers
    assert layers is not None
    for split in ("train", "valid"):
        np.testing.assert_array_equal(layers.splits[split][0][:, 1:4].sum(axis=1), 1)


def test_probabilities_of_any_classifier_are_explained_by_logits() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, CLASSES)
    found = explain(model, X, loss="cross_entropy", **SMALL)
    expected = model.predict_proba(X)
    predicted = found.predict(X)
    np.testing.assert_allclose(predicted.sum(axis=1), 1)
    agreed = np.mean(predicted.argmax(axis=1) == expected.argmax(axis=1))
    assert found.fidelity(X).agreement == found.fidelity(X, expected).agreement == agreed > 0.9


def test_text_is_for_a_model_that_reads_text() -> None:
    with pytest.raises(
        UserError, match="column 'colour' of X holds text, which the model does not"
    ):
        explain(mlp(5, 1), FRAME, **SMALL)
