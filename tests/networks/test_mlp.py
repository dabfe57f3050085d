"""Networks: their values, their file, and files that lie."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trained import random_network

from srnet.errors import UserError
from srnet.networks.mlp import load_network


@pytest.mark.parametrize(("kind", "scaled"), [("regression", False), ("classification", True)])
def test_network_file(tmp_path: Path, kind: str, scaled: bool) -> None:
    net = random_network(3, 4, 2, kind=kind, scaled=scaled)
    net.save(tmp_path / "network.pt")
    state = torch.load(tmp_path / "network.pt", weights_only=True)
    assert state["layers.0.weight"].shape == (4, 3)
    assert state["layers.1.bias"].shape == (2,)
    assert ("scaler.mean" in state) == scaled
    again = load_network(tmp_path / "network.pt")
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert again.kind == kind
    assert again.predict(x).tobytes() == net.predict(x).tobytes()


def test_network_of_torch_is_read(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sigmoid(), torch.nn.Linear(3, 1))
    torch.save(model.state_dict(), tmp_path / "own.pt")
    x = torch.rand(5, 2)
    np.testing.assert_allclose(
        load_network(tmp_path / "own.pt", "sigmoid").predict(x.numpy()),
        model(x).detach(),
        rtol=1e-5,
    )


def test_the_activation_of_a_state_dict_is_never_guessed(tmp_path: Path) -> None:
    """That of a network of this project is known, and one without a hidden layer has none."""
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    torch.save(layers.state_dict(), tmp_path / "own.pt")
    with pytest.raises(UserError, match=r"own.pt: .*--activation\): sigmoid, tanh, relu, identity"):
        load_network(tmp_path / "own.pt")
    with pytest.raises(UserError, match="'activation' is 'swish'"):
        load_network(tmp_path / "own.pt", "swish")
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "linear.pt")
    assert load_network(tmp_path / "linear.pt").sizes == [2, 3]
    net = random_network(3, 4, 2)
    net.save(tmp_path / "network.pt")
    assert load_network(tmp_path / "network.pt", "sigmoid").activation == "sigmoid"
    with pytest.raises(UserError, match="of the activation sigmoid; 'activation' is 'relu'"):
        load_network(tmp_path / "network.pt", "relu")
    with pytest.raises(UserError, match="this one's is tanh"):
        dataclasses.replace(net, activation="tanh").save(tmp_path / "tanh.pt")
    assert not (tmp_path / "tanh.pt").exists()


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def test_nothing_in_a_network_file_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"layers.0.weight": Bomb()}, "network.pt")
    with pytest.raises(UserError, match="network.pt: is no file of tensors"):
        load_network("network.pt")
    assert not Path("exploded").exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 no archive"])
def test_garbage_is_no_network(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "network.pt").write_bytes(content)
    with pytest.raises(UserError, match="network.pt: is no file of tensors"):
        load_network(tmp_path / "network.pt")
    with pytest.raises(UserError, match="none.pt: cannot be read"):
        load_network(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers.1.weight": torch.zeros(2, 3)}, "layer 1 reads 4"),
        ({"layers.0.bias": torch.zeros(3)}, "layer 0 reads 3"),
        ({"layers.0.weight": torch.zeros(())}, "layer 0 reads 0"),
        ({"layers.0.weight": torch.full((4, 3), torch.nan)}, "not finite"),
        ({"layers.0.gain": torch.zeros(3)}, "layers.0.gain"),
        ({"layers.2.weight": torch.zeros(1, 2)}, "a weight and a bias"),
        ({"scaler.std": torch.zeros(3)}, "not positive"),
        ({"scaler.mean": torch.zeros(2)}, "3 value(s)"),
        ({"softmax": torch.zeros(2)}, "'softmax'"),
        ({"layers.0.bias": [0.0]}, "'layers.0.bias' is a list"),
    ],
)
def test_networks_that_do_not_fit(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "network.pt"
    random_network(3, 4, 2, kind="classification", scaled=True).save(path)
    torch.save(torch.load(path, weights_only=True) | change, path)
    with pytest.raises(UserError) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
