"""Networks, runs and tidy tables, packed to be published and unpacked for the workflow to continue.

All about a task is packed, its jobs' benchmark files too, but its rows and layers, which are large:
they are computed again from the tasks file and the network, and get times by which the workflow
takes them as up to date.
"""

import lzma
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from srnet.data.dataset import write_data
from srnet.data.tasks import load_tasks
from srnet.errors import UserError
from srnet.io.files import check_readable, read_json, writing
from srnet.networks.extraction import write_layers
from srnet.networks.layers import Layers
from srnet.typing import StrPath

TABLES, RUNS = "frames", "runs"  # folders of a published one
BENCHMARKS = "benchmarks"  # the folder among the runs that has those of every task
PACKED = ".csv.xz"
MOST_WEIGHTS = 2**20  # bytes of a file of weights that is packed
MOST_UNPACKED = 2**30  # bytes that an archive or a table may unpack to
REMADE = ("data.npz", "layers.npz")
# What is unpacked: no code, nothing hidden, and no file that is the folder of another one.
_MEMBER = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*/)+[A-Za-z0-9][A-Za-z0-9_.-]*\.(json|csv|pt|tsv)")
_LONGEST = 250  # characters of a name
_LATEST = 2**32  # seconds since 1970


# --- Packing --------------------------------------------------------------------------------------


def pack_table(path: Path, out: Path) -> None:
    """Compress a tidy table; pandas reads it as it is."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "rb") as source, lzma.open(out, "wb") as file:
        shutil.copyfileobj(source, file)


def pack_task(runs: Path, task: str, presets: Sequence[str], out: Path) -> None:
    """Pack the network of a task, its runs of some presets, and its explanations by other methods;
    or the image branch, as the task ``images`` without presets. Of a link its target is packed.

    Raises
    ------
    UserError
        If there is nothing of the task.
    """
    folder, benchmarks = runs / task, runs / BENCHMARKS / task
    others = {path.name for path in (folder / "srnet").glob("*")} - set(presets)
    files = [
        path
        for part in (folder, benchmarks)
        for path in sorted(part.rglob("*"))
        if _MEMBER.fullmatch(path.relative_to(runs).as_posix())
        and path.is_file()
        and not (path.suffix == ".pt" and path.stat().st_size > MOST_WEIGHTS)
        and not others & set(path.relative_to(part).parts[1:2])
    ]
    if not folder.is_dir() or not files:
        raise UserError(f"{folder}: has no network and no runs; finish the run first")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w:xz", dereference=True) as archive:
        for path in files:
            archive.add(path, path.relative_to(runs).as_posix(), filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without its owner; its time, by which the workflow goes, stays."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode, member.mtime = 0o644, int(member.mtime)
    return member


# --- Unpacking ------------------------------------------------------------------------------------


def unpack_tables(published: StrPath, out: StrPath) -> None:
    """Unpack the tidy tables of a published folder; nothing that is there is replaced.

    Raises
    ------
    UserError
        If there are none, one cannot be read, or a file is there already and differs; nothing is
        unpacked then.
    """
    folder = Path(published, TABLES)
    paths = sorted(folder.rglob(f"*{PACKED}"))
    if not paths:
        raise UserError(f"{folder}: has no tidy tables (*{PACKED}); a published folder is needed")
    places = {
        path: Path(out, path.relative_to(folder).as_posix().removesuffix(".xz")) for path in paths
    }
    for path, place in places.items():
        _check_same(place, _read_packed(path))
    for path, place in places.items():
        if not place.exists():
            with writing(place, "wb") as file:
                file.write(_read_packed(path))


def unpack_runs(published: StrPath, out: StrPath, tasks_file: StrPath) -> Iterator[str]:
    """Unpack networks and runs of a published folder; yield a line for every task.

    Nothing that is there is replaced. A task's rows and layers are made again, and compared by
    their fingerprint with those that the runs explain.

    Raises
    ------
    UserError
        If there are none, an archive cannot be read, or a file is there already and differs;
        nothing is unpacked then.
    """
    archives = sorted(Path(published, RUNS).glob("*.tar.xz"))
    if not archives:
        raise UserError(f"{Path(published, RUNS)}: has no *.tar.xz; a published folder is needed")
    tasks = load_tasks(tasks_file)
    for archive in archives:
        for name, (content, _) in read_archive(archive):
            _check_same(Path(out, name), content)
    for archive in archives:
        count = 0
        for name, (content, time) in read_archive(archive):
            count += 1
            if not Path(out, name).exists():
                with writing(Path(out, name), "wb") as file:
                    file.write(content)
                os.utime(Path(out, name), (time, time))
        task = archive.name.removesuffix(".tar.xz")
        line = f"{task}: {count} files"
        if task in tasks and (network := Path(out, task, "network.pt")).is_file():
            line += f", {_remake(network, task, tasks_file)}"
        yield line


def read_archive(path: Path) -> Iterator[tuple[str, tuple[bytes, float]]]:
    """The files of a task's archive, by name, with their times.

    Raises
    ------
    UserError
        If it cannot be read or unpacks to too much, or has a member that is none of the task's
        files, or one twice.
    """
    check_readable(path)
    task = path.name.removesuffix(".tar.xz")
    names = set()
    try:
        with (
            lzma.open(path) as packed,
            tarfile.open(None, "r|", cast(Any, _Limited(path, packed))) as archive,
        ):
            for member in archive:
                name, time = member.name, float(member.mtime)
                if (
                    not member.isreg()
                    or member.issparse()
                    or not _MEMBER.fullmatch(name)
                    or not name.startswith((f"{task}/", f"{BENCHMARKS}/{task}/"))
                    or len(name) > _LONGEST
                ):
                    raise UserError(
                        f"{path}: has the member {name[:_LONGEST]!r}; plain files {task}/… or "
                        f"{BENCHMARKS}/{task}/… that end in .json, .csv, .tsv or .pt are needed"
                    )
                if name in names:
                    raise UserError(f"{path}: has the member {name!r} twice; once is allowed")
                names.add(name)
                if not 0 <= time < _LATEST:
                    raise UserError(
                        f"{path}: its member {name!r} has the time {time}, which is none"
                    )
                content = archive.extractfile(member)
                assert content is not None  # of a plain file
                yield name, (content.read(), time)
    except UserError:
        raise
    except (
        OSError,
        EOFError,
        tarfile.TarError,
        lzma.LZMAError,
        ValueError,
        OverflowError,
    ) as error:
        raise UserError(f"{path}: is no readable .tar.xz archive ({error})") from error


def _read_packed(path: Path) -> bytes:
    """A packed table, unpacked."""
    check_readable(path)
    try:
        with lzma.open(path) as packed:
            return _Limited(path, packed).read(-1)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise UserError(f"{path}: is no readable .xz file ({error})") from error


class _Limited:
    """What a file unpacks to, if that is not too much: a few bytes can stand for a full memory."""

    def __init__(self, path: Path, packed: lzma.LZMAFile) -> None:
        self._path, self._packed, self._left = path, packed, MOST_UNPACKED

    def read(self, size: int) -> bytes:
        """The next bytes; all of them where the size is -1."""
        most = self._left + 1
        content = self._packed.read(most if size < 0 else min(size, most))
        self._left -= len(content)
        if self._left < 0:
            raise UserError(f"{self._path}: unpacks to more than {MOST_UNPACKED} bytes")
        return content


def _check_same(path: Path, content: bytes) -> None:
    try:
        same = not os.path.lexists(path) or (path.is_file() and path.read_bytes() == content)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not same:
        raise UserError(f"{path}: is there already and differs; choose another folder")


def _remake(network: Path, task: str, tasks_file: StrPath) -> str:
    """Compute rows and layers of an unpacked task, unless they are there; say whether they are
    those that the runs explain."""
    folder = network.parent
    data, layers = (folder / name for name in REMADE)
    if layers.exists():
        return "layers were there"
    time = network.stat().st_mtime
    try:
        write_data(task, tasks_file, data)
    except UserError as error:  # a data set that is not at hand
        return f"no rows and layers ({error})"
    write_layers(network, data, task, tasks_file, layers)
    # rows are older than the network, layers as old, and runs younger
    os.utime(data, (time, time))
    os.utime(layers, (time, time))
    explained = _fingerprints(folder.glob("srnet/*/*.json"))
    if not explained:
        return "rows and layers made again"
    same = {Layers.load(layers, task).fingerprint()} == explained
    return (
        f"rows and layers made again, {'the same' if same else 'which differ in their last digits'}"
    )


def _fingerprints(runs: Iterable[Path]) -> set[str]:
    contents = (read_json(path) for path in runs if path.name != "formulas.json")
    return {
        str(content["layers_fingerprint"])
        for content in contents
        if "layers_fingerprint" in content
    }
