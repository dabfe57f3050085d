"""The published documentation, a folder for every version: writes ``switcher.json``, from which the
theme makes its menu of versions, and the page that leads to the newest.

    python docs/versions.py PAGES ADDRESS
"""

import json
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

REDIRECT = """<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={version}/">
<title>SRNet</title>
<a href="{version}/">The documentation of SRNet {version}</a>
"""


def list_versions(pages: Path) -> list[str]:
    """The versions that have a folder, newest first."""
    found = {}
    for page in pages.glob("*/index.html"):
        try:
            found[Version(page.parent.name)] = page.parent.name
        except InvalidVersion:  # a folder of something else
            continue
    return [found[version] for version in sorted(found, reverse=True)]


def write_menu(pages: Path, address: str) -> None:
    """Write both files; the newest release is preferred to a later pre-release."""
    versions = list_versions(pages)
    stable = next((each for each in versions if not Version(each).is_prerelease), versions[0])
    entries = [
        {
            "version": version,
            "name": f"{version} (stable)" if version == stable else version,
            "url": f"{address.rstrip('/')}/{version}/",
            "preferred": version == stable,
        }
        for version in versions
    ]
    (pages / "switcher.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    (pages / "index.html").write_text(REDIRECT.format(version=stable), encoding="utf-8")
    (pages / ".nojekyll").touch()  # GitHub leaves out folders such as _static without it


if __name__ == "__main__":
    write_menu(Path(sys.argv[1]), sys.argv[2])
