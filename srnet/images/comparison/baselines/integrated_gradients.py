"""Integrated Gradients by the ``captum`` package."""

from typing import Any

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.comparison.baselines.gradients import enable_gradients, make_input
from srnet.images.comparison.baselines.packages import import_package
from srnet.images.pictures.segments import superpixel_means
from srnet.images.search.evaluator import BATCH_CPU, Evaluator
from srnet.validation import Integer

STEPS = 50  # captum's default


def integrated_gradients(
    evaluator: Evaluator, model: Any, preprocessing: Any, steps: int = STEPS
) -> Attribution:
    """Integrated Gradients by ``captum.attr.IntegratedGradients`` (Sundararajan et al. 2017).

    The path leads from the image with every superpixel hidden to the whole image, and the function
    is the network's output of the class. A superpixel's score is the mean over its pixels of the
    sum over the channels.

    Parameters
    ----------
    evaluator
        The image, its superpixels, fill and class. Its network is not used.
    model
        The network, a torch module.
    preprocessing
        From images (N, H, W, 3) to what the network reads, a tensor (N, C, H, W).
    steps
        Points of the path, at least 1. Each costs a forward and a backward pass.

    Raises
    ------
    UserError
        If the model is no torch module, ``steps`` is not at least 1, or ``captum`` is not
        installed.
    """
    Integer(1).check("steps", steps)
    attr = import_package("captum.attr", "integrated-gradients")
    with measure_cost(evaluator) as cost, enable_gradients(model, "integrated-gradients") as module:
        pixels = attr.IntegratedGradients(module).attribute(
            make_input(evaluator, preprocessing, shown=True),
            baselines=make_input(evaluator, preprocessing, shown=False),
            target=evaluator.label,
            n_steps=steps,
            internal_batch_size=BATCH_CPU,
        )
        values = pixels[0].sum(dim=0).detach().cpu().numpy().astype(np.float64)
        scores = superpixel_means(values, evaluator.segments)
    cost.passes = 2 * steps
    return rank_scores(scores, cost)
