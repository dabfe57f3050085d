"""The report in a browser: every category is clicked, every figure seen rendered, and nothing
complains."""

import zipfile

import pytest
from helpers.browser import complaints, open_browser, seen

from srnet.drawing.artifacts import list_drawings, numbered

MADE = list_drawings({"K0": "regression"})
SUMMARY = "Summary"


def file_name(made):
    ending = "png" if made.artifact.kind == "figure" else "html"
    return f"{made.name.format(task='K0').split('/')[-1]}.{ending}"


@pytest.fixture(scope="module")
def report(tiny, snakemake, tmp_path_factory):
    """The unpacked report of the tiny configuration."""
    run = snakemake(tiny.tree, *tiny.options, "--report", "results/tiny/report.zip")
    assert run.returncode == 0, run.stdout + run.stderr
    folder = tmp_path_factory.mktemp("report")
    with zipfile.ZipFile(tiny.tree / "results" / "tiny" / "report.zip") as archive:
        archive.extractall(folder)
    return folder / "report"


@pytest.fixture(scope="module")
def browser(report):
    """A browser with the report opened."""
    with open_browser() as window:
        window.get((report / "report.html").as_uri())
        yield window


# The rows of the list of results; the front page has tables of its own.
ROWS = """[...document.querySelectorAll('tbody tr')]
    .filter(row => row.querySelector('a[iconname=eye]'))"""
# Walk to a category over the list of all of them, one click per call; once there, the text of every
# cell of every row.
WALK = """(() => {
    const links = [...document.querySelectorAll('a')];
    const named = text => links.find(link => link.innerText.trim() == text);
    const rows = ROWS
    .map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText.trim()));
    if (named('Results') && named(CATEGORY) && rows.length) return rows;
    (named(CATEGORY) ?? named('Results'))?.click();
    return null;
})()"""


def rows_of(browser, category):
    """Click on a category: what the report lists there."""
    return seen(browser, WALK.replace("CATEGORY", repr(category)).replace("ROWS", ROWS))


def look_at(browser, row):
    """Click on the eye of a row: the file that is shown and, of a figure, the pixels of its width;
    of a table, its rows."""
    browser.execute_script(f"({ROWS})[{row}].querySelector('a[iconname=eye]').click()")
    shown = 'document.querySelector(\'img[src*="data/raw"], iframe[src*="data/raw"]\')'
    source = seen(browser, f"{shown}?.src")
    if source.endswith(".png"):
        return source, seen(browser, f"{shown}.complete && {shown}.naturalWidth")
    browser.switch_to.frame(browser.find_element("css selector", "iframe"))
    try:
        return source, seen(browser, "document.querySelectorAll('tr').length")
    finally:
        browser.switch_to.default_content()


def test_the_report_holds_every_figure_and_table(report):
    names = [path.name for path in report.glob("data/raw/*/*")]
    for made in MADE:
        assert file_name(made) in names


@pytest.mark.parametrize("category", dict.fromkeys(made.artifact.section for made in MADE))
def test_every_figure_and_table_of_a_category_is_rendered(browser, category):
    expected = {
        made.label.format(task="K0"): made for made in MADE if made.artifact.section == category
    }
    rows = rows_of(browser, category)
    summaries = {SUMMARY} if category == numbered("Verdict") else set()
    assert {label for label, *_ in rows} == set(expected) | summaries
    for i, (label, *_) in enumerate(rows):
        if label == SUMMARY:
            continue
        source, size = look_at(browser, i)
        made = expected[label]
        assert source.endswith(f"/{file_name(made)}")
        assert size >= (600 if made.artifact.kind == "figure" else 2), (label, size)
    assert complaints(browser) == []


def test_a_caption_has_its_numbers(browser):
    rows = rows_of(browser, numbered("Verdict"))
    labels = [label for label, *_ in rows]
    drawn = next(i for i, label in enumerate(labels) if label != SUMMARY)
    browser.execute_script(f"({ROWS})[{drawn}].querySelectorAll('a')[1].click()")
    assert len(rows) == 3
    text = seen(
        browser, "document.body.innerText.includes('DESCRIPTION') && document.body.innerText"
    )
    assert "not comparable" in text or "not run" in text
    assert "{{" not in text
