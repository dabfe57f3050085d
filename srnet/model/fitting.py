"""Weights and biases of given formulas, the losses of the layers, and the fitness."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.io.files import finite_or_none
from srnet.metrics import column_means, normalised_error, r_squared
from srnet.model.logistic import (
    classes_of,
    fit_logits,
    fit_shares,
    mean_cross_entropy,
    probabilities,
)
from srnet.model.losses import SQUARED, RowLoss, reweight
from srnet.model.regression import back_substitute, orthogonalise, weigh
from srnet.model.srnet import SRNet, join
from srnet.networks.layers import Layers
from srnet.typing import Floats

# Numbers of a layer that are worked on at a time.
_BLOCK = 2**16
# How far a loss that a run tells may be from the one of its formulas, relatively, and as a share of
# the layer's mean square: processors differ in the last bits of a function.
TOLERANCE, NOISE = 1e-3, 1e-12


def fit(
    programs: Sequence[Sequence[Program]],
    layers: Layers,
    task: str = "network",
    loss: str = "mse",
    reads: str = "units",
    targets: str = "classes",
    robust: RowLoss = SQUARED,
) -> SRNet | None:
    """The model of the given formulas by layer, each Wᵢ, bᵢ fitted to the network's hᵢ on the
    training rows.

    The loss is quadratic in (W, b), so the Newton step is least squares: for one formula
    w = cov(f, h)/var(f), b = mean(h) − w·mean(f) (Luo et al. 2022, section 3). With the loss
    ``cross_entropy`` the output layer is fitted to the ``targets``: the ``classes`` that the
    network predicts, or its ``probabilities`` (:mod:`srnet.model.logistic`); with a ``robust``
    loss, to its values by that. Weights of the layers' rows count in all of them. Float64
    throughout. None where a formula is not finite on every training and validation row.
    """
    fitted = fit_and_measure(programs, layers, task, loss, reads, targets, robust=robust)
    return None if fitted is None else fitted[0]


class LayerFit(NamedTuple):
    """The fit of a layer's formulas.

    Attributes
    ----------
    weights, biases, loss
        Of the layer.
    train, valid
        The values of every formula on the training and on the validation rows.
    """

    weights: Floats
    biases: Floats
    loss: float
    train: list[Floats]
    valid: list[Floats]


class FitCache:
    """The latest fits of one search's layers, by the formulas of the layer and those before it.

    Composites that a search judges one after the other differ in one layer or two.
    """

    def __init__(self, size: int = 16) -> None:
        self._size = size
        self._fits: dict[tuple[tuple[Program, ...], ...], LayerFit] = {}

    def find(self, programs: Sequence[Sequence[Program]]) -> LayerFit | None:
        """The fit of the last layer of these; None where it is not among the latest."""
        key = tuple(map(tuple, programs))
        found = self._fits.pop(key, None)
        if found is not None:
            self._fits[key] = found  # the latest again
        return found

    def keep(self, programs: Sequence[Sequence[Program]], fitted: LayerFit) -> None:
        """Add a fit, in the place of the one that was needed last."""
        self._fits[tuple(map(tuple, programs))] = fitted
        if len(self._fits) > self._size:
            del self._fits[next(iter(self._fits))]


def fit_and_measure(
    programs: Sequence[Sequence[Program]],
    layers: Layers,
    task: str = "network",
    loss: str = "mse",
    reads: str = "units",
    targets: str = "classes",
    cache: FitCache | None = None,
    robust: RowLoss = SQUARED,
) -> tuple[SRNet, list[float]] | None:
    """``fit``, and the losses of the model, with any ``robust`` loss the mean squared errors; a
    ``cache`` is one of calls that differ in their programs alone."""
    cache = FitCache(1) if cache is None else cache
    fits: list[LayerFit] = []
    with np.errstate(all="ignore"):
        for i in range(len(programs)):
            fitted = cache.find(programs[: i + 1])
            if fitted is None:
                inputs = _inputs(programs[i], fits, layers, reads)
                is_output = i + 1 == len(programs)
                logits = loss == "cross_entropy" and is_output
                fitted = _fit_layer(
                    programs[i],
                    inputs,
                    layers,
                    i + 1,
                    targets if logits else None,
                    robust if is_output else SQUARED,
                )
                if fitted is None:
                    return None
                cache.keep(programs[: i + 1], fitted)
            fits.append(fitted)
    weights, biases, losses = zip(
        *((fit.weights, fit.biases, fit.loss) for fit in fits), strict=True
    )
    parts = tuple(map(tuple, programs)), weights, biases
    # a model knows no robust loss: its output is what it is
    link = "cross_entropy" if loss == "cross_entropy" else "mse"
    return SRNet(*parts, task, link, reads, targets=targets), list(losses)


def _inputs(
    formulas: Sequence[Program], below: Sequence[LayerFit], layers: Layers, reads: str
) -> tuple[Floats, Floats]:
    """What a layer's formulas read, on the training and on the validation rows: the network's
    inputs, or what the fitted layers below say."""
    if not below:
        train, valid = layers.splits["train"][0], layers.splits["valid"][0]
        return train.astype(np.float64), valid.astype(np.float64)
    fit = below[-1]
    if reads == "scalars":
        return np.column_stack(fit.train), np.column_stack(fit.valid)
    used = sorted({j for formula in formulas for j in formula.used_inputs()})
    return (
        _columns(fit.train, fit.weights, fit.biases, used),
        _columns(fit.valid, fit.weights, fit.biases, used),
    )


def _fit_layer(
    formulas: Sequence[Program],
    inputs: tuple[Floats, Floats],
    layers: Layers,
    number: int,
    targets: str | None,
    robust: RowLoss,
) -> LayerFit | None:
    """Fit the formulas of a layer by least squares or a robust loss, or to ``targets`` as logits;
    None where something is not finite."""
    f, g = ([formula(values) for formula in formulas] for values in inputs)
    if not all(np.isfinite(values).all() for values in (*f, *g)):
        return None
    h, k = layers.splits["train"][number], layers.splits["valid"][number]
    weights, others = layers.row_weights("train"), layers.row_weights("valid")
    if targets is not None:
        w, b = fit_classifier(f, h, targets, weights)
        error = mean_cross_entropy(
            (join(f, w, b), h, weights), (join(g, w, b), k, others), targets=targets
        )
    else:
        w, b = least_cost(f, h, replace(robust, weights=weights))
        total = _squares(f, w, b, h, weights) + _squares(g, w, b, k, others)
        error = total / (_count(h, weights) + _count(k, others))
    if not (np.isfinite(error) and np.isfinite(w).all() and np.isfinite(b).all()):
        return None
    return LayerFit(w, b, error, f, g)


def fit_classifier(
    f: Sequence[Floats], h: NDArray[Any], targets: str, weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """W (formulas × k) and b (k values) of the logits z·W + b of the least cross-entropy; f: n
    values of each formula, h: the network's outputs, n × k, whose ``classes`` or ``probabilities``
    are the targets; weights: of the n rows."""
    if targets == "probabilities":
        return fit_shares(f, probabilities(h), weights=weights)
    return fit_logits(f, classes_of(h), h.shape[1], weights)


def least_cost(f: Sequence[Floats], h: NDArray[Any], loss: RowLoss) -> tuple[Floats, Floats]:
    """W (formulas × k) and b of the least mean cost of h ≈ z·W + b, as of :func:`least_squares`."""

    def fit_squares(weights: Floats | None) -> tuple[tuple[Floats, Floats], Floats]:
        w, b = least_squares(f, h, weights)
        return (w, b), h if loss.name == "mse" else h - join(f, w, b)

    return reweight(fit_squares, loss)[0]


def least_squares(
    f: Sequence[Floats], h: NDArray[Any], weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """W (formulas × k) and b of the best h ≈ z·W + b; f: n values of each formula, h: n × k,
    weights: of the n rows, None where all count alike.

    A formula that is constant, or linear in those before, gets the weights 0.
    """
    means = [np.average(values, weights=weights) for values in f]
    mean_h = column_means(h, weights)
    centred = np.column_stack([values - mean for values, mean in zip(f, means, strict=True)])
    centred = weigh(centred, weights)
    for column, mean in zip(centred.T, means, strict=True):
        # not BLAS, which shares long sums among threads: the result would depend on their number
        square = np.einsum("i,i->", column, column)
        # below this the spread of f is rounding noise
        if square <= 1e-24 * _count(column, weights) * (mean * mean):
            column[:] = 0.0
    parts, squares, shares = orthogonalise(centred)
    wanted = np.zeros((len(f), h.shape[1]))
    for i, square in enumerate(squares):
        if square:
            wanted[i] = (
                sum(
                    (
                        np.einsum(
                            "i,ij->j",
                            parts[rows, i],
                            weigh(h[rows] - mean_h, None if weights is None else weights[rows]),
                        )
                        for rows in _blocks(h)
                    ),
                    np.zeros(h.shape[1]),
                )
                / square
            )
    w = back_substitute(shares, wanted)
    b = mean_h
    for row, mean, square in zip(w, means, squares, strict=True):
        if square:
            b = b - row * mean
    return w, b


def fitness(losses: Sequence[float]) -> float:
    """Loss of the output layer + mean of the hidden layers' MSE (Luo et al. 2022, section 3)."""
    hidden = losses[:-1]
    return float(losses[-1] + (sum(hidden) / len(hidden) if hidden else 0.0))


def output_cost(model: SRNet, layers: Layers, robust: RowLoss) -> float:
    """The mean cost of a model's output over training and validation rows, by their weights."""
    left = model.layers(layers.values(0))[-1] - layers.values(-1)
    return replace(robust, weights=layers.row_weights("train", "valid")).mean(left)


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
    if model.widths != layers.widths:
        raise UserError(
            f"the run explains layers of the widths {model.widths}, the layers have "
            f"{layers.widths}; they must be equal"
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
        output_loss = RowLoss.from_settings(run.get("settings", {}))
        measured["fitness"] = fitness(losses)
        if output_loss.name != "mse":
            cost = output_cost(model, layers, output_loss)
            measured["fitness"] = fitness([*losses[:-1], cost])
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
    output, weights = layers.values(-1), layers.row_weights("train", "valid")
    return {
        "normalised": normalised_error(losses[-1], output, weights),
        "r2": r_squared(losses[-1], output, weights),
        "accuracy": None,
    }


def _squares(
    f: Sequence[Floats], w: Floats, b: Floats, h: NDArray[Any], weights: Floats | None
) -> float:
    """Σ(z·W + b − h)², each row times its weight, without an array as large as that of a wide
    layer."""
    return float(
        sum(
            np.square(
                weigh(
                    join([values[rows] for values in f], w, b) - h[rows],
                    None if weights is None else weights[rows],
                )
            ).sum()
            for rows in _blocks(h)
        )
    )


def _count(values: NDArray[Any], weights: Floats | None) -> float:
    """How many values, rows first, there are; each counts by the weight of its row."""
    return values.size if weights is None else float(weights.sum()) * math.prod(values.shape[1:])


def _columns(f: Sequence[Floats], w: Floats, b: Floats, used: Sequence[int]) -> Floats:
    """z·W + b (n × k), of which only the columns that are used are made."""
    units = np.empty((f[0].size, b.size), order="F")
    for column in used:
        units[:, column] = join(f, w[:, [column]], b[[column]])[:, 0]
    return units


def _blocks(h: NDArray[Any]) -> list[slice]:
    """The rows in parts that stay in the cache."""
    size = max(1, _BLOCK // h.shape[1])
    return [slice(first, first + size) for first in range(0, len(h), size)]
