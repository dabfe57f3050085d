"""Nonlinear least squares by Levenberg and Marquardt's method in a region of trust (Moré 1978).

The same to the last bit every time. SciPy's compiled methods are not: what they return depends on
where arrays lie in memory, or on the number of threads.
"""

import math
from collections.abc import Callable

import numpy as np

from srnet.typing import Floats

# The first step is at most so many times as long as the start.
_FIRST = 100.0
# A step is taken where the sum of squares falls by this share of what its linear model promises.
_TAKEN = 1e-4
# It ends where a step would change the sum of squares or the parameters by no more than this share.
_TOLERANCE = 1e-8
# A direction of less than this share of the greatest curvature is flat.
_FLAT = 1e-14
# The length of a step may be off by this share.
_LENGTH = 0.1


def minimise(
    residuals: Callable[[Floats], Floats],
    jacobian: Callable[[Floats], Floats],
    start: Floats,
    scale: Floats,
    steps: int,
) -> Floats:
    """Parameters (p) that lower the sum of the squared residuals (n), from ``start``; at least as
    good.

    Parameters
    ----------
    jacobian
        The residuals' derivatives, n × p.
    scale
        Sizes of the parameters (p), by which a step is measured.
    steps
        Most evaluations of the residuals.
    """
    current, value = start, residuals(start)
    total = _square(value)
    radius = _FIRST * (_length(start / scale) or 1.0)
    new = True
    for number in range(1, steps):
        if new:  # the directions in which the parameters do not disturb one another
            slopes = jacobian(current) * scale
            curvatures, directions = np.linalg.eigh(np.einsum("ni,nj->ij", slopes, slopes))
            downhill = -np.einsum("ij,i->j", directions, np.einsum("ni,n->i", slopes, value))
        damping = _damping(curvatures, downhill, radius)
        coordinates = _step(curvatures, downhill, damping)
        step = np.einsum("ij,j->i", directions, coordinates)
        length = _length(step)
        moved = np.sqrt(np.maximum(curvatures, 0.0)) * coordinates
        promised = _square(moved) + 2 * damping * length**2
        if not np.isfinite(length) or promised <= _TOLERANCE * total:
            break
        candidate = current + step * scale
        candidate_value = residuals(candidate)
        candidate_total = _square(candidate_value)
        fall = total - candidate_total
        with np.errstate(over="ignore"):
            share = np.divide(fall, promised)
        if number == 1:
            radius = min(radius, length)
        if share < 0.25:
            slope = -_square(moved) - damping * length**2
            shrink = 0.5 if fall >= 0 else max(0.1, 0.5 * slope / (slope + 0.5 * fall))
            radius = shrink * min(radius, 10 * length)
        elif damping == 0 or share >= 0.75:
            radius = 2 * length
        new = share >= _TAKEN
        if new:
            current, value, total = candidate, candidate_value, candidate_total
        if radius <= _TOLERANCE * _length(current / scale):
            break
    return current


def _step(curvatures: Floats, downhill: Floats, damping: float) -> Floats:
    """The step along each direction; none where the sum of squares is flat."""
    below = curvatures + damping
    known = below > _FLAT * curvatures[-1]
    return np.divide(downhill, below, out=np.zeros_like(below), where=known)


def _damping(curvatures: Floats, downhill: Floats, radius: float) -> float:
    """The least damping whose step is not longer than the radius."""

    def excess(damping: float) -> float:
        return _length(_step(curvatures, downhill, damping)) - radius

    if not excess(0.0) > _LENGTH * radius:
        return 0.0
    low, high = 0.0, _length(downhill) / radius
    damping = high
    for _ in range(60):
        over = excess(damping)
        if abs(over) <= _LENGTH * radius:
            break
        low, high = (damping, high) if over > 0 else (low, damping)
        damping = math.sqrt(low * high) if low > 0 else 1e-3 * high
    return damping


def _length(values: Floats) -> float:
    return math.sqrt(_square(values))


def _square(values: Floats) -> float:
    return float(np.einsum("i,i->", values, values))
