"""The pages and pictures of results/published, below published/ of the documentation."""

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

SHOWN = (".md", ".png", ".csv", ".tex", ".json")


def copy_published(app: Sphinx, config: Config) -> None:
    """Write published/ anew: the pages of every published configuration, and a list of them."""
    folder = Path(app.srcdir).parent / "results" / "published"
    pages = Path(app.srcdir) / "published"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir()
    names = [readme.parent.name for readme in sorted(folder.glob("*/README.md"))]
    for name in names:
        for path in (folder / name).rglob("*"):
            if path.suffix in SHOWN:
                copy = pages / path.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        index = (pages / name / "README.md").rename(pages / name / "index.md")
        with index.open("a", encoding="utf-8") as page:
            page.write(_contents("The report <reproduction>", "The summary <summary>"))
    listed = "\n".join(
        f"- [{name}]({name}/index.md): all figures and tables, with [the "
        f"report]({name}/reproduction.md) and [the summary]({name}/summary.md)"
        for name in names
    )
    (pages / "index.md").write_text(
        "# Published results\n\n"
        + (listed or "No run is published yet.")
        + "\n"
        + _contents(*(f"{name}/index" for name in names)),
        encoding="utf-8",
    )


def _contents(*entries: str) -> str:
    """These pages below this one in the navigation."""
    return "\n".join(["", "```{toctree}", ":hidden:", "", *entries, "```", ""])


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", copy_published)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
