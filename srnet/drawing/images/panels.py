"""The named images as one network sees them explained: image, superpixels, E-LIME, LIME, the
object's true mask."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from srnet.drawing.images.style import label, main_methods
from srnet.drawing.style import PAGE, names, styled

HIDDEN = 0.5  # grey, as the fill of an explanation
FIXED = ("image", "row", "column", "red", "green", "blue", "superpixel", "truth")


@styled
def draw(images_pixels: pd.DataFrame) -> Figure:
    """A row per image; hidden superpixels are grey, as the network sees them.

    Parameters
    ----------
    images_pixels
        One row per image and pixel: image, row, column, red, green, blue (0–255), superpixel,
        truth, and one column per method, 1 where the explanation shows the pixel.
    """
    images = names(images_pixels["image"])
    elime, lime = main_methods(str(column) for column in images_pixels if column not in FIXED)
    figure = Figure(figsize=(PAGE, PAGE / 5 * len(images) + 0.25), layout="constrained")
    grid = figure.subplots(len(images), 5, squeeze=False)
    for axes, image in zip(grid, images, strict=True):
        pixels = images_pixels[images_pixels["image"] == image]
        shape = (pixels["row"].max() + 1, pixels["column"].max() + 1)
        picture = pixels[["red", "green", "blue"]].to_numpy().reshape(*shape, 3) / 255
        masks = {
            name: pixels[name].to_numpy(bool).reshape(shape) for name in (elime, lime, "truth")
        }
        shown = [picture, _outlined(picture, pixels["superpixel"].to_numpy().reshape(shape))]
        shown += [np.where(mask[..., None], picture, HIDDEN) for mask in masks.values()]
        for panel, values in zip(axes, shown, strict=True):
            panel.imshow(values, interpolation="nearest")
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
            panel.spines[:].set_visible(False)
        axes[0].set_ylabel(image)
        for panel, name in zip(axes[2:4], (elime, lime), strict=True):
            panel.set_xlabel(f"IoU {_iou(masks[name], masks['truth']):.2f}")
    for panel, title in zip(
        grid[0], ("image", "superpixels", label(elime), label(lime), "object"), strict=True
    ):
        panel.set_title(title)
    return figure


def _outlined(picture: NDArray[np.float64], superpixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The picture with the superpixels' borders in yellow."""
    border = np.zeros(superpixels.shape, bool)
    border[:, 1:] |= superpixels[:, 1:] != superpixels[:, :-1]
    border[1:] |= superpixels[1:] != superpixels[:-1]
    return np.where(border[..., None], (1.0, 0.9, 0.0), picture)


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0
