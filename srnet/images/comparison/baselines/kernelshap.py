"""KernelSHAP by the ``shap`` package."""

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.comparison.baselines.packages import import_package
from srnet.images.comparison.baselines.seeding import seed_numpy
from srnet.images.search.evaluator import Evaluator
from srnet.validation import Integer


def kernelshap(evaluator: Evaluator, passes: int = 1000, seed: int = 0) -> Attribution:
    """KernelSHAP by ``shap.KernelExplainer`` (Lundberg and Lee 2017).

    The scores are Shapley values of p(S), estimated by a weighted regression. The package is left
    at its defaults but for ``l1_reg``, which by default gives all but ten superpixels the score 0.

    Parameters
    ----------
    evaluator
        The network.
    passes
        Number of passes, at least 4, with those of the whole and the empty image. Where fewer than
        that suffice for all sets, the values are exact.
    seed
        Seed of the sets.

    Raises
    ------
    UserError
        If ``passes`` is not at least 4 or ``shap`` is not installed.
    """
    Integer(4).check("passes", passes)
    shap = import_package("shap", "kernelshap")
    n = evaluator.superpixels
    with measure_cost(evaluator) as cost, seed_numpy(seed):
        explainer = shap.KernelExplainer(
            lambda shown: evaluator.probabilities(shown > 0.5), np.zeros((1, n))
        )
        scores = explainer.shap_values(
            np.ones((1, n)), nsamples=passes - 2, l1_reg=False, silent=True
        )[0]
    return rank_scores(scores, cost)
