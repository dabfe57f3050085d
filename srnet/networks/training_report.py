"""What ``network.json`` tells of a trained network: its settings, its quality and warnings."""

from typing import Any

import numpy as np

from srnet._version import __version__
from srnet.data.dataset import Data
from srnet.data.tasks import Task
from srnet.io.software import software
from srnet.metrics import r_squared
from srnet.networks.mlp import CONSTANT_SPREAD, Network
from srnet.typing import Floats

HISTORY_POINTS = 2000
LEARNED_R2 = 0.5


def training_report(
    task: Task, data: Data, network: Network, epochs: int, history: Floats
) -> dict[str, Any]:
    """Sizes, settings, losses, R² (or accuracy, share of the largest class and number of predicted
    classes), warnings and the loss by epoch.

    A network is called constant if its output's standard deviation is at most 1e-3 of the target's,
    or if it predicts one class. It failed to learn if its R² on the training rows is less than 0.5,
    or its accuracy over all rows is no more than the share of the largest class; it failed to
    generalise if that holds of the rows held out alone.

    Parameters
    ----------
    epochs
        Of the training.
    history
        The mean loss of the batches of every epoch, each before its own step. Of more than 2000
        epochs, 2000 are kept, evenly spaced with the first and the last: ``history[j]`` is that of
        epoch ``history_epochs[j]``.
    """
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
        "version": __version__,
        "software": software("numpy", "torch"),
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
        value = "undefined" if r2 is None else f"{r2:.3g}"
        warnings.append(
            f"failed to learn: its R² on the training rows is {value}, less than {LEARNED_R2}"
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
