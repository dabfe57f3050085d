"""Where an attribution is: on the object or beside it, and how far several of them agree.

These measures ask no network. An attribution is good by them only if the network looks at the
object.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.measures.attribution import Ranking, rank, select
from srnet.images.pictures.arrays import as_array
from srnet.images.pictures.segments import number
from srnet.metrics import intersection_over_union
from srnet.typing import Floats
from srnet.validation import Number


def iou(
    attribution: Any,
    truth: NDArray[np.bool_],
    *,
    top: int | None = None,
    share: float | None = None,
    threshold: float | None = None,
    segments: NDArray[np.integer] | None = None,
) -> float:
    """Intersection over union of what an attribution selects and the object.

    Parameters
    ----------
    attribution
        See :func:`srnet.images.measures.attribution.rank`.
    truth
        (H, W) bool, the object's pixels, at least one.
    top, share, threshold
        What is selected, see :func:`srnet.images.measures.sufficiency`.
    segments
        (H, W) integers, the superpixels; without them pixels are selected.

    Raises
    ------
    UserError
        If the attribution, the truth or the selection cannot be used.
    """
    truth, ranked = _compare(attribution, truth, segments)
    selected = select(ranked, top=top, share=share, threshold=threshold)
    return intersection_over_union(selected[ranked.units], truth)


def pointing_game(
    attribution: Any,
    truth: NDArray[np.bool_],
    *,
    segments: NDArray[np.integer] | None = None,
    tolerance: float = 0,
) -> float:
    """Whether the most important pixel is on the object: 1 or 0 (Zhang et al. 2018, Excitation
    Backprop, section 4.2).

    Where several pixels are the most important, such as those of a superpixel, it is the share of
    them that is on the object, which is the expected value of a choice among them by chance.

    Parameters
    ----------
    attribution
        See :func:`srnet.images.measures.attribution.rank`.
    truth
        (H, W) bool, the object's pixels, at least one.
    segments
        (H, W) integers, the superpixels; without them it is about pixels.
    tolerance
        Pixels that are at most so far from the object, in pixels, count as on it (15 in the paper).

    Raises
    ------
    UserError
        If the attribution, the truth or the tolerance cannot be used.
    """
    from scipy.ndimage import distance_transform_edt

    tolerance = Number(at_least=0).check("tolerance", tolerance)
    truth, ranked = _compare(attribution, truth, segments)
    on_object = distance_transform_edt(~truth) <= tolerance
    return float(on_object[ranked.places[ranked.units] == 0].mean())


def agreement(masks: NDArray[np.bool_]) -> float:
    """Mean intersection over union of all pairs of masks (runs, …), which says how far runs agree.

    It is 1 for a single mask.

    Raises
    ------
    UserError
        If there is no mask, or they are no booleans of one shape.
    """
    values = as_array(masks, "masks")
    if values.dtype != np.bool_ or values.ndim < 2 or not values.size:
        raise UserError(
            f"masks: an array of {values.dtype} of shape {values.shape} found; one or more masks "
            f"of booleans, (runs, …), are needed"
        )
    flat = values.reshape(len(values), -1).astype(np.float64)
    if len(flat) < 2:
        return 1.0
    common = flat @ flat.T
    sizes = common.diagonal()
    union = sizes[:, None] + sizes[None] - common
    overlap: Floats = np.divide(common, union, out=np.ones_like(common), where=union > 0)
    return float(overlap[np.triu_indices(len(flat), 1)].mean())


def _compare(
    attribution: Any, truth: Any, segments: NDArray[np.integer] | None
) -> tuple[NDArray[np.bool_], Ranking]:
    """The object's pixels (H, W), and the order of the units."""
    values = as_array(truth, "truth")
    if values.ndim != 2 or values.dtype != np.bool_ or not values.any():
        raise UserError(
            f"truth: {np.count_nonzero(values)} pixels of an array of {values.dtype} of shape "
            f"{values.shape} found; a mask (H, W) of booleans, True on the object, is needed"
        )
    if segments is not None:
        segments = number(segments, values.shape)
    return values, rank(attribution, values.shape, segments)
