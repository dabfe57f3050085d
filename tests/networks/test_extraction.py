"""From a network and its data to layers.npz."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.trained import TASKS, TASKS_FILE, random_network, write_task

from srnet.data.dataset import Data, make_data
from srnet.errors import UserError
from srnet.networks.extraction import extract, write_layers
from srnet.networks.layers import Layers
from srnet.networks.mlp import load_network
from srnet.networks.training import write_network


def test_steps_from_task_to_layers(tmp_path: Path) -> None:
    data, pt, report, out = (
        tmp_path / name for name in ("data.npz", "network.pt", "network.json", "layers.npz")
    )
    make_data(TASKS["K3"]).save(data)
    warnings = write_network(data, "K3", TASKS_FILE, pt, report, epochs=3)
    write_layers(pt, data, "K3", TASKS_FILE, out)
    content = json.loads(report.read_text())
    assert content["warnings"] == warnings
    assert content["task"] == "K3"
    assert len(content["history"]) == 3
    layers, net, rows = Layers.load(out, name="K3"), load_network(pt), Data.load(data)
    assert layers.widths == [2, 4, 4, 4, 1]
    assert [layers.rows(split) for split in ("train", "valid", "test")] == [25, 10, 1000]
    np.testing.assert_array_equal(layers.splits["train"][0], rows.x.astype(np.float32))
    np.testing.assert_array_equal(layers.splits["test"][-1], net.predict(rows.test_x))
    # The values of a layer follow from those below it.
    h1, h2 = (layers.splits["valid"][i].astype(float) for i in (1, 2))
    np.testing.assert_allclose(
        h2, 1 / (1 + np.exp(-(h1 @ net.weights[1].T.astype(float) + net.biases[1]))), rtol=1e-5
    )


@pytest.mark.parametrize("standardise", [True, False])
def test_layers_of_a_classification(tmp_path: Path, standardise: bool) -> None:
    settings = (
        f"hidden: [5], optimiser: adam, lr: 0.05, epochs: 50, batch: 30, standardise: "
        f"{str(standardise).lower()}"
    )
    task = write_task(tmp_path, "sklearn: iris", settings)
    data = make_data(task)
    data.save(tmp_path / "data.npz")
    write_network(
        tmp_path / "data.npz",
        "own",
        tmp_path / "tasks.yaml",
        tmp_path / "network.pt",
        tmp_path / "network.json",
    )
    write_layers(
        tmp_path / "network.pt",
        tmp_path / "data.npz",
        "own",
        tmp_path / "tasks.yaml",
        tmp_path / "layers.npz",
    )
    layers, net = Layers.load(tmp_path / "layers.npz"), load_network(tmp_path / "network.pt")
    assert [layers.rows(split) for split in ("train", "valid", "test")] == [112 + 999, 0, 38]
    x, h1, y = layers.splits["train"]
    scaled = data.standardised(data.train_x).astype(np.float32)
    np.testing.assert_array_equal(x[:112], scaled)  # also where the network reads other units
    np.testing.assert_array_equal(
        layers.splits["test"][0], data.standardised(data.holdout_x).astype(np.float32)
    )
    mean, std = data.scaler
    in_own_units = x[112:] * std + mean
    assert (in_own_units >= data.train_x.min(axis=0) - 1e-5).all()
    assert (in_own_units <= data.train_x.max(axis=0) + 1e-5).all()
    np.testing.assert_allclose(net.predict(in_own_units), y[112:], atol=1e-4)
    np.testing.assert_allclose(net.layers(data.holdout_x)[1], layers.splits["test"][1], atol=1e-6)
    # nearer the boundary than points anywhere in the box
    anywhere = net.predict(
        np.random.default_rng(0).uniform(
            data.train_x.min(axis=0), data.train_x.max(axis=0), (999, 4)
        )
    )
    assert (
        np.abs(y[112:] - 1 / 3).min(axis=1).mean()
        < 0.5 * np.abs(anywhere - 1 / 3).min(axis=1).mean()
    )
    assert extract(net, data, "own", task.seed).splits["train"][0].tobytes() == x.tobytes()
    assert extract(net, data, "own", 1).splits["train"][0].tobytes() != x.tobytes()


def test_steps_refuse_the_data_of_another_task(tmp_path: Path) -> None:
    make_data(TASKS["K0"]).save(tmp_path / "data.npz")
    with pytest.raises(UserError, match="data.npz: has the inputs x but task 'K1' has x0, x1"):
        write_network(
            tmp_path / "data.npz",
            "K1",
            TASKS_FILE,
            tmp_path / "network.pt",
            tmp_path / "network.json",
            epochs=1,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["data.npz"]
    with pytest.raises(UserError, match=r"reads 3 input\(s\)"):
        extract(random_network(3, 2, 1), make_data(TASKS["K0"]), "K0")
