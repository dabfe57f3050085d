"""The training of a task's network."""

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, mse_loss

from srnet.data.dataset import Data, load_data
from srnet.data.tasks import Task, load_task
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.networks.mlp import Network
from srnet.networks.training_report import training_report
from srnet.typing import Floats, Kind, StrPath
from srnet.validation import Integer

OPTIMISERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
LOSSES: dict[Kind, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": mse_loss,
    "classification": cross_entropy,
}

Layer = tuple[Tensor, Tensor]  # weight and bias
Progress = Callable[[Iterable[int]], Iterable[int]]


def train(
    task: Task, data: Data, epochs: int | None = None, progress: Progress = iter
) -> tuple[Network, dict[str, Any]]:
    """Train the network of a task on ``data.train_x``: on one machine, the same task, data and
    epochs give the same network.

    The loss is the mean squared error (regression) or the cross-entropy (classification). Weights
    and biases start uniform in ±1/√(inputs of the layer), the rows are shuffled anew every epoch,
    both by the task's seed; all is computed in float32 by one thread.

    Parameters
    ----------
    task
        Its network's settings and seed are used.
    data
        The rows, as ``srnet.data.dataset.make_data`` gives them.
    epochs
        In place of the task's own.
    progress
        Wraps the iterable of epochs, as ``tqdm.tqdm`` does.

    Returns
    -------
    The network, and its report: see :func:`srnet.networks.training_report.training_report`; added
    are the seconds of the training.

    Raises
    ------
    UserError
        If epochs is not positive, the data is not the task's, or the loss stops being finite.
    """
    epochs = Integer(1).check("epochs", task.network.epochs if epochs is None else epochs)
    if (task.kind == "classification") != bool(data.classes):
        raise UserError(
            f"task '{task.name}' is a {task.kind}, but its data has {len(data.classes)} classes; "
            f"make its data again"
        )
    start = time.perf_counter()
    outputs = len(data.classes) or 1
    sizes = [data.train_x.shape[1], *task.network.hidden, outputs]
    mean = std = None
    x = data.train_x
    if task.network.standardise:
        mean, std = data.scaler
        x = data.standardised(x)
    inputs = torch.tensor(x, dtype=torch.float32)
    targets = (
        torch.tensor(data.train_y[:, 0], dtype=torch.int64)
        if data.classes
        else torch.tensor(data.train_y, dtype=torch.float32)
    )
    # One thread: sums then run in one order everywhere, and these products are too small to share.
    with torch_threads(1), threadpool_limits(1), np.errstate(all="ignore"):
        layers, history = _fit(task, sizes, inputs, targets, epochs, progress)
        network = Network(
            tuple(weight.detach().numpy() for weight, _ in layers),
            tuple(bias.detach().numpy() for _, bias in layers),
            task.kind,
            mean,
            std,
        )
        report = training_report(task, data, network, epochs, history)
    return network, report | {"seconds": round(time.perf_counter() - start, 3)}


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads, and afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(
    task: Task, sizes: list[int], x: Tensor, y: Tensor, epochs: int, progress: Progress
) -> tuple[list[Layer], Floats]:
    """The trained layers, and the mean loss of every epoch."""
    settings = task.network
    rng = np.random.default_rng(task.seed)
    layers = [_initial_layer(inputs, units, rng) for inputs, units in pairwise(sizes)]
    parameters = [parameter for layer in layers for parameter in layer]
    # Fused: networks of a dozen neurons spend their time in calls, and this step is one call.
    optimiser = OPTIMISERS[settings.optimiser](parameters, lr=settings.lr, fused=True)
    mean_loss = LOSSES[task.kind]
    batch = settings.batch_rows(len(x))
    history = np.empty(epochs)
    for epoch in progress(range(epochs)):
        order = torch.from_numpy(rng.permutation(len(x)))
        total = 0.0
        for batch_x, batch_y in zip(x[order].split(batch), y[order].split(batch), strict=True):
            loss = mean_loss(_output(layers, batch_x), batch_y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(batch_x)
        history[epoch] = total / len(x)
        if not math.isfinite(total):
            raise _diverged(task, epoch)
    if not all(parameter.isfinite().all() for parameter in parameters):  # by the last step
        raise _diverged(task, epochs - 1)
    return layers, history


def _diverged(task: Task, epoch: int) -> UserError:
    return UserError(
        f"the network of task '{task.name}' diverged in epoch {epoch + 1} with lr "
        f"{task.network.lr}; choose a smaller lr"
    )


def _initial_layer(inputs: int, units: int, rng: np.random.Generator) -> Layer:
    """Weight (units × inputs) and bias, uniform in ±1/√inputs."""
    values = rng.uniform(-1, 1, (units, inputs + 1)) / math.sqrt(inputs)
    weight, bias = (
        torch.tensor(part, dtype=torch.float32) for part in (values[:, :-1], values[:, -1])
    )
    return weight.requires_grad_(), bias.requires_grad_()


def _output(layers: list[Layer], x: Tensor) -> Tensor:
    """What the network says of a batch (n × inputs): values or logits (n × outputs)."""
    for weight, bias in layers[:-1]:
        x = torch.sigmoid(linear(x, weight, bias))
    return linear(x, *layers[-1])


def write_network(
    data_file: StrPath,
    task_name: str,
    tasks_file: StrPath,
    out: StrPath,
    report: StrPath,
    epochs: int | None = None,
    progress: Progress = iter,
) -> list[str]:
    """Train the network of a task; write ``network.pt`` and ``network.json``; return its warnings
    (command ``srnet train``)."""
    task = load_task(task_name, tasks_file)
    network, content = train(task, load_data(data_file, task), epochs, progress)
    network.save(out)
    write_json(report, content)
    return list(content["warnings"])
