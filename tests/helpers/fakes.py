"""Made-up results in the form of the real ones, for tests that need files but neither search nor
training."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from helpers import made_up

from srnet.data.tasks import Task, load_task
from srnet.io.files import write_json

ROOT = Path(__file__).parents[2]
SIZES = {"K0": [1, 3, 3, 1], "K2": [1, 5, 5, 1], "F1": [4, 3, 3, 1], "F3": [2, 3, 3, 1]}


def run(
    task: str = "K0",
    preset: str = "paper",
    seed: int = 1,
    generations: int = 50,
    level: float = 1.0,
) -> dict[str, Any]:
    """A RUN.json whose fitness falls towards ``level``, null until the third generation."""
    rng = np.random.default_rng([seed, len(preset)])
    steps = np.minimum.accumulate(
        level * (1 + 20 * rng.random(generations) / np.arange(1, generations + 1))
    )
    history = [None, None, *steps[2:].tolist()]
    sizes = SIZES.get(task, [1, 3, 1])
    layers = len(sizes) - 1
    return {
        "task": task,
        "preset": preset,
        "seed": seed,
        "fitness": history[-1],
        "layer_losses": [0.01] * layers,
        "complexity": 12 + seed,
        "generations": generations,
        "evaluations": generations * 200 * layers,
        "seconds": 10.0 + seed,
        "history": history,
        "normalised": 0.1,
        "r2": 0.9,
        # every layer: sin(0.5 * its first input)
        "programs": [
            {
                "inputs": k,
                "constants": [0.5],
                "nodes": [["mul", [0, k]], ["sin", [k + 1]]],
                "output": k + 2,
            }
            for k in sizes[:-1]
        ],
        "weights": [[1.0] * k for k in sizes[1:]],
        "biases": [[0.1] * k for k in sizes[1:]],
        "pareto": [
            {"complexity": c, "fitness": history[-1] * (2 + 12 - c)} for c in range(4, 13, 2)
        ],
    }


def network(task: str = "K0", epochs: int = 100, **changes: Any) -> dict[str, Any]:
    """A network.json."""
    content = {
        "task": task,
        "kind": "regression",
        "sizes": SIZES.get(task, [1, 3, 1]),
        "settings": {"optimiser": "sgd", "lr": 0.01, "epochs": epochs, "batch": 300},
        "train_loss": 0.01,
        "test_loss": 0.02,
        "r2_train": 0.99,
        "r2_test": 0.98,
        "warnings": [],
        "history_epochs": list(range(1, epochs + 1)),
        "history": (1 / np.arange(1, epochs + 1)).tolist(),
        "seconds": 3.5,
    }
    return content | changes


def task(name: str = "K0", epochs: int = 100) -> Task:
    """The entry of one of the paper's tasks that asks for as many epochs as ``network`` has."""
    entry = load_task(name, ROOT / "config" / "tasks.yaml")
    return replace(entry, network=replace(entry.network, epochs=epochs))


def classifier(task: str = "P0", **changes: Any) -> dict[str, Any]:
    """A network.json of a classification: a network that says one of two classes for every row."""
    measures = {
        "accuracy_train": 0.76,
        "accuracy_test": 0.77,
        "majority_share": 0.761,
        "classes": ["no", "yes"],
    }
    predictions = {"predicted_classes": 1, "predicted_counts": [0, 200]}
    warnings = [
        "constant network: it predicts the class 'yes' for every row",
        "failed to learn: its accuracy is 0.76",
    ]
    content = {key: value for key, value in network(task).items() if not key.startswith("r2")}
    return (
        content
        | {"kind": "classification", "warnings": warnings}
        | measures
        | predictions
        | changes
    )


def formulas(task: str = "K0", rank: int = 0) -> dict[str, Any]:
    """A formulas.json; one of an older version, whose layers have no number, where the rank is
    0."""
    form = {
        "simplified": "sin(x0**2) + 0.25",
        "latex": r"\sin{\left(x_{0}^{2} \right)} + 0.25",
        "is_simplified": True,
        "mse": 0.01,
        "complexity": 3,
        "note": "",
    }
    layers = len(SIZES.get(task, [1, 3, 1])) - 1
    return {
        "task": task,
        "layers": [
            form
            | {
                "layer": i,
                "simplified": f"{j}*sin(x0**2)",
                "latex": rf"{j} \sin\left(x_{{0}}\right)",
            }
            for i in range(1, layers + 1)
            for j in range(1, rank + 1)
        ]
        or [form] * layers,
        "network": [form | {"simplified": "2*sin(x0**2) - 1"}],
    }


def data(path: Path, task: str = "K0", rows: int = 200) -> Path:
    """A data.npz."""
    inputs = SIZES.get(task, [1, 3, 1])[0]
    x = np.linspace(-1, 1, rows * inputs).reshape(rows, inputs)
    cut = rows * 8 // 10
    y = x[:, :1]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, train_x=x[:cut], train_y=y[:cut], holdout_x=x[cut:], holdout_y=y[cut:])
    return path


def results(folder: Path, tasks: list[str], presets: list[str], seeds: int) -> Path:
    """A folder results/{name} with every file up to the formulas."""
    for task in tasks:
        data(folder / task / "data.npz", task)
        write_json(folder / task / "network.json", network(task))
        (folder / task / "network.pt").touch()
        made_up.layers(tuple(SIZES.get(task, [1, 3, 1]))).save(folder / task / "layers.npz")
        for preset in presets:
            for seed in range(1, seeds + 1):
                write_json(
                    folder / task / "srnet" / preset / f"{seed}.json", run(task, preset, seed)
                )
            write_json(folder / task / "srnet" / preset / "best.json", run(task, preset, 1))
            write_json(folder / task / "srnet" / preset / "formulas.json", formulas(task))
    return folder


def touch_missing(tree: Path, summary: "subprocess.CompletedProcess[str]") -> None:
    """Make an empty file of every output that `snakemake --summary` calls missing."""
    assert summary.returncode == 0, summary.stderr
    for line in summary.stdout.splitlines():
        path, *rest = line.split("\t")
        if "missing" in rest:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).touch()
