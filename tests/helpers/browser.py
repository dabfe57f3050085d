"""Debian's Chromium for a test; where it is not, the test is skipped and says so."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from helpers.waiting import HANG

# The browser must not call home, and start without a profile.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --disable-dev-shm-usage "
    "--window-size=1500,1000"
)


@contextmanager
def open_browser() -> Iterator[Any]:
    """A window, with logs of what pages complain of and of all that they ask the network for."""
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
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
            options.add_argument(flag)
        window = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
        try:
            window.set_page_load_timeout(HANG)
            yield window
        finally:
            window.quit()


def seen(browser: Any, what: str) -> Any:
    """What a question to the page answers, as soon as it answers."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, HANG, ignored_exceptions=[]).until(
        lambda window: window.execute_script(f"return {what}"), what
    )


def complaints(browser: Any) -> list[Any]:
    """The errors since the last call."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
