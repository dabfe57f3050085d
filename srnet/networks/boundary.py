"""USDB, uniform sampling near the decision boundary of a classifier.

The rows of a data set may lie far from the boundary between two classes; formulas fitted to them
alone may put it anywhere in between. SRNet (Luo et al., GECCO 2022, section on classification)
therefore adds points near the boundary of the network.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.typing import Floats

DRAWS = 10000
KEPT = 1000


def boundary_points(
    probabilities: Callable[[Floats], NDArray[np.floating[Any]]],
    box: Sequence[tuple[float, float]],
    rng: np.random.Generator,
    draws: int = DRAWS,
    keep: int = KEPT,
) -> Floats:
    """Draw uniform points in a box and keep those nearest the decision boundary of a classifier.

    Each class in turn keeps the ``keep`` // classes points whose probability of that class is
    nearest 1 / classes, among those that no earlier class kept: with two classes, a point is as
    near for one as for the other. Of equally near points, those drawn first are kept.

    The number of points never depends on the classifier. If its boundary lies outside the box,
    they are those where it is least sure; if it is constant, the first that were drawn.

    Parameters
    ----------
    probabilities
        The classifier: points (n × d) to the probability of every class (n × k).
    box
        The low and high of every input, in the units that ``probabilities`` reads.
    rng
        Draws the points.
    draws, keep
        How many points are drawn, and about how many are kept.

    Returns
    -------
    The points kept, m × d with m = classes · (``keep`` // classes) or ``draws`` if that is less, in
    the order drawn.
    """
    low, high = np.transpose(box)
    points = rng.uniform(low, high, (draws, len(box)))
    values = np.asarray(probabilities(points), np.float64)
    classes = values.shape[1]
    distance = np.abs(values - 1 / classes)
    is_kept = np.zeros(draws, bool)
    for column in distance.T:
        candidates = np.flatnonzero(~is_kept)
        nearest = np.argsort(column[candidates], kind="stable")[: keep // classes]
        is_kept[candidates[nearest]] = True
    return points[is_kept]
