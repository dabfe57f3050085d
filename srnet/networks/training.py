"""The training of a task's network."""

import importlib.metadata
import math
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srnet.data.dataset import Data
from srnet.data.tasks import Task, load_task
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.metrics import r_squared
from srnet.networks.layers import Values
from srnet.networks.mlp import Network, _softmax
from srnet.typing import Floats, Kind

HISTORY_POINTS = 2000


LEARNED_R2 = 0.5


CONSTANT_SPREAD = 1e-3


Progress = Callable[[Iterable[int]], Iterable[int]]


class Backpropagation:
    """Loss and gradient of a batch of n rows, on arrays made once.

    Rows of data are columns here, and every layer's values carry a last row of ones, so that weight
    and bias are one matrix (k_i × k_(i-1) + 1) and a layer costs one product.

    Parameters
    ----------
    matrices, gradients
        Weight and bias of every layer, read; the gradient of the mean loss, written.
    """

    def __init__(
        self, matrices: list[Values], gradients: list[Values], rows: int, kind: Kind
    ) -> None:
        self.gradients = gradients
        self.kind = kind
        self.output = matrices[-1]
        outputs = len(self.output)
        self.delta = np.empty((outputs, rows), np.float32)
        self.scale = np.float32(1 / rows if kind == "classification" else 2 / (rows * outputs))
        self.forward = []
        self.backward = []
        for matrix, following, gradient in zip(
            matrices[:-1], matrices[1:], gradients[1:], strict=True
        ):
            values = np.ones((len(matrix) + 1, rows), np.float32)
            hidden = values[:-1]
            self.forward.append((matrix, hidden, values))
            self.backward.append(
                (
                    following[:, :-1].T,
                    gradient,
                    values.T,
                    hidden,
                    np.empty_like(hidden),
                    np.empty_like(hidden),
                )
            )
        self.backward.reverse()

    def __call__(self, x: Values, y: Values) -> float:
        """Write the gradient at x (k_0 + 1 × n, last row ones) and y (k × n, classes as 0, 1);
        return the rows' summed loss."""
        one = np.float32(1)
        values = x
        for matrix, hidden, augmented in self.forward:
            np.matmul(matrix, values, hidden)
            np.negative(hidden, hidden)
            np.exp(hidden, hidden)
            np.add(hidden, one, hidden)
            np.reciprocal(hidden, hidden)
            values = augmented
        delta = self.delta
        np.matmul(self.output, values, delta)
        if self.kind == "classification":
            delta[:] = _softmax(delta, axis=0)
            loss = -float(
                np.log(np.maximum((delta * y).sum(axis=0), np.finfo(np.float32).tiny)).sum()
            )
            np.subtract(delta, y, delta)
        else:
            np.subtract(delta, y, delta)
            errors = delta.ravel()
            loss = float(np.dot(errors, errors)) / len(delta)
        np.multiply(delta, self.scale, delta)
        for weight_t, gradient, values_t, hidden, below, slope in self.backward:
            np.matmul(delta, values_t, gradient)
            np.matmul(weight_t, delta, below)
            np.multiply(below, hidden, below)
            np.subtract(one, hidden, slope)
            np.multiply(below, slope, below)
            delta = below
        np.matmul(delta, x.T, self.gradients[0])
        return loss


def _sgd(parameters: Values, gradient: Values, lr: float) -> Callable[[], None]:
    """Plain gradient descent."""
    rate = np.float32(lr)
    change = np.empty_like(gradient)

    def step() -> None:
        np.multiply(gradient, rate, change)
        np.subtract(parameters, change, parameters)

    return step


def _adam(parameters: Values, gradient: Values, lr: float) -> Callable[[], None]:
    """Adam (Kingma & Ba, 2015) with its usual β and ε, the same update as torch.optim.Adam.

    The moments are kept undivided by 1 - β, which saves two products a step; the factors below put
    that right.
    """
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    decay1, decay2 = np.float32(beta1), np.float32(beta2)
    first, second, change = (
        np.zeros_like(gradient),
        np.zeros_like(gradient),
        np.empty_like(gradient),
    )
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        spread = math.sqrt((1 - beta2**steps) / (1 - beta2))
        np.multiply(first, decay1, first)
        np.add(first, gradient, first)
        np.multiply(second, decay2, second)
        np.multiply(gradient, gradient, change)
        np.add(second, change, second)
        np.sqrt(second, change)
        np.add(change, np.float32(epsilon * spread), change)
        np.divide(first, change, change)
        np.multiply(change, np.float32(lr * spread * (1 - beta1) / (1 - beta1**steps)), change)
        np.subtract(parameters, change, parameters)

    return step


_OPTIMISERS = {"sgd": _sgd, "adam": _adam}


def train(
    task: Task, data: Data, epochs: int | None = None, progress: Progress = iter
) -> tuple[Network, dict[str, Any]]:
    """Train the network of a task on ``data.train_x``, a pure function of (task, data, epochs) on
    one machine.

    Mean squared error (regression) or cross-entropy (classification), float32, rows reshuffled
    every epoch, weights and biases started uniform in ±1/√(values read), one thread.

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
    The network, and the report that ``network.json`` holds: sizes, settings, losses, R² (or
    accuracy, share of the largest class and number of predicted classes), warnings and the loss by
    epoch. ``history[j]`` is the mean loss of the batches of epoch ``history_epochs[j]``, each
    before its own step; of more than 2000 epochs, 2000 are kept, evenly spaced with the first and
    the last. A network is called constant if its output's standard deviation is at most 1e-3 of the
    target's, or if it predicts one class; it failed to learn if its training R² is less than 0.5,
    or its accuracy over all rows is no more than the share of the largest class; it failed to
    generalise if that holds of the rows held out alone.

    Raises
    ------
    UserError
        If epochs is not positive, the data is not the task's, or the loss stops being finite.
    """
    import threadpoolctl

    epochs = task.network.epochs if epochs is None else epochs
    if epochs < 1:
        raise UserError(f"the number of epochs is {epochs}; it must be 1 or more")
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
    y = np.eye(outputs)[data.train_y[:, 0].astype(int)] if data.classes else data.train_y
    # One thread: the sums then run in one order everywhere, and these products are too small to
    # share.
    with threadpoolctl.threadpool_limits(1), np.errstate(all="ignore"):
        matrices, history = _fit(task, sizes, x, y, epochs, progress)
        network = Network(
            tuple(np.ascontiguousarray(m[:, :-1]) for m in matrices),
            tuple(m[:, -1].copy() for m in matrices),
            task.kind,
            mean,
            std,
        )
        report = _report(task, data, network, epochs, history)
    return network, report | {"seconds": round(time.perf_counter() - start, 3)}


def _fit(
    task: Task, sizes: list[int], x: Floats, y: Floats, epochs: int, progress: Progress
) -> tuple[list[Values], Floats]:
    """The trained matrices (weight, bias), and the mean loss of every epoch."""
    settings = task.network
    rng = np.random.default_rng(task.seed)
    shapes = [(wide, below + 1) for below, wide in zip(sizes[:-1], sizes[1:], strict=True)]
    # The optimiser sees one flat vector, the layers see their parts of it.
    parameters = np.concatenate(
        [rng.uniform(-1, 1, a * b) / math.sqrt(b - 1) for a, b in shapes]
    ).astype(np.float32)
    gradient = np.zeros_like(parameters)
    matrices, gradients = _parts(parameters, shapes), _parts(gradient, shapes)
    step = _OPTIMISERS[settings.optimiser](parameters, gradient, settings.lr)

    rows = len(x)
    ordered_x = np.vstack([x.T, np.ones((1, rows))]).astype(np.float32)
    ordered_y = np.ascontiguousarray(y.T, np.float32)
    shuffled_x, shuffled_y = np.empty_like(ordered_x), np.empty_like(ordered_y)
    batches = []
    backpropagations: dict[
        int, Backpropagation
    ] = {}  # by number of rows: the last batch may be smaller
    batch = settings.batch_rows(rows)
    for first in range(0, rows, batch):
        part = slice(first, min(first + batch, rows))
        count = part.stop - first
        if count not in backpropagations:
            backpropagations[count] = Backpropagation(matrices, gradients, count, task.kind)
        batches.append((backpropagations[count], shuffled_x[:, part], shuffled_y[:, part]))

    history = np.empty(epochs)
    for epoch in progress(range(epochs)):
        order = rng.permutation(rows)
        np.take(
            ordered_x, order, 1, shuffled_x, "clip"
        )  # "clip" writes straight into the array, "raise" into a copy
        np.take(ordered_y, order, 1, shuffled_y, "clip")
        loss = 0.0
        for backpropagation, batch_x, batch_y in batches:
            loss += backpropagation(batch_x, batch_y)
            step()
        history[epoch] = loss / rows
        if not math.isfinite(loss):
            raise UserError(
                f"the network of task '{task.name}' diverged in epoch {epoch + 1} with lr "
                f"{settings.lr}; choose a smaller lr"
            )
    if not np.isfinite(parameters).all():
        raise UserError(
            f"the network of task '{task.name}' diverged in epoch {epochs} with lr {settings.lr}; "
            f"choose a smaller lr"
        )
    return matrices, history


def _parts(flat: Values, shapes: list[tuple[int, int]]) -> list[Values]:
    ends = np.cumsum([a * b for a, b in shapes])
    return [flat[end - a * b : end].reshape(a, b) for end, (a, b) in zip(ends, shapes, strict=True)]


def _report(
    task: Task, data: Data, network: Network, epochs: int, history: Floats
) -> dict[str, Any]:
    settings = task.network
    kept = np.unique(np.linspace(0, epochs - 1, min(epochs, HISTORY_POINTS)).round().astype(int))
    scores = _classification_scores if task.kind == "classification" else _regression_scores
    quality, warnings = scores(data, network)
    return {
        "task": task.name,
        "kind": task.kind,
        "sizes": network.sizes,
        "settings": {
            "optimiser": settings.optimiser,
            "lr": settings.lr,
            "epochs": epochs,
            "batch": settings.batch_rows(len(data.train_x)),
            "standardise": settings.standardise,
        },
        "seed": task.seed,
        "rows": {
            "train": len(data.train_x),
            "holdout": len(data.holdout_x),
            "dropped": data.dropped,
        },
        "constant_inputs": list(data.constant_inputs),
        **quality,
        "warnings": warnings,
        "history_epochs": (kept + 1).tolist(),
        "history": history[kept].tolist(),
        "version": _version(),
    }


def _regression_scores(data: Data, network: Network) -> tuple[dict[str, Any], list[str]]:
    predicted, expected = network.predict(data.train_x).astype(float), data.train_y
    held_out = network.predict(data.holdout_x).astype(float)
    train_loss = float(np.mean((expected - predicted) ** 2))
    test_loss = float(np.mean((data.holdout_y - held_out) ** 2))
    r2 = r_squared(train_loss, expected)
    scores = {
        "loss": "mse",
        "train_loss": train_loss,
        "test_loss": test_loss,
        "r2_train": r2,
        "r2_test": r_squared(test_loss, data.holdout_y),
    }
    warnings = []
    if predicted.std() <= CONSTANT_SPREAD * expected.std():
        warnings.append(
            f"constant network: its output's spread is at most {CONSTANT_SPREAD} of the target's "
            f"on the training rows"
        )
    if r2 is None or r2 < LEARNED_R2:
        found = "undefined" if r2 is None else f"{r2:.3g}"
        warnings.append(
            f"failed to learn: its R² on the training rows is {found}, less than {LEARNED_R2}"
        )
    return scores, warnings


def _classification_scores(data: Data, network: Network) -> tuple[dict[str, Any], list[str]]:
    probabilities, held_out = (
        network.predict(data.train_x).astype(float),
        network.predict(data.holdout_x).astype(float),
    )
    predicted = np.concatenate([probabilities, held_out]).argmax(axis=1)
    right = predicted == data.y[:, 0]
    majority = float(np.bincount(data.y[:, 0].astype(int)).max() / len(data.y))
    scores = {
        "loss": "cross_entropy",
        "train_loss": _cross_entropy(data.train_y, probabilities),
        "test_loss": _cross_entropy(data.holdout_y, held_out),
        "accuracy_train": float(right[: len(probabilities)].mean()),
        "accuracy_test": float(right[len(probabilities) :].mean()),
        "majority_share": majority,
        "classes": list(data.classes),
        "predicted_classes": len(np.unique(predicted)),
        "predicted_counts": np.bincount(predicted, minlength=len(data.classes)).tolist(),
    }
    warnings = []
    unseen = sorted(set(range(len(data.classes))) - set(data.train_y[:, 0].astype(int)))
    if unseen:
        warnings.append(
            f"unseen class: none of the rows that trained it is of "
            f"{', '.join(data.classes[i] for i in unseen)}"
        )
    if scores["predicted_classes"] == 1:
        warnings.append(
            f"constant network: it predicts the class '{data.classes[predicted[0]]}' for every row"
        )
    if right.mean() <= majority:
        warnings.append(
            f"failed to learn: its accuracy over all rows is {right.mean():.3g}, the share of the "
            f"largest class {majority:.3g}"
        )
    elif scores["accuracy_test"] <= majority:
        warnings.append(
            f"failed to generalise: its accuracy on the rows held out is "
            f"{scores['accuracy_test']:.3g}, "
            f"the share of the largest class {majority:.3g}"
        )
    return scores, warnings


def _cross_entropy(classes: Floats, probabilities: Floats) -> float:
    chosen = np.take_along_axis(probabilities, classes.astype(int), axis=1)
    return float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())


def _version() -> str:
    try:
        return importlib.metadata.version("srnet")
    except importlib.metadata.PackageNotFoundError:  # run from a folder, not installed
        return "unknown"


def write_network(
    data_file: str | os.PathLike[str],
    task_name: str,
    tasks_file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    report: str | os.PathLike[str],
    epochs: int | None = None,
    progress: Progress = iter,
) -> list[str]:
    """Train the network of a task; write ``network.pt`` and ``network.json``; return its warnings
    (command ``srnet train``)."""
    task = load_task(task_name, tasks_file)
    network, content = train(task, _load_data(data_file, task), epochs, progress)
    network.save(out)
    write_json(report, content)
    return list(content["warnings"])


def _load_data(path: str | os.PathLike[str], task: Task) -> Data:
    """The data of a task; UserError if its columns are not the task's."""
    data = Data.load(path)
    inputs = getattr(task.source, "inputs", data.inputs)
    if data.inputs != inputs:
        raise UserError(
            f"{path}: has the inputs {', '.join(data.inputs)} but task '{task.name}' has "
            f"{', '.join(inputs)}; make its data again"
        )
    return data
