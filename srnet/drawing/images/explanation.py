"""An explained image at a glance: image, superpixels, explanation and scores."""

from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from srnet.drawing.images.style import superpixel_borders
from srnet.drawing.style import PAGE, styled
from srnet.escaping import escape_figure
from srnet.typing import Floats

BORDER = (1.0, 1.0, 1.0)  # white
HIDDEN = 0.5  # grey


class ExplainedImage(Protocol):
    """The parts of ``srnet.images.explanation.result.ImageExplanation`` that the figure shows."""

    image: NDArray[np.float32]  # (H, W, 3), values in [0, 1]
    segments: NDArray[np.int32]  # (H, W), number of each pixel's superpixel
    scores: Floats  # (n,), by superpixel

    @property
    def mask(self) -> NDArray[np.bool_]: ...  # (H, W), pixels of the explanation
    @property
    def selected(self) -> NDArray[np.bool_]: ...  # (n,), by superpixel
    @property
    def class_name(self) -> str: ...
    @property
    def share(self) -> float: ...
    def amount(self, part: str) -> str: ...  # the probability or value of what is shown


@styled
def draw(explanation: ExplainedImage) -> Figure:
    """Four panels side by side: image, superpixels, explanation (the rest is grey) and scores."""
    segments, mask = explanation.segments, explanation.mask
    height, width = segments.shape
    figure = Figure(figsize=(PAGE, PAGE / 4.4 * height / width + 0.55), layout="constrained")
    image_axes, superpixel_axes, explanation_axes, score_axes = figure.subplots(1, 4)
    image_axes.imshow(explanation.image)
    dimmed = explanation.image * np.where(mask, 1, 0.55)[..., None]
    superpixel_axes.imshow(np.where(superpixel_borders(segments)[..., None], BORDER, dimmed))
    explanation_axes.imshow(np.where(mask[..., None], explanation.image, HIDDEN))
    limit = max(float(np.abs(explanation.scores).max()), 1e-12)
    scores = score_axes.imshow(
        explanation.scores[segments],
        cmap="PuOr_r",
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
    figure.colorbar(scores, ax=score_axes, shrink=0.8, pad=0.03)
    if 0 < np.count_nonzero(mask) < mask.size:
        score_axes.contour(mask, levels=[0.5], colors="black", linewidths=0.8)
    selected = f"{np.count_nonzero(explanation.selected)} of {len(explanation.selected)} selected"
    summary = f"{explanation.amount('selected')}, {100 * explanation.share:.0f} % of the pixels"
    name = escape_figure(explanation.class_name)
    for axes, title, label in (
        (image_axes, "image", f"{name}: {explanation.amount('whole')}"),
        (superpixel_axes, "superpixels", selected),
        (explanation_axes, "explanation", summary),
        (score_axes, "scores", f"without it: {explanation.amount('complement')}"),
    ):
        axes.set(xticks=[], yticks=[], title=title, xlabel=label)
        axes.grid(False)
    return figure
