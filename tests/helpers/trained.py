"""Tasks with other settings, and networks that nobody trained."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import nn

from srnet.data.tasks import Task, load_task, load_tasks
from srnet.networks.mlp import Network
from srnet.typing import Kind

TASKS_FILE = Path(__file__).parents[2] / "config" / "tasks.yaml"
TASKS = load_tasks(TASKS_FILE)
PMLB = Path(__file__).resolve().parents[3] / "shared" / "pmlb"


def with_settings(task: Task, **settings: object) -> Task:
    """The task with other settings of its network."""
    return dataclasses.replace(task, network=dataclasses.replace(task.network, **settings))


def write_task(folder: Path, source: str, network: str) -> Task:
    """The task "own" in a tasks file of its own, ``folder/tasks.yaml``."""
    (folder / "tasks.yaml").write_text(f"own: {{{source}, network: {{{network}}}, seed: 0}}")
    return load_task("own", folder / "tasks.yaml")


def random_network(*sizes: int, kind: Kind = "regression", scaled: bool = False) -> Network:
    """A network with weights from the normal distribution."""
    rng = np.random.default_rng(0)
    weights = tuple(
        rng.normal(size=(b, a)).astype(np.float32)
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    )
    biases = tuple(rng.normal(size=b).astype(np.float32) for b in sizes[1:])
    scaler = (rng.normal(size=sizes[0]), rng.uniform(1, 2, sizes[0])) if scaled else ()
    return Network(weights, biases, kind, *scaler)


def mlp(
    *widths: int, activation: type[nn.Module] = nn.Sigmoid, dtype: torch.dtype = torch.float32
) -> nn.Sequential:
    """A torch module of linear layers with the activation between them."""
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for a, b in zip(widths, widths[1:], strict=False):
        parts += [nn.Linear(a, b), activation()]
        nn.init.normal_(parts[-2].weight, std=1.5)  # type: ignore[arg-type]
    return nn.Sequential(*parts[:-1]).to(dtype)
