"""Any network in, the names and values of its layers out."""

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.trained import mlp
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn

from srnet.errors import UserError
from srnet.networks.adapters import adapt
from srnet.networks.checks import check_parts
from srnet.networks.inputs import Inputs, tabulate
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


# --- torch modules of other kinds -----------------------------------------------------------------

T = torch.tensor(X, dtype=torch.float32)


class Functional(nn.Module):
    """Its activations are functions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b, self.c = nn.Linear(2, 5), nn.Linear(5, 4), nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(torch.tanh(self.b(torch.relu(self.a(x)))))


class Embedded(nn.Module):
    """Reads codes, and real numbers beside them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.codes, self.out = nn.Embedding(5, 3), nn.Linear(5, 1)

    def forward(self, ids: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        return self.out(torch.cat([self.codes(ids), dense], 1))


class Giving(nn.Module):
    """Gives what a function makes of its output."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.hidden, self.make = nn.Linear(2, 2), make

    def forward(self, x: torch.Tensor) -> Any:
        return self.make(self.hidden(x))


def test_what_a_linear_module_reads_is_the_activation_before_it() -> None:
    model = Functional()
    names, values = layers(model)
    assert names == ["b.input", "c.input", "output"]
    with torch.no_grad():
        first = torch.relu(model.a(T))
        for value, expected in zip(
            values, (first, torch.tanh(model.b(first)), model(T)), strict=True
        ):
            np.testing.assert_allclose(value, expected.numpy(), rtol=1e-6)
    assert layers(model, names=["c.input"])[0] == ["c.input", "output"]
    assert layers(mlp(2, 3, 1))[0] == ["1", "output"]  # where activations are modules, these alone
    with pytest.raises(UserError, match="no layer 'd'; it has a, b, c, output, .* as 'c.input'"):
        adapt(model, ["d.input"])


def script(model: nn.Module) -> Any:
    return torch.jit.script(model)


def export(model: nn.Module) -> Any:
    return torch.export.export(model, (T,), dynamic_shapes=({0: torch.export.Dim("rows")},))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    "made",
    [
        script,
        lambda model: torch.jit.freeze(script(model)),
        lambda model: torch.jit.trace(model, T),
        export,
        lambda model: export(model).module(),
        torch.compile,
    ],
    ids=["script", "freeze", "trace", "export", "export.module", "compile"],
)
def test_what_is_made_of_a_module_has_its_output(made: Any) -> None:
    model = mlp(2, 3, 1).eval()
    names, values = layers(made(model), names=["output"])
    assert names == ["output"]
    np.testing.assert_allclose(values[0], model(T).detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_layers_of_what_is_made_of_a_module() -> None:
    model = mlp(2, 3, 1).eval()
    assert layers(torch.compile(model), names=["1"])[0] == ["1", "output"]
    assert layers(script(model))[0] == ["output"]
    with pytest.raises(UserError, match="TorchScript module shows its output alone, no layer '1'"):
        adapt(script(model), ["1"])
    training = script(nn.Sequential(nn.Linear(2, 1), nn.Dropout()).train())
    with pytest.raises(UserError, match=r"training mode .*\(Dropout\)"):
        adapt(training)
    fixed = torch.export.export(model, (T,))
    with pytest.raises(UserError, match=r"Guard failed.*dynamic_shapes="):
        layers(fixed, X[:5], names=["output"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_x_gets_the_floating_type_of_the_model(dtype: torch.dtype) -> None:
    model = Functional().to(dtype)
    expected = model(torch.tensor(X).to(dtype)).detach().double().numpy()
    np.testing.assert_allclose(layers(model)[1][-1], expected, atol=1e-12)


def test_a_module_without_values_of_its_own_reads_x_as_it_is() -> None:
    times = X + 1.7e9  # in float32 all of them would be one
    np.testing.assert_array_equal(layers(nn.Identity(), times)[1][-1], times)


def test_whole_numbers_reach_an_embedding_as_integers() -> None:
    model = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 1))
    codes = np.random.default_rng(0).integers(0, 5, (40, 2))
    expected = model(torch.tensor(codes)).detach().numpy()
    for x in (codes, codes.astype(np.int32), codes.astype(float), torch.tensor(codes)):
        inputs = Inputs.of(x)
        rows = np.asarray(x, dtype=np.float64)
        found = adapt(model, ["output"], inputs=inputs).layers(rows)[1][0]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(UserError, match="indices.*; an embedding reads integers"):
        layers(model, codes + 0.5, names=["output"])
    counts = adapt(mlp(2, 3, 1), inputs=Inputs.of(codes))  # which reads no integers
    np.testing.assert_array_equal(
        counts.layers(codes.astype(float))[1][-1], layers(mlp(2, 3, 1), codes.astype(float))[1][-1]
    )


def test_several_inputs_go_to_a_module_one_by_one() -> None:
    model, ids = Embedded(), np.arange(40) % 5
    expected = model(torch.tensor(ids), T).detach().numpy()
    for x in ((ids, X), (torch.tensor(ids), T), {"dense": X, "ids": ids}):
        box = adapt(model, ["output"], inputs=Inputs.of(x))
        np.testing.assert_allclose(
            box.layers(np.asarray(tabulate(x, {}), dtype=float))[1][0], expected, rtol=1e-5
        )
    with pytest.raises(UserError, match=r"missing .* 'dense'\); several inputs are given as X=\(a"):
        layers(model)


@pytest.mark.parametrize(
    ("make", "output"),
    [
        (lambda y: {"y": y}, None),
        (lambda y: (y,), None),
        (lambda y: SimpleNamespace(logits=y, loss=None), None),
        (lambda y: {"a": -y, "y": y}, "y"),
        (lambda y: (-y, y), 1),
        (lambda y: y[:, None], lambda given: given[:, 0]),
        (lambda y: y, lambda given: given.numpy()),
    ],
)
def test_an_output_is_chosen_of_what_a_module_gives(make: Any, output: Any) -> None:
    model = Giving(make)
    names, values = adapt(model, ["output"], output).layers(X)
    assert names == ["output"]
    np.testing.assert_allclose(values[0], model.hidden(T).detach().numpy(), rtol=1e-6)


def test_hidden_layers_are_explained_beside_an_output_that_is_chosen() -> None:
    box = adapt(Giving(lambda y: {"y": y, "z": y + 1}), ["hidden"], "z")
    names, (hidden, output) = box.layers(X)
    assert names == ["hidden", "output"]
    np.testing.assert_allclose(output, hidden + 1, rtol=1e-6)


def test_what_a_module_gives_that_is_no_output_is_a_sentence() -> None:
    with pytest.raises(UserError, match="gives a dict of y, z for 40 rows; choose one by output="):
        layers(Giving(lambda y: {"y": y, "z": y}))
    with pytest.raises(UserError, match="gives NoneType for 40 rows|gives .* for 40 rows"):
        layers(Giving(lambda y: None))


def test_a_module_without_values_is_a_sentence() -> None:
    with pytest.raises(UserError, match="on the device meta and has no values; load its weights"):
        adapt(nn.Linear(2, 1).to("meta"))
    lazy = nn.LazyLinear(1)
    with pytest.raises(UserError, match="lazy module that was never called"):
        adapt(lazy)
    assert lazy.has_uninitialized_params()


def test_a_model_that_computes_derivatives_is_explained_as_a_function() -> None:
    class Slope(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.autograd.grad((x**2).sum(), x)[0]

    with pytest.raises(UserError, match="does not require grad.*lambda x: model"):
        layers(Slope())
    tensor = torch.tensor(X)
    box = adapt(lambda x: Slope()(x.requires_grad_()), inputs=Inputs.of(tensor))
    np.testing.assert_allclose(box.layers(X)[1][0], 2 * X)


def test_the_width_is_blamed_only_where_it_is_the_reason() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(8, 1)  # not the first to read X

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("CUDA out of memory")

    with pytest.raises(UserError, match="RuntimeError: CUDA out of memory"):
        layers(Wide())
    with pytest.raises(UserError, match=r"X has 2 column\(s\), but the network reads 3"):
        layers(mlp(3, 2, 1))


def test_a_function_of_the_batch_or_with_chance_is_no_model() -> None:
    for model in (Giving(lambda y: y - y.mean(0)), Giving(nn.functional.dropout)):
        with pytest.raises(UserError, match="depends on the other rows or on chance"):
            check_parts(adapt(model, ["output"]), X)
    for good in (mlp(2, 3, 1), mlp(2, 3, 1).bfloat16(), nn.Identity()):
        check_parts(adapt(good, ["output"]), X)
    check_parts(adapt(mlp(2, 3, 1), ["output"]), X[:1])
