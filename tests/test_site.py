"""The site of the documentation: it builds without a warning, its examples run, and in a browser it
fits a screen and a phone and fetches nothing from elsewhere."""

import ast
import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import complaints, open_browser, seen
from helpers.waiting import HANG

import srnet
import srnet.images

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
PUBLIC = [
    f"{package.__name__}.{name}"
    for package in (srnet, srnet.images)
    for name in package.__all__
    if name != "__version__"
]
OLDER = "0.0.1"
SCREEN, PHONE = (1300, 900), (390, 844)
PAGES = (
    "index",
    "tutorial",
    "models",
    "rank",
    "formats",
    "workflow",
    "transcripts",
    "cluster",
    "clouds",
    "images",
    "images_method",
    "images_comparison",
    *(f"clouds/{path.stem}" for path in sorted((ROOT / "docs" / "clouds").glob("*.md"))),
    "gallery/index",
    "gallery/scikit_learn",
    "published/made_up/index",
    "api",
    "api/srnet.explain",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site of a release, with a made-up published run and another version beside it."""
    pytest.importorskip("sphinx_gallery", reason="pip install 'srnet[docs]' for the documentation")
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(
        ROOT / "docs", tree / "docs", ignore=shutil.ignore_patterns("gallery", "api", "published")
    )
    published = tree / "results" / "published" / "made_up"
    (published / "figures").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "images" / "fitness_box.png", published / "figures")
    (published / "README.md").write_text(
        "# Published results: made_up\n\nSee [the report](reproduction.md).\n\n"
        "![Final fitness](figures/fitness_box.png)\n"
    )
    (published / "reproduction.md").write_text("# The report: made_up\n")
    (published / "summary.md").write_text("# The summary: made_up\n")
    pages = tree / "pages"
    site = pages / srnet.__version__
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-t", "released", "docs"]
    built = subprocess.run(
        [*command, str(site)], cwd=tree, capture_output=True, text=True, timeout=HANG, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (pages / OLDER).mkdir()
    (pages / OLDER / "index.html").touch()
    menu = [sys.executable, str(ROOT / "docs" / "versions.py"), str(pages), "/"]
    subprocess.run(menu, check=True)
    return site


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_a_page(site: Path, name: str) -> None:
    assert f'id="{name}"' in read(site / "api" / f"{name}.html")
    assert f'href="api/{name}.html"' in read(site / "api.html")


def test_what_a_function_returns_is_told_apart_from_its_type(site: Path) -> None:
    page = re.sub(r"<[^>]*>", "", read(site / "api" / "srnet.metrics.html"))
    assert re.search(r"Returns:\s+The error, in the units of the output", page)
    assert re.search(r"Return type:\s+tuple\[float, int\]", page)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_its_output_and_picture_in_the_gallery(site: Path, example: Path) -> None:
    page = read(site / "gallery" / f"{example.stem}.html")
    printed = re.findall(r'<div class="sphx-glr-script-out .*?</pre>', page, re.DOTALL)
    expected = "superpixels" if example.stem == "image_classifier" else "R²"
    assert expected in "".join(printed)
    gallery = read(site / "gallery" / "index.html")
    for picture in (f"sphx_glr_{example.stem}_001.png", f"sphx_glr_{example.stem}_thumb.png"):
        assert 0 < (site / "_images" / picture).stat().st_size < 200_000
    assert f"sphx_glr_{example.stem}_thumb.png" in gallery
    sentence = read(example).split('"""')[1].strip().splitlines()[-1]
    assert f'tooltip="{sentence}"' in gallery


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_notebook_of_an_example_is_the_script_that_ran(site: Path, example: Path) -> None:
    (notebook,) = site.glob(f"_downloads/*/{example.stem}.ipynb")
    cells = json.loads(read(notebook))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    script = ast.parse(read(example))
    assert ast.dump(ast.parse(code)) == ast.dump(ast.Module(script.body[1:], []))


def test_published_runs_are_listed_with_their_pictures(site: Path) -> None:
    assert 'href="made_up/index.html"' in read(site / "published" / "index.html")
    page = read(site / "published" / "made_up" / "index.html")
    assert "fitness_box.png" in page
    assert "summary.html" in page


class Fetched(HTMLParser):
    """What a browser fetches for a page: everything but what a reader may click on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag != "a":
            self.addresses += [
                str(named[key]) for key in ("src", "srcset", "href", "data") if key in named
            ]
        self.addresses += re.findall(r"url\((.*?)\)", named.get("style") or "")


ELSEWHERE = re.compile(r"\s*['\"]?(?:\w+:)?//")


def test_no_page_and_no_style_fetches_from_elsewhere(site: Path) -> None:
    fetched = {
        path.relative_to(site).as_posix(): Fetched(read(path)).addresses
        for path in site.rglob("*.html")
    }
    assert all(fetched.values())
    for path in site.rglob("*.css"):
        fetched[path.relative_to(site).as_posix()] = re.findall(
            r"(?:url\(|@import\s)\s*([^)\s;]+)", read(path)
        )
    found = {
        name: found
        for name, addresses in fetched.items()
        if (found := [address for address in addresses if ELSEWHERE.match(address)])
    }
    assert found == {}


def test_what_is_fetched_from_elsewhere_is_found() -> None:
    page = """<link href="https://fonts.example/a.css"><script src='//cdn.example/a.js'></script>
        <img src="images/a.png"><a href="https://example.org">x</a>"""
    assert [bool(ELSEWHERE.match(address)) for address in Fetched(page).addresses] == [
        True,
        True,
        False,
    ]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Of the site, on a server of all versions."""
    handler = functools.partial(Quiet, directory=str(site.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{site.name}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Any]:
    with open_browser() as window:
        window.get("about:blank")
        requested(window)  # what its own first page asked for
        yield window


def resize(browser: Any, size: tuple[int, int]) -> None:
    """Show pages as on a device whose screen has this width and height."""
    width, height = size
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE},
    )


def requested(browser: Any) -> list[str]:
    """The addresses that the browser has asked for since the last call."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_and_stays_on_its_server(
    browser: Any, address: str, page: str, size: tuple[int, int]
) -> None:
    resize(browser, size)
    browser.get(f"{address}/{page}.html")
    seen(browser, "document.readyState == 'complete'")
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= size[0], "it scrolls sideways"
    assert seen(browser, "[...document.images].every(image => image.complete)")
    broken = "[...document.images].filter(image => !image.naturalWidth).map(image => image.src)"
    assert browser.execute_script(f"return {broken}") == []
    asked = [url for url in requested(browser) if not url.startswith("data:")]
    assert asked
    server = address.removesuffix(srnet.__version__)
    assert [url for url in asked if not url.startswith(server)] == []
    assert complaints(browser) == []


def test_code_can_be_copied(browser: Any, address: str) -> None:
    browser.get(f"{address}/tutorial.html")
    blocks = "document.querySelectorAll('div.highlight').length"
    assert seen(browser, f"document.querySelectorAll('button.copybtn').length == {blocks}")


def test_dark_mode_is_a_click_away(browser: Any, address: str) -> None:
    resize(browser, SCREEN)
    browser.get(f"{address}/index.html")
    background = "getComputedStyle(document.body).backgroundColor"
    light = seen(browser, background)
    browser.execute_script("document.querySelector('button[data-mode=dark]').click()")
    assert seen(browser, "document.documentElement.dataset.theme == 'dark'")
    assert seen(browser, background) != light


def test_the_search_finds_a_page(browser: Any, address: str) -> None:
    browser.get(f"{address}/search.html?q=matching+pursuit")
    assert seen(browser, "[...document.querySelectorAll('ul.search a')].map(link => link.href)")
    links = "[...document.querySelectorAll('ul.search a')].map(link => link.pathname)"
    assert seen(browser, f"{links}.includes('/{srnet.__version__}/rank.html')")


def test_another_version_of_a_page_is_a_click_away(browser: Any, address: str) -> None:
    browser.get(f"{address}/tutorial.html")
    links = "[...document.querySelectorAll('.version-switcher__menu a')].map(link => link.pathname)"
    assert seen(browser, f"{links}.length")
    versions = {srnet.__version__, OLDER}
    assert set(seen(browser, links)) == {f"/{version}/tutorial.html" for version in versions}
