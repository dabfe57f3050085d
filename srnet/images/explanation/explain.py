"""E-LIME: finds the superpixels of an image that make a classifier give it its class."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet._version import __version__
from srnet.errors import UserError
from srnet.images.explanation.result import ImageExplanation
from srnet.images.measures.attribution import rank
from srnet.images.measures.curves import deletion_curve, insertion_curve
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import read_image
from srnet.images.pictures.segments import superpixels
from srnet.images.search import genetic, ranking
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator
from srnet.images.search.surrogate import Surrogate
from srnet.typing import Floats, StrPath
from srnet.validation import Integer, check_threads


def explain(
    model: Any,
    image: Any,
    label: int | str | None = None,
    *,
    preprocessing: Preprocessing | Callable[[NDArray[np.float32]], Any] | None = None,
    classes: Sequence[str] | None = None,
    outputs: str = "detect",
    segments: str | NDArray[np.integer] = "slic",
    fill: str = "grey",
    preset: str = "sparse",
    seed: int = 0,
    fitness: str | None = None,
    population: int | None = None,
    generations: int | None = None,
    patience: int | None = None,
    max_passes: int | None = None,
    precision: str = "float32",
    batch: int | None = None,
    progress: Callable[[dict[str, float]], None] | None = None,
    curves: bool = False,
    **settings: Any,
) -> ImageExplanation:
    """Explain why a network gives an image its class.

    A genetic algorithm searches for the superpixels that carry the class: shown alone they keep its
    probability, and without them it falls (Wang, Pei, Xue and Zhang, arXiv 2211.15143; settings
    that the paper leaves open are our choice). The result depends only on model, image, settings
    and seed. The model is left as it was.

    Parameters
    ----------
    model
        A torch module, or any callable from a float32 tensor (N, 3, H, W) to logits or
        probabilities (N, classes); or a :class:`srnet.images.networks.architectures.Classifier`,
        which brings its preprocessing and the names of its classes.
    image
        A file, a Pillow image or an array, see :func:`srnet.images.read_image`.
    label
        The class to explain, by number, or by name if ``classes`` are known; by default the class
        that the model gives the image.
    preprocessing
        :class:`Preprocessing`, or a callable from float32 images (N, H, W, 3) in [0, 1] to the
        model's input; None if the model takes values in [0, 1].
    classes
        Names of the model's outputs.
    outputs
        ``logits``, ``probabilities`` or ``detect``, see :class:`srnet.images.Evaluator`.
    segments
        ``slic``, ``quickshift``, ``watershed``, or labels (H, W) of the preprocessed image.
    fill
        Fill of hidden superpixels: ``grey``, ``mean``, ``black`` or ``blur``.
    preset
        ``sparse``: the contrast p(S) - p(all but S) with a temperature, minus a penalty for the
        share of pixels, in at most 100 passes. ``published``: the probability alone, 50
        individuals, at most 50 generations.
    seed
        Seed of the search, at least 0.
    fitness, population, generations, patience, max_passes
        Replace the preset's, see :class:`srnet.images.search.genetic.Settings`.
    precision
        ``float32``, ``fused`` or ``bfloat16`` for the search. Reported probabilities are always
        those of float32.
    batch
        Images per batch.
    progress
        Called with each entry of the history.
    curves
        Whether insertion and deletion are measured too, for the result's pictures. They cost up to
        two passes per superpixel, which are counted apart, as ``about["curves"]["passes"]``.
    settings
        Further fields of :class:`srnet.images.search.genetic.Settings`.

    Raises
    ------
    UserError
        If an argument or the model's output cannot be used.
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
    if hasattr(model, "model") and hasattr(model, "classes") and hasattr(model, "preprocessing"):
        preprocessing = preprocessing if preprocessing is not None else model.preprocessing
        classes = classes if classes is not None else model.classes
        model = model.model
    frame = read_image(image)
    if isinstance(preprocessing, Preprocessing):
        frame = preprocessing.frame(frame)
    labels = superpixels(frame, segments)
    number = _class_number(label, classes)
    options: dict[str, Any] = {
        "fill": fill,
        "preprocessing": preprocessing,
        "batch": batch,
        "outputs": outputs,
    }
    exact = Evaluator(model, frame, labels, label=number, **options)
    if classes is not None and len(classes) != exact.classes:
        raise UserError(
            f"classes: {len(classes)} names found; the model has {exact.classes} outputs"
        )
    evaluator = exact
    if precision != "float32":
        evaluator = Evaluator(
            model, frame, labels, label=exact.label, precision=precision, **options
        )

    # Passes reserved for the result: the explanation and its complement if the search did not
    # evaluate them, and four probabilities in float32.
    reserved = max(2 * (search_settings.refinement > 0), search_settings.fitness == "probability")
    reserved += 4 * (evaluator is not exact)
    archive = Archive(evaluator)
    selected, scores, history = _search(archive, search_settings, reserved, seed, progress)

    empty = np.zeros_like(selected)
    reported = np.stack([~empty, selected, empty, ~selected])
    probabilities = archive.probabilities(reported)
    passes, error = evaluator.passes, 0.0
    if evaluator is not exact:
        searched = probabilities
        probabilities = np.concatenate(
            [exact.whole_image.probability, exact.probabilities(reported[1:])]
        )
        passes, error = passes + exact.passes, float(np.abs(searched - probabilities).max())
    about = {
        "label": evaluator.label,
        "class_name": str(evaluator.label) if classes is None else classes[evaluator.label],
        "probability": float(probabilities[0]),
        "probability_selected": float(probabilities[1]),
        "probability_empty": float(probabilities[2]),
        "probability_complement": float(probabilities[3]),
        "passes": passes,
        "seconds": time.perf_counter() - started,
        "precision": precision,
        "precision_error": error,
        "preset": preset,
        "seed": seed,
        "segments": segments if isinstance(segments, str) else "given",
        "fill": fill,
        "settings": asdict(search_settings),
        "history": history,
        "version": __version__,
    }
    if curves:
        judge = archive if evaluator is exact else Archive(exact)
        about["curves"] = _measure_curves(judge, scores)
    return ImageExplanation(frame, labels, selected, scores, about)


def _search(
    archive: Archive,
    settings: genetic.Settings,
    reserved: int,
    seed: int,
    progress: Callable[[dict[str, float]], None] | None,
) -> tuple[NDArray[np.bool_], Floats, list[dict[str, float]]]:
    """Search, refine the ranking and select the explanation, with all but ``reserved`` passes.

    Returns
    -------
    The selected superpixels (n,), the scores (n,) and the history of the search.
    """
    segments = archive.evaluator.segments
    sizes = np.bincount(segments.ravel(), minlength=archive.evaluator.superpixels) / segments.size
    for_ranking = 0
    if settings.max_passes is not None:
        limit = settings.max_passes - reserved
        for_ranking = int(settings.refinement * limit)
        archive.limit = limit - for_ranking
    result = genetic.search(archive, sizes, settings, seed, progress)
    archive.limit = archive.passes + for_ranking
    ranking.refine(archive, sizes)
    archive.limit = None
    surrogate = Surrogate.from_archive(archive)
    order, gains = ranking.plan_order(surrogate, sizes)
    selected = result.genome
    if settings.refinement > 0:
        candidates = np.concatenate([selected[None], ranking.leading_sets(order)])
        predicted = genetic.predict_fitness(surrogate, candidates, sizes, settings)
        selected = candidates[predicted.argmax()]
    return selected, ranking.compute_scores(order, gains), result.history


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


def _class_number(label: int | str | None, classes: Sequence[str] | None) -> int | None:
    """The number of a class given by number or name; None if none is given."""
    if not isinstance(label, str):
        return label
    if classes is not None and label in classes:
        return list(classes).index(label)
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
