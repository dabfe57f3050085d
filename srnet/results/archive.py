"""Networks, runs and tidy tables, packed to be published and unpacked for the workflow to continue.

Everything about a task is packed but its rows and layers, which are large: they are computed again
from the tasks file and the network, and get times by which the workflow takes them as up to date.
"""

import lzma
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from srnet.data.dataset import write_data
from srnet.data.tasks import load_tasks
from srnet.errors import UserError
from srnet.io.files import LARGEST, read_json, writing
from srnet.networks.extraction import write_layers
from srnet.networks.layers import Layers
from srnet.typing import StrPath

TABLES, RUNS = "frames", "runs"  # folders of a published one
PACKED = ".csv.xz"
MOST_WEIGHTS = 2**20  # bytes of a file of weights that is packed
REMADE = ("data.npz", "layers.npz")


# --- Packing --------------------------------------------------------------------------------------


def pack_table(path: Path, out: Path) -> None:
    """Compress a tidy table; pandas reads it as it is."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "rb") as source, lzma.open(out, "wb") as file:
        shutil.copyfileobj(source, file)


def pack_task(runs: Path, task: str, presets: Sequence[str], out: Path) -> None:
    """Pack the network of a task, its runs of some presets, and its explanations by other methods;
    or the image branch, as the task ``images`` without presets."""
    folder = runs / task
    others = {path.name for path in (folder / "srnet").glob("*")} - set(presets)
    files = (
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".json", ".csv", ".pt")
        and not (path.suffix == ".pt" and path.stat().st_size > MOST_WEIGHTS)
        and not others & set(path.relative_to(folder).parts[1:2])
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w:xz") as archive:
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
    """Unpack the tidy tables of a published folder; a table of that name is replaced.

    Raises
    ------
    UserError
        If there are none, or one cannot be read.
    """
    folder = Path(published, TABLES)
    paths = sorted(folder.rglob(f"*{PACKED}"))
    if not paths:
        raise UserError(f"{folder}: has no tidy tables (*{PACKED}); a published folder is needed")
    for path in paths:
        name = path.relative_to(folder).as_posix().removesuffix(".xz")
        try:
            with lzma.open(path) as source, writing(Path(out, name), "wb") as file:
                shutil.copyfileobj(source, file)
        except (lzma.LZMAError, EOFError) as error:
            raise UserError(f"{path}: is no readable .xz file ({error})") from error


def unpack_runs(published: StrPath, out: StrPath, tasks_file: StrPath) -> Iterator[str]:
    """Unpack networks and runs of a published folder; yield a line for every task.

    Nothing that is there is replaced. A task's rows and layers are made again, and compared by
    their fingerprint with those that the runs explain.

    Raises
    ------
    UserError
        If there are none, an archive cannot be read, or a file is there already and differs.
    """
    archives = sorted(Path(published, RUNS).glob("*.tar.xz"))
    if not archives:
        raise UserError(f"{Path(published, RUNS)}: has no *.tar.xz; a published folder is needed")
    tasks = load_tasks(tasks_file)
    for archive in archives:
        name = archive.name.removesuffix(".tar.xz")
        files = dict(read_archive(archive))
        for path, (content, _) in files.items():
            _check_same(Path(out, path), content)
        for path, (content, time) in files.items():
            if not Path(out, path).exists():
                with writing(Path(out, path), "wb") as file:
                    file.write(content)
                os.utime(Path(out, path), (time, time))
        line = f"{name}: {len(files)} files"
        if name in tasks and (network := Path(out, name, "network.pt")).is_file():
            line += f", {_remake(network, name, tasks_file)}"
        yield line


def read_archive(path: Path) -> Iterator[tuple[str, tuple[bytes, float]]]:
    """The files of an archive, by name, with their times.

    Raises
    ------
    UserError
        If it cannot be read, or has a member that is no plain file below the folder.
    """
    try:
        with tarfile.open(path, "r:xz") as archive:
            size = 0
            for member in archive:
                size += member.size
                if size > LARGEST:
                    raise UserError(f"{path}: unpacks to more than {LARGEST} bytes")
                content = archive.extractfile(member) if member.isreg() else None
                parts = member.name.split("/")
                if content is None or not all(parts) or {".", ".."} & set(parts):
                    raise UserError(f"{path}: has the member {member.name!r}; files are needed")
                yield member.name, (content.read(), float(member.mtime))
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
        raise UserError(f"{path}: is no readable .tar.xz archive ({error})") from error


def _check_same(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() != content:
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
        content["layers_fingerprint"] for content in contents if "layers_fingerprint" in content
    }
