"""Classification: the class of a row, softmax, cross-entropy, and its Newton fit to formulas, in
float64.

Logits are z·W + b with one bias per class. They are fitted to the class that a network predicts, as
published (Luo et al. 2022, section 3), or to its probabilities. Where the formulas separate the
classes, the best weights for the former are infinite. For the latter they are not, and a small
penalty keeps many formulas from being fitted to few rows too closely.

A class that no row has would want a bias of minus infinity: it becomes the shadow of the most
frequent class, with the same weight and a bias lower by ``SHADOW``, so that it is never predicted
and its probability is lost in float64's rounding.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.threads import single_thread
from srnet.typing import Floats

Numbers = NDArray[np.int64]

# What logits are fitted to.
TARGETS = ("classes", "probabilities")

# Newton's method ends where its next step promises to lower the mean loss by no more than this.
# Classes that a formula separates have their optimum at infinity: every step there lowers the loss
# by a factor, so that it is about as small by then.
TOLERANCE = 1e-10
STEPS = 100
# A step that would not lower the loss is halved, so many times at most; what then remains is
# rounding.
HALVINGS = 30
# Added to the Hessian's diagonal, per row: the steps stay finite where it is singular, and the
# optimum stays where it is.
DAMPING = 1e-14
# Natural logarithm of how much less probable than the most frequent class is one without rows.
SHADOW = 40.0
# The sum of a row of probabilities may be so far from 1.
SUM_TOLERANCE = 1e-3
# Logits that formulas are searched for take probabilities below this as if they were equal to it.
LEAST_PROBABILITY = 1e-5
# To the mean divergence that is minimised, half of the sum of all squared weights of standardised
# formulas is added, times this.
PENALTY = 1e-5
# Up to so many columns sums are made without BLAS.
FEW_COLUMNS = 10


def classes_of(y: NDArray[Any]) -> Numbers:
    """The class that each row of a network's output (n × k) predicts: its largest value, the first
    of equals."""
    return np.asarray(np.argmax(y, axis=1), dtype=np.int64)


def softmax(logits: Floats) -> Floats:
    """Probabilities, n × k, of logits n × k."""
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def row_losses(logits: Floats, classes: Numbers) -> Floats:
    """Cross-entropy of every row, n values in nats: minus the logarithm of the probability of the
    row's class."""
    with np.errstate(all="ignore"):
        top = logits.max(axis=1, keepdims=True)
        own = np.take_along_axis(logits - top, classes[:, None], axis=1)[:, 0]
        return np.asarray(np.log(np.exp(logits - top).sum(axis=1)) - own)


def row_divergences(logits: Floats, outputs: NDArray[Any]) -> Floats:
    """The Kullback–Leibler divergence Σ p ln(p/q) of every row, n values in nats: of the softmax q
    of logits (n × k) from a network's probabilities p, its outputs (n × k).

    It is their cross-entropy less the part that no formula can lower, and so 0 where q = p.
    """
    p = probabilities(outputs)
    with np.errstate(all="ignore"):
        below = logits - logits.max(axis=1, keepdims=True)
        own = np.where(p > 0, p * (np.log(p) - below), 0.0).sum(axis=1)
        # rounding may leave less than 0
        return np.maximum(np.log(np.exp(below).sum(axis=1)) + own, 0.0)


def are_probabilities(outputs: NDArray[Any]) -> bool:
    """Whether outputs, n × k, are not negative and every row has the sum 1, but for rounding."""
    if not (outputs >= 0).all():  # infinities of both signs have no sum
        return False
    sums = outputs.sum(axis=1, dtype=np.float64)
    return bool((np.abs(sums - 1) <= SUM_TOLERANCE).all())


def probabilities(outputs: NDArray[Any]) -> Floats:
    """A network's outputs, n × k and not negative, scaled to the sum 1 of every row in float64."""
    p = outputs.astype(np.float64)
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def logits_of(outputs: NDArray[Any]) -> Floats:
    """The logarithms of probabilities, n × k, none of them below ``LEAST_PROBABILITY``; the sum of
    a row is 0."""
    logits = np.log(np.maximum(probabilities(outputs), LEAST_PROBABILITY))
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def explained_divergence(
    logits: Floats, outputs: NDArray[Any], weights: Floats | None = None
) -> float:
    """1 − the mean divergence of logits from a network's probabilities, divided by that of their
    mean: 1 where nothing diverges, 0 where the mean would be as good (Cameron and Windmeijer 1997).
    Minus infinity where a logit is not finite; 1 or 0 where the probabilities are constant.
    ``weights`` are those of the rows in all means."""
    with np.errstate(all="ignore"):
        mean = np.average(probabilities(outputs), axis=0, weights=weights)
        constant = np.log(mean) + np.zeros_like(logits)
    left, most = (
        float(np.average(row_divergences(values, outputs), weights=weights))
        for values in (logits, constant)
    )
    if not np.isfinite(left):
        return -np.inf
    return 1.0 - left / most if most > 1e-12 else float(left <= 1e-12)


def mean_cross_entropy(
    *parts: tuple[Floats, NDArray[Any], Floats | None], targets: str = "classes"
) -> float:
    """Mean loss of logits (n × k) against a network's outputs (n × k), over the rows of all parts,
    each with the weights of its rows (or None): cross-entropy against the classes that it predicts,
    or the divergence from its probabilities."""

    def total(logits: Floats, outputs: NDArray[Any], weights: Floats | None) -> float:
        if targets == "probabilities":
            losses = row_divergences(logits, outputs)
        else:
            losses = row_losses(logits, classes_of(outputs))
        return float((losses if weights is None else losses * weights).sum())

    count = sum(len(outputs) if weights is None else weights.sum() for _, outputs, weights in parts)
    return float(sum(total(*part) for part in parts) / count)


def fit_logits(
    f: Sequence[Floats], classes: Numbers, count: int, weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """:func:`fit_shares` to classes, n values below ``count``, and without a penalty: the class of
    a row has the whole share."""
    return fit_shares(f, (classes[:, None] == np.arange(count)).astype(np.float64), 0.0, weights)


def fit_shares(
    f: Sequence[Floats],
    shares: Floats,
    penalty: float = PENALTY,
    weights: Floats | None = None,
) -> tuple[Floats, Floats]:
    """W (formulas × k) and b (k values), each row of sum 0, of the least cross-entropy of the
    logits z·W + b.

    Newton's method on the multinomial logistic loss, from W = 0 and the logarithms of the classes'
    frequencies, which a constant f keeps (Luo et al. 2022, section 3). The formulas are
    standardised for it; the most frequent class is the reference.

    Parameters
    ----------
    f
        The formulas' values, n each.
    shares
        The share of each class in each row, n × k; the sum of a row is 1.
    penalty
        Times half of the squared weights of the standardised formulas, it adds to the mean loss.
    weights
        What each row counts, n values; None where all count alike.
    """
    times = np.ones(len(shares)) if weights is None else weights / weights.mean()
    counted = shares * times[:, None]
    rows = counted.sum(axis=0)
    count = len(rows)
    present = np.flatnonzero(rows)
    reference = present[np.argmax(rows[present])]
    free = present[present != reference]
    w, b = np.zeros((len(f), count)), np.zeros(count)
    b[free] = np.log(rows[free] / rows[reference])
    means, spreads, varying, columns = [], [], [], []
    for i, values in enumerate(f):
        mean = np.average(values, weights=weights)
        centred = values - mean
        peak = np.abs(centred).max()
        spread = 0.0
        if peak > 0:
            spread = peak * np.sqrt(np.average(np.square(centred / peak), weights=weights))
        # below this the spread of f is rounding noise, as in the least squares fit
        if spread > 1e-12 * abs(mean):
            varying.append(i)
            means.append(mean)
            spreads.append(spread)
            columns.append(centred / spread)
    if free.size and varying:
        start = np.column_stack([b[free], np.zeros((free.size, len(varying)))])
        # many columns need BLAS, whose sums depend on the number of threads
        many = len(columns) >= FEW_COLUMNS
        with single_thread() if many else contextlib.nullcontext():
            member = np.ascontiguousarray(counted[:, free].T)
            theta = _newton(columns, member, times, start, penalty)
        b[free] = theta[:, 0]
        with np.errstate(over="ignore", invalid="ignore"):
            for j, i in enumerate(varying):
                w[i, free] = theta[:, j + 1] / spreads[j]
                b[free] = b[free] - theta[:, j + 1] * (means[j] / spreads[j])
    absent = np.flatnonzero(rows == 0)
    w[:, absent], b[absent] = w[:, [reference]], b[reference] - SHADOW
    return w - w.mean(axis=1, keepdims=True), b - b.mean()


def _newton(
    z: Sequence[Floats], member: Floats, times: Floats, theta: Floats, penalty: float
) -> Floats:
    """Biases and weights (columns) of the classes whose shares, times those of the rows, are
    ``member`` (classes × n) at the least cross-entropy; the reference has neither. Rows count
    ``times``, n values of the mean 1."""
    design = np.stack([np.ones_like(z[0]), *z])
    rows = design.shape[1]
    wanted = np.einsum("cn,an->ca", member, design)
    # of weights less their mean over the classes, the reference's included, and of no bias
    centred = np.eye(len(member)) - 1.0 / (len(member) + 1)
    weights = np.arange(len(design)) > 0
    constant = DAMPING * rows * np.eye(theta.size) + penalty * rows * np.kron(
        centred, np.diag(weights)
    )

    def penalty_gradient(theta: Floats) -> Floats:
        """The penalty's gradient."""
        return penalty * rows * np.einsum("cd,da->ca", centred, theta) * weights

    def evaluate(theta: Floats) -> tuple[float, Floats]:
        """The loss, summed over the rows, and the penalty's; and the probabilities of the free
        classes (free × n)."""
        logits = np.einsum("ca,an->cn", theta, design)
        top = np.maximum(logits.max(axis=0), 0.0)
        powers = np.exp(logits - top)
        total = powers.sum(axis=0) + np.exp(-top)
        loss = ((np.log(total) + top) * times).sum() - (theta * wanted).sum()
        return float(loss + 0.5 * (theta * penalty_gradient(theta)).sum()), powers / total

    loss, p = evaluate(theta)
    for _ in range(STEPS):
        counted = p * times
        gradient = np.einsum("cn,an->ca", counted, design) - wanted + penalty_gradient(theta)
        gradient = gradient.ravel()
        hessian = _hessian(design, p, counted) + constant
        step = np.linalg.solve(hessian, gradient).reshape(theta.shape)
        if not 0.5 * (step.ravel() * gradient).sum() > TOLERANCE * rows:
            break
        for _ in range(HALVINGS):
            next_loss, next_p = evaluate(theta - step)
            if next_loss < loss:
                break
            step = step / 2
        else:
            break
        theta, loss, p = theta - step, next_loss, next_p
    return theta


def _hessian(design: Floats, p: Floats, counted: Floats) -> Floats:
    """Σ p_c (δ_cd − p_d) z_a z_b over the rows, a square matrix with a row for each (c, a); p_c of
    ``counted`` is times what the row counts.

    BLAS is ten times as fast where there are many columns.
    """
    classes, columns = len(p), len(design)
    if columns > FEW_COLUMNS:
        blocks = np.empty((classes, columns, classes, columns))
        for c in range(classes):
            for d in range(c, classes):
                shares = counted[c] * (float(c == d) - p[d])
                blocks[c, :, d] = blocks[d, :, c] = (design * shares) @ design.T
        return blocks.reshape(classes * columns, classes * columns)
    first, second = np.triu_indices(columns)
    products = design[first] * design[second]
    place = np.zeros((columns, columns), dtype=np.int64)
    place[first, second] = place[second, first] = np.arange(len(products))
    moments = -np.einsum("cn,dn,en->cde", counted, p, products)
    moments[range(classes), range(classes)] += np.einsum("cn,en->ce", counted, products)
    square = moments[:, :, place].transpose(0, 2, 1, 3)
    return square.reshape(classes * columns, classes * columns)
