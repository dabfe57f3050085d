"""Fills: the pixels that replace a hidden superpixel."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from srnet.validation import Choice

Image = NDArray[np.float32]


def grey(image: Image, segments: NDArray[np.int32]) -> Image:
    """Mid-grey, 0.5 in every channel."""
    return np.full_like(image, 0.5)


def black(image: Image, segments: NDArray[np.int32]) -> Image:
    """Black."""
    return np.zeros_like(image)


def mean(image: Image, segments: NDArray[np.int32]) -> Image:
    """The mean colour of each superpixel, as in LIME; the mosaic may still show the object."""
    flat = segments.ravel()
    sizes = np.bincount(flat)
    colours = np.stack(
        [np.bincount(flat, weights=image[..., channel].ravel()) / sizes for channel in range(3)],
        axis=1,
    )
    return colours.astype(np.float32)[segments]


def blur(image: Image, segments: NDArray[np.int32]) -> Image:
    """The image blurred by a Gaussian whose σ is a tenth of the shorter side."""
    from skimage.filters import gaussian

    return gaussian(image, sigma=min(image.shape[:2]) / 10, channel_axis=-1).astype(np.float32)


FILLS: dict[str, Callable[[Image, NDArray[np.int32]], Image]] = {
    "grey": grey,
    "mean": mean,
    "black": black,
    "blur": blur,
}


def fill_image(image: Image, segments: NDArray[np.int32], method: str = "grey") -> Image:
    """The image (H, W, 3) with every superpixel hidden.

    Parameters
    ----------
    image
        (H, W, 3), values in [0, 1].
    segments
        (H, W), the superpixels 0 … n-1.
    method
        ``grey``, ``mean``, ``black`` or ``blur``.

    Raises
    ------
    UserError
        If the method is unknown.
    """
    Choice(tuple(FILLS)).check("fill", method)
    return FILLS[method](image, segments)
