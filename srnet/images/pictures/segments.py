"""Superpixels: regions of an image that are shown or hidden together."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError

Segments = NDArray[np.int32]

SEED = 42  # of the noise with which quickshift breaks ties


def slic(
    image: NDArray[np.float32], count: int = 40, compactness: float = 25.0
) -> NDArray[np.integer]:
    """SLIC, k-means in colour and position; ``count`` is the approximate number of segments."""
    from skimage.segmentation import slic

    return slic(image, n_segments=count, compactness=compactness, start_label=0)


def quickshift(
    image: NDArray[np.float32], kernel_size: float = 4, max_dist: float = 200, ratio: float = 0.2
) -> NDArray[np.integer]:
    """Quickshift with the settings of the ``lime`` package."""
    from skimage.segmentation import quickshift

    return quickshift(image, kernel_size=kernel_size, max_dist=max_dist, ratio=ratio, rng=SEED)


def watershed(
    image: NDArray[np.float32], count: int = 40, compactness: float = 0.001
) -> NDArray[np.integer]:
    """Compact watershed of the gradient; ``count`` is the approximate number of segments."""
    from skimage.color import rgb2gray
    from skimage.filters import sobel
    from skimage.segmentation import watershed

    return watershed(sobel(rgb2gray(image)), markers=count, compactness=compactness)


METHODS: dict[str, Callable[..., NDArray[np.integer]]] = {
    "slic": slic,
    "quickshift": quickshift,
    "watershed": watershed,
}


def superpixels(
    image: NDArray[np.float32], method: str | NDArray[np.integer] = "slic", **options: Any
) -> Segments:
    """Divide an image into superpixels.

    Parameters
    ----------
    image
        (H, W, 3), values in [0, 1].
    method
        ``slic`` (options count, compactness), ``quickshift`` (kernel_size, max_dist, ratio; the
        defaults are LIME's), ``watershed`` (count, compactness), or an array of integer labels
        (H, W).
    options
        Options of the method.

    Returns
    -------
    (H, W) labels 0 … n-1, each in use.

    Raises
    ------
    UserError
        If the method is unknown, the array does not fit, or there are fewer than two superpixels.
    """
    if isinstance(method, str):
        if method not in METHODS:
            raise UserError(
                f"segments: '{method}' found; {', '.join(METHODS)} or an array of labels is allowed"
            )
        try:
            segments = METHODS[method](image, **options)
        except TypeError as error:
            raise UserError(
                f"segments: '{method}' cannot be used with {options} ({error})"
            ) from error
    else:
        segments = np.asarray(method)
        if segments.shape != image.shape[:2] or not np.issubdtype(segments.dtype, np.integer):
            raise UserError(
                f"segments: an array of {segments.dtype} of shape {segments.shape} found; integers "
                f"of the image's shape {image.shape[:2]} are needed"
            )
    labels, numbers = np.unique(segments, return_inverse=True)
    if len(labels) < 2:
        raise UserError(
            "segments: the whole image is one superpixel; at least 2 are needed; use a larger "
            "count or another method"
        )
    return numbers.reshape(segments.shape).astype(np.int32)
