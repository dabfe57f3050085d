"""Weights and biases of given formulas, the losses of the layers, and the fitness."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.metrics import normalised_error, r_squared
from srnet.model.logistic import classes_of, fit_logits, mean_cross_entropy
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.typing import Floats

# Numbers of a layer that are worked on at a time.
_BLOCK = 2**16
# How far a loss that a run tells may be from the one of its formulas, relatively, and as a share of
# the layer's mean square: processors differ in the last bits of a function.
TOLERANCE, NOISE = 1e-3, 1e-12


def fit(
    programs: Sequence[Program], layers: Layers, task: str = "network", loss: str = "mse"
) -> SRNet | None:
    """The model of the given formulas, each wᵢ, bᵢ fitted to the network's hᵢ on the training rows.

    The loss is quadratic in (w, b) and f is one scalar, so the Newton step is univariate least
    squares: w = cov(f, h)/var(f), b = mean(h) − w·mean(f) (Luo et al. 2022, section 3). With the
    loss ``cross_entropy`` the output layer is fitted to the class that the network predicts
    (:func:`srnet.model.logistic.fit_logits`). Float64 throughout. None where a formula is not
    finite on every training and validation row.
    """
    fitted = fit_and_measure(programs, layers, task, loss)
    return None if fitted is None else fitted[0]


def fit_and_measure(
    programs: Sequence[Program], layers: Layers, task: str = "network", loss: str = "mse"
) -> tuple[SRNet, list[float]] | None:
    """``fit``, and the losses of the model."""
    train, valid = layers.splits["train"], layers.splits["valid"]
    x, z = train[0].astype(np.float64), valid[0].astype(np.float64)
    weights, biases, losses = [], [], []
    with np.errstate(all="ignore"):
        for i, program in enumerate(programs):
            f, g = program(x), program(z)
            if not (np.isfinite(f).all() and np.isfinite(g).all()):
                return None
            h, k = train[i + 1], valid[i + 1]
            if loss == "cross_entropy" and i + 1 == len(programs):
                w, b = fit_logits(f, classes_of(h), h.shape[1])
                error = mean_cross_entropy((np.outer(f, w) + b, h), (np.outer(g, w) + b, k))
            else:
                w, b = least_squares(f, h)
                error = (_squares(f, w, b, h) + _squares(g, w, b, k)) / (h.size + k.size)
            if not (np.isfinite(error) and np.isfinite(w).all() and np.isfinite(b).all()):
                return None
            weights.append(w)
            biases.append(b)
            losses.append(error)
            if i + 1 < len(programs):
                x, z = (_columns(values, w, b, programs[i + 1].used_inputs()) for values in (f, g))
    return SRNet(tuple(programs), tuple(weights), tuple(biases), task, loss), losses


def least_squares(f: Floats, h: NDArray[Any]) -> tuple[Floats, Floats]:
    """w and b of the best h ≈ f·w + b; f of n values, h n × k. A constant f gets w = 0."""
    mean_f, mean_h = f.mean(), h.mean(axis=0, dtype=np.float64)
    centred = f - mean_f
    # not BLAS, which shares long sums among threads: the result would depend on their number
    square = np.einsum("i,i->", centred, centred)
    # below this the spread of f is rounding noise
    if square <= 1e-24 * f.size * (mean_f * mean_f):
        return np.zeros(h.shape[1]), mean_h
    w = (
        sum(
            (np.einsum("i,ij->j", centred[rows], h[rows] - mean_h) for rows in _blocks(h)),
            np.zeros(h.shape[1]),
        )
        / square
    )
    return w, mean_h - w * mean_f


def fitness(losses: Sequence[float]) -> float:
    """Loss of the output layer + mean of the hidden layers' MSE (Luo et al. 2022, section 3)."""
    hidden = losses[:-1]
    return float(losses[-1] + (sum(hidden) / len(hidden) if hidden else 0.0))


def check_run(run: Mapping[str, Any], model: SRNet, layers: Layers) -> list[float]:
    """The losses of a run's model on the layers, with which what the run tells must agree.

    Compared are ``layer_losses``, ``fitness``, ``normalised``, ``r2``, ``accuracy`` and
    ``complexity``, but no fitness of an explanation, which is one of scaled outputs; the history
    and the Pareto front are believed.

    Raises
    ------
    UserError
        If the run is not one of these layers, or tells something else than its formulas give.
    """
    widths = [model.programs[0].inputs, *(weights.size for weights in model.weights)]
    if widths != layers.widths:
        raise UserError(
            f"the run explains layers of the widths {widths}, the layers have {layers.widths}; "
            f"they must be equal"
        )
    if run.get("layers_fingerprint") not in (None, layers.fingerprint()):
        raise UserError(
            "the run's 'layers_fingerprint' is not that of the layers; give the layers that the "
            "run was made from"
        )
    losses = model.losses(layers)
    noise = [NOISE * _mean_square(layers.values(i)) for i in range(1, len(losses) + 1)]
    if model.loss == "cross_entropy":
        noise[-1] = NOISE
    told = run.get("layer_losses") or losses
    if len(told) != len(losses):
        raise UserError(
            f"the run tells the losses of {len(told)} layers, and has formulas of {len(losses)}"
        )
    for i, (value, loss, least) in enumerate(zip(told, losses, noise, strict=True)):
        _compare(f"layer_losses.{i}", value, loss, least)
    measured: dict[str, float | None] = {"complexity": model.complexity}
    measured |= quality(model, losses, layers)
    if "output_scale" not in run:
        measured["fitness"] = fitness(losses)
    for key in measured.keys() & run.keys():
        _compare(key, run[key], measured[key], fitness(noise) if key == "fitness" else NOISE)
    return losses


def _compare(key: str, told: float | None, measured: float | None, least: float) -> None:
    """Refuse what a run tells where it differs by more than ``TOLERANCE`` and ``least``; a number
    that is not finite is None in a file."""
    told, measured = (
        None if value is None else finite_or_none(value) for value in (told, measured)
    )
    if told is None or measured is None:
        agree = told is measured
    else:
        agree = math.isclose(told, measured, rel_tol=TOLERANCE, abs_tol=least)
    if not agree:
        raise UserError(
            f"the run's '{key}' is {_shown(told)}, but its formulas give {_shown(measured)}; at "
            f"most {100 * TOLERANCE:g} % of difference is allowed"
        )


def _shown(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"


def _mean_square(values: NDArray[Any]) -> float:
    return float(np.mean(np.square(values, dtype=np.float64)))


def quality(model: SRNet, losses: Sequence[float], layers: Layers) -> dict[str, float | None]:
    """How well the output is met, as RUN.json tells it: its MSE over its variance and R²; where the
    loss is cross-entropy the share of rows with the network's class."""
    if model.loss == "cross_entropy":
        return {"normalised": None, "r2": None, "accuracy": model.accuracy(layers)}
    output = layers.values(-1)
    return {
        "normalised": normalised_error(losses[-1], output),
        "r2": r_squared(losses[-1], output),
        "accuracy": None,
    }


def _squares(f: Floats, w: Floats, b: Floats, h: NDArray[Any]) -> float:
    """Σ(f·w + b − h)², without an array as large as that of a wide layer."""
    return float(sum(np.square(np.outer(f[rows], w) + b - h[rows]).sum() for rows in _blocks(h)))


def _columns(f: Floats, w: Floats, b: Floats, used: Sequence[int]) -> Floats:
    """f·w + b (n × k), of which only the columns that are used are made."""
    values = np.empty((f.size, w.size), order="F")
    for column in used:
        values[:, column] = f * w[column] + b[column]
    return values


def _blocks(h: NDArray[Any]) -> list[slice]:
    """The rows in parts that stay in the cache."""
    size = max(1, _BLOCK // h.shape[1])
    return [slice(first, first + size) for first in range(0, len(h), size)]
