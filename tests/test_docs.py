"""The pages of the documentation: what they show runs, and what they name exists."""

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
from srnet.drawing.artifacts import ARTIFACTS

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "config" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "clouds").glob("*.md")),
    *sorted((ROOT / "results" / "published").glob("*/*.md")),
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
@pytest.mark.parametrize("page", ["docs/tutorial.md", "docs/functions.md", "README.md"])
def test_python_in_a_page_runs_as_it_stands(page: str, tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL
    )
    assert blocks
    if page == "docs/tutorial.md":  # the first formula is the law that the network has learned
        law = "sorted(result.layers[0].formulas) == ['(x0)**2', 'x1'] and result.r2 > 0.999"
        blocks.insert(2, f"assert {law}, result")
    (tmp_path / "page.py").write_text("\n".join(blocks))
    assert "R²" in run(tmp_path / "page.py", cwd=tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_names_that_a_page_mentions_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:srnet|workflow|tests|config|docs)/[a-z0-9_./-]+)`", text):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"(?:`|^   )(srnet(?:\.\w+)+)", text, flags=re.MULTILINE):
        pkgutil.resolve_name(name)
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("srnet"):
                for alias in node.names:
                    pkgutil.resolve_name(f"{node.module}:{alias.name}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_and_drawings_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"!\[[^\]]*\]\(([^)\s]+)", text):
        assert "://" not in link
        assert (page.parent / link).is_file(), link
    made = {artifact.name for artifact in ARTIFACTS}
    made |= {frame for artifact in ARTIFACTS for frame in artifact.frames}
    for name in re.findall(r"\b(?:figures|tables)/([a-z]\w+)[/.](?:\w|\*)", text):
        assert name in made, name


def git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
    )


COMMIT = re.compile(r"\bcommit\W{1,4}([0-9a-f]{7,40})\b")
NAMING_COMMITS = [*PAGES, *sorted((ROOT / "results" / "published").glob("*/provenance.json"))]


def missing_commits(text: str) -> list[str]:
    """The commits that a text names and that HEAD does not come from."""
    return [
        commit
        for commit in COMMIT.findall(text)
        if git("merge-base", "--is-ancestor", commit, "HEAD").returncode
    ]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout")
@pytest.mark.parametrize("page", NAMING_COMMITS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_commit_that_a_page_names_is_an_ancestor(page: Path) -> None:
    assert missing_commits(page.read_text(encoding="utf-8")) == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no git checkout")
def test_a_commit_that_is_none_of_ours_is_found() -> None:
    head = git("rev-parse", "HEAD").stdout.strip()
    none = "0123456789abcdef0123456789abcdef01234567"
    text = (
        f'made from commit {head[:12]}, `commit {none[:7]}`, "commit": "{none}", recommit 1234567'
    )
    assert missing_commits(text) == [none[:7], none]


@pytest.mark.parametrize("command", documented())
def test_a_documented_command_has_the_arguments_that_it_takes(command: str) -> None:
    name, *words = shlex.split(command)
    context = cli.main.commands[name].make_context(name, words)
    assert context.params
