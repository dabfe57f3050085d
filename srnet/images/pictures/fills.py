"""Fills: the pixels that replace a hidden superpixel."""

import inspect
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.pictures.arrays import as_array
from srnet.images.pictures.reading import read_image

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
        [
            np.bincount(flat, weights=image[..., channel].ravel()) / sizes
            for channel in range(image.shape[2])
        ],
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


def fill_image(image: Image, segments: NDArray[np.int32], method: Any = "grey") -> Image:
    """The image (H, W, C) with every superpixel hidden.

    Parameters
    ----------
    image
        (H, W, C), values in [0, 1].
    segments
        (H, W), the superpixels 0 … n-1.
    method
        ``grey``, ``mean``, ``black`` or ``blur``; a colour, as C numbers in [0, 1], or one number
        for all channels; another image of the same size, as :func:`srnet.images.read_image` reads
        it; a function of the image that gives one; or a function of the image and its hidden
        pixels, see :func:`fill_hidden`, which has nothing to go by here: grey takes its place.

    Raises
    ------
    UserError
        If the method is unknown or its image does not fit.
    """
    if isinstance(method, str):
        if method not in FILLS:
            raise UserError(
                f"'fill' is {method!r}; allowed are {', '.join(FILLS)}, a colour, an image, or a "
                f"function of the image"
            )
        return FILLS[method](image, segments)
    if reads_mask(method):
        return grey(image, segments)
    if callable(method):
        return _read(_call(method, image), image)
    return _read(method, image)


def reads_mask(method: Any) -> bool:
    """Whether a fill is a function of the image and of what is hidden, as an inpainting is."""
    if not callable(method):
        return False
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"'fill' is {getattr(method, '__name__', method)!r}, which does not tell its "
            f"parameters; give a function of the image, or of the image and the hidden pixels, as "
            f"lambda image, hidden: …"
        ) from error
    needed = [
        each
        for each in parameters
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) == 2


def fill_hidden(image: Image, hidden: NDArray[np.bool_], function: Callable[..., Any]) -> Image:
    """The image (H, W, C) that a function makes of an image whose ``hidden`` pixels (H, W) it may
    not use, as :func:`skimage.restoration.inpaint_biharmonic` does.

    Raises
    ------
    UserError
        If the function cannot be called or its image does not fit.
    """
    return _read(_call(function, image, hidden), image)


def _call(function: Callable[..., Any], *arguments: NDArray[Any]) -> Any:
    try:
        return function(*(each.copy() for each in arguments))
    except UserError:
        raise
    except Exception as error:
        shapes = " and ".join(str(each.shape) for each in arguments)
        raise UserError(
            f"'fill' cannot be called with arrays of shape {shapes} ({type(error).__name__}: "
            f"{error}); a function of an image (H, W, C), or of it and the hidden pixels (H, W), "
            f"is needed"
        ) from error


def _read(fill: Any, image: Image) -> Image:
    """A colour or an image as pixels for the whole image."""
    channels = image.shape[2]
    if not isinstance(fill, os.PathLike) and (colour := as_array(fill, "'fill'")).ndim < 2:
        if colour.dtype.kind not in "fiub" or colour.shape not in ((), (1,), (channels,)):
            raise UserError(
                f"'fill' is {fill!r}; as a colour, {channels} numbers in [0, 1] are needed"
            )
        if not ((colour >= 0) & (colour <= 1)).all():
            raise UserError(
                f"'fill' is {fill!r}, and a colour's numbers are in [0, 1]; divide those of 8 bits "
                f"by 255"
            )
        return np.broadcast_to(colour.astype(np.float32), image.shape).copy()
    try:
        pixels = read_image(fill, channels)
    except UserError as error:
        raise UserError(f"'fill' is an image that cannot be used: {error}") from error
    if pixels.shape != image.shape:
        raise UserError(
            f"'fill' is an image of shape {pixels.shape}; the shape {image.shape} of the image "
            f"that the network sees is needed"
        )
    return pixels
