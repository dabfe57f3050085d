"""An explained image at a glance: the explanation outlined and alone, the scores of the
superpixels, and the curves of insertion and deletion where they were measured."""

from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import FuncNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from srnet.drawing.style import COLUMN, PAGE, styled
from srnet.escaping import escape_figure, printable
from srnet.typing import Floats

HIDDEN = 0.5  # grey
OUTLINE = "#D55E00"
INSERTION, DELETION = "#0072B2", "#D55E00"
WIDE = 1.5  # width over height from which images stand below each other
TALLEST = 3.0  # inches of an image
LOWEST = 1.3  # inches of the curves
SHARE = 0.85  # of the width of a panel, without the space beside it
MARGIN = 0.6  # inches above and below an image
RANKS = 9  # numbers in the picture of the scores
ROOM = 0.045  # inches that a number needs on all sides
BAR = 0.07  # inches, the width of the colour bar
LOWEST_BAR = 0.3  # inches, for three numbers
PAD = 5  # points to words that reach over the numbers of the colour bar
POINTS = 72  # per inch
LEAST = 1e-3  # the scores of an image that says nothing are pale
MANY = 100  # superpixels
NAME_LENGTH = 24  # characters of a class


class Curve(Protocol):
    """The parts of ``srnet.images.measures.Curve`` that the figure shows."""

    @property
    def shares(self) -> Floats: ...
    @property
    def probabilities(self) -> Floats: ...
    @property
    def area(self) -> float: ...


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
    def ranking(self) -> NDArray[np.intp]: ...  # (n,), superpixels, most important first
    @property
    def class_name(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def insertion(self) -> Curve | None: ...
    @property
    def deletion(self) -> Curve | None: ...
    @property
    def scale(self) -> str: ...  # what the curves are of
    def amount(self, part: str) -> str: ...  # the probability or value of what is shown


@styled
def draw(explanation: ExplainedImage) -> Figure:
    """Three or four panels: the image with the outline of the explanation, the explanation alone
    (the rest is grey), the scores with the first ranks, and the curves if there are any."""
    insertion, deletion = explanation.insertion, explanation.deletion
    figure, panels, room, height = _make_panels(explanation.mask.shape, 3 + (insertion is not None))
    _draw_image(panels[0], explanation, room, height)
    _draw_selection(panels[1], explanation)
    _shorten_amounts([axes.xaxis.label for axes in panels[:2]], room)
    _draw_scores(panels[2], explanation, height)
    for axes in panels[:3]:
        axes.set(xticks=[], yticks=[])
        axes.grid(False)
        axes.spines[:].set_visible(False)
    if insertion is not None and deletion is not None:
        _draw_curves(panels[3], insertion, deletion, explanation.scale)
    return figure


def _make_panels(shape: tuple[int, ...], count: int) -> tuple[Figure, list[Axes], float, float]:
    """Panels beside each other, of wide images in two columns or one; and the width of a panel and
    the height of an image in inches, at most."""
    aspect = shape[1] / shape[0]
    columns = count if aspect <= WIDE else count - 2 if count < 4 else 2
    rows = -(-count // columns)
    width = COLUMN if columns == 1 else PAGE
    room = SHARE * width / columns
    height = min(room / aspect, TALLEST)
    heights = [height + MARGIN] * rows
    if count == 4:
        heights[-1] = max(heights[-1], LOWEST + MARGIN)
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    return figure, list(grid.flat), room, height


def _draw_image(axes: Axes, explanation: ExplainedImage, room: float, height: float) -> None:
    axes.imshow(explanation.image)
    for colour, width in (("white", 2.4), (OUTLINE, 1.2)):  # seen on any image
        _draw_outline(axes, explanation, colour, width)
    rows, columns = explanation.mask.shape
    # the title begins where the image does, which is in the middle of the panel
    _set_name(axes, printable(explanation.class_name), (room + height * columns / rows) / 2)
    axes.set_xlabel(
        f"whole image: {explanation.amount('whole')}\nall hidden: {explanation.amount('empty')}"
    )


def _draw_selection(axes: Axes, explanation: ExplainedImage) -> None:
    axes.imshow(np.where(explanation.mask[..., None], explanation.image, HIDDEN))
    axes.set(
        title="explanation",
        xlabel=f"alone: {explanation.amount('selected')}\n"
        f"without it: {explanation.amount('complement')}",
    )


def _set_name(axes: Axes, name: str, room: float) -> None:
    """Set a name as title, of as many characters as have room, in inches."""
    lengths = range(min(len(name), NAME_LENGTH) - 1, 0, -1)
    shorter = [f"{name[:length]}…" for length in lengths]
    for text in shorter if len(name) > NAME_LENGTH else [name, *shorter]:
        title = axes.set_title(escape_figure(text))
        if _find_width(title) <= room:
            break


def _shorten_amounts(labels: list[Text], room: float) -> None:
    """Leave only the numbers of values in labels of which one has more than ``room`` inches."""
    if max(map(_find_width, labels)) > room:
        for label in labels:
            label.set_text(label.get_text().replace("value = ", ""))


def _find_width(text: Text) -> float:
    """The width of a text in inches, as it is without hinting at the figure's resolution."""
    font = text.get_fontproperties()
    lines = [TextPath((0, 0), line, prop=font) for line in text.get_text().splitlines()]
    return max((line.get_extents().width for line in lines), default=0.0) / POINTS


def _draw_scores(axes: Axes, explanation: ExplainedImage, height: float) -> None:
    """The scores as a heat map, ``height`` inches high, and the first ranks that have room."""
    segments, scores = explanation.segments, explanation.scores
    resolution = len(segments) / height  # pixels per inch
    limit = max(float(np.abs(scores).max()), LEAST)
    # by the root, so that small scores are seen beside large ones
    norm = FuncNorm((_root, lambda values: values * np.abs(values)), -limit, limit)
    picture = axes.imshow(scores[segments], cmap="PuOr_r", norm=norm, interpolation="nearest")
    _draw_borders(axes, segments, "0.6", 0.3)
    _draw_outline(axes, explanation, "black", 0.8)
    length = max(LOWEST_BAR / height, 1.0)
    bar = axes.inset_axes((1.03, (1 - length) / 2, BAR * resolution / segments.shape[1], length))
    ticks = [-limit, 0, limit] if height < LOWEST / 2 else [-limit, -limit / 4, 0, limit / 4, limit]
    axes.figure.colorbar(picture, cax=bar, ticks=ticks, format="%.2g", label="score for the class")
    for place, superpixel in enumerate(explanation.ranking[:RANKS], start=1):
        distances = distance_transform_edt(np.pad(segments == superpixel, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(distances.argmax(), segments.shape)
        if distances.max() >= ROOM * resolution:
            axes.text(
                int(column),
                int(row),
                str(place),
                fontsize=5.5,
                ha="center",
                va="center_baseline",
                path_effects=[withStroke(linewidth=1.2, foreground="white")],
            )
    title = axes.set_title("scores and first ranks")
    axes.set_xlabel(
        f"{np.count_nonzero(explanation.selected)} of {len(scores)} superpixels,\n"
        f"{100 * explanation.share:.0f} % of the pixels"
    )
    if _find_width(title) > segments.shape[1] / resolution:  # above the bar, and the next panel
        axes.set_title(title.get_text(), pad=PAD, x=0.5, ha="center")
        axes.xaxis.labelpad = PAD


def _draw_curves(axes: Axes, insertion: Curve, deletion: Curve, scale: str) -> None:
    for name, curve, colour, line in (
        ("insertion", insertion, INSERTION, "-"),
        ("deletion", deletion, DELETION, "--"),
    ):
        axes.plot(
            100 * curve.shares,
            curve.probabilities,
            color=colour,
            linestyle=line,
            label=f"{name}, area {curve.area:.3f}",
        )
    axes.set(
        title="insertion and deletion",
        xlabel="% of the pixels shown (hidden)",
        ylabel=scale,
        xlim=(0, 100),
    )
    values = np.concatenate([insertion.probabilities, deletion.probabilities, [0, 1]])
    low, high = values.min(), values.max()
    axes.set_ylim(low - 0.03 * (high - low), high + 0.38 * (high - low))  # for the legend
    axes.set_yticks([tick for tick in axes.get_yticks() if low - 1e-6 < tick < high + 1e-6])
    axes.legend(loc="upper center")


def _draw_outline(axes: Axes, explanation: ExplainedImage, colour: str, width: float) -> None:
    """Draw the outline of the explanation; thinner than ``width`` points where superpixels are
    many."""
    width *= min(1.0, (MANY / len(explanation.scores)) ** 0.5)
    _draw_borders(axes, np.pad(explanation.mask, 1), colour, width, margin=1)


def _draw_borders(
    axes: Axes, labels: NDArray[np.generic], colour: str, width: float, margin: int = 0
) -> None:
    """Draw the lines between pixels of different labels, (H, W) with a margin of pixels around."""
    x, top, bottom = _find_runs((labels[:, 1:] != labels[:, :-1]).T)
    y, left, right = _find_runs(labels[1:] != labels[:-1])
    ends = [(x, left), (top, y), (x, right), (bottom, y)]
    lines = np.stack([np.concatenate(values) for values in ends], axis=1).reshape(-1, 2, 2)
    axes.add_collection(
        LineCollection(
            list(lines - margin),
            color=colour,
            linewidth=width,
            capstyle="round",
            clip_on=False,
        ),
        autolim=False,
    )


def _find_runs(changes: NDArray[np.bool_]) -> tuple[Floats, ...]:
    """The runs of True along the rows: coordinates of each line between pixels, its start and end,
    where pixel i reaches from i - 0.5 to i + 0.5."""
    steps = np.diff(np.pad(changes, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    return tuple(values.astype(np.float64) for values in (rows + 0.5, starts - 0.5, ends - 0.5))


def _root(values: Floats) -> Floats:
    return np.sign(values) * np.sqrt(np.abs(values))
