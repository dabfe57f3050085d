"""Pages and pictures of results/published in the site, below published/, and the pages in its
navigation."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

FOLDER = Path(__file__).parents[1] / "results" / "published"
SHOWN = (".md", ".png", ".csv", ".tex", ".json")


def on_config(config: MkDocsConfig) -> None:
    """Add a section for every published configuration."""
    for readme in sorted(FOLDER.glob("*/README.md")):
        name = readme.parent.name
        config.nav.append(
            {
                f"Published: {name}": [
                    {"The report": f"published/{name}/reproduction.md"},
                    {"Figures and tables": f"published/{name}/index.md"},
                    {"The summary": f"published/{name}/summary.md"},
                ]
            }
        )


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the files."""
    for path in sorted(FOLDER.glob("*/**/*")):
        if path.suffix in SHOWN:
            name = path.relative_to(FOLDER).as_posix().replace("README.md", "index.md")
            files.append(File.generated(config, f"published/{name}", abs_src_path=str(path)))
