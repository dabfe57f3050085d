"""Grad-CAM."""

import contextlib
from typing import Any

import numpy as np
import torch

from srnet.errors import UserError
from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, rank_scores
from srnet.images.comparison.baselines.gradients import enable_gradients, make_input
from srnet.images.pictures.segments import superpixel_means
from srnet.images.search.evaluator import Evaluator
from srnet.typing import Floats


def gradcam(evaluator: Evaluator, model: Any, preprocessing: Any) -> Attribution:
    """Grad-CAM (Selvaraju et al. 2017) on the network's last map.

    The map is the last output of a module that still has places and on which the class depends:
    (1, C, h, w), or tokens (1, T, C) of a transformer with as many places as its patches, with or
    without one more for the class. Its channels are summed, each weighted by the mean gradient of
    the class over the places, and the sum is enlarged to the image (bilinear). Negative values
    remain, so that the ranking is complete; a superpixel's score is the mean over its pixels.

    For a map (1, C, h, w) it equals ``captum.attr.LayerGradCam``, which reads no tokens.

    Parameters
    ----------
    evaluator
        The image, its superpixels and class. Its network is not used.
    model
        The network, a torch module.
    preprocessing
        From images (N, H, W, 3) to what the network reads, a tensor (N, C, H, W).

    Returns
    -------
    The attribution; its passes are 2, a forward and a backward one.

    Raises
    ------
    UserError
        If the model is no torch module or has no such map.
    """
    with measure_cost(evaluator) as cost, enable_gradients(model, "gradcam") as module:
        image = make_input(evaluator, preprocessing, shown=True).requires_grad_()
        maps = _Maps()
        with maps.watch(module):
            output = module(image)
        values = maps.weigh(output[0, evaluator.label])
        pixels = torch.nn.functional.interpolate(
            values[None, None], evaluator.segments.shape, mode="bilinear"
        )
        enlarged: Floats = pixels[0, 0].cpu().numpy().astype(np.float64)
        scores = superpixel_means(enlarged, evaluator.segments)
    cost.passes = 2
    return rank_scores(scores, cost)


class _Maps:
    """Outputs of modules that have places, in order of computation."""

    def __init__(self) -> None:
        self._outputs: list[torch.Tensor] = []
        self._grids: list[tuple[int, int]] = []  # the height and width of each output

    @contextlib.contextmanager
    def watch(self, model: torch.nn.Module) -> Any:
        """Collect the outputs of the modules of a model while it runs."""
        handles = [module.register_forward_hook(self._collect) for module in model.modules()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _collect(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or not output.requires_grad:
            return
        if output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            self._grids.append((output.shape[2], output.shape[3]))
            self._outputs.append(output)
        elif output.ndim == 3 and self._grids:
            height, width = self._grids[-1]
            if output.shape[1] in (height * width, height * width + 1):
                self._grids.append((height, width))
                self._outputs.append(output)

    def weigh(self, score: torch.Tensor) -> torch.Tensor:
        """The last map that the score depends on, (h, w), its channels weighted and summed.

        Raises
        ------
        UserError
            If there is none.
        """
        gradients = (
            torch.autograd.grad(score, self._outputs, allow_unused=True) if self._outputs else ()
        )
        for output, gradient, grid in reversed(
            list(zip(self._outputs, gradients, self._grids, strict=True))
        ):
            if gradient is not None:
                values, slopes = (_shape_map(each[0], grid) for each in (output, gradient))
                if slopes.any():
                    return (slopes.mean(dim=(1, 2), keepdim=True) * values).sum(dim=0).detach()
        raise UserError(
            "the method 'gradcam' needs a module with an output (N, C, height, width) or one token "
            "per patch; this network has none that its class depends on"
        )


def _shape_map(values: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """A map (C, h, w) as it is; tokens (T, C) as a map, without that of the class."""
    if values.ndim == 3:
        return values
    return values[-grid[0] * grid[1] :].T.reshape(-1, *grid)
