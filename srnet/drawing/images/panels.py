"""Explanations of the named images by one network: superpixels, E-LIME, LIME and true object."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from srnet.drawing.images.style import main_methods, method_label, superpixel_borders
from srnet.drawing.style import PAGE, distinct_names, styled
from srnet.metrics import intersection_over_union
from srnet.typing import Floats

HIDDEN = 0.5  # grey, the fill of the explanations
FIXED_COLUMNS = ("image", "row", "column", "red", "green", "blue", "superpixel", "truth")


@styled
def draw(images_pixels: pd.DataFrame) -> Figure:
    """A row of panels per image; hidden superpixels are grey, as the network sees them.

    Parameters
    ----------
    images_pixels
        One row per image and pixel: image, row, column, red, green, blue (0–255), superpixel, truth
        (1 on the object), and a column per method (1 where the explanation shows the pixel).
    """
    images = distinct_names(images_pixels["image"])
    elime, lime = main_methods(
        str(column) for column in images_pixels if column not in FIXED_COLUMNS
    )
    figure = Figure(figsize=(PAGE, PAGE / 5 * len(images) + 0.25), layout="constrained")
    grid = figure.subplots(len(images), 5, squeeze=False)
    for axes, image in zip(grid, images, strict=True):
        pixels = images_pixels[images_pixels["image"] == image]
        shape = (pixels["row"].max() + 1, pixels["column"].max() + 1)
        picture = pixels[["red", "green", "blue"]].to_numpy().reshape(*shape, 3) / 255
        masks = {
            name: pixels[name].to_numpy(bool).reshape(shape) for name in (elime, lime, "truth")
        }
        shown = [picture, _outline(picture, pixels["superpixel"].to_numpy().reshape(shape))]
        shown += [np.where(mask[..., None], picture, HIDDEN) for mask in masks.values()]
        for panel, values in zip(axes, shown, strict=True):
            panel.imshow(values, interpolation="nearest")
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
            panel.spines[:].set_visible(False)
        axes[0].set_ylabel(image)
        for panel, name in zip(axes[2:4], (elime, lime), strict=True):
            panel.set_xlabel(f"IoU {intersection_over_union(masks[name], masks['truth']):.2f}")
    for panel, title in zip(
        grid[0],
        ("image", "superpixels", method_label(elime), method_label(lime), "object"),
        strict=True,
    ):
        panel.set_title(title)
    return figure


def _outline(picture: Floats, segments: NDArray[np.int64]) -> Floats:
    """Draw the borders of the superpixels in yellow."""
    return np.where(superpixel_borders(segments)[..., None], (1.0, 0.9, 0.0), picture)
