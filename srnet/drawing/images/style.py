"""What the figures and tables of the image branch share: names and colours of networks and
methods."""

from collections.abc import Iterable

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from srnet.drawing.images.labels import LABELS
from srnet.drawing.style import names

ELIME = ("sparse", "published")
KINDS = {
    "published": "E-LIME, published",
    "sparse": "E-LIME, sparse",
    "lime": "LIME",
    "rise": "RISE",
    "random": "random",
}
MEASURES = {"iou": "IoU with the object", "insertion": "insertion AUC", "deletion": "deletion AUC"}


def network(name: str) -> str:
    """A network's name as it is printed."""
    return LABELS.get(name, name)


def kind(method: str) -> str:
    """What a method is, without its number of passes."""
    return method.split("-")[0]


def colours(methods: Iterable[str]) -> dict[str, str]:
    """A colour per method: that of its kind, the same in every figure, and lighter for a second
    method of the kind."""
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    base = dict(zip(KINDS, cycle, strict=False)) | {"random": "#737373"}
    found: dict[str, str] = {}
    for method in names(methods):
        lightness = min(0.6, 0.4 * sum(kind(other) == kind(method) for other in found))
        rgb = np.array(to_rgb(base.get(kind(method), "#000000")))
        found[method] = to_hex(tuple(rgb + (1 - rgb) * lightness))
    return found


def label(method: str) -> str:
    """A method as a legend names it: ``LIME, 1000 passes``."""
    number = method.partition("-")[2]
    most = "≤ " if kind(method) in ELIME else ""
    return KINDS.get(kind(method), method) + (f", {most}{number} passes" if number else "")


def main_methods(methods: Iterable[str]) -> tuple[str, str]:
    """The E-LIME and the LIME that are compared first: the sparse preset with its own end and the
    most samples, or what there is."""
    found = names(methods)
    ours = [
        one for preset in ELIME for one in (preset, *found) if one in found and kind(one) == preset
    ]
    elime = ours[0] if ours else found[0]
    lime = [one for one in found if kind(one) == "lime"]
    return elime, max(lime, key=lambda one: int(one.partition("-")[2]), default=found[-1])


def passes_axis(axes: Axes) -> None:
    """A logarithmic x axis of network passes with a few plain labels."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def of(runs: pd.DataFrame, images: str) -> pd.DataFrame:
    """The runs on the named images or on the test set; all of them where there are none of that
    kind."""
    found = runs[runs["images"] == images]
    return found if len(found) else runs
