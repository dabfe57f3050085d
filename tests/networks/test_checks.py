"""Models that are taken apart, against the whole model: the same values, or one sentence."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from helpers.trained import mlp
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from torch import nn

from srnet.errors import UserError
from srnet.networks.adapters import adapt
from srnet.networks.checks import check_parts, check_trained
from srnet.networks.inputs import Inputs

X = np.random.default_rng(3).uniform(2, 4, (60, 2)) * [1, 100]
Y = X[:, 0] ** 2 + X[:, 1] / 100
SCALERS = [
    *(
        StandardScaler(with_mean=mean, with_std=std)
        for mean in (True, False)
        for std in (True, False)
    ),
    MinMaxScaler((-3, 1)),
    MinMaxScaler(clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False),
    QuantileTransformer(n_quantiles=20),
    PolynomialFeatures(2),
    FunctionTransformer(np.cbrt),
    make_pipeline(PolynomialFeatures(2), StandardScaler(with_mean=False)),
]


def fitted(kind: type, *before: Any, y: Any = Y) -> Any:
    with warnings.catch_warnings(action="ignore"):
        return make_pipeline(
            *before, kind(hidden_layer_sizes=(4,), max_iter=40, random_state=0)
        ).fit(X, y)


@pytest.mark.parametrize("scaler", SCALERS, ids=repr)
def test_whatever_stands_before_a_network_is_asked_itself(scaler: Any) -> None:
    model = fitted(MLPRegressor, scaler)
    rows = np.vstack([X, X + [3, -500]])  # also beyond the rows of the fit
    box = adapt(model, ["output"])
    np.testing.assert_allclose(box.layers(rows)[1][-1][:, 0], model.predict(rows), rtol=1e-9)
    check_parts(box, rows)


@pytest.mark.parametrize("scaler", SCALERS[:9], ids=repr)
def test_the_units_of_a_scaler_are_its_own(scaler: Any) -> None:
    box = adapt(fitted(MLPRegressor, scaler), ["output"])
    assert box.scaler is not None
    mean, std = box.scaler
    inside = X[:5] / 2 + X.mean(axis=0) / 2
    np.testing.assert_allclose((inside - mean) / std, box.before.transform(inside), rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifiers_probabilities_are_compared(classes: int) -> None:
    y = np.digitize(X[:, 0], np.linspace(2, 4, classes + 1)[1:-1])
    box = adapt(fitted(MLPClassifier, StandardScaler(with_mean=False), y=y), ["output"])
    check_parts(box, X)
    object.__setattr__(box, "before", None)
    with pytest.raises(UserError, match="the Pipeline gives .* at row .*, and its layers"):
        check_parts(box, X)


def test_a_step_that_reads_the_batch_is_refused() -> None:
    model = fitted(MLPRegressor, FunctionTransformer(lambda x: x - x.mean(axis=0)))
    with pytest.raises(UserError, match="at row [0-9]+ of X depends on the other rows"):
        check_parts(adapt(model, ["output"]), X)


def test_an_estimator_that_adds_to_the_network_is_refused() -> None:
    class Exponential(MLPRegressor):
        def predict(self, X: Any) -> Any:
            return np.exp(super().predict(X) / 10)

    model = fitted(Exponential, StandardScaler())
    with pytest.raises(UserError, match="the Pipeline gives .*cannot be taken apart") as caught:
        check_parts(adapt(model, ["output"]), X)
    assert "\n" not in str(caught.value)


# --- torch ----------------------------------------------------------------------------------------


class Towers(nn.Module):
    """Two branches, of an input each."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Sequential(nn.Linear(1, 4), nn.Tanh())
        self.b = nn.Sequential(nn.Linear(1, 4), nn.Tanh())
        self.end = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(torch.cat([self.a(x[:, :1]), self.b(x[:, 1:])], 1))


class Residual(nn.Module):
    """A layer that the inputs skip."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.act, self.end = nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(x + self.act(self.first(x)))


class Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(dim=0)


class Noise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.calls += 1
        return nn.functional.dropout(x, 0.5, self.training)


SMALL = np.random.default_rng(0).uniform(-1, 1, (40, 2))


def check(model: nn.Module, layers: list[str] | None, x: Any = SMALL) -> None:
    check_parts(adapt(model, layers), x)


@pytest.mark.parametrize("layers", [None, ["1", "3"], ["0", "1", "2"], ["output"]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_chain_passes(layers: list[str] | None, dtype: torch.dtype) -> None:
    with warnings.catch_warnings(action="error"):
        check(mlp(2, 3, 4, 1, dtype=dtype), layers)


def test_parallel_branches_are_no_chain() -> None:
    words = r"'b.1' does not read the layer 'a.1', .*layers=\['b.1'\]"
    for layers in (None, ["a.1", "b.1"]):
        with pytest.raises(UserError, match=words):
            check(Towers(), layers)
    check(Towers(), ["output"])
    with pytest.warns(UserWarning, match="'output' also reads what does not pass through 'b.1'"):
        check(Towers(), ["b.1"])


def test_a_layer_that_is_skipped_is_told() -> None:
    with pytest.warns(UserWarning, match="'output' also reads .*'act'.*skip"):
        check(Residual(), None)
    with warnings.catch_warnings(action="error"):
        check(Residual(), ["output"])


def test_what_works_in_place_passes() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(inplace=True), nn.Linear(4, 1), nn.ReLU(True))
    x = SMALL.copy()
    with warnings.catch_warnings(action="error"):
        check(model, ["0", "1"], x)
    np.testing.assert_array_equal(x, SMALL)


@pytest.mark.parametrize("last", [Mean(), Noise(), nn.BatchNorm1d(1, track_running_stats=False)])
def test_a_function_of_more_than_a_row_is_refused(last: nn.Module) -> None:
    model = nn.Sequential(nn.Linear(2, 1), last).eval()
    with pytest.raises(UserError, match="depends on the other rows or on chance"):
        check(model, ["output"])


def test_training_mode_is_refused_where_it_gives_something_else() -> None:
    model = nn.Sequential(nn.Linear(2, 4), Dropping(), nn.Linear(4, 1)).train()
    state = torch.get_rng_state()
    with pytest.raises(UserError, match="in training mode.*model.eval"):
        check(model, ["output"])
    assert torch.equal(state, torch.get_rng_state())
    assert model[1].calls.item() == 0
    assert model.training
    check(model.eval(), ["output"])


def test_a_model_without_parameters_reads_rows_of_their_own_type() -> None:
    class Clock(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x[:, :1] - 1.7e9) / 600

    x = 1.7e9 + np.linspace(0, 600, 50)[:, None]
    values = adapt(Clock(), None).layers(x)[1][-1]
    np.testing.assert_allclose(values[:, 0], np.linspace(0, 1, 50), atol=1e-9)


# --- training -------------------------------------------------------------------------------------


def doubts(model: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_trained(adapt(model))
    return [str(each.message) for each in caught]


def fresh(*, bias: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Linear(2, 16, bias=bias), nn.Tanh(), nn.Linear(16, 1, bias=bias))
    return nn.Sequential(*layers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("bias", [False, True])
def test_weights_as_torch_draws_them_are_doubted(dtype: torch.dtype, bias: bool) -> None:
    assert doubts(fresh(bias=bias).to(dtype)) == [
        "the weights of the model's 2 linear layer(s) are as torch draws them; is it trained?"
    ]


def test_a_network_that_has_learned_is_not_doubted() -> None:
    model = fresh()
    x = torch.linspace(-1, 1, 60).repeat(2, 1).T
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        torch.mean((model(x)[:, 0] - x[:, 0] ** 2) ** 2).backward()
        optimiser.step()
    assert not doubts(model)


def test_of_other_weights_and_of_few_nothing_is_said() -> None:
    shrunk = fresh()
    with torch.no_grad():
        for value in shrunk.parameters():
            value *= 0.5
    assert not doubts(shrunk)
    assert not doubts(nn.Linear(2, 1))
    assert not doubts(mlp(2, 16, 1))
    assert not doubts(nn.Sequential(nn.Tanh()))
    assert not doubts(lambda x: x)


def test_integers_that_become_real_numbers_are_told() -> None:
    times = 1_700_000_000 + np.arange(400)[:, None]
    box = adapt(nn.Linear(1, 1), ["output"], inputs=Inputs.of(times))
    with pytest.warns(UserWarning, match="the network reads the column x0 in too few digits"):
        check_parts(box, times.astype(float))


# --- functions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ((x - x.mean(axis=0)) / x.std(axis=0)).sum(axis=1),
        lambda x: (x - x.min(axis=0)).sum(axis=1),
        lambda x: 1e3 + x[:, 0] - x[:, 0].mean(),
        lambda x: x[:, 0].argsort().argsort() / len(x),
        lambda x: np.column_stack([1e3 * x[:, 0], x[:, 1] - x[:, 1].mean()]),
        lambda x: 1e4 + np.random.default_rng().normal(0, 1, len(x)),
        lambda x: x[:, 0] + np.arange(len(x)),
        lambda x: np.float16(x[:, 0] - x[0, 0]),
    ],
)
@pytest.mark.parametrize("rows", [40, 4, 1000])
def test_a_function_of_the_batch_is_refused(function: Any, rows: int) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (rows, 2))
    with pytest.raises(UserError, match="at row [0-9]+ of X depends on the other rows or on"):
        check_parts(adapt(function, None), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_what_a_function_rounds_passes(dtype: torch.dtype) -> None:
    model = mlp(2, 3, 4, 2, dtype=dtype)
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    for rows in (x, x[:2]):
        check_parts(adapt(lambda x: model(torch.tensor(x, dtype=dtype)) + 50, None), rows)
    check_parts(adapt(lambda x: np.digitize(x[:, 0], [0]), None), x)


def test_sorted_rows_are_compared_from_the_first_to_the_last() -> None:
    x = np.linspace(-1, 1, 1000)[:, None]
    with pytest.raises(UserError, match="depends on the other rows"):
        check_parts(adapt(lambda x: np.where(x > 0.5, x - x.mean(), 0), None), x)
