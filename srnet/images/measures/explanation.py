"""All measures of an explanation on superpixels, for a comparison of methods on one image."""

import numpy as np
from numpy.typing import NDArray

from srnet.images.measures.attribution import rank, unit_sizes
from srnet.images.measures.curves import cumulative_sets, deletion_curve, insertion_curve
from srnet.images.search.archive import Archive
from srnet.images.search.ranking import leading_sets
from srnet.metrics import intersection_over_union


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
        shown. ``probability`` is the sufficiency of the selection and ``complement`` its necessity.
    superpixels, share
        Number of selected superpixels, and their share of the pixels.
    iou
        Intersection over union of the selected pixels and the truth; NaN without truth.
    insertion, deletion
        Area under the curve of the probability against the share of pixels, as superpixels are
        shown (hidden) in the order of the ranking, see :func:`srnet.images.measures.insertion`. A
        high insertion and a low deletion are good.
    """
    segments = archive.evaluator.segments
    ranked = rank(ranking, segments.shape, segments)
    steps, shown = ranked.places, cumulative_sets(ranked.places)
    # all at once: the last digits of a network depend on how many images a batch has
    probabilities = archive.probabilities(
        np.concatenate([shown, ~shown[1:-1], selected[None], ~selected[None]])
    )
    insertion, deletion = insertion_curve(archive, steps), deletion_curve(archive, steps)
    return {
        "whole": float(insertion.probabilities[-1]),
        "probability": float(probabilities[-2]),
        "empty": float(insertion.probabilities[0]),
        "complement": float(probabilities[-1]),
        "superpixels": int(selected.sum()),
        "share": float((unit_sizes(ranked) / segments.size)[selected].sum()),
        "iou": intersection_over_union(selected[segments], truth)
        if truth is not None
        else float("nan"),
        "insertion": insertion.area,
        "deletion": deletion.area,
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
    segments = archive.evaluator.segments
    probabilities = archive.probabilities(leading_sets(ranking))
    best = int(probabilities.argmax())
    shown = np.isin(segments, ranking[: best + 1])
    return {"highest": float(probabilities[best]), "highest_share": float(shown.mean())}
