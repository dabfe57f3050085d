"""Models of libraries that SRNet does not need, where they are installed."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.trained import mlp
from torch import nn

from srnet.explanation.files import write_explanation
from srnet.networks.adapters import adapt
from srnet.networks.checks import check_parts
from srnet.networks.inputs import Inputs

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = X[:, 0] ** 2 + X[:, 1]
TWO = (Y > 0.5).astype(np.int64)


def values(model: Any, x: Any = X, layers: list[str] | None = None, **options: Any) -> np.ndarray:
    """The output of the model's black box."""
    box = adapt(model, layers or ["output"], inputs=Inputs.of(x), **options)
    check_parts(box, X)
    names, found = box.layers(X)
    assert names == [*(layers or []), "output"]
    return found[-1]


def given(model: nn.Module) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(torch.tensor(X)).numpy())


@pytest.mark.slow
def test_onnxruntime(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, path = mlp(3, 4, 1).eval(), tmp_path / "model.onnx"
    rows = torch.export.Dim("rows")
    for some, shapes in ((X, ({0: rows},)), (X[:7], None)):  # of any number of rows, and of seven
        torch.onnx.export(
            *(model, (torch.tensor(some),), path), dynamo=True, dynamic_shapes=shapes, verbose=False
        )
        found = values(runtime.InferenceSession(path))
        np.testing.assert_allclose(found, given(model), rtol=1e-4, atol=1e-5)
    np.savez(tmp_path / "x.npz", x=X)
    explanation = write_explanation(
        path, tmp_path / "x.npz", tmp_path / "out", budget=500, progress=False, time_limit=1.0
    )
    found = explanation.fidelity(X, given(model))
    assert found.mse == pytest.approx(explanation.fidelity(X).mse, rel=1e-3)


@pytest.mark.parametrize(
    ("library", "prefix", "quiet"),
    [
        ("xgboost", "XGB", {"verbosity": 0}),
        ("lightgbm", "LGBM", {"verbosity": -1}),
        ("catboost", "CatBoost", {"verbose": 0, "allow_writing_files": False}),
    ],
)
def test_boosting(library: str, prefix: str, quiet: dict[str, Any]) -> None:
    module = pytest.importorskip(library)
    regressor = getattr(module, f"{prefix}Regressor")(n_estimators=5, **quiet).fit(X, Y)
    np.testing.assert_allclose(values(regressor)[:, 0], regressor.predict(X), rtol=1e-6)
    classifier = getattr(module, f"{prefix}Classifier")(n_estimators=5, **quiet).fit(X, TWO)
    np.testing.assert_allclose(values(classifier)[:, 0], classifier.predict_proba(X)[:, 1])


def test_skorch() -> None:
    skorch = pytest.importorskip("skorch")
    net = skorch.NeuralNetRegressor(nn.Linear(3, 2), max_epochs=1, verbose=0).fit(X, X[:, :2])
    np.testing.assert_allclose(values(net), net.predict(X), rtol=1e-6)
    module = nn.Sequential(nn.Linear(3, 2), nn.Softmax(1))
    net = skorch.NeuralNetClassifier(module, max_epochs=1, verbose=0).fit(X, TWO)
    np.testing.assert_allclose(values(net), net.predict_proba(X)[:, 1:], rtol=1e-6)
    assert values(net.module_, layers=["0"]).shape == (60, 2)


@pytest.mark.slow
def test_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # its models are then modules of torch too
    keras = pytest.importorskip("keras")
    layers = [keras.layers.Input((3,)), keras.layers.Dense(4, activation="relu", name="h")]
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    np.testing.assert_allclose(values(model), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    part = keras.Model(model.inputs, model.get_layer("h").output)
    assert values(part).shape == (60, 4)
    a, b = keras.Input((2,)), keras.Input((1,))
    joined = keras.layers.Dense(1)(keras.layers.Concatenate()([a, b]))
    both = keras.Model([a, b], [joined, a])
    expected = both.predict([X[:, :2], X[:, 2:]], verbose=0)
    for i in range(2):
        found = values(both, (X[:, :2], X[:, 2:]), output=i)
        np.testing.assert_allclose(found, expected[i], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_lightning() -> None:
    with warnings.catch_warnings(action="ignore"):
        lightning = pytest.importorskip("lightning")

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(3, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

    np.testing.assert_allclose(values(Model(), layers=["net.1"]), given(mlp(3, 4, 1)), rtol=1e-6)
