"""The explanation of an image as one HTML page that needs nothing else: no script, no network."""

from typing import Any, Protocol

import numpy as np

from srnet.drawing.images.explanation import ExplainedImage, draw
from srnet.drawing.pages import render, svg_element
from srnet.escaping import printable


class PageContent(ExplainedImage, Protocol):
    """What a page needs of an explanation (:class:`srnet.images.ImageExplanation`)."""

    about: dict[str, Any]


_MOST_ROWS = 20
# What the page says of how an explanation was made, beside its passes.
_ORIGIN = ("preset", "seed", "segments", "fill", "precision", "version")


def render_page(found: PageContent) -> str:
    """The page: the sentence of the result, its picture, the first superpixels and the origin."""
    sizes = np.bincount(found.segments.ravel(), minlength=len(found.scores)) / found.segments.size
    rows = [
        {
            "rank": rank,
            "superpixel": superpixel,
            "share": f"{100 * sizes[superpixel]:.1f} %",
            "score": f"{found.scores[superpixel]:.3g}",
            "selected": "yes" if found.selected[superpixel] else "no",
        }
        for rank, superpixel in enumerate(found.ranking[:_MOST_ROWS].tolist(), start=1)
    ]
    return render(
        "images/explanation/page.html",
        title=printable(f"What makes it: {found.class_name}"),
        summary=str(found),
        figure=svg_element(draw(found)),
        rows=rows,
        left=len(found.scores) - len(rows),
        made=_origin(found.about).items(),
    )


def _origin(about: dict[str, Any]) -> dict[str, str]:
    """The origin of an explanation, by what it tells."""
    told = {key: about[key] for key in _ORIGIN if key in about}
    told |= {"network passes": about["passes"]}
    if about.get("curves") is not None:
        told |= {"further passes, for the curves": about["curves"].get("passes", "unknown")}
    return {key: printable(str(value)) for key, value in told.items()}
