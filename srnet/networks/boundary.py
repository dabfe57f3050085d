"""USDB, uniform sampling near the decision boundary: rows that show where a classifier changes its
mind.

The rows of a data set may lie far from the boundary between two classes; formulas fitted to them
alone are free to put it anywhere in between. SRNet (Luo et al., GECCO 2022, section on
classification) therefore adds points near the boundary of the network.
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
    """Uniform points of a box, those nearest the decision boundary of a classifier.

    For each class in turn, ``keep`` // classes points are taken whose probability of that class is
    nearest 1 / classes, among those that no earlier class took: a point counts once, although with
    two classes it is as near for one as for the other. Equally near points are taken in the order
    in which they were drawn. So there are always as many points, also where the classifier is
    constant or its boundary lies outside the box: they are then those where it is least sure, or,
    if it says exactly the same everywhere, the first that were drawn.

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
    found = np.asarray(probabilities(points), np.float64)
    classes = found.shape[1]
    distance = np.abs(found - 1 / classes)
    taken = np.zeros(draws, bool)
    for column in distance.T:
        free = np.flatnonzero(~taken)
        taken[free[np.argsort(column[free], kind="stable")[: keep // classes]]] = True
    return points[taken]
