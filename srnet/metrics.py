"""How well explanations say what a network says: fidelity, agreement, movement over seeds, and
networks that say one thing only.

An explanation is measured against the network, not against the truth. Outputs that are not finite
are counted, never hidden.
"""

import numpy as np
from numpy.typing import NDArray

from srnet.threads import single_thread
from srnet.typing import Floats


def rmse(network: NDArray[np.floating], explained: Floats) -> tuple[float, int]:
    """Root mean squared error over the points whose explained outputs are all finite, and the
    number of the others.

    Parameters
    ----------
    network, explained
        Outputs, m × k.

    Returns
    -------
    The error, in the units of the output, NaN where no point is finite; and the count.
    """
    finite = np.isfinite(explained).all(axis=1)
    errors = np.abs(explained[finite] - network[finite].astype(np.float64))
    if not errors.size:
        return float("nan"), len(explained)
    largest = errors.max()
    # squares of what a formula gives beside a pole may overflow
    value = (
        largest * np.sqrt(np.mean(np.square(errors / largest))) if 0 < largest < np.inf else largest
    )
    return float(value), int((~finite).sum())


def agreement(
    network: NDArray[np.floating], explained: Floats, weights: Floats | None = None
) -> tuple[float, int]:
    """Share of rows for which the explanation's class is the network's, and the number of rows with
    outputs that are not finite.

    Those never agree. The class is the largest output, the first of equals.

    Parameters
    ----------
    network, explained
        Outputs by class, m × k.
    weights
        What each row counts in the share, (m,); None where all count alike.
    """
    finite = np.asarray(np.isfinite(explained).all(axis=1))
    same = finite & (
        np.where(finite[:, None], explained, 0).argmax(axis=1) == network.argmax(axis=1)
    )
    return float(np.average(same, weights=weights)), int((~finite).sum())


def largest_share(outputs: NDArray[np.floating], weights: Floats | None = None) -> float:
    """The share of rows, each with its weight, that get the commonest class: what a constant agrees
    with."""
    total = len(outputs) if weights is None else weights.sum()
    return float(np.bincount(outputs.argmax(axis=1), weights).max() / total)


def movement(answers: Floats) -> Floats:
    """How much the answers about each point move when only the seed changes: their standard
    deviation over the seeds.

    Parameters
    ----------
    answers
        seeds × points × quantities; of several quantities (slopes) the root of the summed
        variances.

    Returns
    -------
    A value per point; NaN where an answer is not finite.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        deviations = np.sqrt(answers.var(axis=0).sum(axis=1))
    return np.where(np.isfinite(answers).all(axis=(0, 2)), deviations, np.nan)


def intersection_over_union(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks of the same shape; 1 if both are empty."""
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def column_means(values: NDArray[np.floating], weights: Floats | None = None) -> Floats:
    """The means of columns, n × k, in float64; the rows count by their weights, (n,), or where
    these are None alike."""
    if weights is None:
        return np.asarray(values.mean(axis=0, dtype=np.float64))
    return np.asarray(np.average(values, axis=0, weights=weights))


def column_deviations(values: NDArray[np.floating], weights: Floats | None = None) -> Floats:
    """The standard deviations of columns, n × k, or of one (n), in float64; the rows count by their
    weights, (n,), or where these are None alike."""
    if weights is None:
        return np.asarray(values.std(axis=0, dtype=np.float64))
    square = np.square(values - column_means(values, weights))
    return np.asarray(np.sqrt(np.average(square, axis=0, weights=weights)))


def mean_over_rows(values: Floats, weights: Floats | None = None) -> float:
    """The mean of values, n × k, whose rows count by their weights, (n,); None where all count
    alike."""
    if weights is None:
        return float(np.mean(values))
    return float(np.mean(np.average(values, axis=0, weights=weights)))


def normalised_error(
    mse: float, expected: NDArray[np.floating], weights: Floats | None = None
) -> float | None:
    """A mean squared error over the variance of the expected values (n × k), of every column about
    its mean; None where they are constant. ``weights`` are those of the rows in both, (n,)."""
    values = expected.astype(np.float64)
    variance = mean_over_rows(np.square(values - column_means(values, weights)), weights)
    return mse / variance if variance > 0 else None


def r_squared(
    mse: float, expected: NDArray[np.floating], weights: Floats | None = None
) -> float | None:
    """1 - ``normalised_error``: 1 where there is no error, 0 where the mean would be as good."""
    error = normalised_error(mse, expected, weights)
    return None if error is None else 1.0 - error


def component_shares(h: NDArray[np.floating], weights: Floats | None = None) -> Floats:
    """The share of the variance of units, n × k, that their first 1, 2, … k principal components
    hold: the R² that no linear code of so many numbers can pass. 1 where the units are constant.
    ``weights`` are those of the rows, (n,)."""
    centred = h - column_means(h, weights)
    if weights is not None:
        centred *= np.sqrt(weights)[:, None]
    with single_thread():  # or the last digits would depend on their number
        variances = np.linalg.eigvalsh(np.einsum("ni,nj->ij", centred, centred))[::-1]
    held, total = np.cumsum(np.maximum(variances, 0.0)), max(float(variances.sum()), 0.0)
    return np.minimum(held / total, 1.0) if total > 0 else np.ones(len(held))
