"""The compiled kernel of a classifier's output layer: fit weights and biases to the network's
class, score by cross-entropy.

Points. Behind a first layer all inputs are affine functions of one number, the formula of the layer
before. Rows that share it are one point, with a count of rows and of each class. Points are in the
order of that number, so that neighbours have similar inputs.

Fit. With z the standardised formula, the loss Σ n ln Σ_c exp(w_c z + b_c) − Σ_c (w_c Z_c + b_c N_c)
needs of the classes no more than their numbers N_c and sums Z_c. It is minimised by Newton's method
(see :mod:`srnet.model.logistic`); the most frequent class is the reference.

Bound. ln Σ exp is convex, so bringing neighbouring points together at their mean, with the same
N_c and Z_c, raises the loss nowhere. Its minimum over ``FEW_GROUPS`` points tells nearly all
losers; the minimisation on all points starts at that over ``GROUPS`` points. The largest of the
three minima is a chromosome's loss, so one that exceeds the best of the layer on fewer points
cannot win, to the last bit.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import copy, njit
from srnet.cgp.vector_math import exp64, ln64
from srnet.model.logistic import DAMPING, HALVINGS, SHADOW, STEPS, TOLERANCE, classes_of
from srnet.search.kernels.population import (
    decode_offspring,
    evaluate,
    forget_graphs,
    is_repeated,
    refuse_offspring,
)
from srnet.search.kernels.sums import CHUNK
from srnet.typing import Floats

FEW_GROUPS, GROUPS = 64, 512
# The standard deviation of a formula below this share of its mean is rounding noise: it counts as
# constant.
_NOISE = 1e-7


@dataclass
class Classes:
    """What the output layer's formulas are fitted to: the class that the network predicts at each
    row.

    Attributes
    ----------
    labels
        The class of every row, training rows first, among those that training rows have: the most
        frequent is the last, and rows of a class without training rows count as it.
    present
        How many classes training rows have.
    extra
        What rows of classes without training rows cost beyond that, in nats: ``SHADOW`` each.
    train_rows, rows
        Training rows, and training and validation rows.
    """

    labels: NDArray[np.int64]
    present: int
    extra: float
    train_rows: int
    rows: int

    @property
    def elements(self) -> int:
        """The sum of cross-entropies divided by it is the loss."""
        return self.rows

    @classmethod
    def build(cls, train: NDArray[np.floating], valid: NDArray[np.floating]) -> "Classes":
        """From the network's output, n × k and m × k."""
        numbers = np.concatenate([classes_of(train), classes_of(valid)])
        rows = np.bincount(numbers[: len(train)], minlength=train.shape[1])
        present = np.flatnonzero(rows)
        rank = np.full(rows.size, present.size - 1)
        reference = present[np.argmax(rows[present])]
        rank[present[present != reference]] = np.arange(present.size - 1)
        return cls(
            rank[numbers].astype(np.int64),
            present.size,
            SHADOW * float(np.sum(rows[numbers] == 0)),
            len(train),
            len(numbers),
        )


class Points(NamedTuple):
    """The rows of a layer by its inputs: those of equal inputs are one point.

    Attributes
    ----------
    rows
        2 × points: training and validation rows.
    members
        2 × classes × points: the same by class.
    extra
        As of :class:`Classes`.
    """

    rows: Floats
    members: Floats
    extra: float

    @classmethod
    def single(cls, classes: Classes) -> "Points":
        """Every row is a point, in the order of rows."""
        return cls.tally(classes, np.arange(classes.rows), classes.rows)

    @classmethod
    def shared(
        cls, classes: Classes, f: NDArray[np.float32]
    ) -> tuple["Points", NDArray[np.float32]]:
        """Rows of equal f are a point, in the order of f; also the points' f."""
        # the first row of a point stands for it: zeros of both signs are equal
        _, rows, point_of = np.unique(f, return_index=True, return_inverse=True)
        return cls.tally(classes, point_of, rows.size), f[rows]

    @classmethod
    def tally(cls, classes: Classes, point_of: NDArray[np.int64], points: int) -> "Points":
        """From the point of every row."""
        valid = np.arange(classes.rows) >= classes.train_rows
        rows = np.bincount(valid * points + point_of, minlength=2 * points)
        cells = (valid * classes.present + classes.labels) * points + point_of
        members = np.bincount(cells, minlength=2 * classes.present * points)
        return cls(
            rows.reshape(2, points).astype(np.float64),
            members.reshape(2, classes.present, points).astype(np.float64),
            classes.extra,
        )


class LogisticWork(NamedTuple):
    """What one thread computes of a formula.

    Attributes
    ----------
    f, z
        By point: the formula, and the same standardised over training rows.
    coarse_z, coarse_rows
        Means and training rows of groups of neighbouring points; empty where none are formed.
    theta
        Of every class but the last, bias and weight of its logit as a function of z.
    """

    f: NDArray[np.float32]
    z: Floats
    coarse_z: Floats
    coarse_rows: Floats
    theta: Floats

    @classmethod
    def empty(cls, points: int, classes: int, groups: int = GROUPS) -> "LogisticWork":
        """For at most so many points, for the classes that training rows have, and for so many
        groups."""
        return cls(
            np.zeros(points, np.float32),
            np.zeros(points),
            np.zeros(groups),
            np.zeros(groups),
            np.zeros(2 * (classes - 1)),
        )


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def two_classes(z, rows, bias, weight, moments):  # type: ignore[no-untyped-def]
    """Σ n ln(1 + exp(wz + b)); to ``moments`` Σ n p, Σ n pz, Σ n p(1 − p), Σ n p(1 − p)z, Σ n p(1 −
    p)z²."""
    total, p0, p1, q0, q1, q2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(uint64(z.size)):
        x = z[i]
        logit = weight * x + bias
        power = exp64(-abs(logit))
        share = 1.0 / (1.0 + power)
        n = rows[i]
        total += n * (max(logit, 0.0) + ln64(1.0 + power))
        p = n * (share if logit >= 0.0 else power * share)
        p0 += p
        p1 += p * x
        q = n * (power * share * share)
        q0 += q
        q1 += q * x
        q2 += q * x * x
    moments[0], moments[1], moments[2], moments[3], moments[4] = p0, p1, q0, q1, q2
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def log_sums(z, rows, theta, gradient, hessian):  # type: ignore[no-untyped-def]
    """Σ n ln(1 + Σ_c exp(w_c z + b_c)) with its first and second derivatives by b_c, w_c of the
    classes but the last.

    ``theta`` and ``gradient`` are (b, w) class after class; ``hessian`` is its square.
    """
    free = theta.size // 2
    gradient[:] = 0.0
    hessian[:] = 0.0
    if free == 1:
        moments = np.empty(5)
        total = two_classes(z, rows, theta[0], theta[1], moments)
        gradient[0], gradient[1] = moments[0], moments[1]
        hessian[0, 0], hessian[0, 1], hessian[1, 0], hessian[1, 1] = (
            moments[2],
            moments[3],
            moments[3],
            moments[4],
        )
        return total
    total = 0.0
    p = np.empty((free, CHUNK))
    top = np.empty(CHUNK)
    sums = np.empty(CHUNK)
    for first in range(0, z.size, CHUNK):
        n = uint64(min(CHUNK, z.size - first))
        at = uint64(first)
        for i in range(n):
            top[i] = 0.0
        for c in range(free):
            b, w = theta[2 * c], theta[2 * c + 1]
            for i in range(n):
                logit = w * z[at + i] + b
                p[c, i] = logit
                top[i] = max(top[i], logit)
        for i in range(n):
            sums[i] = exp64(-top[i])
        for c in range(free):
            for i in range(n):
                power = exp64(p[c, i] - top[i])
                p[c, i] = power
                sums[i] += power
        for i in range(n):
            total += rows[at + i] * (top[i] + ln64(sums[i]))
            sums[i] = 1.0 / sums[i]
        for c in range(free):
            p0, p1, p2 = 0.0, 0.0, 0.0
            for i in range(n):
                p[c, i] *= sums[i]
                x = z[at + i]
                q = rows[at + i] * p[c, i]
                p0 += q
                p1 += q * x
                p2 += q * x * x
            gradient[2 * c] += p0
            gradient[2 * c + 1] += p1
            hessian[2 * c, 2 * c] += p0
            hessian[2 * c, 2 * c + 1] += p1
            hessian[2 * c + 1, 2 * c + 1] += p2
        for c in range(free):
            for d in range(c + 1):
                q0, q1, q2 = 0.0, 0.0, 0.0
                for i in range(n):
                    x = z[at + i]
                    q = rows[at + i] * p[c, i] * p[d, i]
                    q0 += q
                    q1 += q * x
                    q2 += q * x * x
                hessian[2 * d, 2 * c] -= q0
                hessian[2 * d, 2 * c + 1] -= q1
                if d < c:
                    hessian[2 * d + 1, 2 * c] -= q1
                hessian[2 * d + 1, 2 * c + 1] -= q2
    for a in range(theta.size):
        for e in range(a):
            hessian[a, e] = hessian[e, a]
    return total


@njit(cache=True, nogil=True)
def solve_positive(matrix, vector):  # type: ignore[no-untyped-def]
    """Overwrite ``vector`` with the solution of a symmetric positive definite system (Cholesky);
    False where it is not."""
    size = vector.size
    for i in range(size):
        for j in range(i + 1):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not value > 0.0:
                    return False
                matrix[i, i] = np.sqrt(value)
            else:
                matrix[i, j] = value / matrix[j, j]
    for i in range(size):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]
    return True


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def inner(a, b):  # type: ignore[no-untyped-def]
    """Σ aᵢbᵢ; BLAS would share long ones among threads, and the sum depend on their number."""
    total = a.dtype.type(0.0)
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def minimise(z, rows, class_sums, train_rows, start, worst, theta):  # type: ignore[no-untyped-def]
    """Newton's method from ``theta``, which it overwrites, or from ``start`` if the loss there
    exceeds ``worst``; the least loss.

    ``class_sums`` is (N_c, Z_c) class after class, as ``theta`` is (b_c, w_c). Grouped points may
    have no least loss: the search for it ends below 0, less than any sum of cross-entropies.
    """
    size = theta.size
    gradient, step, trial = np.empty(size), np.empty(size), np.empty(size)
    hessian = np.empty((size, size))
    loss = log_sums(z, rows, theta, gradient, hessian) - inner(theta, class_sums)
    if not loss <= worst:
        copy(start, theta)
        loss = log_sums(z, rows, theta, gradient, hessian) - inner(theta, class_sums)
    for _ in range(STEPS):
        promise = 0.0
        for a in range(size):
            gradient[a] -= class_sums[a]
            step[a] = gradient[a]
            hessian[a, a] += DAMPING * train_rows
        if not solve_positive(hessian, step):
            break
        for a in range(size):
            promise += 0.5 * step[a] * gradient[a]
        if not promise > TOLERANCE * train_rows:
            break
        next_loss = np.inf
        for _ in range(HALVINGS):
            for a in range(size):
                trial[a] = theta[a] - step[a]
            next_loss = log_sums(z, rows, trial, gradient, hessian) - inner(trial, class_sums)
            if next_loss < loss:
                break
            for a in range(size):
                step[a] *= 0.5
        if not next_loss < loss:
            break
        copy(trial, theta)
        loss = next_loss
        if loss <= 0.0:
            break
    return max(loss, 0.0)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def standardise(f, rows, z):  # type: ignore[no-untyped-def]
    """Write (f − mean) / deviation to ``z``, both over training rows, and return them; the
    deviation of a constant is infinite."""
    n, total = 0.0, 0.0
    first = np.float64(f[0])
    for i in range(uint64(f.size)):
        n += rows[i]
        total += rows[i] * (np.float64(f[i]) - first)
    mean = first + total / n
    square = 0.0
    for i in range(uint64(f.size)):
        d = np.float64(f[i]) - mean
        z[i] = d
        square += rows[i] * d * d
    deviation = np.sqrt(square / n)
    deviation = deviation if deviation > _NOISE * abs(mean) else np.inf
    scale = 1.0 / deviation
    for i in range(uint64(f.size)):
        z[i] *= scale
    return mean, deviation


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def weighted_sum(a, b):  # type: ignore[no-untyped-def]
    """Σ aᵢbᵢ of many numbers."""
    result = 0.0
    for i in range(uint64(a.size)):
        result += a[i] * b[i]
    return result


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def total(a):  # type: ignore[no-untyped-def]
    """Σ aᵢ."""
    result = 0.0
    for i in range(uint64(a.size)):
        result += a[i]
    return result


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def group_points(z, rows, coarse_z, coarse_rows):  # type: ignore[no-untyped-def]
    """Write the means of z and the rows of groups of neighbouring points; how many groups."""
    size = (z.size + coarse_z.size - 1) // coarse_z.size
    groups = 0
    for first in range(0, z.size, size):
        n, total = 0.0, 0.0
        for i in range(uint64(first), uint64(min(first + size, z.size))):
            n += rows[i]
            total += rows[i] * z[i]
        coarse_rows[groups] = n
        coarse_z[groups] = total / n if n > 0.0 else 0.0
        groups += 1
    return groups


@njit(cache=True, nogil=True)
def cross_entropy(f, points, limit, work):  # type: ignore[no-untyped-def]
    """Fit the classes of training rows to a formula that has ``f`` at the points.

    Returns
    -------
    loss, mean, deviation
        Sum of cross-entropies over training and validation rows, infinite where it exceeds
        ``limit``. The fit is written to ``work.theta`` and is of z, the formula less ``mean`` over
        ``deviation``.
    """
    theta, count = work.theta, f.size
    free = theta.size // 2
    if free == 0:
        return points.extra, 0.0, 1.0
    train, valid, members = points.rows[0], points.rows[1], points.members
    z = work.z[:count]
    train_rows = total(train)
    start, class_sums = np.zeros(2 * free), np.zeros(2 * free)
    mean, deviation = standardise(f, train, z)
    reference = total(members[0, free])
    # of w = 0 and the logarithms of the classes' frequencies
    loss = train_rows * np.log(train_rows) - reference * np.log(reference)
    for c in range(free):
        own = total(members[0, c])
        class_sums[2 * c], class_sums[2 * c + 1] = own, weighted_sum(members[0, c], z)
        start[2 * c] = np.log(own / reference)
        loss -= own * np.log(own)
    copy(start, theta)
    if deviation < np.inf:
        least, worst = 0.0, loss
        for size in (FEW_GROUPS, work.coarse_z.size):
            if not 0 < size <= min(work.coarse_z.size, count - 1):
                continue
            copy(start, theta)
            groups = group_points(z, train, work.coarse_z[:size], work.coarse_rows[:size])
            grouped = minimise(
                work.coarse_z[:groups],
                work.coarse_rows[:groups],
                class_sums,
                train_rows,
                start,
                np.inf,
                theta,
            )
            least = max(least, grouped)
            if least > limit:
                return np.inf, mean, deviation
        if count <= work.coarse_z.size:
            copy(start, theta)
        loss = max(least, minimise(z, train, class_sums, train_rows, start, worst, theta))
    if total(valid) > 0.0:
        more = log_sums(z, valid, theta, np.empty(2 * free), np.empty((2 * free, 2 * free)))
        for c in range(free):
            for i in range(count):
                more -= members[1, c, i] * (theta[2 * c] + theta[2 * c + 1] * z[i])
        loss += max(more, 0.0)
    loss += points.extra
    return (loss if loss <= limit else np.inf), mean, deviation


@njit(cache=True, nogil=True)
def evaluate_points(layer, population, offspring, f):  # type: ignore[no-untyped-def]
    """Write one offspring's formula at every point to ``f``; whether it is finite everywhere."""
    values = layer.values
    for start in range(0, f.size, layer.block_rows):
        stop = min(start + layer.block_rows, f.size)
        at, to = evaluate(layer, population, offspring, start, stop), uint64(start)
        finite, largest = True, 0.0
        for i in range(uint64(stop - start)):
            value = values[at + i]
            f[to + i] = value
            largest = max(largest, abs(value))
            finite &= value == value
        if not (finite and largest < np.inf):
            return False
    return True


@njit(cache=True, nogil=True)
def search_classes(
    layer: Any,
    points: Any,
    share: Any,
    population: Any,
    nesting: Any,
    work: Any,
    shortcuts: Any,
) -> Any:
    """The best of a share's offspring of the output layer's chromosome.

    Returns
    -------
    best, loss
        The offspring's number and its sum of cross-entropies; (-1, inf) where none is finite and
        within the limit. Of equals the lowest number wins, so the answer does not depend on how the
        offspring are shared among threads. Without ``shortcuts`` every offspring is fitted to all
        points.
    """
    f = work.f[: points.rows.shape[1]]
    best, best_loss = -1, share.limit
    size = share.last - share.first
    decode_offspring(layer, share, population)
    refuse_offspring(size, layer, population, nesting)
    forget_graphs(population)
    for offspring in range(size):
        if nesting.refused[offspring]:
            continue
        # at best a tie, which the lower number wins
        if shortcuts and is_repeated(population, offspring):
            continue
        if not evaluate_points(layer, population, offspring, f):
            continue
        loss, _, _ = cross_entropy(f, points, best_loss if shortcuts else np.inf, work)
        if loss < best_loss or (loss == best_loss and loss < np.inf and best < 0):
            best, best_loss = offspring, loss
    if best < 0:
        return -1, np.inf
    return share.first + best, best_loss
