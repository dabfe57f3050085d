"""Measures of the quality of an explanation, the same for every method, in float32."""

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.images.search.ranking import leading_sets
from srnet.metrics import intersection_over_union
from srnet.typing import Floats


def measure_explanation(
    archive: Archive,
    selected: NDArray[np.bool_],
    ranking: NDArray[np.integer],
    truth: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Measure a selection of superpixels and a ranking of them.

    Parameters
    ----------
    archive
        Evaluates the network, whatever made the explanation; its passes do not count for the
        explanation. Methods of the same image can share it.
    selected
        (n,) bool, the selected superpixels.
    ranking
        (n,) superpixels, most important first.
    truth
        (H, W) bool, the object's pixels, if known.

    Returns
    -------
    whole, probability, empty, complement
        Probability of the class when all, the selected, no, or all but the selected superpixels are
        shown.
    superpixels, share
        Number of selected superpixels, and their share of the pixels.
    iou
        Intersection over union of the selected pixels and the truth; NaN without truth.
    insertion, deletion
        Area under the curve of the probability against the share of pixels, as superpixels are
        shown (hidden) in the order of the ranking (Petsiuk, Das and Saenko 2018, with superpixels
        instead of pixels). A high insertion and a low deletion are good.
    """
    segments, n = archive.evaluator.segments, archive.evaluator.superpixels
    shown = np.concatenate([np.zeros((1, n), dtype=bool), leading_sets(ranking)])
    probabilities = archive.probabilities(
        np.concatenate([shown, ~shown[1:-1], selected[None], ~selected[None]])
    )
    inserted, rest = probabilities[: n + 1], probabilities[n + 1 :]
    deleted = np.concatenate([inserted[-1:], rest[:-2], inserted[:1]])
    sizes = np.bincount(segments.ravel(), minlength=n) / segments.size
    shares = np.concatenate([[0.0], np.cumsum(sizes[ranking])])
    return {
        "whole": float(inserted[-1]),
        "probability": float(rest[-2]),
        "empty": float(inserted[0]),
        "complement": float(rest[-1]),
        "superpixels": int(selected.sum()),
        "share": float(sizes[selected].sum()),
        "iou": intersection_over_union(selected[segments], truth)
        if truth is not None
        else float("nan"),
        "insertion": float(np.trapezoid(inserted, shares)),
        "deletion": float(np.trapezoid(deleted, shares)),
    }


def highest_probability(archive: Archive, ranking: NDArray[np.integer]) -> dict[str, float]:
    """The highest probability of the class that a leading part of a ranking reaches, alone.

    Parameters
    ----------
    archive, ranking
        As of :func:`measure_explanation`.

    Returns
    -------
    highest
        That probability; at least that of the whole image, which is the last leading part.
    highest_share
        The share of the pixels that the smallest such part shows.
    """
    segments, n = archive.evaluator.segments, archive.evaluator.superpixels
    probabilities = archive.probabilities(leading_sets(ranking))
    best = int(probabilities.argmax())
    sizes = np.bincount(segments.ravel(), minlength=n) / segments.size
    return {
        "highest": float(probabilities[best]),
        "highest_share": float(sizes[ranking[: best + 1]].sum()),
    }


def agreement(masks: Genomes) -> float:
    """Mean intersection over union of all pairs of masks (runs, …), which says how far runs agree.

    It is 1 for a single mask.
    """
    flat = np.asarray(masks, dtype=bool).reshape(len(masks), -1).astype(np.float64)
    if len(flat) < 2:
        return 1.0
    common = flat @ flat.T
    sizes = common.diagonal()
    union = sizes[:, None] + sizes[None] - common
    overlap: Floats = np.divide(common, union, out=np.ones_like(common), where=union > 0)
    return float(overlap[np.triu_indices(len(flat), 1)].mean())
