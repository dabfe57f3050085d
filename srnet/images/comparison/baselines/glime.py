"""GLIME: LIME that draws its samples near the image instead of weighting them."""

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.search.evaluator import Evaluator
from srnet.validation import Integer, Number


def glime(
    evaluator: Evaluator, samples: int = 1000, seed: int = 0, width: float = 1.0
) -> Attribution:
    """GLIME with its binomial sampling (Tan, Tian and Li, NeurIPS 2023, arXiv 2311.15722).

    LIME gives a sample that hides k superpixels the weight exp(-k / width²), which is tiny for most
    of its samples. GLIME-Binomial moves that weight into the sampling: every superpixel is shown
    with probability 1 / (1 + exp(-1 / width²)), and all samples count the same. The scores are the
    coefficients of LIME's ridge regression (penalty 1). The paper's other distributions add noise
    to pixels instead of hiding superpixels, so they are left out.

    Parameters
    ----------
    evaluator
        The network.
    samples
        Number of samples, at least 2; each is one pass.
    seed
        Seed of the samples.
    width
        Width of the kernel. The default, 1, is our choice: it shows 73 % of the superpixels. A
        width of 0.25 would hide none of them in a thousand samples.

    Raises
    ------
    UserError
        If ``samples`` is not at least 2 or ``width`` is not positive.
    """
    from sklearn.linear_model import Ridge

    Integer(2).check("samples", samples)
    Number(above=0).check("width", width)
    with measure_cost(evaluator) as cost:
        random = np.random.default_rng(seed)
        share = 1 / (1 + np.exp(-1 / width**2))
        shown = random.random((samples, evaluator.superpixels)) < share
        scores = Ridge(alpha=1.0).fit(shown, evaluator.probabilities(shown)).coef_
    return rank_scores(scores, cost)
