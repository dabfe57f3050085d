"""Weights and biases of given formulas, the losses of the layers, and the fitness."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.program import Program
from srnet.model.logistic import classes_of, fit_logits
from srnet.model.srnet import SRNet, _blocks, _columns, _finite, _mean_cross_entropy, _squares
from srnet.networks.layers import Layers
from srnet.typing import Floats


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
    """``fit``, with the losses of the model on the way."""
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
                losses.append(_mean_cross_entropy(np.outer(f, w) + b, h, np.outer(g, w) + b, k))
            else:
                w, b = least_squares(f, h)
                losses.append(
                    _finite((_squares(f, w, b, h) + _squares(g, w, b, k)) / (h.size + k.size))
                )
            if not (np.isfinite(losses[-1]) and np.isfinite(w).all() and np.isfinite(b).all()):
                return None
            weights.append(w)
            biases.append(b)
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
