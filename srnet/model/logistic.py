"""Classification: the class of a row, softmax, cross-entropy, and its Newton fit to formulas, in
float64.

Logits are z·W + b with one bias per class. A class that no row has would want a bias
of minus infinity: it becomes the shadow of the most frequent class, with the same weight and a bias
lower by ``SHADOW``, so that it is never predicted and its probability is lost in float64's
rounding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.typing import Floats

Numbers = NDArray[np.int64]

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


def mean_cross_entropy(*parts: tuple[Floats, NDArray[Any]]) -> float:
    """Mean cross-entropy of logits (n × k) against the classes that a network's outputs (n × k)
    predict, over the rows of all parts."""
    total = sum(row_losses(logits, classes_of(outputs)).sum() for logits, outputs in parts)
    return float(total / sum(len(outputs) for _, outputs in parts))


def fit_logits(f: Sequence[Floats], classes: Numbers, count: int) -> tuple[Floats, Floats]:
    """W (formulas × ``count``) and b (``count`` values), each row of sum 0, of the least
    cross-entropy of the logits z·W + b.

    Newton's method on the multinomial logistic loss, from W = 0 and the logarithms of the classes'
    frequencies, which a constant f keeps (Luo et al. 2022, section 3). The formulas are
    standardised for it; the most frequent class is the reference.

    Parameters
    ----------
    f
        The formulas' values, n each.
    classes
        The class of each row, n values.
    """
    rows = np.bincount(classes, minlength=count)
    present = np.flatnonzero(rows)
    reference = present[np.argmax(rows[present])]
    free = present[present != reference]
    w, b = np.zeros((len(f), count)), np.zeros(count)
    b[free] = np.log(rows[free] / rows[reference])
    means, spreads, varying, columns = [], [], [], []
    for i, values in enumerate(f):
        mean = values.mean()
        centred = values - mean
        peak = np.abs(centred).max()
        spread = peak * np.sqrt(np.mean(np.square(centred / peak))) if peak > 0 else 0.0
        # below this the spread of f is rounding noise, as in the least squares fit
        if spread > 1e-12 * abs(mean):
            varying.append(i)
            means.append(mean)
            spreads.append(spread)
            columns.append(centred / spread)
    if free.size and varying:
        start = np.column_stack([b[free], np.zeros((free.size, len(varying)))])
        theta = _newton(columns, classes, free, start)
        b[free] = theta[:, 0]
        with np.errstate(over="ignore", invalid="ignore"):
            for j, i in enumerate(varying):
                w[i, free] = theta[:, j + 1] / spreads[j]
                b[free] = b[free] - theta[:, j + 1] * (means[j] / spreads[j])
    absent = np.flatnonzero(rows == 0)
    w[:, absent], b[absent] = w[:, [reference]], b[reference] - SHADOW
    return w - w.mean(axis=1, keepdims=True), b - b.mean()


def _newton(z: Sequence[Floats], classes: Numbers, free: Numbers, theta: Floats) -> Floats:
    """Biases and weights (columns) of the ``free`` classes at the least cross-entropy; the
    reference has neither."""
    design = np.stack([np.ones_like(z[0]), *z])
    first, second = np.triu_indices(len(design))
    products = design[first] * design[second]
    place = np.zeros((len(design), len(design)), dtype=np.int64)
    place[first, second] = place[second, first] = np.arange(len(products))
    member = (classes == free[:, None]).astype(np.float64)
    wanted = np.einsum("cn,an->ca", member, design)

    def evaluate(theta: Floats) -> tuple[float, Floats]:
        """The loss, summed over the rows, and the probabilities of the free classes (free × n)."""
        logits = np.einsum("ca,an->cn", theta, design)
        top = np.maximum(logits.max(axis=0), 0.0)
        powers = np.exp(logits - top)
        total = powers.sum(axis=0) + np.exp(-top)
        return float((np.log(total) + top).sum() - (theta * wanted).sum()), powers / total

    loss, p = evaluate(theta)
    for _ in range(STEPS):
        gradient = (np.einsum("cn,an->ca", p, design) - wanted).ravel()
        # Σ p_c (δ_cd − p_d) z_a z_b, of which the Hessian is made; no BLAS, whose sums depend on
        # the number of threads
        moments = -np.einsum("cn,dn,en->cde", p, p, products)
        moments[range(free.size), range(free.size)] += np.einsum("cn,en->ce", p, products)
        hessian = moments[:, :, place].transpose(0, 2, 1, 3).reshape(gradient.size, gradient.size)
        matrix = hessian + DAMPING * len(classes) * np.eye(gradient.size)
        step = np.linalg.solve(matrix, gradient).reshape(theta.shape)
        if not 0.5 * (step.ravel() * gradient).sum() > TOLERANCE * len(classes):
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
