"""The compiled kernel of a classifier's output layer: fit weights and biases to the network's
class, score by cross-entropy.

Points. Behind a first layer all inputs are affine functions of one number, the formula of the layer
before. Rows that share it are one point, with a count of rows and of each class. Points are in the
order of that number, so that neighbours have similar inputs.

Fit. With z the standardised formula, the loss Σ n ln Σ_c exp(w_c z + b_c) − Σ_c (w_c Z_c + b_c N_c)
needs of the classes no more than their numbers N_c and sums Z_c. It is minimised by Newton's method
(see :mod:`srnet.model.logistic`); the most frequent class is the reference.

Bound. ln Σ exp is convex, so bringing neighbouring points together at their mean, with the same N_c
and Z_c, raises the loss nowhere. Its minimum over at most ``BINS`` points costs next to nothing,
and the minimisation on all points starts there. The larger of the two minima is a chromosome's
loss, so one that exceeds the best of the layer on the few points cannot win, to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import copy, njit
from srnet.cgp.evaluation import evaluate_block
from srnet.cgp.genome import decode, stream
from srnet.cgp.graph import hash_graph, same_graph
from srnet.cgp.vector_math import exp64, ln64
from srnet.model.logistic import DAMPING, HALVINGS, SHADOW, STEPS, TOLERANCE, classes_of
from srnet.search.kernels.sums import CHUNK

BINS = 512
# The standard deviation of a formula below this share of its mean is rounding noise: it counts as
# constant.
_NOISE = 1e-7

TRAIN, VALID = 0, 1


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
    def of(cls, train: NDArray[np.floating], valid: NDArray[np.floating]) -> "Classes":
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


class Points:
    """The rows of a layer by its inputs: those of equal inputs are one point.

    Attributes
    ----------
    count
        Number of points; the arrays have room for as many as there are rows.
    rows
        2 × points: training and validation rows.
    members
        2 × classes × points: the same by class.
    """

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
        self.count = 0
        self.rows = np.zeros((2, classes.rows))
        self.members = np.zeros((2, classes.present, classes.rows))

    def single(self) -> None:
        """Every row is a point, in the order of rows."""
        self._fill(
            np.arange(self._classes.rows), np.zeros(self._classes.rows, dtype=np.float32), False
        )

    def shared(self, f: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows of equal f are a point, in the order of f; the points' f."""
        order = np.argsort(f, kind="stable")
        return self._fill(order, f[order], True)

    def _fill(
        self, order: NDArray[np.int64], f: NDArray[np.float32], together: bool
    ) -> NDArray[np.float32]:
        points = np.empty_like(f)
        self.count = gather(
            order,
            f,
            together,
            self._classes.labels,
            self._classes.train_rows,
            self.rows,
            self.members,
            points,
        )
        return points[: self.count]


@njit(cache=True, nogil=True)
def gather(order, f, together, labels, train_rows, rows, members, points):  # type: ignore[no-untyped-def]
    """Count the rows and classes of every point; how many points there are."""
    rows[:] = 0.0
    members[:] = 0.0
    point = -1
    for i in range(order.size):
        if i == 0 or not together or f[i] != f[i - 1]:
            point += 1
            points[point] = f[i]
        row = order[i]
        split = 0 if row < train_rows else 1
        rows[split, point] += 1.0
        members[split, labels[row], point] += 1.0
    return point + 1


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
def minimise(z, rows, wanted, total_rows, start, worst, theta):  # type: ignore[no-untyped-def]
    """Newton's method from ``theta``, which it overwrites, or from ``start`` if the loss there
    exceeds ``worst``; the least loss found.

    ``wanted`` is (N_c, Z_c) class after class, as ``theta`` is (b_c, w_c). Points brought together
    may have no least loss: the search for it ends below 0, less than any sum of cross-entropies.
    """
    size = theta.size
    gradient, step, trial = np.empty(size), np.empty(size), np.empty(size)
    hessian = np.empty((size, size))
    loss = log_sums(z, rows, theta, gradient, hessian) - inner(theta, wanted)
    if not loss <= worst:
        copy(start, theta)
        loss = log_sums(z, rows, theta, gradient, hessian) - inner(theta, wanted)
    for _ in range(STEPS):
        promise = 0.0
        for a in range(size):
            gradient[a] -= wanted[a]
            step[a] = gradient[a]
            hessian[a, a] += DAMPING * total_rows
        if not solve_positive(hessian, step):
            break
        for a in range(size):
            promise += 0.5 * step[a] * gradient[a]
        if not promise > TOLERANCE * total_rows:
            break
        next_loss = np.inf
        for _ in range(HALVINGS):
            for a in range(size):
                trial[a] = theta[a] - step[a]
            next_loss = log_sums(z, rows, trial, gradient, hessian) - inner(trial, wanted)
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
def standardise(f, count, rows, z):  # type: ignore[no-untyped-def]
    """Write (f − mean) / deviation to ``z``, both over training rows, and return them; the
    deviation of a constant is infinite."""
    n, total = 0.0, 0.0
    first = np.float64(f[0])
    for i in range(uint64(count)):
        n += rows[i]
        total += rows[i] * (np.float64(f[i]) - first)
    mean = first + total / n
    square = 0.0
    for i in range(uint64(count)):
        d = np.float64(f[i]) - mean
        z[i] = d
        square += rows[i] * d * d
    deviation = np.sqrt(square / n)
    deviation = deviation if deviation > _NOISE * abs(mean) else np.inf
    scale = 1.0 / deviation
    for i in range(uint64(count)):
        z[i] *= scale
    return mean, deviation


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def weighted(a, b):  # type: ignore[no-untyped-def]
    """Σ aᵢbᵢ of many numbers."""
    found = 0.0
    for i in range(uint64(a.size)):
        found += a[i] * b[i]
    return found


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def total(a):  # type: ignore[no-untyped-def]
    """Σ aᵢ."""
    found = 0.0
    for i in range(uint64(a.size)):
        found += a[i]
    return found


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def bring_together(z, rows, coarse_z, coarse_rows):  # type: ignore[no-untyped-def]
    """Write the means of z and the rows of groups of neighbouring points; how many groups."""
    size = (z.size + coarse_z.size - 1) // coarse_z.size
    bins = 0
    for first in range(0, z.size, size):
        n, found = 0.0, 0.0
        for i in range(uint64(first), uint64(min(first + size, z.size))):
            n += rows[i]
            found += rows[i] * z[i]
        coarse_rows[bins] = n
        coarse_z[bins] = found / n if n > 0.0 else 0.0
        bins += 1
    return bins


@njit(cache=True, nogil=True)
def cross_entropy(f, count, rows, members, extra, limit, z, coarse_z, coarse_rows, theta):  # type: ignore[no-untyped-def]
    """Fit the classes of training rows; neighbouring points may first be brought together to as
    many as there is room for.

    Returns
    -------
    loss, mean, deviation
        Sum of cross-entropies over training and validation rows, infinite where it exceeds
        ``limit``. The fit, (b, w) class after class but for the last, is written to ``theta`` and
        is of z, the formula less ``mean`` over ``deviation``.
    """
    free = theta.size // 2
    if free == 0:
        return extra, 0.0, 1.0
    train = rows[0][:count]
    total_rows = total(train)
    start, wanted = np.zeros(2 * free), np.zeros(2 * free)
    mean, deviation = standardise(f, count, train, z)
    points = z[:count]
    reference = total(members[0, free, :count])
    # of w = 0 and the logarithms of the classes' frequencies
    loss = total_rows * np.log(total_rows) - reference * np.log(reference)
    for c in range(free):
        own = total(members[0, c, :count])
        wanted[2 * c], wanted[2 * c + 1] = own, weighted(members[0, c, :count], points)
        start[2 * c] = np.log(own / reference)
        loss -= own * np.log(own)
    copy(start, theta)
    if deviation < np.inf:
        least, worst = 0.0, loss
        if 0 < coarse_z.size < count:
            bins = bring_together(points, train, coarse_z, coarse_rows)
            least = minimise(
                coarse_z[:bins], coarse_rows[:bins], wanted, total_rows, start, np.inf, theta
            )
            if least > limit:
                return np.inf, mean, deviation
        loss = max(least, minimise(points, train, wanted, total_rows, start, worst, theta))
    if total(rows[1, :count]) > 0.0:
        more = log_sums(
            points, rows[1, :count], theta, np.empty(2 * free), np.empty((2 * free, 2 * free))
        )
        for c in range(free):
            for i in range(count):
                more -= members[1, c, i] * (theta[2 * c] + theta[2 * c + 1] * z[i])
        loss += max(more, 0.0)
    loss += extra
    return (loss if loss <= limit else np.inf), mean, deviation


@njit(cache=True, nogil=True)
def search_classes(  # type: ignore[no-untyped-def]
    parent,
    alleles,
    opcodes,
    seed,
    generation,
    layer,
    first,
    last,
    bound,
    values,
    inputs,
    terminals,
    constants_at,
    block_rows,
    stride,
    count,
    rows,
    members,
    extra,
    limit,
    shortcuts,
):
    """The best of the offspring ``first`` … ``last`` of the output layer's chromosome.

    ``values`` holds the inputs of ``count`` points, column after column with ``stride`` places
    each.

    Returns
    -------
    best, loss
        The offspring's number and its sum of cross-entropies; (-1, inf) where none is finite and ≤
        ``limit``. Of equals the lowest number wins, so the answer does not depend on how the
        offspring are shared among threads.
    """
    population = last - first
    nodes = (parent.size - 1) // 3
    programs = np.empty((population, nodes, 3), dtype=np.int32)
    counts = np.empty(population, dtype=np.int64)
    outputs = np.empty(population, dtype=np.int64)
    scratch = np.empty((nodes, 4), dtype=np.int32)
    size = 4
    while size < 2 * population:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)  # offspring by the hash of their active graph
    f, z = np.empty(count, dtype=np.float32), np.empty(count)
    coarse_z, coarse_rows = np.empty(BINS), np.empty(BINS)
    theta = np.empty(2 * (members.shape[1] - 1))
    best, best_loss = -1, limit
    for offspring in range(population):
        program = programs[offspring]
        key = stream(seed, generation, layer, first + offspring)
        counts[offspring], outputs[offspring] = decode(
            parent, alleles, key, bound, opcodes, terminals, program, scratch
        )
        if shortcuts:
            # an active graph that an earlier offspring had: at best a tie, which the lower number
            # wins
            slot = hash_graph(program, counts[offspring], outputs[offspring]) & uint64(size - 1)
            known = False
            while table[slot] >= 0 and not known:
                other = table[slot]
                known = (
                    counts[other] == counts[offspring]
                    and outputs[other] == outputs[offspring]
                    and same_graph(programs[other], program, counts[offspring])
                )
                slot = (slot + uint64(1)) & uint64(size - 1)
            if known:
                continue
            table[slot] = offspring
        finite = True
        for start in range(0, count, block_rows):
            stop = min(start + block_rows, count)
            at = evaluate_block(
                program,
                counts[offspring],
                outputs[offspring],
                values,
                inputs,
                terminals,
                stride,
                start,
                stop,
                constants_at,
                block_rows,
            )
            largest = 0.0
            for i in range(uint64(stop - start)):
                value = values[at + i]
                f[start + i] = value
                largest = max(largest, abs(value))
                finite &= value == value
            finite &= largest < np.inf
            if not finite:
                break
        if not finite:
            continue
        loss, _, _ = cross_entropy(
            f,
            count,
            rows,
            members,
            extra,
            best_loss if shortcuts else np.inf,
            z,
            coarse_z,
            coarse_rows,
            theta,
        )
        if loss < best_loss or (loss == best_loss and loss < np.inf and best < 0):
            best, best_loss = offspring, loss
    if best < 0:
        return -1, np.inf
    return first + best, best_loss
