"""The result of an explanation: the selected superpixels, scores and probabilities."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.escaping import escape_html, printable
from srnet.images.pictures.segments import is_coarse
from srnet.io.files import writing
from srnet.io.npz import read_arrays
from srnet.typing import Floats, StrPath

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from srnet.images.measures import Curve

ARRAYS = {
    "image": (np.float32, 3),
    "segments": (np.int32, 2),
    "selected": (np.bool_, 1),
    "scores": (np.float64, 1),
}
PARTS = ("whole", "selected", "empty", "complement")
CURVES = ("shares", "insertion", "deletion")
ENDS = (".npz", ".png", ".svg", ".pdf", ".html")
NUMBERS = (
    "label",
    "probability",
    "probability_selected",
    "probability_empty",
    "probability_complement",
    "passes",
    "seconds",
)

# An image whose probability exceeds that of the empty one by less than this is hardly explained.
_POOR_CHANGE = 0.1


class ImageExplanation:
    """The superpixels that make a network give an image its class.

    :func:`srnet.images.explain` makes it, :meth:`load` reads it from a file.

    Parameters
    ----------
    image
        (H, W, 3) float32, values in [0, 1], as the network sees it; of other channels than three
        the picture of :func:`srnet.images.pictures.reading.as_picture`.
    segments
        (H, W) int32, the superpixels 0 … n-1.
    selected
        (n,) bool, the superpixels of the explanation.
    scores
        (n,) float64, importance of each superpixel, see
        :func:`srnet.images.search.ranking.compute_scores`; negative against the class.
    about
        ``label`` and ``class_name``; the probability of that class for the whole image
        (``probability``), for the selected superpixels alone (``probability_selected``), for none
        (``probability_empty``) and for all but the selected (``probability_complement``);
        ``values`` (of a regression in its own units: ``whole``, ``selected``, ``empty`` and
        ``complement``, where the probabilities are the share of the way from empty to whole);
        ``passes`` (all network evaluations, of which ``passes_shared`` were made for another label)
        and ``seconds``; ``ended_by_time``; ``precision`` and ``precision_error``
        (largest difference of the search's precision from float32 in those four probabilities);
        ``history`` by generation; ``curves``, if they were measured: ``shares``, ``insertion`` and
        ``deletion`` (see :func:`srnet.images.measures.insertion`), and the ``passes`` that they
        cost beside the others; ``settings``, ``preset``, ``seed``, ``outputs``,
        ``channels``, ``segments``, ``count`` (about how many superpixels were asked for; None of a
        method that takes no number), ``fill``, ``version``.

    Raises
    ------
    UserError
        If the parts do not fit together.
    """

    image: NDArray[np.float32]
    segments: NDArray[np.int32]
    selected: NDArray[np.bool_]
    scores: Floats

    def __init__(
        self,
        image: NDArray[np.float32],
        segments: NDArray[np.int32],
        selected: NDArray[np.bool_],
        scores: Floats,
        about: Mapping[str, Any],
    ) -> None:
        arrays: tuple[NDArray[Any], ...] = (image, segments, selected, scores)
        for (name, (kind, dimensions)), values in zip(ARRAYS.items(), arrays, strict=True):
            if values.ndim != dimensions or values.dtype != kind:
                raise UserError(
                    f"an explanation's '{name}' is {values.dtype} of shape {values.shape}; "
                    f"{kind.__name__} is needed"
                )
            setattr(self, name, values)
        n = len(selected)
        if (
            image.shape != (*segments.shape, 3)
            or len(scores) != n
            or segments.min() != 0
            or segments.max() != n - 1
        ):
            raise UserError(
                f"an explanation's image {image.shape}, superpixels, selection and scores do not "
                f"fit together"
            )
        for key in NUMBERS:
            if not _is_number(about.get(key)):
                raise UserError(
                    f"an explanation's '{key}' is {about.get(key)!r}; a finite number is needed"
                )
        if about.get("count") is not None and not _is_number(about["count"]):
            raise UserError(f"an explanation's 'count' is {about['count']!r}; a number is needed")
        if not isinstance(about.get("history"), list):
            raise UserError("an explanation's 'history' must be a list of objects")
        if "values" in about:
            _check_values(about["values"])
        if about.get("curves") is not None:
            _check_curves(about["curves"])
        self.about = dict(about)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool, True on the selected superpixels."""
        return self.selected[self.segments]

    @property
    def ranking(self) -> NDArray[np.intp]:
        """(n,) superpixels by decreasing score."""
        return np.argsort(-self.scores, kind="stable")

    @property
    def share(self) -> float:
        """Share of the pixels in the selected superpixels."""
        return float(self.mask.mean())

    @property
    def label(self) -> int:
        """Number of the explained class."""
        return self.about["label"]

    @property
    def class_name(self) -> str:
        """Name of the explained class, or its number if names are unknown."""
        return str(self.about.get("class_name", self.label))

    @property
    def probability(self) -> float:
        """Probability of the class for the whole image."""
        return self.about["probability"]

    @property
    def probability_selected(self) -> float:
        """Probability of the class when only the selected superpixels are shown."""
        return self.about["probability_selected"]

    @property
    def probability_empty(self) -> float:
        """Probability of the class when no superpixel is shown, which is that of the fill."""
        return self.about["probability_empty"]

    @property
    def probability_complement(self) -> float:
        """Probability of the class when all but the selected superpixels are shown."""
        return self.about["probability_complement"]

    def amount(self, part: str) -> str:
        """``p = 0.983``, or of a regression ``value = 12.3`` in its own units.

        Parameters
        ----------
        part
            What is shown: ``whole``, ``selected``, ``empty`` or ``complement``.
        """
        if "values" in self.about:
            return f"value = {self.about['values'][part]:.4g}"
        key = "probability" if part == "whole" else f"probability_{part}"
        return f"p = {self.about[key]:.3f}"

    @property
    def scale(self) -> str:
        """What the curves are of: the probability, or of a regression the share of the way from the
        value of the empty to that of the whole image."""
        return "share of the value's change" if "values" in self.about else "probability"

    @property
    def insertion(self) -> "Curve | None":
        """The curve of :func:`srnet.images.measures.insertion` in the order of the ranking; None
        unless ``explain(…, curves=True)`` measured it."""
        return self._curve("insertion")

    @property
    def deletion(self) -> "Curve | None":
        """The curve of :func:`srnet.images.measures.deletion`; None as ``insertion``."""
        return self._curve("deletion")

    def _curve(self, name: str) -> "Curve | None":
        from srnet.images.measures import Curve

        curves = self.about.get("curves")
        if curves is None:
            return None
        return Curve(np.array(curves["shares"]), np.array(curves[name]))

    @property
    def history(self) -> list[dict[str, float]]:
        """One entry per generation: generation, passes, best, mean, probability and share.

        They are the number of the generation, the passes so far, the best and mean fitness, and the
        best individual's probability and share of pixels.
        """
        return self.about["history"]

    @property
    def passes(self) -> int:
        """Number of network evaluations, including those of the reported probabilities."""
        return self.about["passes"]

    @property
    def seconds(self) -> float:
        """Duration of the explanation in seconds."""
        return self.about["seconds"]

    def plot(self) -> "Figure":
        """Draw the image with the outline of the explanation, the explanation alone, the scores of
        the superpixels, and the curves of insertion and deletion if they were measured."""
        from srnet.drawing.images.explanation import draw

        return draw(self)

    def as_dict(self) -> dict[str, Any]:
        """The explanation for JSON: everything but the arrays of the image's size."""
        return {
            **self.about,
            "share": self.share,
            "superpixels": len(self.selected),
            "selected": np.flatnonzero(self.selected).tolist(),
            "ranking": self.ranking.tolist(),
            "scores": self.scores.tolist(),
            "shape": list(self.segments.shape),
        }

    def save(self, path: StrPath) -> None:
        """Write the explanation, by the end of the name: ``.npz``, which :meth:`load` reads; the
        picture of :meth:`plot` as ``.png``, ``.svg`` or ``.pdf``; or ``.html``, a page that needs
        no other file.

        The npz file has the arrays, and the rest as JSON; it contains no code.

        Raises
        ------
        UserError
            If the name has another end or the file cannot be written.
        """
        end = Path(path).suffix
        if end not in ENDS:
            raise UserError(f"{path}: ends in '{end}'; {', '.join(ENDS)} are allowed")
        if end == ".npz":
            arrays = {name: getattr(self, name) for name in ARRAYS}
            about = np.array(json.dumps(self.about, allow_nan=False))
            with writing(path, "wb") as file:
                np.savez_compressed(file, about=about, **arrays)
        elif end == ".html":
            from srnet.images.explanation.page import render_page

            page = render_page(self)
            with writing(path) as file:
                file.write(page)
        else:
            from srnet.drawing.saving import save_figure

            save_figure(self.plot(), str(path))

    @classmethod
    def load(cls, path: StrPath) -> "ImageExplanation":
        """Read an npz file written by :meth:`save`.

        Raises
        ------
        UserError
            If the file is missing or not of that kind.
        """
        arrays: dict[str, Any] = dict(read_arrays(path))
        try:
            about = json.loads(str(arrays.get("about")))
            if not isinstance(about, dict):
                raise ValueError("'about' is no object")
            return cls(**{name: arrays[name] for name in ARRAYS}, about=about)
        except (KeyError, ValueError, RecursionError) as error:
            raise UserError(
                f"{path}: is no explanation of an image ({error}); a file of "
                f"ImageExplanation.save is needed"
            ) from error

    @property
    def warnings(self) -> list[str]:
        """What a reader must know of a coarse or poor explanation."""
        count, found = self.about.get("count"), len(self.selected)
        if count is None or not is_coarse(found, count):
            return self._warn_of_poor()
        coarse = (
            f"Coarse: the image has {found} superpixels, and about {count} were asked for; labels "
            f"of your own, segments=…, can be finer."
        )
        return [coarse, *self._warn_of_poor()]

    def _warn_of_poor(self) -> list[str]:
        whole, selected, empty = (
            self.about[key] for key in ("probability", "probability_selected", "probability_empty")
        )
        if whole - empty < _POOR_CHANGE:
            return [
                f"Poor: the empty image has {self.amount('empty')}, the whole one "
                f"{self.amount('whole')}; its superpixels hardly matter, or the fill hides little."
            ]
        if selected - empty < 0.5 * (whole - empty):
            return [
                f"Poor: the superpixels alone have {self.amount('selected')}, the whole image "
                f"{self.amount('whole')}; more passes may find better ones."
            ]
        return []

    def __str__(self) -> str:
        return "\n".join([self._summary(), *self.warnings])

    def _summary(self) -> str:
        return printable(
            f"{self.class_name}: {np.count_nonzero(self.selected)} of {len(self.selected)} "
            f"superpixels, {100 * self.share:.0f} % of the pixels; "
            f"{self.amount('selected')} with them alone, "
            f"{self.amount('complement')} without them, "
            f"{self.amount('whole')} of the whole image, "
            f"{self.amount('empty')} of the empty one; "
            f"{self.passes} passes, {self.seconds:.2f} s"
            f"{', ended by the time limit' * bool(self.about.get('ended_by_time'))}"
        )

    def __repr__(self) -> str:
        return f"<ImageExplanation {self._summary()}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from srnet.drawing.pages import svg_element

        return f"<p>{escape_html(str(self))}</p>\n{svg_element(self.plot())}"


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; of NaN no comparison holds."""
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and abs(value) <= sys.float_info.max


def _check_values(values: Any) -> None:
    if not isinstance(values, dict) or not all(_is_number(values.get(part)) for part in PARTS):
        raise UserError(
            f"an explanation's 'values' must be an object with the numbers {', '.join(PARTS)}"
        )


def _check_curves(curves: Any) -> None:
    lists = [curves.get(key) for key in CURVES] if isinstance(curves, dict) else []
    numbers = [
        len(values) for values in lists if isinstance(values, list) and all(map(_is_number, values))
    ]
    if len(numbers) < len(CURVES) or min(numbers) < 2 or len(set(numbers)) > 1:
        raise UserError(
            f"an explanation's 'curves' must be an object with the lists of numbers "
            f"{', '.join(CURVES)}, of equal lengths"
        )
