"""network.json: losses, scores, history, and a warning for every way to fail."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trained import PMLB, TASKS, with_settings, write_task

from srnet.data.dataset import make_data
from srnet.networks.training import train


def test_losses_are_those_of_the_network() -> None:
    task, data = TASKS["K4"], make_data(TASKS["K4"])
    net, report = train(task, data, epochs=30)
    for x, y, split in (
        (data.train_x, data.train_y, "train"),
        (data.holdout_x, data.holdout_y, "test"),
    ):
        errors = net.predict(x) - y
        assert report[f"{split}_loss"] == pytest.approx(np.mean(errors**2))
        assert report[f"r2_{split}"] == pytest.approx(1 - np.mean(errors**2) / y.var())
    assert report["loss"] == "mse"
    assert report["seconds"] > 0
    assert report["software"]["torch"] == torch.__version__
    assert report["settings"] == {
        "optimiser": "adam",
        "lr": 0.003,
        "epochs": 30,
        "batch": 300,
        "standardise": False,
    }
    json.dumps(report, allow_nan=False)


def test_history_is_thinned_evenly() -> None:
    _, report = train(TASKS["K5"], make_data(TASKS["K5"]), epochs=5000)
    epochs = np.array(report["history_epochs"])
    assert len(epochs) == len(report["history"]) == 2000
    assert epochs[0] == 1
    assert epochs[-1] == 5000
    assert set(np.diff(epochs)) <= {2, 3}


def test_constant_network_is_named() -> None:
    task = with_settings(TASKS["F3"], optimiser="sgd", lr=1e-9, epochs=1)
    data = make_data(task)
    far = dataclasses.replace(data, train_x=data.train_x + 1e6)  # every neuron is saturated
    _, report = train(task, far)
    assert [warning.split(":")[0] for warning in report["warnings"]] == [
        "constant network",
        "failed to learn",
    ]


def test_classification(tmp_path: Path) -> None:
    task = write_task(
        tmp_path, "sklearn: iris", "hidden: [5], optimiser: adam, lr: 0.05, epochs: 100, batch: 30"
    )
    data = make_data(task)
    net, report = train(task, data)
    assert report["accuracy_train"] > 0.9
    assert report["accuracy_test"] > 0.8
    assert report["warnings"] == []
    assert report["majority_share"] == pytest.approx(1 / 3)
    assert report["predicted_classes"] == 3
    assert report["sizes"] == [4, 5, 3]
    values = net.layers(data.x)
    np.testing.assert_allclose(values[-1].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        values[0][:112].mean(axis=0), 0, atol=1e-5
    )  # the first layer reads standardised inputs
    np.testing.assert_allclose(values[0][:112].std(axis=0), 1, rtol=1e-5)
    assert report["accuracy_train"] == np.mean(
        values[-1][:112].argmax(axis=1) == data.train_y[:, 0]
    )
    assert report["accuracy_test"] == np.mean(
        values[-1][112:].argmax(axis=1) == data.holdout_y[:, 0]
    )
    assert report["predicted_counts"] == np.bincount(values[-1].argmax(axis=1)).tolist()
    assert report["rows"] == {"train": 112, "holdout": 38, "dropped": 0}
    expected = torch.nn.functional.nll_loss(
        torch.tensor(np.log(values[-1][:112])), torch.tensor(data.train_y[:, 0]).long()
    )
    assert report["train_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_network_that_predicts_one_class_is_named(tmp_path: Path) -> None:
    task = write_task(
        tmp_path,
        "sklearn: breast_cancer",
        "hidden: [3], optimiser: sgd, lr: 0.000001, epochs: 1, batch: 300",
    )
    _, report = train(task, make_data(task))
    assert report["predicted_classes"] == 1
    assert report["warnings"][0].startswith("constant network: it predicts the class")
    assert report["warnings"][1].startswith("failed to learn")
    assert sorted(report["predicted_counts"]) == [0, 569]


def test_network_that_knows_its_training_rows_only_is_named(tmp_path: Path) -> None:
    task = write_task(
        tmp_path, "sklearn: iris", "hidden: [9], optimiser: adam, lr: 0.05, epochs: 100, batch: 30"
    )
    data = make_data(task)
    _, report = train(task, dataclasses.replace(data, holdout_y=(data.holdout_y + 1) % 3))
    assert [warning.split(":")[0] for warning in report["warnings"]] == ["failed to generalise"]


def test_class_without_a_training_row_is_named(tmp_path: Path) -> None:
    task = write_task(
        tmp_path, "sklearn: iris", "hidden: [5], optimiser: adam, lr: 0.05, epochs: 2, batch: 30"
    )
    data = make_data(task)
    seen = data.train_y[:, 0] != 1
    _, report = train(
        task, dataclasses.replace(data, train_x=data.train_x[seen], train_y=data.train_y[seen])
    )
    assert "unseen class: none of the rows that trained it is of versicolor" in report["warnings"]


@pytest.mark.parametrize(("name", "epochs"), [("P0", 5), ("P3", 300)])
def test_unscaled_inputs_make_constant_networks(name: str, epochs: int) -> None:
    """As published: a network that says the largest class for every row, and is named so."""
    if not PMLB.is_dir():
        pytest.skip(f"no PMLB data sets lie at {PMLB}")
    _, report = train(TASKS[name], make_data(TASKS[name], pmlb_cache=PMLB), epochs)
    assert report["predicted_classes"] == 1
    assert max(report["predicted_counts"]) == sum(report["rows"].values())
    assert report["warnings"][0].startswith("constant network")
    assert report["majority_share"] == pytest.approx({"P0": 0.761, "P3": 0.655}[name], abs=5e-4)
