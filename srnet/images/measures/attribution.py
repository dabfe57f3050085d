"""Any attribution as an order of units: superpixels, or single pixels where there are none.

Units of equal score have the same place: they are shown and hidden together, so no measure depends
on the order in which a sort leaves them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.pictures.arrays import as_array
from srnet.images.pictures.segments import superpixel_means
from srnet.typing import Floats
from srnet.validation import Integer, Number


class Ranking(NamedTuple):
    """The units of an image in order of importance.

    Attributes
    ----------
    units
        (H, W), the unit 0 … n-1 of each pixel.
    places
        (n,), 0 for the most important unit; units of equal score have the same place.
    scores
        (n,), large if the unit supports the class; None if only a ranking is known.
    is_mask
        Whether the attribution was boolean, of whole units, which is a selection by itself.
    """

    units: NDArray[np.integer]
    places: NDArray[np.intp]
    scores: Floats | None
    is_mask: bool


def rank(
    attribution: Any, shape: tuple[int, int], segments: NDArray[np.integer] | None = None
) -> Ranking:
    """Order the superpixels of an image, or its pixels, by an attribution.

    Parameters
    ----------
    attribution
        A pixel map (H, W), or (C, H, W), whose channels are summed. With superpixels their mean of
        the map counts, or they are given themselves: scores (n,) as floats, a ranking (n,) as
        integers, most important first, or a selection (n,) as booleans. Negative scores speak
        against the class and come last. NumPy arrays, torch tensors and lists are allowed.
    shape
        (H, W) of the image that the network sees.
    segments
        (H, W), the superpixels 0 … n-1; without them every pixel is a unit.

    Raises
    ------
    UserError
        If the shape is another one, a value is NaN or infinite, or a ranking lacks or repeats a
        superpixel.
    """
    values = _to_array(attribution)
    n = shape[0] * shape[1] if segments is None else int(segments.max()) + 1
    if segments is not None and values.shape == (n,):
        if np.issubdtype(values.dtype, np.integer):
            return Ranking(segments, _find_places(values), None, False)
        return _rank_scores(segments, values)
    if values.ndim not in (2, 3) or values.shape[-2:] != shape:
        numbers = "" if segments is None else f", or ({n},) for the superpixels,"
        raise UserError(
            f"attribution: an array of shape {values.shape} found; {shape} or (channels, "
            f"{shape[0]}, {shape[1]}) for the pixels{numbers} is needed"
        )
    if values.ndim == 3:
        values = values.sum(axis=0, dtype=np.float64)
    if segments is None:
        return _rank_scores(np.arange(n).reshape(shape), values.ravel())
    means = superpixel_means(values, segments)
    # a mask of whole superpixels is a selection of them
    is_selection = values.dtype == np.bool_ and np.isin(means, (0, 1)).all()
    return _rank_scores(segments, means.astype(bool) if is_selection else means)


def select(
    ranked: Ranking,
    *,
    top: int | None = None,
    share: float | None = None,
    threshold: float | None = None,
) -> NDArray[np.bool_]:
    """Select the most important units, (n,) bool, by exactly one criterion.

    A boolean attribution of whole units needs none. ``top`` and ``share`` are upper bounds: units
    that are tied across the bound are all left out.

    Parameters
    ----------
    top
        Number of units.
    share
        Share of the pixels, above 0.
    threshold
        Units with a larger score are selected.

    Raises
    ------
    UserError
        If there is no or more than one criterion, one is out of range, or a ranking is given with a
        threshold.
    """
    criteria = {"top": top, "share": share, "threshold": threshold}
    given = [name for name, value in criteria.items() if value is not None]
    if ranked.is_mask and not given and ranked.scores is not None:
        return ranked.scores > 0
    if len(given) != 1:
        raise UserError(
            f"top, share and threshold: {' and '.join(given) or 'none of them'} found; exactly one "
            f"is needed to select from an attribution"
        )
    if threshold is not None:
        if ranked.scores is None:
            raise UserError("threshold: a ranking has no scores; use top or share")
        return ranked.scores > Number().check("threshold", threshold)
    if top is not None:
        sizes = np.ones(len(ranked.places), dtype=np.intp)
        most: float = Integer(1, len(ranked.places)).check("top", top)
    else:
        sizes = unit_sizes(ranked)
        # a share such as 3 / 10 of 10 pixels is 3 of them, whatever its last digit
        most = Number(above=0, at_most=1).check("share", share) * ranked.units.size * (1 + 1e-12)
    ends = np.cumsum(np.bincount(ranked.places, weights=sizes))
    return (ends <= most)[ranked.places]


def unit_sizes(ranked: Ranking) -> NDArray[np.intp]:
    """(n,) number of pixels of each unit."""
    return np.bincount(ranked.units.ravel(), minlength=len(ranked.places))


def divide(ranked: Ranking, steps: int) -> NDArray[np.intp]:
    """Divide the units into steps 0, 1, …, at most ``steps``, of about equal numbers of pixels.

    Returns
    -------
    (n,) the step of each unit. Units of one place are in one step.
    """
    sizes = np.bincount(ranked.places, weights=unit_sizes(ranked)).astype(np.int64)
    before = np.cumsum(sizes) - sizes
    return np.unique((before * steps // ranked.units.size)[ranked.places], return_inverse=True)[1]


def _to_array(attribution: Any) -> NDArray[Any]:
    """An array of booleans, integers or finite floats."""
    values = as_array(attribution, "attribution")
    if not any(np.issubdtype(values.dtype, kind) for kind in (np.bool_, np.integer, np.floating)):
        raise UserError(
            f"attribution: an array of {values.dtype} found; numbers or booleans are needed"
        )
    if not np.isfinite(values).all():
        raise UserError(
            f"attribution: {np.count_nonzero(~np.isfinite(values))} values are NaN or infinite; "
            f"finite ones are needed"
        )
    return values


def _rank_scores(units: NDArray[np.integer], values: NDArray[Any]) -> Ranking:
    scores = values.astype(np.float64)
    places = np.unique(-scores, return_inverse=True)[1]
    return Ranking(units, places, scores, values.dtype == np.bool_)


def _find_places(ranking: NDArray[np.integer]) -> NDArray[np.intp]:
    n = len(ranking)
    if (np.sort(ranking) != np.arange(n)).any():
        raise UserError(
            f"attribution: {n} integers are a ranking, which names every superpixel from 0 to "
            f"{n - 1} once; scores must be floats"
        )
    places = np.empty(n, dtype=np.intp)
    places[ranking] = np.arange(n)
    return places
