"""What the methods of gradients share: the network's mode and input, the mean by superpixel."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.search.evaluator import Evaluator
from srnet.typing import Floats


@contextlib.contextmanager
def differentiable(model: Any, method: str) -> Iterator[torch.nn.Module]:
    """The network in evaluation mode; the mode of every module is restored afterwards.

    Raises
    ------
    UserError
        If the model is no torch module.
    """
    if not isinstance(model, torch.nn.Module):
        raise UserError(
            f"the method '{method}' needs gradients, so a torch module; a {type(model).__name__} "
            f"is none"
        )
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.enable_grad():
            yield model
    finally:
        for module, mode in modes:
            module.training = mode


def make_input(
    evaluator: Evaluator, preprocessing: Callable[[Any], torch.Tensor], shown: bool
) -> torch.Tensor:
    """The network's input, (1, C, H, W), for the whole image or for one that is all hidden."""
    genome = np.full((1, evaluator.superpixels), shown)
    return preprocessing(evaluator.compose_images(genome))


def average(pixels: Floats, segments: NDArray[np.int32]) -> Floats:
    """Mean of the pixels (H, W) in each superpixel, (n,)."""
    return np.bincount(segments.ravel(), pixels.ravel()) / np.bincount(segments.ravel())
