"""The compile cache: what its key covers, whom it trusts, and what a damaged file does."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from srnet.cgp import compiling
from srnet.cgp.compiling import COMPILED, cache_folder, cache_key

PACKAGE = Path(compiling.__file__).parents[1]
CALL = """
import os
from srnet.cgp.genome import threshold
print(threshold(0.5), sum(threshold.stats.cache_hits.values()), os.environ.get("NUMBA_CACHE_DIR"))
"""


def call(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A compiled function called in a process whose cache lies in a folder."""
    variables = {**os.environ, "XDG_CACHE_HOME": str(folder), "TMPDIR": str(folder), **environment}
    variables.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(
        [sys.executable, "-c", CALL], env=variables, text=True, capture_output=True, check=True
    )


def imported_modules(path: Path) -> set[Path]:
    """The modules of the package that a module imports, as files."""
    files = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("srnet."):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                file = PACKAGE.parent.joinpath(*str(name).split(".")).with_suffix(".py")
                files |= {file} if file.is_file() else set()
    return files


def is_compiled(path: Path) -> bool:
    return "njit" in path.read_text() or "borrowing" in path.read_text()


def test_the_key_covers_all_that_is_compiled() -> None:
    covered = {path for pattern in COMPILED for path in PACKAGE.glob(pattern)}
    compiled = {path for path in PACKAGE.rglob("*.py") if is_compiled(path)}
    assert compiled <= covered
    # what compiled modules import could be a constant in their code; these modules hold none
    harmless = {"errors.py", "typing.py", "validation.py"}
    beyond = {file for path in compiled for file in imported_modules(path)} - covered
    assert {path.relative_to(PACKAGE).as_posix() for path in beyond} <= harmless


def test_the_key_depends_on_options_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {cache_key()}
    monkeypatch.setenv("NUMBA_OPT", "0")
    keys.add(cache_key())
    monkeypatch.setattr(compiling.importlib.metadata, "version", lambda name: "0.0")
    keys.add(cache_key())
    assert len(keys) == 3


def test_the_key_does_not_depend_on_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere/else")
    assert cache_key() == before


@pytest.mark.slow
def test_child_processes_find_the_folder(tmp_path: Path) -> None:
    assert call(tmp_path).stdout.split() == ["2147483648", "0", "None"]
    assert call(tmp_path).stdout.split() == ["2147483648", "1", "None"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["empty", "cut off", "zeros", "flipped"])
def test_a_damaged_file_is_set_aside_and_compiled_again(
    tmp_path: Path, suffix: str, damage: str
) -> None:
    call(tmp_path)
    (file,) = tmp_path.rglob(f"genome.threshold-*.{suffix}")
    content = bytearray(file.read_bytes())
    changed = {
        "empty": b"",
        "cut off": bytes(content[:-20]),
        "zeros": bytes(len(content)),
        "flipped": bytes([*content[:200], content[200] ^ 1, *content[201:]]),
    }[damage]
    file.write_bytes(changed)
    first = call(tmp_path)
    assert first.stdout.split()[:2] == ["2147483648", "0"]
    assert f"{file}: was damaged and is set aside" in first.stderr
    assert file.with_name(f"{file.name}.damaged").read_bytes() == changed
    second = call(tmp_path)
    assert (second.stdout.split()[:2], second.stderr) == (["2147483648", "1"], "")


@pytest.mark.parametrize("of_parent", [True, False])
def test_a_folder_that_others_can_write_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_parent: bool
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    folder = cache_folder()
    assert folder.parent == tmp_path / "cache"
    assert cache_folder() == folder
    (folder.parent if of_parent else folder).chmod(0o777)
    assert cache_folder().parent != tmp_path / "cache"


@pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="only root gives a folder away")
def test_a_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/dev/null/nowhere")
    monkeypatch.setattr(compiling.tempfile, "gettempdir", lambda: str(tmp_path))
    parent = tmp_path / f"srnet-{os.getuid()}"
    parent.mkdir(mode=0o755)
    os.chown(parent, 65534, 65534)
    folder = cache_folder()
    assert folder.parent != parent
    assert folder.stat().st_mode & 0o077 == 0
    folder.rmdir()


def test_a_link_of_the_user_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "link"))
    (tmp_path / "scratch").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "scratch")
    assert cache_folder().resolve().parent == tmp_path / "scratch"
