"""The comparison: every method explains one image with one network, seed by seed, and is measured
in the same way.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.images.comparison.methods import ELIME, Method, attribute, method
from srnet.images.pictures.segments import superpixels
from srnet.typing import StrPath
from srnet.validation import Choice, Integer, check_threads

TOP = 3  # the first superpixels of a baseline's ranking are its explanation
MOST = 10  # the best number of superpixels is looked for from 1 to this

Mask = NDArray[np.bool_]


class Selection(NamedTuple):
    """What a method says of an image: superpixels selected (n,), their ranking (n,), its cost, and
    E-LIME's history."""

    selected: Mask
    ranking: NDArray[np.intp]
    passes: int
    seconds: float
    history: list[dict[str, Any]]


def compare(
    classifier: Any,
    image: NDArray[np.float32],
    truth: Mask | None,
    methods: Sequence[str],
    seeds: Sequence[int],
    *,
    label: int | None = None,
    segmentation: str = "slic",
    fill: str = "grey",
    precision: str = "float32",
    baseline_seeds: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Explain an image by every method and seed, and measure each explanation.

    Parameters
    ----------
    classifier
        A :class:`srnet.images.networks.architectures.Classifier`.
    image
        (H, W, 3), values in [0, 1].
    truth
        (H, W), the object's pixels in the frame of the network; None where unknown.
    label
        The class to explain; by default the one that the network gives the whole image.
    precision
        Of the explaining passes; explanations are always measured in float32.
    baseline_seeds
        Methods other than E-LIME take no seed above this one.

    Returns
    -------
    One row per method and seed: method, seed, label, superpixels_of (n), whole, probability, empty,
    complement, superpixels, share, iou, iou_1 … iou_10 (of the first k superpixels of the ranking),
    insertion, deletion, highest and highest_share (the highest probability of the class that a
    leading part of the ranking reaches, and the part's share of the pixels), passes, seconds,
    selected (by superpixel, x or -, so that it stays text).
    And one row per method, seed and generation of E-LIME: passes, best, probability, share.

    Raises
    ------
    UserError
        If a method is unknown or named twice, no seed is left, or the truth is of another
        shape than the image.
    """
    from srnet.images.comparison.shared_evaluator import SharedEvaluator
    from srnet.images.measures import highest_probability, measure_explanation
    from srnet.images.search.archive import Archive
    from srnet.images.search.evaluator import Evaluator
    from srnet.metrics import intersection_over_union as iou

    compared = _assign_seeds(methods, seeds, baseline_seeds)
    frame = classifier.preprocessing.frame(image)
    if truth is not None and truth.shape != frame.shape[:2]:
        raise UserError(
            f"the mask has {truth.shape} pixels and the image {frame.shape[:2]}; the same shape "
            f"is needed"
        )
    segments = superpixels(frame, segmentation)
    options = {"fill": fill, "preprocessing": classifier.preprocessing}
    exact = Evaluator(classifier.model, frame, segments, label=label, **options)
    judge = Archive(exact)  # seeds and methods often agree on what is first and last
    evaluator = SharedEvaluator(
        classifier.model, frame, segments, label=exact.label, precision=precision, **options
    )
    rows, histories = [], []
    for each, own_seeds in compared:
        for seed in own_seeds:
            try:
                selection = _select(
                    each, classifier, frame, segments, evaluator, seed, fill, precision
                )
            except UserError as error:
                raise UserError(f"the method '{each.name}': {error}") from error
            names = {"method": each.name, "seed": seed}
            measured = measure_explanation(judge, selection.selected, selection.ranking, truth)
            firsts = {
                f"iou_{k}": _iou_of_first(selection.ranking, k, segments, truth, iou)
                for k in range(1, MOST + 1)
            }
            rows.append(
                names
                | {"label": exact.label, "superpixels_of": exact.superpixels}
                | measured
                | highest_probability(judge, selection.ranking)
                | firsts
                | {
                    "passes": selection.passes,
                    "seconds": selection.seconds,
                    "selected": "".join("x" if shown else "-" for shown in selection.selected),
                }
            )
            histories += [names | {key: step[key] for key in HISTORY} for step in selection.history]
        progress(
            f"{each.name}: seeds {own_seeds[0]}-{own_seeds[-1]}, the last "
            f"{rows[-1]['passes']} passes in {rows[-1]['seconds']:.2f} s"
        )
    return pd.DataFrame(rows), pd.DataFrame(histories, columns=["method", "seed", *HISTORY])


HISTORY = ("passes", "best", "probability", "share")


def _assign_seeds(
    methods: Sequence[str], seeds: Sequence[int], baseline_seeds: int | None
) -> list[tuple[Method, list[int]]]:
    """The methods that take any of the seeds, each with those that it takes."""
    _check_distinct("methods", methods)
    last = np.inf if baseline_seeds is None else baseline_seeds
    found = [
        (each, [seed for seed in seeds if each.kind in ELIME or seed <= last])
        for each in map(method, methods)
    ]
    if not any(own for _, own in found):
        raise UserError(
            f"baseline seeds: {baseline_seeds} found, which leaves {', '.join(methods)} none of "
            f"the seeds {min(seeds)} to {max(seeds)}; at least {min(seeds)} is needed"
        )
    return [(each, own) for each, own in found if own]


def _check_distinct(what: str, names: Sequence[str]) -> None:
    for name in names:
        if list(names).count(name) > 1:
            raise UserError(f"{what}: '{name}' found twice; each is needed once")


def _select(
    method: Method,
    classifier: Any,
    frame: NDArray[np.float32],
    segments: Any,
    evaluator: Any,
    seed: int,
    fill: str,
    precision: str,
) -> Selection:
    from srnet.images.explanation.explain import explain

    if method.kind in ELIME:
        started = time.perf_counter()
        explanation = explain(
            classifier,
            frame,
            evaluator.label,
            segments=segments,
            fill=fill,
            preset=method.kind,
            seed=seed,
            precision=precision,
            max_passes=method.passes,
        )
        seconds = time.perf_counter() - started
        return Selection(
            explanation.selected,
            explanation.ranking,
            explanation.passes,
            seconds,
            list(explanation.history),
        )
    ranked = attribute(method, evaluator, classifier, seed)
    return Selection(_first(ranked.ranking, TOP), ranked.ranking, ranked.passes, ranked.seconds, [])


def _first(ranking: NDArray[np.intp], count: int) -> Mask:
    selected = np.zeros(len(ranking), dtype=bool)
    selected[ranking[:count]] = True
    return selected


def _iou_of_first(
    ranking: NDArray[np.intp],
    count: int,
    segments: Any,
    truth: Mask | None,
    iou: Callable[..., float],
) -> float:
    return iou(_first(ranking, count)[segments], truth) if truth is not None else float("nan")


# --- Files ----------------------------------------------------------------------------------------


def read_mask(path: StrPath) -> Mask:
    """A mask as an image file: the object is brighter than the middle.

    Raises
    ------
    UserError
        If the file is no image.
    """
    from srnet.images.pictures.reading import read_image

    return read_image(path).mean(axis=-1) > 0.5


def write_comparison(
    network: StrPath,
    images: Sequence[StrPath],
    out: StrPath,
    history: StrPath,
    *,
    masks: Sequence[StrPath] = (),
    true_classes: Sequence[str] = (),
    methods: Sequence[str],
    seeds: Sequence[int],
    training: int = 1,
    threads: int = 1,
    **options: Any,
) -> None:
    """Compare the methods on image files and write two CSV files; options as of :func:`compare`.

    The rows begin with the network, its training, the name of the image's file, and the names of
    the class explained and of the class that the network predicts.

    Parameters
    ----------
    masks
        Of the objects, one per image; none where they are not known.
    true_classes
        The names of the images' classes, one per image, or none. Where the network predicts another
        class, the rows of the true class follow those of the predicted one.
    training
        The number of the network's training, which is written into a column.

    Raises
    ------
    UserError
        If a method or a class is unknown, the numbers of masks or classes are not that of the
        images, or two images have the same name.
    """
    import torch

    from srnet.images.networks.architectures import read_classifier
    from srnet.io.frames import write_table

    _assign_seeds(methods, seeds, options.get("baseline_seeds"))
    _check_distinct("images", [Path(path).stem for path in images])
    training = Integer(1).check("training", training)
    for option, given in {"masks": masks, "true classes": true_classes}.items():
        if given and len(given) != len(images):
            raise UserError(
                f"{len(given)} {option} found for {len(images)} images; one for each, or none, is "
                f"needed"
            )
    torch.set_num_threads(check_threads(threads))
    classifier = read_classifier(network)
    for name in true_classes:
        Choice(classifier.classes).check("true class", name)
    parts = []
    for number, path in enumerate(images):
        parts += _compare_file(
            classifier,
            path,
            masks[number] if masks else None,
            true_classes[number] if true_classes else None,
            methods=methods,
            seeds=seeds,
            **options,
        )
    for frames, file in zip(zip(*parts, strict=True), (out, history), strict=True):
        table = pd.concat(frames, ignore_index=True)
        table.insert(1, "training", training)
        write_table(table, file)


def _compare_file(
    classifier: Any,
    path: StrPath,
    mask: StrPath | None,
    true_class: str | None,
    **options: Any,
) -> list[tuple[pd.DataFrame, ...]]:
    """Both frames of the class that the network predicts, and of the true class if it is another
    one."""
    from srnet.images.pictures.reading import read_image

    image, truth = read_image(path), read_mask(mask) if mask is not None else None
    frames = compare(classifier, image, truth, **options)
    predicted = classifier.classes[frames[0]["label"].iloc[0]]
    found = {predicted: frames}
    if true_class is not None and true_class != predicted:
        label = classifier.classes.index(true_class)
        found[true_class] = compare(classifier, image, truth, label=label, **options)
    first = {"network": classifier.architecture, "image": printable(Path(path).stem)}
    return [
        tuple(
            frame.assign(**first, explained=name, predicted=predicted)[
                [*first, "explained", "predicted", *frame.columns]
            ]
            for frame in frames
        )
        for name, frames in found.items()
    ]
