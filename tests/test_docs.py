"""The documentation: it builds without a warning, and what it shows runs."""

import ast
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.waiting import HANG

from srnet import cli

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "config" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def documented() -> list[str]:
    """The commands of `srnet` that stand in a block, their lines joined, each once."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES).replace("\\\n", " ")
    return sorted(set(re.findall(r"^ {4}srnet (.*?)(?:\s+#.*)?$", text, flags=re.MULTILINE)))


def run(*words: str | Path, cwd: Path) -> str:
    result = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=cwd, timeout=HANG, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    run(
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--config-file",
        ROOT / "mkdocs.yml",
        "--site-dir",
        tmp_path / "site",
        cwd=ROOT,
    )
    page = (tmp_path / "site" / "api" / "index.html").read_text()
    for words in ("srnet.explanation.explain.explain", "SRNetRegressor", "chromosome evaluations"):
        assert words in page
    assert "mse_loss" in (tmp_path / "site" / "examples" / "index.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    assert ("superpixels" if example.stem == "image_classifier" else "R²") in run(
        example, cwd=tmp_path
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/tutorial.md", "README.md"])
def test_python_in_a_page_runs_as_it_stands(page: str, tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    assert blocks
    (tmp_path / "page.py").write_text("\n".join(blocks))
    assert "R²" in run(tmp_path / "page.py", cwd=tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_names_that_a_page_mentions_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:srnet|workflow|tests|config|docs)/[a-z0-9_./-]+)`", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"(?:`|^::: )(srnet(?:\.\w+)+)", text, flags=re.MULTILINE):
        pkgutil.resolve_name(name)
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block if "--8<--" not in block else "")):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("srnet"):
                for alias in node.names:
                    pkgutil.resolve_name(f"{node.module}:{alias.name}")


@pytest.mark.parametrize("command", documented())
def test_a_documented_command_has_the_arguments_that_it_takes(command: str) -> None:
    name, *words = shlex.split(command)
    context = cli.main.commands[name].make_context(name, words)
    assert context.params
