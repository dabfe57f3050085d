"""An explained image at a glance: the image, its superpixels, the explanation as the network saw
it, and the scores."""

from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from srnet.drawing.style import PAGE, styled

BORDER = (1.0, 1.0, 1.0)
HIDDEN = 0.5


class ExplainedImage(Protocol):
    """What is drawn of an explanation; ``srnet.images.explanation.result.ImageExplanation`` has
    it."""

    image: NDArray[np.float32]  # height × width × 3, 0 … 1
    segments: NDArray[np.int32]  # height × width, the number of every pixel's superpixel
    scores: NDArray[np.float64]  # by superpixel

    @property
    def mask(self) -> NDArray[np.bool_]: ...  # height × width, the pixels of the explanation
    @property
    def selected(self) -> NDArray[np.bool_]: ...  # by superpixel
    @property
    def class_name(self) -> str: ...
    @property
    def probability(self) -> float: ...
    @property
    def probability_selected(self) -> float: ...
    @property
    def probability_complement(self) -> float: ...
    @property
    def share(self) -> float: ...


@styled
def draw(found: ExplainedImage) -> Figure:
    """Four panels beside each other; hidden superpixels are grey."""
    height, width = found.segments.shape
    figure = Figure(figsize=(PAGE, PAGE / 4.4 * height / width + 0.55), layout="constrained")
    whole, divided, alone, weighed = figure.subplots(1, 4)
    lines = _borders(found.segments)
    outlined = np.where(
        lines[..., None], BORDER, found.image * np.where(found.mask, 1, 0.55)[..., None]
    )
    whole.imshow(found.image)
    divided.imshow(outlined)
    alone.imshow(np.where(found.mask[..., None], found.image, HIDDEN))
    limit = max(float(np.abs(found.scores).max()), 1e-12)
    scores = weighed.imshow(
        found.scores[found.segments],
        cmap="PuOr_r",
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
    figure.colorbar(scores, ax=weighed, shrink=0.8, pad=0.03)
    if 0 < np.count_nonzero(found.mask) < found.mask.size:
        weighed.contour(found.mask, levels=[0.5], colors="black", linewidths=0.8)
    n = len(found.selected)
    for axes, title, below in (
        (whole, "image", f"{found.class_name}: p = {found.probability:.3f}"),
        (divided, "superpixels", f"{np.count_nonzero(found.selected)} of {n} selected"),
        (
            alone,
            "explanation",
            f"p = {found.probability_selected:.3f}, {100 * found.share:.0f} % of the pixels",
        ),
        (weighed, "scores", f"without it: p = {found.probability_complement:.3f}"),
    ):
        axes.set(xticks=[], yticks=[], title=title, xlabel=below)
        axes.grid(False)
    return figure


def _borders(segments: NDArray[np.int32]) -> NDArray[np.bool_]:
    border = np.zeros(segments.shape, dtype=bool)
    border[:, 1:] |= segments[:, 1:] != segments[:, :-1]
    border[1:] |= segments[1:] != segments[:-1]
    return border
