"""Shared by the image branch: labels and colours of networks and methods, outlines, pass axes."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from srnet.drawing.images.labels import LABELS
from srnet.drawing.style import MARKS, distinct_names

ELIME = ("sparse", "published")
# Label, colour and marker of every kind of method. Kinds that work alike share a colour, Okabe and
# Ito's as of the presets; every marker is another one.
SEARCHES, SAMPLES, SHAP, GRADIENTS = "#009E73", MARKS["lime"][0], "#56B4E9", "#CC79A7"
KINDS = {
    "published": ("E-LIME, published", "#0072B2", "s"),
    "sparse": ("E-LIME, sparse", "#D55E00", "o"),
    "greedy": ("greedy", SEARCHES, "^"),
    "greedy-contrast": ("greedy, contrast", SEARCHES, "v"),
    "smdl": ("SMDL", SEARCHES, "<"),
    "lima": ("LiMA", SEARCHES, ">"),
    "phasewin": ("PhaseWin", SEARCHES, "D"),
    "lime": ("LIME", SAMPLES, "X"),
    "glime": ("GLIME", SAMPLES, "P"),
    "rise": ("RISE", SAMPLES, "*"),
    "kernelshap": ("KernelSHAP", SHAP, "h"),
    "partitionshap": ("PartitionSHAP", SHAP, "p"),
    "gradcam": ("Grad-CAM", GRADIENTS, "8"),
    "integrated-gradients": ("Integrated Gradients", GRADIENTS, "d"),
    "random": ("random", "#737373", "."),
}
WIDE = 100  # an axis that spans more has a label per decade
MEASURE_LABELS = {
    "iou": "IoU with the object",
    "insertion": "insertion AUC",
    "deletion": "deletion AUC",
}


def network_label(name: str) -> str:
    """The printed name of a network."""
    return LABELS.get(name, name)


def method_kind(method: str) -> str:
    """The kind of a method, which is its name without the number of passes."""
    return _split(method)[0]


def _split(method: str) -> tuple[str, str]:
    """The kind of a method, and its number of passes or nothing: ``greedy-contrast`` has none."""
    kind, _, number = method.rpartition("-")
    return (kind, number) if number.isdecimal() else (method, "")


def kind_label(kind: str) -> str:
    """The printed name of a kind of methods."""
    return KINDS[kind][0] if kind in KINDS else kind


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """A colour for each method.

    A kind has the same colour in every figure; further methods of the kind are lighter.
    """
    chosen: dict[str, str] = {}
    for method in distinct_names(methods):
        lightness = min(
            0.6, 0.4 * sum(method_kind(other) == method_kind(method) for other in chosen)
        )
        kind = method_kind(method)
        rgb = np.array(to_rgb(KINDS[kind][1] if kind in KINDS else "#000000"))
        chosen[method] = to_hex(tuple(rgb + (1 - rgb) * lightness))
    return chosen


def method_label(method: str) -> str:
    """The label of a method, such as ``LIME, 1000 passes``."""
    kind, number = _split(method)
    at_most = "≤ " if kind in ELIME else ""
    return kind_label(kind) + (f", {at_most}{number} passes" if number else "")


def main_methods(methods: Iterable[str]) -> tuple[str, str]:
    """The E-LIME and the LIME method to compare first.

    E-LIME is the sparse preset, else the published one, if possible with its own limit of passes.
    LIME is the one with the most samples. The first and last method stand in for what is missing.
    """
    available = distinct_names(methods)
    elime = [
        method
        for preset in ELIME
        for method in (preset, *available)
        if method in available and method_kind(method) == preset
    ]
    lime = [method for method in available if method_kind(method) == "lime"]
    return (
        elime[0] if elime else available[0],
        max(lime, key=lambda method: int(_split(method)[1]), default=available[-1]),
    )


def set_log_axis(axes: Axes) -> None:
    """Make the x axis, of network passes or seconds, logarithmic with a few plain labels."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < WIDE * low else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def select_images(runs: pd.DataFrame, images: str) -> pd.DataFrame:
    """The runs on the images of one kind, ``named`` or ``test``; all runs if there are none."""
    selected = runs[runs["images"] == images]
    return selected if len(selected) else runs


def superpixel_borders(segments: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(H, W), True where a pixel's superpixel differs from that of its left or upper neighbour."""
    borders = np.zeros(segments.shape, dtype=bool)
    borders[:, 1:] |= segments[:, 1:] != segments[:, :-1]
    borders[1:] |= segments[1:] != segments[:-1]
    return borders
