"""Any network in, the names and values of its layers out."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from helpers.trained import mlp
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn

from srnet.errors import UserError
from srnet.networks.adapters import adapt
from srnet.networks.mlp import Network

X = np.random.default_rng(3).uniform(-1, 1, (40, 2))


def layers(
    model: Any, x: Any = X, names: list[str] | None = None
) -> tuple[list[str], list[np.ndarray]]:
    return adapt(model, names).layers(x)


def test_every_activation_and_the_output_by_default() -> None:
    model = mlp(2, 3, 4, 1)
    names, values = layers(model)
    assert names == ["1", "3", "output"]
    with torch.no_grad():
        x = torch.tensor(X, dtype=torch.float32)
        for value, end in zip(values, (2, 4, 5), strict=True):
            np.testing.assert_array_equal(value, model[:end](x).double().numpy())


def test_chosen_layers_come_in_the_order_of_their_calls() -> None:
    assert layers(mlp(2, 3, 4, 1), names=["3", "0"])[0] == ["0", "3", "output"]


def test_a_module_called_twice_is_two_layers_and_one_at_the_end_is_the_output() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.act = nn.Linear(2, 2), nn.Linear(2, 2), nn.Tanh()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(self.b(self.act(self.a(x))))

    assert layers(Twice())[0] == ["act", "output"]
    assert layers(nn.Sequential(Twice(), nn.Linear(2, 1)))[0] == ["0.act", "0.act#2", "output"]


def test_an_activation_that_is_overwritten_in_place_keeps_its_values() -> None:
    class Overwriting(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mul_(0)

    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), Overwriting())
    assert np.abs(layers(model)[1][0]).max() > 0
    x = X.astype(np.float32)
    layers(Overwriting(), x)
    np.testing.assert_array_equal(x, X.astype(np.float32))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtypes_and_a_vector_as_output(dtype: torch.dtype) -> None:
    model = nn.Sequential(mlp(2, 3, 1, dtype=dtype), nn.Flatten(0))
    names, values = layers(model, X.astype(np.float32))
    assert names == ["0.1", "output"]
    assert values[-1].shape == (40, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_model_on_a_gpu_stays_there() -> None:
    model = mlp(2, 3, 1)
    expected = layers(model)[1]
    names, values = layers(model.cuda(), torch.tensor(X).cuda())
    for a, b in zip(values, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
    assert all(p.is_cuda for p in model.parameters())


def test_batches_are_one_matrix() -> None:
    x = np.random.default_rng(0).normal(size=(20_001, 2))
    sizes: list[int] = []
    model = mlp(2, 3, 1)
    handle = model.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    values = layers(model, x)[1]
    handle.remove()
    assert max(sizes) <= 8192
    assert sum(sizes) == 20_001
    np.testing.assert_allclose(
        values[-1], model(torch.tensor(x, dtype=torch.float32)).detach().numpy(), atol=1e-5
    )


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_scikit_learn_networks(activation: str, classes: int) -> None:
    y = X[:, 0] if not classes else np.digitize(X[:, 0], np.linspace(-1, 1, classes + 1)[1:-1])
    kind = MLPClassifier if classes else MLPRegressor
    with warnings.catch_warnings(action="ignore"):
        model = kind(
            hidden_layer_sizes=(4, 3), activation=activation, max_iter=30, random_state=0
        ).fit(X, y)
    names, values = layers(model)
    assert names == ["hidden1", "hidden2", "output"]
    assert [value.shape[1] for value in values] == [4, 3, max(1, classes if classes > 2 else 1)]
    expected = model.predict_proba(X) if classes else model.predict(X)[:, None]
    np.testing.assert_allclose(
        values[-1], expected[:, 1:] if classes == 2 else expected, rtol=1e-12
    )
    assert layers(model, names=["hidden2"])[0] == ["hidden2", "output"]


def test_a_model_that_fails_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Unflatten(1, (1, 2))).train()
    with pytest.raises(UserError, match="'output' gives"):
        layers(model)
    assert model.training
    assert not model[1]._forward_hooks


def test_a_network_of_this_project() -> None:
    rng = np.random.default_rng(0)
    weights = (
        rng.normal(size=(3, 2)).astype(np.float32),
        rng.normal(size=(1, 3)).astype(np.float32),
    )
    network = Network(
        weights, (np.zeros(3, np.float32), np.zeros(1, np.float32)), "regression", activation="tanh"
    )
    names, values = layers(network)
    assert names == ["hidden1", "output"]
    np.testing.assert_allclose(values[0], np.tanh(X @ weights[0].T), atol=1e-6)
