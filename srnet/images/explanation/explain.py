"""E-LIME: finds the superpixels of an image that make a classifier give it its class."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet._version import __version__
from srnet.errors import UserError
from srnet.images.explanation.result import PARTS, ImageExplanation
from srnet.images.measures.attribution import rank
from srnet.images.measures.curves import deletion_curve, insertion_curve
from srnet.images.pictures.fills import reads_mask
from srnet.images.pictures.frame import frame_image
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import as_picture, read_image
from srnet.images.pictures.segments import COUNT, METHODS, takes_count
from srnet.images.pictures.segments import superpixels as divide
from srnet.images.search import genetic, ranking
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator
from srnet.images.search.surrogate import Surrogate
from srnet.networks.outputs import Selector
from srnet.search.budget import Budget
from srnet.typing import Floats, StrPath
from srnet.validation import Integer, check_threads


def explain(
    model: Any,
    image: Any,
    label: int | str | None = None,
    *,
    preprocessing: Preprocessing | Callable[[NDArray[np.float32]], Any] | None = None,
    channels: int | None = None,
    classes: Sequence[str] | None = None,
    outputs: str = "detect",
    output: Selector = None,
    device: Any = None,
    superpixels: int | None = None,
    segments: str | NDArray[np.integer] | Callable[[NDArray[np.float32]], Any] = "slic",
    fill: Any = "grey",
    preset: str = "sparse",
    seed: int = 0,
    fitness: str | None = None,
    population: int | None = None,
    generations: int | None = None,
    patience: int | None = None,
    max_passes: int | None = None,
    budget: str | None = None,
    precision: str = "float32",
    batch: int | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    curves: bool = False,
    memory: dict[Any, Any] | None = None,
    **settings: Any,
) -> ImageExplanation:
    """Explain why a network gives an image its class or value.

    A genetic algorithm searches for the superpixels that carry the class: shown alone they keep its
    probability, and without them it falls (Wang, Pei, Xue and Zhang, arXiv 2211.15143; settings
    that the paper leaves open are our choice). The result depends only on model, image, settings
    and seed. The model is left as it was. docs/images.md shows what to pass for which model.

    Parameters
    ----------
    model
        A torch module of any floating type on any device, an ONNX Runtime session, or a function
        from a float32 tensor or array (N, C, H, W) to outputs (N, k); or a
        :class:`srnet.images.networks.architectures.Classifier`, which brings its preprocessing and
        the names of its classes.
    image
        A file, a Pillow image, an array or a tensor, see :func:`srnet.images.read_image`.
    label
        The class to explain, by number, or by name if ``classes`` are known; by default the class
        that the model gives the image. A single output is that of class 1 of the classes 0 and 1.
        Of a regression the number of the value.
    preprocessing
        :class:`Preprocessing`, or a callable from float32 images (N, H, W, C) in [0, 1] to the
        model's input; None if the model takes values in [0, 1].
    channels
        C, the number of channels of the image that the model reads; by default that of
        ``preprocessing``, or of the module's first convolution, or else the image's own. Where that
        convolution reads one, the module first tries colours, of which it may make grey itself.
    classes
        Names of the model's outputs.
    outputs
        ``logits``, ``probabilities`` (also of one sigmoid per class), ``multilabel`` (logits of one
        sigmoid per class), ``values`` (a regression) or ``detect``, see
        :class:`srnet.images.Evaluator`.
    output
        Which of the model's outputs it is: the name of an item or attribute, the number of an item
        or column, or a function of what the model gives; by default its only output or ``logits``.
    device
        Where the images of a function are, as ``"cuda"``; a module has its own.
    superpixels
        Approximate number of superpixels, 40 by default, for ``slic`` and ``watershed``. A result
        that has far fewer says so.
    segments
        ``slic``, ``quickshift``, ``watershed``, labels (H, W) of the preprocessed image, or a
        function from that image (H, W, C) to such labels.
    fill
        Fill of hidden superpixels: ``grey``, ``mean``, ``black``, ``blur``, a colour, an image, or
        a function of the image alone or of the image and the hidden pixels, such as an inpainting,
        see :func:`srnet.images.pictures.fills.fill_image`.
    preset
        ``sparse``: the contrast p(S) - p(all but S) with a temperature, minus a penalty for the
        share of pixels, in at most 100 passes. ``published``: the probability alone, 50
        individuals, at most 50 generations.
    seed
        Seed of the search, at least 0.
    fitness, population, generations, patience, max_passes
        Replace the preset's, see :class:`srnet.images.search.genetic.Settings`.
    budget
        A time, as ``"30s"``, ``"2min"`` or ``"1h"``, after which the search ends; at least ten
        passes and those of the reported probabilities are made all the same. What is found in time
        depends on the machine.
    precision
        ``float32``, ``fused`` or ``bfloat16`` for the search. Reported probabilities are always
        those of the model itself.
    batch
        Images per batch.
    progress
        Called with each entry of the history.
    curves
        Whether insertion and deletion are measured too, for the result's pictures. They cost up to
        two passes per superpixel, which are counted apart, as ``about["curves"]["passes"]``.
    memory
        A dict that explanations of an image for several labels share: each keeps the model's
        outputs in it. :func:`explain_many` makes one for each image.
    settings
        Further fields of :class:`srnet.images.search.genetic.Settings`.

    Raises
    ------
    UserError
        If an argument or the model's output cannot be used.

    Examples
    --------
    A regression: how blue the right half is. The superpixels are given, 8 × 8 pixels each.

    >>> import numpy as np
    >>> from srnet.images import explain
    >>> image = np.zeros((16, 32, 3), dtype=np.uint8)
    >>> image[:8, 24:, 2] = 255
    >>> labels = np.arange(8).reshape(2, 4).repeat(8, axis=0).repeat(8, axis=1)
    >>> found = explain(
    ...     lambda images: 100 * images[:, 2, :, 16:].mean((1, 2)),
    ...     image,
    ...     outputs="values",
    ...     segments=labels,
    ...     fill="black",
    ... )
    >>> np.flatnonzero(found.selected).tolist()
    [3]
    >>> found.amount("whole"), found.amount("complement")
    ('value = 25', 'value = 0')
    """
    started = time.perf_counter()
    search_settings = genetic.preset(
        preset,
        fitness=fitness,
        population=population,
        generations=generations,
        patience=patience,
        max_passes=max_passes,
        **settings,
    )
    seed = Integer(0).check("seed", seed)
    seconds = _seconds(budget)
    if progress is not None and not callable(progress):
        raise UserError(
            f"'progress' is {progress!r}; a function of an entry of the history is needed, as print"
        )
    if memory is not None and not isinstance(memory, MutableMapping):
        raise UserError(f"'memory' is {memory!r}; a dict is needed, as {{}}")
    if hasattr(model, "model") and hasattr(model, "classes") and hasattr(model, "preprocessing"):
        preprocessing = preprocessing if preprocessing is not None else model.preprocessing
        classes = classes if classes is not None else model.classes
        model = model.model
    names = _check_names(classes)
    frame = frame_image(model, image, preprocessing, channels)
    count = _find_count(superpixels, segments)
    regions = divide(frame, segments, **({} if count is None else {"count": count}))
    number = _class_number(label, names)
    options: dict[str, Any] = {
        "fill": fill,
        "preprocessing": preprocessing,
        "batch": batch,
        "outputs": outputs,
        "output": output,
        "device": device,
        "memory": memory,
    }
    exact = Evaluator(model, frame, regions, label=number, **options)
    if names is not None and len(names) != exact.classes:
        raise UserError(f"classes: {len(names)} names found; the model has {exact.classes} outputs")
    evaluator = exact
    if precision != "float32":
        if callable(fill) and not reads_mask(fill):  # called once, as it may draw
            filled = exact.compose_images(np.zeros((1, exact.superpixels), dtype=bool))[0]
            options["fill"] = lambda image: filled
        evaluator = Evaluator(
            model, frame, regions, label=exact.label, precision=precision, **options
        )

    # Passes reserved for the result: the explanation and its complement if the search did not
    # evaluate them, and what is reported of the model itself.
    reserved = max(2 * (search_settings.refinement > 0), search_settings.fitness == "probability")
    reserved += (exact.passes + 3) * (evaluator is not exact)
    archive = Archive(evaluator)
    deadline = started + seconds
    selected, scores, history, late = _search(
        archive, search_settings, reserved, deadline, seed, progress
    )

    empty = np.zeros_like(selected)
    reported = np.stack([~empty, selected, empty, ~selected])
    probabilities = archive.probabilities(reported)
    passes, shared, error = evaluator.passes, evaluator.passes_shared, 0.0
    if evaluator is not exact:
        searched = probabilities
        probabilities = np.concatenate(
            [exact.whole_image.probability, exact.probabilities(reported[1:])]
        )
        passes, shared = passes + exact.passes, shared + exact.passes_shared
        error = float(np.abs(searched - probabilities).max())
    about = {
        "label": evaluator.label,
        "class_name": _class_name(exact, names),
        "probability": float(probabilities[0]),
        "probability_selected": float(probabilities[1]),
        "probability_empty": float(probabilities[2]),
        "probability_complement": float(probabilities[3]),
        "passes": passes,
        "passes_shared": shared,
        "seconds": time.perf_counter() - started,
        "ended_by_time": late,
        "precision": precision,
        "precision_error": error,
        "preset": preset,
        "seed": seed,
        "outputs": exact.outputs,
        "channels": frame.shape[2],
        "segments": segments if isinstance(segments, str) else "given",
        "count": count,
        "fill": fill if isinstance(fill, str) else "given",
        "settings": asdict(search_settings),
        "history": history,
        "version": __version__,
    }
    if exact.outputs == "values":
        about["values"] = dict(zip(PARTS, map(exact.to_units, probabilities.tolist()), strict=True))
    if curves:
        judge = archive if evaluator is exact else Archive(exact)
        about["curves"] = _measure_curves(judge, scores)
    return ImageExplanation(as_picture(frame), regions, selected, scores, about)


def explain_many(
    model: Any,
    images: Iterable[Any],
    label: int | str | Sequence[int | str] | NDArray[Any] | None = None,
    **options: Any,
) -> list[ImageExplanation]:
    """Explain several images, several labels of an image, or both.

    The explanations are those of :func:`explain`, bit for bit. The labels of an image share the
    batches that they have in common, the first generation above all: with the preset ``sparse``,
    each further label saves about two passes per superpixel.

    Parameters
    ----------
    model
        See :func:`explain`.
    images
        What :func:`explain` takes for an image, each; or an array or tensor of four axes.
    label
        The class of all images, or a list, array or tensor of classes, each of which is explained
        in every image; by default the class that the model gives each.
    options
        Further arguments of :func:`explain`.

    Returns
    -------
    Image by image, of each the labels in their order.

    Raises
    ------
    UserError
        If an argument, an image (whose place is named) or the model's output cannot be used.
    """
    is_one = hasattr(images, "size") and getattr(images, "ndim", 0) < 4
    if is_one or isinstance(images, str | os.PathLike) or not isinstance(images, Iterable):
        raise UserError(
            f"images: one {type(images).__name__} found; a list of images is needed, as [image]"
        )
    several = _list_labels(label)
    labels: list[Any] = [label] if several is None else several
    explanations = []
    for place, image in enumerate(images):
        memory: dict[Any, Any] | None = {} if len(labels) > 1 else None
        for each in labels:
            try:
                explanations.append(explain(model, image, each, memory=memory, **options))
            except UserError as error:
                raise UserError(f"images[{place}]: {error}") from error
    return explanations


def _search(
    archive: Archive,
    settings: genetic.Settings,
    reserved: int,
    deadline: float,
    seed: int,
    progress: Callable[[dict[str, float]], None] | None,
) -> tuple[NDArray[np.bool_], Floats, list[dict[str, float]], bool]:
    """Search, refine the ranking and select the explanation, with all but ``reserved`` passes and
    until the deadline.

    Returns
    -------
    The selected superpixels (n,), the scores (n,), the history of the search, and whether the
    deadline ended it.
    """
    segments = archive.evaluator.segments
    sizes = np.bincount(segments.ravel(), minlength=archive.evaluator.superpixels) / segments.size
    for_ranking = 0
    if settings.max_passes is not None:
        limit = settings.max_passes - reserved
        # of nothing, and of one individual
        least = archive.passes + 1 + (2 if settings.fitness == "contrast" else 1)
        if limit < least:
            raise UserError(
                f"'max_passes' is {settings.max_passes}; at least {reserved + least} are needed, "
                f"of which {reserved} are those of the result"
            )
        for_ranking = min(int(settings.refinement * limit), limit - least)
        archive.limit = limit - for_ranking
    now = time.perf_counter()
    archive.deadline = now + (1 - settings.refinement) * (deadline - now)
    result = genetic.search(archive, sizes, settings, seed, progress)
    late = archive.is_late
    archive.limit, archive.deadline = archive.passes + for_ranking, deadline
    ranking.refine(archive, sizes)
    late |= archive.is_late
    archive.limit, archive.deadline = None, np.inf
    surrogate = Surrogate.from_archive(archive)
    order, gains = ranking.plan_order(surrogate, sizes)
    selected = result.genome
    if settings.refinement > 0:
        candidates = np.concatenate([selected[None], ranking.leading_sets(order)])
        predicted = genetic.predict_fitness(surrogate, candidates, sizes, settings)
        selected = candidates[predicted.argmax()]
    return selected, ranking.compute_scores(order, gains), result.history, late


def _measure_curves(archive: Archive, scores: Floats) -> dict[str, Any]:
    """Insertion and deletion in the order of the scores, and the passes that they cost."""
    steps = rank(scores, archive.evaluator.segments.shape, archive.evaluator.segments).places
    before = archive.passes
    insertion, deletion = insertion_curve(archive, steps), deletion_curve(archive, steps)
    return {
        "shares": insertion.shares.tolist(),
        "insertion": insertion.probabilities.tolist(),
        "deletion": deletion.probabilities.tolist(),
        "passes": archive.passes - before,
    }


def _check_names(classes: Any) -> tuple[str, ...] | None:
    """The names of the classes, in the order of the model's outputs; None if none are given."""
    if classes is None:
        return None
    is_list = isinstance(classes, Iterable) and not isinstance(classes, str | Mapping | Set)
    names = tuple(classes) if is_list else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise UserError(
            f"classes: {classes!r} found; a list with a name for each of the model's outputs is "
            f"needed, as [str(name) for name in …]"
        )
    return tuple(map(str, names))


def _find_count(superpixels: int | None, segments: Any) -> int | None:
    """About how many superpixels there shall be; None if ``segments`` takes no number."""
    has_count = takes_count(segments)
    if superpixels is None:
        return COUNT if has_count else None
    count = Integer(2).check("superpixels", superpixels)
    if not has_count and (not isinstance(segments, str) or segments in METHODS):
        found = f"'{segments}'" if isinstance(segments, str) else "labels or a function"
        allowed = " or ".join(f"'{name}'" for name in METHODS if takes_count(name))
        raise UserError(
            f"superpixels: {count} found, and segments is {found}, which takes no number; leave "
            f"superpixels out, or choose {allowed} as segments"
        )
    return count


def _list_labels(label: Any) -> list[Any] | None:
    """Several labels, as a list, an array or a tensor, as a list; None if it is one."""
    if getattr(label, "ndim", 0):
        label = label.tolist()
    is_list = isinstance(label, Sequence) and not isinstance(label, str)
    return list(label) if is_list else None


def _class_number(label: int | str | None, classes: Sequence[str] | None) -> int | None:
    """The number of a class given by number or name; None if none is given."""
    several = _list_labels(label)
    if several is not None:
        raise UserError(
            f"label: {several!r} found; several are explained by srnet.images.explain_many(model, "
            f"[image], label={several!r})"
        )
    if not isinstance(label, str):
        return label
    if classes is not None and label in classes:
        numbers = [number for number, name in enumerate(classes) if name == label]
        if len(numbers) > 1:
            raise UserError(
                f"label: '{label}' found, the name of the classes "
                f"{' and '.join(map(str, numbers))}; choose one by its number"
            )
        return numbers[0]
    if label.isdecimal():
        return int(label)
    if classes is None:
        raise UserError(
            f"label: '{label}' found; the names of the classes are unknown, so a number is needed"
        )
    raise UserError(
        f"label: '{label}' found; the classes are "
        f"{', '.join(classes[:10])}{', …' * (len(classes) > 10)}"
    )


def _class_name(evaluator: Evaluator, classes: Sequence[str] | None) -> str:
    if classes is not None:
        return classes[evaluator.label]
    return f"output {evaluator.label}" if evaluator.outputs == "values" else str(evaluator.label)


def _seconds(budget: Any) -> float:
    """The time of a budget; infinite where there is none."""
    if budget is None:
        return np.inf
    with contextlib.suppress(UserError):  # which allows numbers of evaluations too
        seconds = Budget.parse(budget).seconds
        if seconds is not None:
            return seconds
    raise UserError(
        f"the budget is {budget!r}; for an image a positive time as '30s', '2min' or '1h' is "
        f"needed, and a number of passes is that of max_passes"
    )


# --- Files ----------------------------------------------------------------------------------------

FILES = (
    *("result.json", "explanation.npz", "explanation.html"),
    *("mask.png", "panel.pdf", "panel.png"),
)


def explain_file(
    model: StrPath,
    image: StrPath,
    out: StrPath,
    *,
    classes: StrPath | None = None,
    threads: int | None = None,
    **options: Any,
) -> ImageExplanation:
    """Explain an image file with the network of a weights file and write the result to a folder.

    Parameters
    ----------
    model
        Weights file, see :func:`srnet.images.networks.architectures.read_classifier`.
    image
        Image file.
    out
        Folder for the files of ``FILES``.
    classes
        Text file with the name of one class per line.
    threads
        Number of torch threads; by default torch chooses.
    options
        Options of :func:`explain`.

    Raises
    ------
    UserError
        If a file or an option cannot be used; nothing is written then.
    """
    import torch

    from srnet.images.networks.architectures import read_class_names, read_classifier
    from srnet.io.files import check_writable, write_json, writing_files

    if threads is not None:
        check_threads(threads)
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; a folder is needed")
    pixels = read_image(image)
    classifier = read_classifier(model, read_class_names(classes) if classes is not None else None)
    if threads is not None:
        torch.set_num_threads(threads)
    for name in FILES:
        check_writable(folder / name)
    explanation = explain(classifier, pixels, **options)

    from PIL import Image

    from srnet.drawing.saving import save_figure

    mask = Image.fromarray(np.where(explanation.mask, 255, 0).astype(np.uint8))
    with writing_files(folder, FILES) as temporary:
        mask.save(temporary / "mask.png")
        save_figure(explanation.plot(), str(temporary / "panel.pdf"), str(temporary / "panel.png"))
        explanation.save(temporary / "explanation.npz")
        explanation.save(temporary / "explanation.html")
        write_json(
            temporary / "result.json",
            {"model": str(model), "image": str(image), **explanation.as_dict()},
        )
    return explanation
