"""The network that is explained: a sigmoid multilayer perceptron, its training and its hidden layers.

Training is plain NumPy: networks of a dozen neurons spend their time in calls, not in arithmetic, and a step written out
on preallocated float32 arrays takes half the time of the same step in torch. torch only writes and reads ``network.pt``.
"""

import importlib.metadata
import math
import os
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.boundary import boundary_points
from srnet.errors import UserError
from srnet.files import write_json, writing
from srnet.layers import Layers, Values, check_unpacked
from srnet.tasks import Data, Floats, Kind, Task, load_task

HISTORY_POINTS = 2000
LEARNED_R2 = 0.5
CONSTANT_SPREAD = 1e-3

Progress = Callable[[Iterable[int]], Iterable[int]]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, np.float32(0)),
    "identity": lambda z: z,
}


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron: hidden layers, then a linear output (regression) or a softmax (classification).

    Attributes
    ----------
    weights, biases
        Of every layer, output layer last: float32, k_i × k_(i-1) and k_i.
    kind
        regression or classification.
    mean, std
        Of every input, if the first layer reads (x - mean) / std; else None.
    activation
        Of the hidden layers, one of ``ACTIVATIONS``; ``train`` makes sigmoid networks.
    """

    weights: tuple[Values, ...]
    biases: tuple[Values, ...]
    kind: Kind
    mean: Floats | None = None
    std: Floats | None = None
    activation: str = "sigmoid"

    @property
    def sizes(self) -> list[int]:
        """Number of inputs, neurons of each hidden layer, number of outputs."""
        return [self.weights[0].shape[1], *(len(bias) for bias in self.biases)]

    def layers(self, x: NDArray[np.floating[Any]]) -> list[Values]:
        """``[x, h1, …, hL, y]``, float32, rows first, of inputs in their own units (n × d).

        The x returned is what the first layer reads: standardised if the network standardises. y is n × k, probabilities
        if it classifies.
        """
        values = [self._read(x)]
        with np.errstate(over="ignore"):  # exp(-z) may overflow: the sigmoid is then 0
            for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
                values.append(ACTIVATIONS[self.activation](values[-1] @ weight.T + bias))
        y = values[-1] @ self.weights[-1].T + self.biases[-1]
        values.append(_softmax(y, axis=1) if self.kind == "classification" else y)
        return values

    def predict(self, x: NDArray[np.floating[Any]]) -> Values:
        """The output (n × k) at inputs in their own units (n × d)."""
        return self.layers(x)[-1]

    def _read(self, x: NDArray[np.floating[Any]]) -> Values:
        if x.ndim != 2 or x.shape[1] != self.sizes[0]:
            raise UserError(
                f"the network reads {self.sizes[0]} input(s), but the data has the shape {x.shape}; take its own data"
            )
        if self.mean is not None and self.std is not None:
            x = (x - self.mean) / self.std
        return np.asarray(x, np.float32)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``network.pt``, whole or not at all: a dict of tensors that ``torch.load(..., weights_only=True)`` reads.

        ``layers.{i}.weight`` and ``layers.{i}.bias`` from i = 0; ``scaler.mean`` and ``scaler.std`` if the inputs are
        standardised; ``softmax``, whether the network classifies.
        """
        import torch

        state = {}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            state[f"layers.{i}.weight"] = torch.tensor(weight)
            state[f"layers.{i}.bias"] = torch.tensor(bias)
        if self.mean is not None and self.std is not None:
            state["scaler.mean"] = torch.tensor(self.mean)
            state["scaler.std"] = torch.tensor(self.std)
        state["softmax"] = torch.tensor(self.kind == "classification")
        with writing(path, "wb") as file:
            torch.save(state, file)


def load_network(path: str | os.PathLike[str], activation: str = "sigmoid") -> Network:
    """Read ``network.pt``; nothing in it is executed.

    The state dict of a ``torch.nn.Sequential`` of Linear modules and activations is read too: pairs of weight and bias, in
    their order. Such a file does not tell the activation of the hidden layers, so ``activation`` names it.

    Raises
    ------
    UserError
        If the file is missing, is not a dict of tensors, or has layers whose sizes do not fit or values that are not finite.
    """
    if activation not in ACTIVATIONS:
        raise UserError(f"unknown activation '{activation}'; known are {', '.join(ACTIVATIONS)}")
    arrays = _read_tensors(path)
    mean, std, softmax = (arrays.pop(key, None) for key in ("scaler.mean", "scaler.std", "softmax"))
    weights = [value.astype(np.float32) for key, value in arrays.items() if key.endswith("weight")]
    biases = [value.astype(np.float32) for key, value in arrays.items() if key.endswith("bias")]
    if not weights or not len(weights) == len(biases) == len(arrays) / 2:
        raise UserError(f"{path}: has the tensors {', '.join(arrays) or '(none)'}; a weight and a bias of every layer are needed")
    width = inputs = weights[0].shape[-1] if weights[0].ndim else 0
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1] or not weight.size:
            raise UserError(
                f"{path}: layer {i} reads {width} value(s), but its weight is {weight.shape} and its bias {bias.shape}"
            )
        width = len(bias)
    if mean is not None or std is not None:
        if mean is None or std is None or not mean.shape == std.shape == (inputs,):
            raise UserError(f"{path}: 'scaler.mean' and 'scaler.std' must both have {inputs} value(s), one for each input")
        if not (std > 0).all():
            raise UserError(f"{path}: 'scaler.std' has a value that is not positive; every one must be")
    if not all(np.isfinite(values).all() for values in (*weights, *biases, mean, std) if values is not None):
        raise UserError(f"{path}: has a value that is not finite; every weight must be")
    if softmax is not None and softmax.size != 1:
        raise UserError(f"{path}: 'softmax' has the shape {softmax.shape}; one truth value is needed")
    kind: Kind = "classification" if softmax else "regression"
    return Network(tuple(weights), tuple(biases), kind, mean, std, activation)


def _read_tensors(path: str | os.PathLike[str]) -> dict[str, Floats]:
    import torch

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_unpacked(archive, path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        for key, value in state.items():
            # a tensor may repeat one number as often as it says
            if value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise UserError(f"{path}: '{key}' has {value.numel()} elements, more than the file holds")
        return {str(key): value.detach().to(torch.float64).numpy() for key, value in state.items()}
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # torch raises much, also to refuse a pickle of anything but tensors
        raise UserError(
            f"{path}: is not a dict of tensors that torch.load reads with weights_only=True ({type(error).__name__})"
        ) from error


def _softmax(z: Values, axis: int) -> Values:
    shifted = np.exp(z - z.max(axis=axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axis, keepdims=True), np.float32)


class Backpropagation:
    """Loss and gradient of a batch of n rows, on arrays made once.

    Rows of data are columns here, and every layer's values carry a last row of ones, so that weight and bias are one matrix
    (k_i × k_(i-1) + 1) and a layer costs one product.

    Parameters
    ----------
    matrices, gradients
        Weight and bias of every layer, read; the gradient of the mean loss, written.
    """

    def __init__(self, matrices: list[Values], gradients: list[Values], rows: int, kind: Kind) -> None:
        self.gradients = gradients
        self.kind = kind
        self.output = matrices[-1]
        outputs = len(self.output)
        self.delta = np.empty((outputs, rows), np.float32)
        self.scale = np.float32(1 / rows if kind == "classification" else 2 / (rows * outputs))
        self.forward = []
        self.backward = []
        for matrix, following, gradient in zip(matrices[:-1], matrices[1:], gradients[1:], strict=True):
            values = np.ones((len(matrix) + 1, rows), np.float32)
            hidden = values[:-1]
            self.forward.append((matrix, hidden, values))
            self.backward.append((following[:, :-1].T, gradient, values.T, hidden, np.empty_like(hidden), np.empty_like(hidden)))
        self.backward.reverse()

    def __call__(self, x: Values, y: Values) -> float:
        """Write the gradient at x (k_0 + 1 × n, last row ones) and y (k × n, classes as 0, 1); return the rows' summed loss."""
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
            loss = -float(np.log(np.maximum((delta * y).sum(axis=0), np.finfo(np.float32).tiny)).sum())
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

    The moments are kept undivided by 1 - β, which saves two products a step; the factors below put that right.
    """
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    decay1, decay2 = np.float32(beta1), np.float32(beta2)
    first, second, change = np.zeros_like(gradient), np.zeros_like(gradient), np.empty_like(gradient)
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


def train(task: Task, data: Data, epochs: int | None = None, progress: Progress = iter) -> tuple[Network, dict[str, Any]]:
    """Train the network of a task on ``data.train_x``, a pure function of (task, data, epochs) on one machine.

    Mean squared error (regression) or cross-entropy (classification), float32, rows reshuffled every epoch, weights and
    biases started uniform in ±1/√(values read), one thread.

    Parameters
    ----------
    task
        Its network's settings and seed are used.
    data
        The rows, as ``srnet.tasks.make_data`` gives them.
    epochs
        In place of the task's own.
    progress
        Wraps the iterable of epochs, as ``tqdm.tqdm`` does.

    Returns
    -------
    The network, and the report that ``network.json`` holds: sizes, settings, losses, R² (or accuracy, share of the largest
    class and number of predicted classes), warnings and the loss by epoch. ``history[j]`` is the mean loss of the batches of
    epoch ``history_epochs[j]``, each before its own step; of more than 2000 epochs, 2000 are kept, evenly spaced with the
    first and the last. A network is called constant if its output's standard deviation is at most 1e-3 of the target's, or
    if it predicts one class; it failed to learn if its training R² is less than 0.5, or its accuracy over all rows is no
    more than the share of the largest class; it failed to generalise if that holds of the rows held out alone.

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
        raise UserError(f"task '{task.name}' is a {task.kind}, but its data has {len(data.classes)} classes; make its data again")
    start = time.perf_counter()
    outputs = len(data.classes) or 1
    sizes = [data.train_x.shape[1], *task.network.hidden, outputs]
    mean = std = None
    x = data.train_x
    if task.network.standardise:
        mean, std = data.scaler
        x = data.standardised(x)
    y = np.eye(outputs)[data.train_y[:, 0].astype(int)] if data.classes else data.train_y
    # One thread: the sums then run in one order everywhere, and these products are too small to share.
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


def _fit(task: Task, sizes: list[int], x: Floats, y: Floats, epochs: int, progress: Progress) -> tuple[list[Values], Floats]:
    """The trained matrices (weight, bias), and the mean loss of every epoch."""
    settings = task.network
    rng = np.random.default_rng(task.seed)
    shapes = [(wide, below + 1) for below, wide in zip(sizes[:-1], sizes[1:], strict=True)]
    # The optimiser sees one flat vector, the layers see their parts of it.
    parameters = np.concatenate([rng.uniform(-1, 1, a * b) / math.sqrt(b - 1) for a, b in shapes]).astype(np.float32)
    gradient = np.zeros_like(parameters)
    matrices, gradients = _parts(parameters, shapes), _parts(gradient, shapes)
    step = _OPTIMISERS[settings.optimiser](parameters, gradient, settings.lr)

    rows = len(x)
    ordered_x = np.vstack([x.T, np.ones((1, rows))]).astype(np.float32)
    ordered_y = np.ascontiguousarray(y.T, np.float32)
    shuffled_x, shuffled_y = np.empty_like(ordered_x), np.empty_like(ordered_y)
    batches = []
    backpropagations: dict[int, Backpropagation] = {}  # by number of rows: the last batch may be smaller
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
        np.take(ordered_x, order, 1, shuffled_x, "clip")  # "clip" writes straight into the array, "raise" into a copy
        np.take(ordered_y, order, 1, shuffled_y, "clip")
        loss = 0.0
        for backpropagation, batch_x, batch_y in batches:
            loss += backpropagation(batch_x, batch_y)
            step()
        history[epoch] = loss / rows
        if not math.isfinite(loss):
            raise UserError(
                f"the network of task '{task.name}' diverged in epoch {epoch + 1} with lr {settings.lr}; choose a smaller lr"
            )
    if not np.isfinite(parameters).all():
        raise UserError(
            f"the network of task '{task.name}' diverged in epoch {epochs} with lr {settings.lr}; choose a smaller lr"
        )
    return matrices, history


def _parts(flat: Values, shapes: list[tuple[int, int]]) -> list[Values]:
    ends = np.cumsum([a * b for a, b in shapes])
    return [flat[end - a * b : end].reshape(a, b) for end, (a, b) in zip(ends, shapes, strict=True)]


def _report(task: Task, data: Data, network: Network, epochs: int, history: Floats) -> dict[str, Any]:
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
        "rows": {"train": len(data.train_x), "holdout": len(data.holdout_x), "dropped": data.dropped},
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
    r2 = r_squared(expected, predicted)
    scores = {
        "loss": "mse",
        "train_loss": float(np.mean((expected - predicted) ** 2)),
        "test_loss": float(np.mean((data.holdout_y - held_out) ** 2)),
        "r2_train": r2,
        "r2_test": r_squared(data.holdout_y, held_out),
    }
    warnings = []
    if predicted.std() <= CONSTANT_SPREAD * expected.std():
        warnings.append(
            f"constant network: its output's spread is at most {CONSTANT_SPREAD} of the target's on the training rows"
        )
    if r2 is None or r2 < LEARNED_R2:
        found = "undefined" if r2 is None else f"{r2:.3g}"
        warnings.append(f"failed to learn: its R² on the training rows is {found}, less than {LEARNED_R2}")
    return scores, warnings


def _classification_scores(data: Data, network: Network) -> tuple[dict[str, Any], list[str]]:
    probabilities, held_out = network.predict(data.train_x).astype(float), network.predict(data.holdout_x).astype(float)
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
        warnings.append(f"unseen class: none of the rows that trained it is of {', '.join(data.classes[i] for i in unseen)}")
    if scores["predicted_classes"] == 1:
        warnings.append(f"constant network: it predicts the class '{data.classes[predicted[0]]}' for every row")
    if right.mean() <= majority:
        warnings.append(
            f"failed to learn: its accuracy over all rows is {right.mean():.3g}, the share of the largest class {majority:.3g}"
        )
    elif scores["accuracy_test"] <= majority:
        warnings.append(
            f"failed to generalise: its accuracy on the rows held out is {scores['accuracy_test']:.3g}, "
            f"the share of the largest class {majority:.3g}"
        )
    return scores, warnings


def _cross_entropy(classes: Floats, probabilities: Floats) -> float:
    chosen = np.take_along_axis(probabilities, classes.astype(int), axis=1)
    return float(-np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean())


def r_squared(expected: Floats, predicted: Floats) -> float | None:
    """1 - squared error / squared deviation from the mean; None where the expected values are constant."""
    deviation = float(((expected - expected.mean()) ** 2).sum())
    return 1 - float(((expected - predicted) ** 2).sum()) / deviation if deviation > 0 else None


def _version() -> str:
    try:
        return importlib.metadata.version("srnet")
    except importlib.metadata.PackageNotFoundError:  # run from a folder, not installed
        return "unknown"


def extract(network: Network, data: Data, name: str, seed: int = 0) -> Layers:
    """The values of every layer on the rows that SRNet is fitted to and judged by.

    Of a regression: all rows (train), the validation points and the test points. Of a classification: the training rows and, after
    them, about 1000 points near the network's decision boundary, drawn in the box of the training rows (train); no validation
    rows; the rows held out (test). Its x is standardised also where the network reads inputs in their own units, so that formulas
    need not bridge orders of magnitude; ``data.standardised`` does the same to other rows.

    Parameters
    ----------
    seed
        Of the points near the decision boundary.
    """
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1), np.errstate(over="ignore"):
        if network.kind == "regression":
            points = {"train": data.x, "valid": data.valid_x, "test": data.test_x}
            return Layers({split: network.layers(x) for split, x in points.items()}, name=name)
        box = list(zip(data.train_x.min(axis=0).tolist(), data.train_x.max(axis=0).tolist(), strict=True))
        stream = np.random.default_rng(seed).spawn(4)[3]  # after the three that made the data
        near = boundary_points(network.predict, box, stream)
        points = {"train": np.concatenate([data.train_x, near]), "valid": data.valid_x, "test": data.holdout_x}
        splits = {split: [data.standardised(x).astype(np.float32), *network.layers(x)[1:]] for split, x in points.items()}
        return Layers(splits, name=name)


def write_network(
    data_file: str | os.PathLike[str],
    task_name: str,
    tasks_file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    report: str | os.PathLike[str],
    epochs: int | None = None,
    progress: Progress = iter,
) -> list[str]:
    """Train the network of a task; write ``network.pt`` and ``network.json``; return its warnings (command ``srnet train``)."""
    task = load_task(task_name, tasks_file)
    network, content = train(task, _load_data(data_file, task), epochs, progress)
    network.save(out)
    write_json(report, content)
    return list(content["warnings"])


def write_layers(
    network_file: str | os.PathLike[str],
    data_file: str | os.PathLike[str],
    task_name: str,
    tasks_file: str | os.PathLike[str],
    out: str | os.PathLike[str],
) -> None:
    """Write ``layers.npz``, the hidden layers of a network on the rows of a task (the command ``srnet layers``)."""
    task = load_task(task_name, tasks_file)
    extract(load_network(network_file), _load_data(data_file, task), task.name, task.seed).save(out)


def _load_data(path: str | os.PathLike[str], task: Task) -> Data:
    """The data of a task; UserError if its columns are not the task's."""
    data = Data.load(path)
    inputs = getattr(task.source, "inputs", data.inputs)
    if data.inputs != inputs:
        raise UserError(
            f"{path}: has the inputs {', '.join(data.inputs)} but task '{task.name}' has {', '.join(inputs)}; make its data again"
        )
    return data
