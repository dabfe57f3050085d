"""E-LIME: from a classifier and an image to the superpixels that make it decide."""

import os
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
from srnet.images.pictures.preprocessing import Preprocessing
from srnet.images.pictures.reading import read_image
from srnet.images.pictures.segments import superpixels
from srnet.images.search import genetic, ranking
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator
from srnet.images.search.surrogate import Surrogate
from srnet.validation import Integer


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
    **settings: Any,
) -> ImageExplanation:
    """Explain why a network gives an image its class.

    A genetic algorithm searches the superpixels that carry the class: shown alone they keep its
    probability, and without them it falls (Wang, Pei, Xue and Zhang, arXiv 2211.15143; the settings
    the paper leaves open are ours). The result is a function of model, image, settings and seed
    alone. The model is left as it was.

    Parameters
    ----------
    model
        A torch module, or any callable from a float32 tensor (N, 3, H, W) to logits or
        probabilities (N, classes); or a :class:`srnet.images.networks.architectures.Classifier`,
        which brings its preprocessing and the names of its classes.
    image
        A file, a Pillow image, or an array, see :func:`srnet.images.read_image`.
    label
        The class to explain, by number, or by name where ``classes`` are known; the model's own
        choice where not given.
    preprocessing
        :class:`Preprocessing`, or a callable from images (N, H, W, 3) float32 in [0, 1] to the
        model's input; None where the model takes values in [0, 1].
    classes
        Names of the model's outputs.
    outputs
        ``logits``, ``probabilities``, or ``detect``.
    segments
        ``slic``, ``quickshift``, ``watershed``, or labels (H, W) in the network's frame.
    fill
        What hides a superpixel: ``grey``, ``mean``, ``black``, ``blur``.
    preset
        ``sparse``: contrast p(S) - p(all but S), softened by a temperature, less the share of the
        pixels, at most 100 passes. ``published``: the probability alone, 50 individuals, at most 50
        generations.
    seed
        Of the search, at least 0.
    fitness, population, generations, patience, max_passes
        Instead of the preset's; see :class:`srnet.images.search.genetic.Settings`.
    precision
        ``float32``, ``fused`` or ``bfloat16`` for the search; the probabilities reported are those
        of float32.
    batch
        Images at a time.
    progress
        Called with every entry of the history.
    settings
        Further fields of :class:`srnet.images.search.genetic.Settings`.

    Raises
    ------
    UserError
        If an argument is unusable, or the model's output is.
    """
    started = time.perf_counter()
    chosen = genetic.preset(
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
    found = superpixels(frame, segments)
    number = _number(label, classes)
    asked: dict[str, Any] = {
        "fill": fill,
        "preprocessing": preprocessing,
        "batch": batch,
        "outputs": outputs,
    }
    exact = Evaluator(model, frame, found, label=number, **asked)
    if classes is not None and len(classes) != exact.classes:
        raise UserError(
            f"classes: {len(classes)} names found; the model has {exact.classes} outputs"
        )
    lower = precision != "float32"
    evaluator = (
        Evaluator(model, frame, found, label=exact.label, precision=precision, **asked)
        if lower
        else exact
    )

    n = evaluator.superpixels
    sizes = np.bincount(found.ravel(), minlength=n) / found.size
    empty = np.zeros((1, n), dtype=bool)
    # What the report asks beyond the search: the explanation and its complement where they were not
    # evaluated, and four probabilities in float32.
    reserved = max(2 * (chosen.refinement > 0), chosen.fitness == "probability") + 4 * lower
    limit = None if chosen.max_passes is None else chosen.max_passes - reserved
    kept = 0 if limit is None else int(chosen.refinement * limit)
    archive = Archive(evaluator, None if limit is None else limit - kept)
    best = genetic.search(archive, sizes, chosen, seed, progress)
    archive.limit = archive.passes + kept
    ranking.refine(archive, sizes)
    expected = Surrogate.of(archive)
    order, gains = ranking.plan(expected, sizes)
    selected = best.genome
    if chosen.refinement > 0:
        candidates = np.concatenate([selected[None], ranking.leading(order)])
        selected = candidates[
            genetic.expected_fitness(expected, candidates, sizes, chosen).argmax()
        ]
    reported = np.concatenate([~empty, selected[None], empty, ~selected[None]])
    archive.limit = None
    probabilities = archive.probabilities(reported)
    passes, error = evaluator.passes, 0.0
    if lower:
        searched, probabilities = (
            probabilities,
            np.concatenate([exact.whole.probability, exact.probabilities(reported[1:])]),
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
        "settings": asdict(chosen),
        "history": best.history,
        "version": __version__,
    }
    return ImageExplanation(frame, found, selected, ranking.scores(order, gains), about)


def _number(label: int | str | None, classes: Sequence[str] | None) -> int | None:
    """The number of a class that is named."""
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


def explain_file(
    model: str | os.PathLike[str],
    image: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    classes: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    **options: Any,
) -> ImageExplanation:
    """Explain an image file by the network in a weights file and write mask.png, panel.png,
    panel.pdf, result.json and explanation.npz into the folder ``out``.

    Parameters
    ----------
    model, classes
        See :func:`srnet.images.networks.architectures.read_classifier`; ``classes`` is a text file
        with one name a line.
    threads
        Of torch; its own choice where not given.
    options
        As of :func:`explain`.

    Raises
    ------
    UserError
        If a file or an option cannot be used; nothing is then written.
    """
    import torch

    from srnet.images.networks.architectures import read_class_names, read_classifier
    from srnet.io.files import check_writable, write_json, writing

    if threads is not None:
        Integer(1).check("threads", threads)
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; a folder is needed")
    picture = read_image(image)
    classifier = read_classifier(model, read_class_names(classes) if classes is not None else None)
    if threads is not None:
        torch.set_num_threads(threads)
    found = explain(classifier, picture, **options)
    for name in WRITTEN:
        check_writable(folder / name)

    from PIL import Image

    from srnet.drawing.saving import save_figure

    with writing(folder / "mask.png", "wb") as file:
        Image.fromarray(np.where(found.mask, 255, 0).astype(np.uint8)).save(file, format="PNG")
    save_figure(found.plot(), str(folder / "panel.pdf"), str(folder / "panel.png"))
    found.save(folder / "explanation.npz")
    write_json(
        folder / "result.json", {"model": str(model), "image": str(image), **found.as_dict()}
    )
    return found


WRITTEN = ("mask.png", "panel.pdf", "panel.png", "explanation.npz", "result.json")
