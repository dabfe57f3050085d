"""Superpixels: regions of an image that are shown or hidden together."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.pictures.arrays import as_array
from srnet.images.pictures.reading import as_picture
from srnet.typing import Floats

Segments = NDArray[np.int32]

SEED = 42  # of the noise with which quickshift breaks ties


LIGHTNESS = 100  # the range of CIE Lab, in whose units colours differ as we see them
COUNT = 40  # superpixels, about
SMOOTHING = (1, 2, 4, 8)  # σ in pixels


def slic(
    image: NDArray[np.float32], count: int = COUNT, compactness: float = 25.0
) -> NDArray[np.integer]:
    """SLIC, k-means in colour and position; ``count`` is the approximate number of segments.

    Of noise it makes scraps, which become one segment. An image of which it makes fewer than half
    of ``count`` is therefore smoothed, no more than it must be.

    Bands other than red, green and blue are compared as they are, a range of each for that of the
    lightness.
    """
    from skimage.segmentation import slic

    if image.shape[2] != 3:
        compactness /= LIGHTNESS  # scikit-image scales values that are no colours to [0, 1]
    options = {"compactness": compactness, "start_label": 0}
    segments = slic(image, n_segments=count, **options)
    for sigma in SMOOTHING:
        if not is_coarse(count_segments(segments), count):
            break
        # of a square image two seeds are one
        smooth = slic(image, n_segments=max(count, 3), sigma=sigma, **options)
        segments = max(segments, smooth, key=count_segments)
    return segments


def is_coarse(found: int, count: int) -> bool:
    """Whether the segments found are far fewer than ``count``, which was asked for."""
    return found < max(count / 2, 2)


def count_segments(segments: NDArray[np.integer]) -> int:
    """Number of different labels."""
    return len(np.unique(segments))


def quickshift(
    image: NDArray[np.float32], kernel_size: float = 4, max_dist: float = 200, ratio: float = 0.2
) -> NDArray[np.integer]:
    """Quickshift with the settings of the ``lime`` package."""
    from skimage.segmentation import quickshift

    is_colour = image.shape[2] == 3
    return quickshift(
        image if is_colour else image * LIGHTNESS,
        kernel_size=kernel_size,
        max_dist=max_dist,
        ratio=ratio,
        convert2lab=is_colour,
        rng=SEED,
    )


def watershed(
    image: NDArray[np.float32], count: int = COUNT, compactness: float = 0.001
) -> NDArray[np.integer]:
    """Compact watershed of the gradient; ``count`` is the approximate number of segments."""
    from skimage.color import rgb2gray
    from skimage.filters import sobel
    from skimage.segmentation import watershed

    grey = rgb2gray(image) if image.shape[2] == 3 else image.mean(axis=2)
    return watershed(sobel(grey), markers=count, compactness=compactness)


METHODS: dict[str, Callable[..., NDArray[np.integer]]] = {
    "slic": slic,
    "quickshift": quickshift,
    "watershed": watershed,
}


def takes_count(method: Any) -> bool:
    """Whether it is the name of a method that takes a number of superpixels."""
    return isinstance(method, str) and "count" in _option_names(method)


def superpixels(
    image: NDArray[np.float32],
    method: str | NDArray[np.integer] | Callable[[NDArray[np.float32]], Any] = "slic",
    **options: Any,
) -> Segments:
    """Divide an image into superpixels.

    Parameters
    ----------
    image
        (H, W, C), values in [0, 1]. One channel is divided as a grey picture.
    method
        ``slic`` (options count, compactness), ``quickshift`` (kernel_size, max_dist, ratio; the
        defaults are LIME's), ``watershed`` (count, compactness), an array of integer labels (H, W),
        or a function of the image that gives such labels.
    options
        Options of the method.

    Returns
    -------
    (H, W) labels 0 … n-1, each in use.

    Raises
    ------
    UserError
        If the method is unknown, the labels do not fit, or there are fewer than two superpixels.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise UserError(
                f"segments: '{method}' found; {', '.join(METHODS)}, an array of labels or a "
                f"function of the image is allowed"
            )
        names = _option_names(method)
        if others := [name for name in options if name not in names]:
            raise UserError(
                f"segments: '{method}' has no option {others[0]}; {', '.join(names)} are allowed"
            )
        try:
            segments: Any = METHODS[method](
                as_picture(image) if image.shape[2] == 1 else image, **options
            )
        except TypeError as error:
            raise UserError(
                f"segments: '{method}' cannot be used with {options} ({error})"
            ) from error
    elif options:
        raise UserError(
            f"segments: labels or a function are found, which take no {', '.join(options)}; leave "
            f"it out, or name a method, as 'slic'"
        )
    else:
        segments = _call(method, image) if callable(method) else method
    return number(segments, image.shape[:2])


def number(labels: Any, shape: tuple[int, ...]) -> Segments:
    """Number the superpixels of integer labels (H, W) from 0 to n-1, in the labels' order.

    Raises
    ------
    UserError
        If they are of another shape or no integers, or there are fewer than two superpixels.
    """
    segments = as_array(labels, "segments")
    if segments.shape != shape or not np.issubdtype(segments.dtype, np.integer):
        raise UserError(
            f"segments: an array of {segments.dtype} of shape {segments.shape} found; integers of "
            f"the shape {shape} of the image that the network sees are needed"
        )
    names, numbers = np.unique(segments, return_inverse=True)
    if len(names) < 2:
        raise UserError(
            "segments: the whole image is one superpixel; at least 2 are needed, as those of "
            "srnet.images.superpixels(image, 'slic')"
        )
    return numbers.reshape(segments.shape).astype(np.int32)


def superpixel_means(values: NDArray[Any], segments: NDArray[np.integer]) -> Floats:
    """Mean of values (H, W) in each of the superpixels 0 … n-1, (n,)."""
    # by the distance from one of its pixels, so that the mean of equal values is that value
    first = values.ravel()[np.unique(segments, return_index=True)[1]].astype(np.float64)
    rest = np.bincount(segments.ravel(), weights=(values - first[segments]).ravel())
    return first + rest / np.bincount(segments.ravel())


def _option_names(method: str) -> list[str]:
    """The options of a method, none of an unknown one."""
    return list(inspect.signature(METHODS[method]).parameters)[1:] if method in METHODS else []


def _call(function: Callable[[NDArray[np.float32]], Any], image: NDArray[np.float32]) -> Any:
    try:
        return function(image.copy())
    except Exception as error:
        raise UserError(
            f"segments: the function cannot be called with the image {image.shape} "
            f"({type(error).__name__}: {error}); a function of an image (H, W, C) is needed that "
            f"gives integers (H, W)"
        ) from error
