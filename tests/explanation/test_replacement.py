"""Formulas in the place of a layer: outputs by hand, training, models that do not fit."""

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from helpers import ranked
from torch import nn

from srnet.errors import UserError
from srnet.explanation.result import Explanation
from srnet.model.srnet import READS
from srnet.networks.adapters import adapt
from srnet.networks.inputs import Inputs
from srnet.networks.layers import Layers

X = np.random.default_rng(5).uniform(-1, 1, (30, 2))
ROWS = torch.tensor(X, dtype=torch.float32)


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    sizes = [(2, 4), (4, 3), (3, 2)]
    first, second, third = (nn.Linear(a, b) for a, b in sizes)
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), third)


class Functional(nn.Module):
    """Activations that are no modules, one module that is called twice, and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b, self.c = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.act = nn.Tanh()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.a(x))
        return self.c(torch.relu(self.act(self.b(h)))) + h[:, :2]


def explanation(
    names: list[str], widths: tuple[int, ...], reads: str = "scalars", seed: int = 3
) -> Explanation:
    """As a loaded one: formulas alone."""
    model = ranked.model(seed, reads, widths, (2,) * (len(widths) - 1))
    run = {**model.to_run(), "layer_names": [*names, "output"]}
    return Explanation(json.loads(json.dumps(run)))


def units(found: Explanation, layer: int) -> torch.Tensor:
    return torch.tensor(found.model.layers(X)[layer], dtype=torch.float32)


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    np.testing.assert_allclose(found.detach(), expected.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize(("layer", "end"), [("1", 2), ("3", 4)])
def test_the_rest_of_the_network_reads_the_formulas(reads: str, layer: str, end: int) -> None:
    found, model = explanation(["1", "3"], (2, 4, 3, 2), reads), network()
    before = copy.deepcopy(model.state_dict())
    replaced = found.replace(model, layer)
    expected = model[end:](units(found, end // 2 - 1))
    close(replaced(ROWS), expected)
    close(replaced(ROWS[:7]), expected[:7])
    for other in (copy.deepcopy(replaced), pickle.loads(pickle.dumps(replaced))):
        close(other(ROWS), expected)
    assert [type(part) for part in model] == [type(part) for part in network()]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_a_module_reads_and_one_of_two_calls_are_replaced() -> None:
    model = Functional()
    h = model.act(model.a(ROWS))
    found = explanation(["act", "act#2", "c.input"], (2, 4, 4, 4, 2))
    first, second, third = (units(found, layer) for layer in range(3))
    close(
        found.replace(model, "act")(ROWS),
        model.c(torch.relu(model.act(model.b(first)))) + first[:, :2],
    )
    # what passes beside the layer is the network's own
    close(found.replace(model, "act#2")(ROWS), model.c(torch.relu(second)) + h[:, :2])
    close(found.replace(model, "c.input")(ROWS), model.c(third) + h[:, :2])


def test_a_module_of_two_names_is_one_module() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
            self.second = self.first = nn.Tanh()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(self.second(self.b(self.first(self.a(x)))))

    model, found = Tied(), explanation(["second", "second#2", "second#3"], (2, 2, 2, 2, 2))
    close(found.replace(model, "second")(ROWS), model.b(model.first(model.b(units(found, 0)))))
    close(found.replace(model, "second#2")(ROWS), model.b(units(found, 1)))
    with pytest.raises(UserError, match=r"the layer 'second' is called 2 time\(s\), and not 3"):
        found.replace(model, "second#3")(ROWS)


def test_several_inputs_and_whole_numbers() -> None:
    class Embedding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kind, self.act, self.out = nn.Embedding(3, 2), nn.Tanh(), nn.Linear(3, 1)

        def forward(self, kind: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.act(torch.cat([self.kind(kind[:, 0]), x], 1)))

    model, found = Embedding(), explanation(["act"], (2, 3, 1))
    kinds = np.arange(30)[:, None] % 3
    table = np.hstack([kinds, X[:, :1]])
    expected = model.out(torch.tensor(found.model.layers(table)[0], dtype=torch.float32))
    close(found.replace(model, "act")(torch.tensor(kinds), ROWS[:, :1]), expected)


def test_the_constants_are_trained_and_the_network_is_not_touched() -> None:
    model, found = network(), explanation(["1"], (2, 4, 2))
    replaced = found.replace(model, "1").double()
    rows, wanted = torch.tensor(X), model(ROWS).detach().double()
    parameters = list(replaced.formula.parameters())
    assert len(parameters) == 3  # constants, weights and biases
    before = [value.detach().clone() for value in parameters]
    optimiser = torch.optim.Adam(parameters, lr=0.02)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.mean((replaced(rows) - wanted) ** 2)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(not torch.equal(a, b) for a, b in zip(before, parameters, strict=True))
    assert replaced.network[0].weight.grad is None  # nothing reads it any more
    assert replaced.network[2].weight.grad is not None
    assert torch.equal(model[2].weight, network()[2].weight)
    trained = replaced.formula.to_model()
    np.testing.assert_allclose(trained.predict(X), replaced.formula(rows).detach(), rtol=1e-12)


def test_another_network_is_refused_where_the_rows_are_known() -> None:
    model = network()
    box = adapt(model, ["1"], None, Inputs.of(X))
    x, own = X.astype(np.float32), box.layers(X)[1]
    values = [x, *(each.astype(np.float32) for each in own)]
    layers = Layers({"train": values, "valid": values})
    found = Explanation(explanation(["1"], (2, 4, 2)).run, layers=layers, network=box)
    close(found.replace(model, "1")(ROWS), model[2:](units(found, 0)))
    with pytest.raises(UserError, match="other values at the layer '1' than the network that was"):
        found.replace(network(seed=9), "1")


@pytest.mark.parametrize(
    ("model", "layer", "words"),
    [
        (network(), "3", "'layer' is '3'; hidden layers with formulas are 1, 7"),
        (network(), "output", "'layer' is 'output'; hidden layers with formulas are 1, 7"),
        (network(), "7", "the model has no layer '7'"),
        (len, "1", "a builtin_function_or_method has no layers that can be replaced; a torch"),
        (torch.jit.script(network()), "1", "a TorchScript module shows its output alone"),
    ],
)
def test_what_cannot_be_replaced_is_a_sentence(model: Any, layer: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        explanation(["1", "7"], (2, 4, 3, 2)).replace(model, layer)


def test_of_the_output_alone_nothing_is_replaced() -> None:
    with pytest.raises(UserError, match="'layer' is '1', and the output alone is explained; name"):
        explanation([], (2, 2)).replace(network(), "1")
