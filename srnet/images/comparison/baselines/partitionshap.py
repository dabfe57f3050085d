"""PartitionSHAP by the ``shap`` package."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.ndimage import center_of_mass

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.comparison.baselines.packages import import_package
from srnet.images.comparison.baselines.seeding import seed_numpy
from srnet.images.search.evaluator import Evaluator
from srnet.typing import Floats
from srnet.validation import Integer


def partitionshap(evaluator: Evaluator, passes: int = 200, seed: int = 0) -> Attribution:
    """PartitionSHAP by ``shap.PartitionExplainer``: Owen values of p(S) on a hierarchy.

    The package divides an image into rectangles; here the hierarchy joins superpixels that are near
    (Ward's clustering of their centres). What the passes do not suffice to divide is shared out.

    Parameters
    ----------
    evaluator
        The network.
    passes
        The most passes, at least 4.
    seed
        Seed of the order of equal gains.

    Raises
    ------
    UserError
        If ``passes`` is not at least 4 or ``shap`` is not installed.
    """
    Integer(4).check("passes", passes)
    shap = import_package("shap", "partitionshap")
    with seed_numpy(seed):  # compiles what the package compiles in every process, untimed
        _explain(shap, lambda shown: shown[:, 0], _join_neighbours(np.array([[0, 1]])), 4)
    with measure_cost(evaluator) as cost, seed_numpy(seed):
        scores = _explain(
            shap,
            lambda shown: evaluator.probabilities(shown > 0.5),
            _join_neighbours(evaluator.segments),
            passes - passes % 2,  # the package evaluates two sets at a time
        )
    return rank_scores(scores, cost)


def _explain(
    shap: Any, predict: Callable[[Floats], Floats], hierarchy: Floats, passes: int
) -> Floats:
    n = len(hierarchy) + 1
    masker = shap.maskers.Partition(np.zeros((1, n)), clustering=hierarchy)
    explainer = shap.PartitionExplainer(predict, masker)
    return explainer(np.ones((1, n)), max_evals=passes, silent=True).values[0]


def _join_neighbours(segments: NDArray[np.integer]) -> Floats:
    """The hierarchy of superpixels as scipy has it, (n - 1, 4)."""
    numbers = np.arange(segments.max() + 1)
    return linkage(center_of_mass(np.ones_like(segments), segments, numbers), "ward")
