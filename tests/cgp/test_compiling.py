"""The compile cache: what its key covers, whom it trusts, and what a damaged file does."""

import ast
import errno
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from srnet.cgp import compiling
from srnet.cgp.compiling import COMPILED, cache_folder, cache_key, damaged_files

PACKAGE = Path(compiling.__file__).parents[1]
CALL = """
import os
from srnet.cgp.genome import threshold
print(threshold(0.5), sum(threshold.stats.cache_hits.values()), os.environ.get("NUMBA_CACHE_DIR"))
"""


def call(folder: Path, *, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A compiled function called in a process whose cache lies in a folder, behind other lines."""
    places = {"XDG_CACHE_HOME": str(folder), "TMPDIR": str(folder)}
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **places, **environment}
    variables.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(
        [sys.executable, "-c", before + CALL],
        env=variables,
        cwd=folder,
        text=True,
        capture_output=True,
        check=True,
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
    harmless = {"errors.py", "threads.py", "typing.py", "validation.py"}
    beyond = {file for path in compiled for file in imported_modules(path)} - covered
    assert {path.relative_to(PACKAGE).as_posix() for path in beyond} <= harmless
    folders = {path.parent for path in covered}  # by whose names the cache tells functions apart
    assert len({folder.name for folder in folders}) == len(folders)


def test_the_key_depends_on_options_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {cache_key()}
    monkeypatch.setenv("NUMBA_OPT", "0")
    keys.add(cache_key())
    monkeypatch.setattr(compiling.importlib.metadata, "version", lambda name: "0.0")
    keys.add(cache_key())
    assert len(keys) == 3


@pytest.mark.parametrize("name", ["NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS"])
def test_the_key_does_not_depend_on_what_changes_no_code(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = cache_key()
    monkeypatch.setenv(name, "3")
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


@pytest.mark.slow
def test_eight_processes_start_at_once_with_an_empty_cache(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = list(pool.map(lambda _: call(tmp_path), range(8)))
    assert {(each.stdout.split()[0], each.stderr) for each in calls} == {("2147483648", "")}
    assert call(tmp_path).stdout.split()[1] == "1"
    (folder,) = tmp_path.glob("srnet/kernels-*")
    assert list(folder.rglob("*.nbc"))
    assert damaged_files(folder) == []
    assert not list(folder.rglob("*.tmp.*"))


def saved_file(folder: Path) -> compiling._CheckedFile:
    return compiling._CheckedFile(str(folder), "function", None)


def test_processes_that_compile_for_different_types_do_not_mix_them_up(tmp_path: Path) -> None:
    """Both have read the index before either writes."""
    first, second = saved_file(tmp_path), saved_file(tmp_path)
    first._load_index = second._load_index = dict  # type: ignore[method-assign]
    first.save("float64", 64)
    second.save("float32", 32)
    file = saved_file(tmp_path)
    assert (file.load("float64"), file.load("float32")) == (None, 32)
    assert len(list(tmp_path.glob("*.nbc"))) == 2
    file.save("float64", 64)
    assert (file.load("float64"), file.load("float32")) == (64, 32)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Full, or read-only since the process started."""
    file = saved_file(tmp_path)
    file.save("key", 1)

    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(compiling._CheckedFile, "_open_for_write", refuse)
    with pytest.warns(UserWarning, match=f"cannot be written .{os.strerror(number)}."):
        file.save("other key", 2)
    assert (file.load("key"), file.load("other key")) == (1, None)


@pytest.mark.slow
def test_on_a_full_disk_all_is_compiled_with_one_sentence(tmp_path: Path) -> None:
    full = (
        "import resource, signal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    )
    found = call(tmp_path, before=full)
    assert found.stdout.split()[:2] == ["2147483648", "0"]
    assert found.stderr.count("cannot be written (File too large)") == 1
    (folder,) = tmp_path.glob("srnet/kernels-*")
    assert not list(folder.rglob("*.nb*"))


@pytest.mark.slow
def test_two_versions_have_caches_side_by_side(tmp_path: Path) -> None:
    """The newer one has another threshold; neither runs, nor disturbs, the other's code."""
    newer = tmp_path / "newer" / "srnet"
    shutil.copytree(PACKAGE, newer, ignore=shutil.ignore_patterns("__pycache__"))
    source = (newer / "cgp" / "genome.py").read_text()
    assert source.count("4294967296.0)") == 1
    (newer / "cgp" / "genome.py").write_text(source.replace("4294967296.0)", "4294967298.0)"))
    versions = {"2147483648": PACKAGE.parent, "2147483649": newer.parent}
    for hits in ("0", "1"):
        for threshold, folder in versions.items():
            found = call(tmp_path, PYTHONPATH=str(folder))
            assert found.stdout.split()[:2] == [threshold, hits], found.stderr
    assert len(list(tmp_path.glob("srnet/kernels-*"))) == 2


@pytest.mark.slow
def test_a_package_in_another_place_finds_the_code(tmp_path: Path) -> None:
    """As after it was installed anew."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "other" / "srnet", ignore=ignore)
    for hits, folder in (("0", PACKAGE.parent), ("1", tmp_path / "other")):
        found = call(tmp_path, PYTHONPATH=str(folder))
        assert (found.stdout.split()[:2], found.stderr) == (["2147483648", hits], "")


@pytest.mark.slow
def test_machines_with_other_processors_share_a_home(tmp_path: Path) -> None:
    """Each compiles once, and finds its own code again."""
    other = "import llvmlite.binding as b\nb.get_host_cpu_name = lambda: 'x86-64'\n"
    for hits in ("0", "1"):
        for before in ("", other):
            found = call(tmp_path, before=before)
            assert (found.stdout.split()[:2], found.stderr) == (["2147483648", hits], "")
    assert len(list(tmp_path.rglob("genome.threshold-*.nbc"))) == 2
    assert len(list(tmp_path.glob("srnet/kernels-*"))) == 1


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
