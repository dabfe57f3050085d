"""How good an explanation is: the same questions for every method, asked of the network in
float32."""

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Genomes
from srnet.images.search.ranking import leading
from srnet.typing import Floats


def measures(
    judge: Archive,
    selected: NDArray[np.bool_],
    ranking: NDArray[np.integer],
    truth: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Measure a selection of superpixels and a ranking of them.

    Parameters
    ----------
    judge
        Whatever made the explanation, this one is asked, and remembers its answers for the next;
        its passes are not those of the explanation.
    selected
        (n,) superpixels selected.
    ranking
        (n,) superpixels, most important first.
    truth
        (H, W) the object's pixels, where they are known.

    Returns
    -------
    whole, probability, empty, complement
        Probability of the class when all, the selected, no, and the other superpixels are shown.
    superpixels, share
        Number selected; their share of the pixels.
    iou
        Of the selected pixels with the truth (NaN without one).
    insertion, deletion
        Area below the probability against the share of pixels, as superpixels are shown (hidden) in
        the ranking's order, from 0 to 1; as Petsiuk, Das and Saenko 2018, with superpixels in place
        of pixels. Good are a high insertion and a low deletion.
    """
    segments, n = judge.evaluator.segments, judge.evaluator.superpixels
    shown = np.concatenate([np.zeros((1, n), dtype=bool), leading(ranking)])
    answers = judge.probabilities(
        np.concatenate([shown, ~shown[1:-1], selected[None], ~selected[None]])
    )
    inserted, rest = answers[: n + 1], answers[n + 1 :]
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
        "iou": iou(selected[segments], truth) if truth is not None else float("nan"),
        "insertion": float(np.trapezoid(inserted, shares)),
        "deletion": float(np.trapezoid(deleted, shares)),
    }


def iou(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; 1 where both are empty."""
    union = np.count_nonzero(found | truth)
    return float(np.count_nonzero(found & truth) / union) if union else 1.0


def agreement(masks: Genomes) -> float:
    """Mean intersection over union of all pairs among masks (runs, …), 1 for a single one: how far
    seeds agree."""
    flat = np.asarray(masks, dtype=bool).reshape(len(masks), -1).astype(np.float64)
    if len(flat) < 2:
        return 1.0
    common = flat @ flat.T
    sizes = common.diagonal()
    union = sizes[:, None] + sizes[None] - common
    overlap: Floats = np.divide(common, union, out=np.ones_like(common), where=union > 0)
    return float(overlap[np.triu_indices(len(flat), 1)].mean())
