"""The image as a model sees it: of the channels that the model reads, resized and cropped."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import read_image
from srnet.networks.modules import torch_module


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
    if channels is None:
        channels = _find_channels(model, preprocessing)
    frame = read_image(image, channels)
    return preprocessing.frame(frame) if isinstance(preprocessing, Preprocessing) else frame


def _find_channels(model: Any, preprocessing: Any) -> int | None:
    """The number of channels of the images that a model reads, as far as one can see."""
    import torch

    if preprocessing is not None and not isinstance(preprocessing, Preprocessing):
        return None  # it may make them of others
    if preprocessing is not None and preprocessing.channels is not None:
        return preprocessing.channels
    module = torch_module(model)
    parts = () if module is None else module.modules()
    first = next((part for part in parts if isinstance(part, torch.nn.Conv2d)), None)
    return None if first is None else first.in_channels or None  # 0 of a lazy one
