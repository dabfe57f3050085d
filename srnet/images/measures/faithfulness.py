"""How well an attribution says what a network looks at: insertion, deletion, sufficiency and
necessity, each of any model, image and attribution.

All of them show a part of the image and hide the rest. The fill of what is hidden decides the
numbers as much as the attribution does, so compare attributions by one fill.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.measures.attribution import Ranking, divide, rank, select
from srnet.images.measures.curves import Curve, deletion_curve, insertion_curve
from srnet.images.pictures.frame import frame_image
from srnet.images.pictures.segments import superpixels
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator
from srnet.validation import Choice, Integer

PIXEL_STEPS = 100
OPTIONS = (
    *("fill", "preprocessing", "channels", "outputs", "output", "device", "batch", "precision"),
)


def insertion(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None = None,
    *,
    segments: Any = None,
    steps: int | None = None,
    **options: Any,
) -> Curve:
    """Show the image in the order of an attribution, the most important part first.

    A large area is good (Petsiuk, Das and Saenko 2018, RISE, section 4.2; its images begin blurred,
    ``fill="blur"``). It costs one network pass per step, and one for the empty image.

    Parameters
    ----------
    model
        A torch module, another callable, or a Classifier, as for :func:`srnet.images.explain`.
    image
        A file, a Pillow image or an array, see :func:`srnet.images.read_image`.
    attribution
        A pixel map (H, W) or (C, H, W), or scores, a ranking or a selection of superpixels (n,),
        see :func:`srnet.images.measures.attribution.rank`. It refers to the image that the network
        sees, after resizing and cropping.
    label
        Number of the class; by default the class that the model gives the image.
    segments
        The superpixels, as for :func:`srnet.images.explain`. With them, superpixels are shown;
        without them, pixels.
    steps
        The most steps, of about equal numbers of pixels. By default one for each superpixel, and
        100 for pixels. What has equal scores is shown in one step.
    options
        ``fill``, ``preprocessing``, ``channels``, ``outputs``, ``output``, ``device``, ``batch``
        and ``precision``, see :func:`srnet.images.explain`. Of a regression the probability is the
        share of the way from the value of the empty to that of the whole image.

    Raises
    ------
    UserError
        If the attribution, the superpixels or an option cannot be used.
    """
    return insertion_curve(
        *_prepare_steps(model, image, attribution, label, segments, steps, options)
    )


def deletion(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None = None,
    *,
    segments: Any = None,
    steps: int | None = None,
    **options: Any,
) -> Curve:
    """Hide the image in the order of an attribution, the most important part first.

    A small area is good. It is also known as pixel flipping (Bach et al. 2015; Samek et al. 2017).
    Parameters, costs and errors are those of :func:`insertion`.
    """
    return deletion_curve(
        *_prepare_steps(model, image, attribution, label, segments, steps, options)
    )


def sufficiency(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None = None,
    *,
    top: int | None = None,
    share: float | None = None,
    threshold: float | None = None,
    segments: Any = None,
    **options: Any,
) -> float:
    """Probability of the class when only the selected part S is shown, p(S); large is good.

    It is what the preservation game of Fong and Vedaldi (2017) keeps high. DeYoung et al. (ERASER,
    2020) call p(whole image) - p(S) the sufficiency.

    Parameters
    ----------
    top, share, threshold
        What is selected: at most ``top`` superpixels (or pixels), at most a ``share`` of the
        pixels, or what has a score above the ``threshold``; exactly one of them, and none for a
        boolean attribution. What is tied across ``top`` or ``share`` is left out.
    model, image, attribution, label, segments, options
        See :func:`insertion`.

    Raises
    ------
    UserError
        If the attribution, the selection, the superpixels or an option cannot be used.
    """
    criteria = {"top": top, "share": share, "threshold": threshold}
    archive, selected = _prepare_part(model, image, attribution, label, segments, criteria, options)
    return float(archive.probabilities(selected[None])[0])


def necessity(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None = None,
    *,
    top: int | None = None,
    share: float | None = None,
    threshold: float | None = None,
    segments: Any = None,
    **options: Any,
) -> float:
    """Probability of the class when all but the selected part S is shown, p(all but S); small is
    good.

    It is what the deletion game of Fong and Vedaldi (2017) lowers. DeYoung et al. (ERASER, 2020)
    call p(whole image) - p(all but S) the comprehensiveness. Parameters and errors are those of
    :func:`sufficiency`.
    """
    criteria = {"top": top, "share": share, "threshold": threshold}
    archive, selected = _prepare_part(model, image, attribution, label, segments, criteria, options)
    return float(archive.probabilities(~selected[None])[0])


def _prepare_steps(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None,
    segments: Any,
    steps: int | None,
    options: dict[str, Any],
) -> tuple[Archive, NDArray[np.integer]]:
    """The network on the image, and the step of each superpixel."""
    if steps is not None:
        steps = Integer(1).check("steps", steps)
    ranked, make_archive = _prepare(model, image, attribution, label, segments, options)
    if segments is not None:
        return make_archive(ranked.units), divide(ranked, steps) if steps else ranked.places
    groups = divide(ranked, steps or PIXEL_STEPS)  # their pixels are shown and hidden together
    return make_archive(groups[ranked.units]), np.arange(groups.max() + 1)


def _prepare_part(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None,
    segments: Any,
    criteria: dict[str, Any],
    options: dict[str, Any],
) -> tuple[Archive, NDArray[np.bool_]]:
    """The network on the image, and the superpixels that are selected."""
    ranked, make_archive = _prepare(model, image, attribution, label, segments, options)
    selected = select(ranked, **criteria)
    if segments is not None:
        return make_archive(ranked.units), selected
    archive = make_archive(selected[ranked.units])
    return archive, np.array([False, True])[: archive.evaluator.superpixels]


def _prepare(
    model: Any,
    image: Any,
    attribution: Any,
    label: int | None,
    segments: Any,
    options: dict[str, Any],
) -> tuple[Ranking, Callable[[NDArray[Any]], Archive]]:
    """The order of the units, and what makes an archive of superpixels, which may be others."""
    for name in options:
        Choice(OPTIONS).check_key("options", name)
    if segments is None and isinstance(fill := options.get("fill"), str) and fill == "mean":
        raise UserError(
            "fill: 'mean' is the colour of a superpixel; give segments, or use grey, black or blur"
        )
    if hasattr(model, "model") and hasattr(model, "preprocessing"):
        if options.get("preprocessing") is None:
            options = options | {"preprocessing": model.preprocessing}
        model = model.model
    channels = options.get("channels")
    options = {key: value for key, value in options.items() if key != "channels"}
    frame = frame_image(model, image, options.get("preprocessing"), channels)
    if segments is not None:
        segments = superpixels(frame, segments)
    ranked = rank(attribution, frame.shape[:2], segments)
    return ranked, lambda regions: Archive(
        Evaluator(model, frame, regions.astype(np.int32), label=label, **options)
    )
