"""The report in a browser: every category is clicked, every figure seen rendered, and nothing
complains."""

import shutil
import tempfile
import zipfile

import pytest
from helpers.waiting import HANG

from srnet.drawing.artifacts import list_drawings, numbered

# The browser must not call home, and start without a profile.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --disable-dev-shm-usage "
    "--window-size=1500,1000"
)
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
    """Debian's Chromium with the report opened; skipped where there is none."""
    selenium = pytest.importorskip(
        "selenium.webdriver", reason="selenium is not installed: pip install 'srnet[test]'"
    )
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip(
            "Chromium cannot be had here: neither it nor its driver is on the PATH (`make "
            "chromium` installs them)"
        )
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
            options.add_argument(flag)
        window = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
        try:
            window.set_page_load_timeout(HANG)
            window.get((report / "report.html").as_uri())
            yield window
        finally:
            window.quit()


def seen(browser, what):
    """What a question to the page answers, as soon as it answers."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, HANG, ignored_exceptions=[]).until(
        lambda window: window.execute_script(f"return {what}"), what
    )


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
    complaints = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert complaints == []


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
