"""What the methods of gradients share: the network's mode and its input."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from srnet.errors import UserError
from srnet.images.search.evaluator import Evaluator
from srnet.networks.modules import evaluation_mode


@contextlib.contextmanager
def enable_gradients(model: Any, method: str) -> Iterator[torch.nn.Module]:
    """The network in evaluation mode with gradients; its modes and buffers are restored afterwards.

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
    with evaluation_mode(model), torch.enable_grad():
        yield model


def make_input(
    evaluator: Evaluator, preprocessing: Callable[[Any], torch.Tensor], shown: bool
) -> torch.Tensor:
    """The network's input, (1, C, H, W), for the whole image or for one that is all hidden."""
    genome = np.full((1, evaluator.superpixels), shown)
    return preprocessing(evaluator.compose_images(genome))
