"""The pictures and the page of an explanation: what they show, in which files, of which images."""

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.known_models import Known, grid, white
from helpers.names import NAMES
from matplotlib.collections import LineCollection
from matplotlib.text import Text
from PIL import Image

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.images import ImageExplanation, explain, measures

SEGMENTS = grid(4, 5)
OBJECT = [6, 7, 11]
WEIGHTS = np.where(np.isin(np.arange(20), OBJECT), 4.0, 0.05)


def explained(**options: Any) -> ImageExplanation:
    model = Known(WEIGHTS, bias=-6.0)
    options = {"segments": SEGMENTS, "fill": "black", "outputs": "logits"} | options
    return explain(model, white(SEGMENTS), 1, **options)


def made_up(shape: tuple[int, int], name: str = "cat", curves: bool = True) -> ImageExplanation:
    """An explanation of an image of any shape, of a superpixel in each of its quarters."""
    height, width = shape
    rows, columns = np.indices(shape)
    segments = (rows * 2 // height * 2 + columns * 2 // width).astype(np.int32)
    about: dict[str, Any] = dict.fromkeys(
        ("probability", "probability_selected", "probability_empty", "probability_complement"), 0.5
    )
    about |= {"label": 1, "class_name": name, "passes": 9, "seconds": 1.0, "history": []}
    if curves:
        about["curves"] = {
            "shares": [0, 0.25, 0.5, 0.75, 1],
            "insertion": [0, 1, 1, 1, 1],
            "deletion": [1, 0, 0, 0, 0],
            "passes": 8,
        }
    image = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    return ImageExplanation(
        image, segments, np.array([True, False, False, True]), np.array([0.4, -0.1, 0, 0.3]), about
    )


# --- Curves ---------------------------------------------------------------------------------------


def test_curves_are_those_of_the_measures_and_counted_apart() -> None:
    plain, found = explained(), explained(curves=True)
    assert plain.insertion is None
    assert plain.deletion is None
    assert (plain.scores == found.scores).all()
    assert plain.passes == found.passes <= 100
    for name, measure in (("insertion", measures.insertion), ("deletion", measures.deletion)):
        own = measure(
            Known(WEIGHTS, bias=-6.0),
            found.image,
            found.scores,
            1,
            segments=found.segments,
            fill="black",
            outputs="logits",
        )
        curve = getattr(found, name)
        assert curve.area == pytest.approx(own.area, abs=1e-6)
        assert curve.probabilities == pytest.approx(own.probabilities, abs=1e-6)


def test_curves_cost_what_the_search_did_not_evaluate() -> None:
    model = Known(WEIGHTS, bias=-6.0)
    options = {"segments": SEGMENTS, "fill": "black", "outputs": "logits", "curves": True}
    found = explain(model, white(SEGMENTS), 1, **options)
    assert sum(model.seen) == found.passes + found.about["curves"]["passes"]
    assert 0 < found.about["curves"]["passes"] < 2 * 20 - 2
    fast = explain(model, white(SEGMENTS), 1, precision="bfloat16", **options)
    assert fast.insertion is not None
    assert fast.insertion.probabilities[-1] == fast.probability  # of the network in float32


def test_curves_are_saved_and_others_refused(tmp_path: Path) -> None:
    found = explained(curves=True)
    found.save(tmp_path / "a.npz")
    again = ImageExplanation.load(tmp_path / "a.npz")
    assert again.insertion is not None
    assert again.insertion.area == found.insertion.area
    for curves in (
        [],
        {"shares": [0, 1], "insertion": [0, 1]},
        {"shares": [0, 1], "insertion": [0, 1], "deletion": [1]},
        {"shares": [0, 1], "insertion": [0, 1], "deletion": ["1", 0]},
        {"shares": [0], "insertion": [0], "deletion": [1]},
    ):
        with pytest.raises(UserError, match="'curves' must be an object with the lists"):
            ImageExplanation(
                found.image,
                found.segments,
                found.selected,
                found.scores,
                found.about | {"curves": curves},
            )


# --- Pictures -------------------------------------------------------------------------------------


def titles(figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_the_picture_shows_the_explanation() -> None:
    found = explained(curves=True)
    figure = found.plot()
    outlined, alone, scores, curves = figure.axes
    assert titles(figure) == [
        "1",
        "explanation",
        "scores and first ranks",
        "insertion and deletion",
    ]
    assert outlined.get_xlabel().startswith(f"whole image: p = {found.probability:.3f}")
    assert (outlined.images[0].get_array() == found.image).all()
    shown = alone.images[0].get_array()
    assert (shown[found.mask] == found.image[found.mask]).all()
    assert (shown[~found.mask] == 0.5).all()
    assert (scores.images[0].get_array() == found.scores[found.segments]).all()
    (bar,) = scores.child_axes
    assert bar.get_ylabel() == "score for the class"
    assert scores.get_xlabel() == "3 of 20 superpixels,\n15 % of the pixels"
    for text in scores.texts:
        column, row = text.get_position()
        assert found.segments[row, column] == found.ranking[int(text.get_text()) - 1]
    assert [text.get_text() for text in scores.texts] == list("123456789")
    for line, curve in zip(curves.lines, (found.insertion, found.deletion), strict=True):
        assert (line.get_ydata() == curve.probabilities).all()
        assert line.get_label().endswith(f"area {curve.area:.3f}")


def test_the_outline_is_that_of_the_mask() -> None:
    found = made_up((10, 20))
    outline = next(
        each for each in found.plot().axes[0].collections if isinstance(each, LineCollection)
    )
    drawn = set()
    for (left, top), (right, bottom) in outline.get_segments():
        steps = int(right - left + bottom - top)
        across, down = (right - left) / steps, (bottom - top) / steps
        drawn |= {
            (
                (left + k * across, top + k * down),
                (left + (k + 1) * across, top + (k + 1) * down),
            )
            for k in range(steps)
        }
    assert len(drawn) > len(outline.get_segments())
    expected = set()
    for row, column in np.argwhere(found.mask).tolist():
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            inside = (0 <= row + down < 10) and (0 <= column + right < 20)
            if not inside or not found.mask[row + down, column + right]:
                middle = row + down / 2, column + right / 2
                ends = [
                    (middle[1] + sign * abs(down) / 2, middle[0] + sign * abs(right) / 2)
                    for sign in (-1, 1)
                ]
                expected.add(tuple(ends))
    assert drawn == expected


@pytest.mark.parametrize("curves", [True, False])
@pytest.mark.parametrize("shape", [(40, 40), (16, 160), (160, 16), (30, 60), (8, 8)])
def test_images_of_any_shape_fill_their_panels(shape: tuple[int, int], curves: bool) -> None:
    figure = made_up(shape, curves=curves).plot()
    assert len(figure.axes) == 3 + curves
    figure.draw_without_rendering()
    size = figure.get_size_inches()
    assert size[0] <= 7
    assert size[1] <= 9
    boxes = [axes.get_window_extent() for axes in figure.axes]
    for box in boxes[:3]:
        assert box.width / box.height == pytest.approx(shape[1] / shape[0], rel=0.02)
        assert max(box.width, box.height) / figure.dpi > 1.2
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    words = [
        text.get_window_extent()
        for axes in figure.axes
        for text in (axes._left_title, axes.xaxis.label)
    ]
    for i, box in enumerate(words):
        assert not any(box.overlaps(other) for other in words[:i])
    if curves:
        assert boxes[3].height / figure.dpi > 0.9


def drawn_words(figure) -> list[Text]:
    bars = [bar for axes in figure.axes for bar in axes.child_axes]
    words = [each for axes in figure.axes for each in (axes._left_title, axes.xaxis.label)]
    words += [axes.yaxis.label for axes in (*figure.axes, *bars)]
    words += [label for bar in bars for label in bar.get_yticklabels()]
    return [each for each in words if each.get_text()]


@pytest.mark.parametrize("curves", [True, False])
@pytest.mark.parametrize("name", ["cat", "W" * 24])
@pytest.mark.parametrize("shape", [(40, 40), (8, 400), (400, 8), (40, 24)])
def test_no_word_is_cut_or_hidden(shape: tuple[int, int], name: str, curves: bool) -> None:
    found = made_up(shape, name, curves)
    parts = ("whole", "selected", "empty", "complement")
    found.about["values"] = dict.fromkeys(parts, -123456.7)
    figure = found.plot()
    figure.draw_without_rendering()
    words = drawn_words(figure)
    boxes = [word.get_window_extent() for word in words]
    for i, (word, box) in enumerate(zip(words, boxes, strict=True)):
        assert box.x0 >= 0, word
        assert box.x1 <= figure.bbox.width, word
        for other, beside in zip(words[:i], boxes[:i], strict=True):
            assert not box.overlaps(beside), (word, other)


def test_curves_of_a_regression_are_in_the_picture() -> None:
    found = made_up((16, 16))
    found.about["values"] = {"whole": 3.0, "selected": 2.5, "empty": 1.0, "complement": 1.5}
    found.about["curves"]["insertion"] = [0, 1.5, 2, 1.5, 1]
    found.about["curves"]["deletion"] = [1, -0.5, -1, -0.5, 0]
    outlined, _, _, curves = found.plot().axes
    assert outlined.get_xlabel() == "whole image: value = 3\nall hidden: value = 1"
    assert curves.get_ylabel() == "share of the value's change"
    low, high = curves.get_ylim()
    assert low < -1
    assert high > 2


def test_an_explanation_of_nothing_or_everything_is_drawn() -> None:
    found = made_up((16, 16))
    for selected in (np.zeros(4, bool), np.ones(4, bool)):
        figure = ImageExplanation(
            found.image, found.segments, selected, np.zeros(4), found.about
        ).plot()
        figure.draw_without_rendering()
        low, high = figure.axes[2].images[0].get_clim()
        assert (low, high) == (-0.001, 0.001)  # noise is not made to look like scores


# --- Files ----------------------------------------------------------------------------------------


def test_files_by_the_ends_of_their_names(tmp_path: Path) -> None:
    found = made_up((16, 16))
    beginnings = {
        ".png": b"\x89PNG",
        ".pdf": b"%PDF",
        ".svg": b"<?xml",
        ".html": b"<!doctype html>",
    }
    for end, beginning in beginnings.items():
        found.save(tmp_path / f"a{end}")
        assert (tmp_path / f"a{end}").read_bytes().startswith(beginning)
    found.save(tmp_path / "b.svg")
    assert (tmp_path / "b.svg").read_bytes() == (tmp_path / "a.svg").read_bytes()
    assert Image.open(tmp_path / "a.png").width == 1400
    for name in ("a.jpg", "a", "a.PNG"):
        with pytest.raises(UserError, match=r"\.npz, \.png, \.svg, \.pdf, \.html are allowed"):
            found.save(tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 5


def test_the_page_has_all_in_one_file() -> None:
    page = read_page(made_up((16, 16)))
    assert "<title>What makes it: cat</title>" in page
    assert page.count("<svg") == 1
    assert "<tr><td>1</td><td>0</td><td>25.0 %</td><td>0.4</td><td>yes</td></tr>" in page
    assert "<tr><td>4</td><td>1</td><td>25.0 %</td><td>-0.1</td><td>no</td></tr>" in page
    assert "<th>network passes</th><td>9</td>" in page
    assert "<th>further passes, for the curves</th><td>8</td>" in page
    assert "further passes" not in read_page(made_up((16, 16), curves=False))
    links = re.findall(r'(?:href|src)="([^"]*)', page)
    assert links
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert "more superpixels" not in page
    assert "<p>4 more superpixels are not shown.</p>" in read_page(
        ImageExplanation(
            white(grid(4, 6)), grid(4, 6), np.arange(24) < 2, np.arange(24.0), made_up((8, 8)).about
        )
    )


def read_page(found: ImageExplanation) -> str:
    from srnet.images.explanation.page import render_page

    return render_page(found)


@pytest.mark.parametrize("name", [name for name in NAMES if set(name) & set("<&$\x1b")])
def test_a_name_stays_a_name(name: str) -> None:
    page = read_page(made_up((16, 16), name))
    beside = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert set(re.findall(r"<([a-z0-9]+)", beside)) == {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "div"),
        *("table", "tr", "th", "td"),
    }
    assert "<script" not in page
    assert "<img" not in page
    assert printable(name) in html.unescape(beside)


def test_a_notebook_shows_the_sentence_and_the_picture() -> None:
    found = made_up((16, 16), "<b>cat")
    shown = found._repr_html_()
    assert shown.startswith("<p>&lt;b&gt;cat: 2 of 4 superpixels")
    assert shown.count("<svg") == 1
