"""The page of an explanation: what stands on it, nothing from elsewhere, and its points in a
browser."""

import html.parser
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers.browser import complaints, open_browser, seen
from helpers.names import NAMES

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.page import _parts
from srnet.explanation.result import Explanation
from srnet.explanation.units import describe
from srnet.networks.layers import Layers
from srnet.search.individual import judge

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "div", "section"),
    *("table", "tr", "th", "td", "pre", "code", "svg", "math"),
}
SIMPLE = (Program(2, (), (("sub", (0, 1)),), 2),)
COMPLEX = (Program(2, (1.5,), (("mul", (0, 2)), ("sin", (1,)), ("add", (3, 4))), 5),)
X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
Y = (1.5 * X[:, :1] + np.sin(X[:, 1:])).astype(np.float32)


def explanation(*columns: str, **changes: Any) -> Explanation:
    """Two models of one layer, of which the better is the result."""
    layers = Layers({"train": [X, Y], "valid": [X, Y]})
    entries = [
        {**describe(found, layers), "fitness": fitness}
        for programs, fitness in ((SIMPLE, 0.5), (COMPLEX, 1e-9))
        if (found := judge((), (programs[0],), layers)) is not None
    ]
    run = {"task": "made-up", "seed": 1, "preset": "rank", **entries[-1], "pareto": entries}
    run |= {"rows": {"train": 30}, "software": {"srnet": "0", "numpy": "1"}}
    names = {"columns": list(columns)} if columns else {}
    return Explanation(run | names | changes, layers=layers)


class Page(html.parser.HTMLParser):
    """The elements of a page outside of its figures and formulas, and all that they refer to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.targets: list[str] = []
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.inside:
            self.elements.append(tag)
            assert not [key for key, _ in attrs if key.startswith("on")]
        if tag in ("svg", "math"):
            self.inside = tag
        self.targets += [value or "" for key, value in attrs if re.search("src$|href$", key)]

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""


def formulas(page: str) -> list[str]:
    """What the formulas of a page show, without marks of their structure."""
    found = re.findall(r"<math.*?</math>", page, flags=re.DOTALL)
    return ["".join(ElementTree.fromstring(math).itertext()) for math in found]


def test_the_models_their_formulas_and_where_they_come_from() -> None:
    page = explanation().to_html()
    assert "<title>made-up as formulas</title>" in page
    simple, result = formulas(page)
    assert simple.startswith("y0=")
    assert "sin" not in simple
    assert "1.5" in result
    assert "sin" in result
    assert page.count("(the result)") == 1
    assert page.index("(the result)") > page.index('class="model chosen" id="model-1"')
    assert "<tr><th>seed</th><td>1</td></tr>" in page
    assert "<tr><th>numpy</th><td>1</td></tr>" in page


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = Page(explanation().to_html())
    assert set(page.elements) == ELEMENTS - {"code"}
    assert {"#model-0", "#model-1"} <= set(page.targets)
    assert [each for each in page.targets if not each.startswith(("#", "data:image/png"))] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_a_name(name: str) -> None:
    page = explanation(f"a{name}", "b", task=f"t{name}").to_html()
    assert set(Page(page).elements) <= ELEMENTS
    assert "<script" not in page
    models = re.findall("<section.*?</section>", page, flags=re.DOTALL)
    assert ["<math" in model or "<code>" in model for model in models] == [True, True]


def test_a_loaded_explanation_has_no_plots_and_one_without_a_front_its_result(
    tmp_path: Path,
) -> None:
    found = explanation()
    found.save(tmp_path / "run.json")
    loaded = Explanation.load(tmp_path / "run.json")
    assert "At a glance" in found.to_html()
    assert "At a glance" not in loaded.to_html()
    alone = explanation(pareto=[]).to_html()
    assert "Complexity and error" not in alone
    assert len(formulas(alone)) == 1


def test_the_file_is_whole_or_not_at_all(tmp_path: Path) -> None:
    page = explanation().to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder: "):
        explanation().to_html(tmp_path / "folder")


VISIBLE = "[...document.querySelectorAll('.model')].filter(e => e.offsetHeight).map(e => e.id)"


def test_a_point_shows_its_model(tmp_path: Path) -> None:
    explanation().to_html(tmp_path / "page.html")
    with open_browser() as browser:
        browser.get((tmp_path / "page.html").as_uri())
        assert seen(browser, VISIBLE) == ["model-1"]
        browser.find_element("css selector", "svg a[*|href='#model-0']").click()
        assert seen(browser, f"location.hash == '#model-0' && {VISIBLE}") == ["model-0"]
        assert complaints(browser) == []
        for width in (1300, 390):
            browser.set_window_size(width, 900)
            assert seen(browser, "document.body.scrollWidth <= window.innerWidth || 'wide'") is True


def test_a_long_formula_has_lines() -> None:
    latex = r"y_{0} = 2 \cdot \mathrm{a\{ + b} + \left(" + "x + " * 30 + r"1\right) - x_{1} + 3"
    long, rest = _parts(latex)
    assert long.startswith("y_{0}")
    assert long.endswith(r"1\right)")
    assert rest == " - x_{1} + 3"
    assert _parts("y = x + 1") == ["y = x + 1"]
