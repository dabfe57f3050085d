"""The image as a model sees it: of the channels that the model reads, resized and cropped."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import read_image
from srnet.networks.modules import evaluation_mode, own_device, own_type, torch_module

if TYPE_CHECKING:
    import torch


def frame_image(
    model: Any, image: Any, preprocessing: Any, channels: int | None = None
) -> NDArray[np.float32]:
    """Read an image, (H, W, C), values in [0, 1], for a model.

    Parameters
    ----------
    model, image, preprocessing, channels
        See :func:`srnet.images.explain`.

    Raises
    ------
    UserError
        If the image cannot be read, or has other channels.
    """
    if preprocessing is not None and not isinstance(preprocessing, Preprocessing):
        return read_image(image, channels)  # it may make other channels
    own = preprocessing or Preprocessing()
    channels = own.channels if channels is None else channels
    module = torch_module(model)
    if channels is not None or module is None:
        return own.frame(read_image(image, channels))
    guess = _first_channels(module)
    if guess == 1:
        # it may make grey of colours itself, and another grey than the luminance
        colours = own.frame(read_image(image))
        if colours.shape[2] == 3 and _reads(module, own.tensor(colours[None])):
            return colours
    return own.frame(read_image(image, guess))


def _first_channels(module: "torch.nn.Module") -> int | None:
    """The number of channels that the first convolution of a module reads; None if it has none."""
    import torch

    first = next((part for part in module.modules() if isinstance(part, torch.nn.Conv2d)), None)
    return None if first is None else first.in_channels or None  # 0 of a lazy one


def _reads(module: "torch.nn.Module", images: "torch.Tensor") -> bool:
    """Whether a module can be called with images (N, C, H, W)."""
    import torch

    try:
        with evaluation_mode(module), torch.inference_mode():
            module(images.to(own_device(module), own_type(module) or torch.float32))
    except Exception:  # a module may raise anything
        return False
    return True
