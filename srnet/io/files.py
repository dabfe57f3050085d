"""Reads and writes files; a written file appears whole or not at all."""

import contextlib
import errno
import glob
import json
import math
import os
import re
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from srnet.errors import UserError
from srnet.typing import StrPath

try:
    import fcntl
except ImportError:  # a system without such locks: partial files of killed processes remain
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def writing(path: StrPath, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a partial file beside ``path`` and rename it to ``path`` when the block succeeds.

    A link stays and its target is replaced. A device or a pipe is not replaced: it gets the content
    when the block succeeds, and so does the standard output, ``-``. Partial files that killed
    processes left are deleted.

    Raises
    ------
    UserError
        If the file cannot be written (no folder, no permission, disk full); ``path`` is unchanged
        then.
    """
    path = Path(path)
    opening = _writing_into if is_stream(path) else _replacing
    opening = _writing_out if _is_output(path) else opening
    with _sentence(path), opening(path, mode, None if "b" in mode else "utf-8") as file:
        yield file


@contextlib.contextmanager
def writing_files(folder: StrPath, names: Sequence[str]) -> Iterator[Path]:
    """A temporary folder for the block's files, which get to ``folder`` together when it succeeds.

    All are whole beside their places before the first is renamed. The first name is renamed last:
    where that file is, the others belong to it.

    Raises
    ------
    UserError
        If a file cannot be written; all of them are unchanged then.
    """
    places = [Path(folder, name) for name in names]
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)
        with contextlib.ExitStack() as stack:
            for place in places:
                file = stack.enter_context(writing(place, "wb"))
                with open(Path(temporary, place.name), "rb") as source:
                    shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            if places[0].is_file():
                places[0].resolve().unlink()


@contextlib.contextmanager
def _sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); choose a writable place"
        ) from error


def is_stream(path: StrPath) -> bool:
    """Whether a path leads to a device, a pipe or a socket: something that no file may replace."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


@contextlib.contextmanager
def _writing_into(path: Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    """A temporary file whose content goes into a device or a pipe at the end."""
    with tempfile.TemporaryFile(f"{mode}+", encoding=encoding) as file:
        yield file
        file.seek(0)
        with open(path, mode, encoding=encoding) as stream:
            shutil.copyfileobj(file, stream)


def _is_output(path: StrPath) -> bool:
    """Whether a path is ``-``, the standard output."""
    return os.fspath(path) == "-"


@contextlib.contextmanager
def _writing_out(path: Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    """A temporary file whose content goes to the standard output at the end."""
    with tempfile.TemporaryFile(f"{mode}+", encoding=encoding) as file:
        yield file
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer if "b" in mode else sys.stdout)
        sys.stdout.flush()


@contextlib.contextmanager
def _replacing(path: Path, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    """A partial file beside the file that a path leads to; it takes that file's place at the
    end."""
    path = Path(os.path.realpath(path))
    partial: str | None = None
    lock: int | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if path.is_symlink():  # it could not be followed to its end
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        _delete_leftovers(path)
        handle, partial = _open_partial(path)
        lock = os.dup(handle)  # keeps the lock until the file has its name
        with open(handle, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
        partial = None
    finally:
        if partial is not None:
            with contextlib.suppress(OSError):
                os.unlink(partial)
        if lock is not None:
            os.close(lock)


def _open_partial(path: Path) -> tuple[int, str]:
    """Open and lock a partial file beside ``path``; an unlocked one belongs to no process."""
    while True:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        _lock(handle, wait=True)
        if os.path.exists(partial):  # it was not deleted before it was locked
            return handle, partial
        os.close(handle)


def _delete_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError), open(leftover, "rb+") as file:
            if _lock(file.fileno(), wait=False):
                leftover.unlink()


def _lock(handle: int, wait: bool) -> bool:
    """Lock an open file; False if another process holds the lock or locks are not supported."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (OSError, AttributeError):
        return False
    return True


def check_writable(path: StrPath) -> None:
    """Check before long work that ``path`` can be written; nothing is changed or made.

    Raises
    ------
    UserError
        If it cannot.
    """
    with _sentence(Path(path)):
        folder = Path(os.path.realpath(path)).parent
        if _is_output(path):
            return
        if is_stream(path):  # opening and closing a pipe would end its reader's wait
            _check_access(path)
        elif folder.exists():
            with contextlib.suppress(_NothingToWrite), writing(path):
                raise _NothingToWrite
        else:  # it would be made in the first of its parents that exists
            folder = next(parent for parent in folder.parents if parent.exists())
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            _check_access(folder)


def _check_access(path: StrPath) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


class _NothingToWrite(Exception):
    """Ends a block of ``writing`` without a file."""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: StrPath, content: Any) -> None:
    """Write plain JSON, whole or not at all.

    Raises
    ------
    ValueError
        If a number is not finite.
    UserError
        If the file cannot be written.
    """
    text = _format_json(content)
    with writing(path) as file:
        file.write(text + "\n")


def finite_or_none(value: float) -> float | None:
    """A number for JSON: None if it is infinite or NaN."""
    return float(value) if math.isfinite(value) else None


def _format_json(content: Any) -> str:
    """One line per key, including its whole value, because histories are long."""
    if not isinstance(content, dict):
        return json.dumps(content, allow_nan=False)
    lines = [
        f" {json.dumps(str(key))}: {json.dumps(value, allow_nan=False)}"
        for key, value in content.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


# Bytes that a file may have, and unpack to: 5,000 units at 13,000 rows are a sixteenth of it.
LARGEST = 2**32


def check_readable(path: StrPath) -> None:
    """Refuse before it is opened what has no end (a device, a pipe) or would fill the memory.

    Raises
    ------
    UserError
        If it is no file, or larger than ``LARGEST``.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({reason})") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "device or a pipe"
        raise UserError(f"{path}: cannot be read (it is a {kind}; a file is needed)")
    if status.st_size > LARGEST:
        raise UserError(f"{path}: has {status.st_size} bytes; at most {LARGEST} are read")


def read_json(path: StrPath) -> dict[str, Any]:
    """Read a JSON object with finite numbers and integers of at most 64 bits.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or not a JSON object of that kind, or a key occurs twice
        in an object.
    """
    check_readable(path)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        content = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
            object_pairs_hook=_make_object,
        )
        if "\\u" in text:
            # a lone surrogate can be read but not written
            json.dumps(content, ensure_ascii=False).encode()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not plain JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a JSON {type(content).__name__}, an object is needed")
    return content


def read_yaml(path: StrPath) -> Any:
    """Read plain YAML with the strictness of JSON.

    Keys are text and occur once, and numbers are finite. ``1e-3`` is a number.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or not of that kind.
    """
    import yaml

    check_readable(path)

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            mapping = super().construct_mapping(node, deep)
            for key, count in Counter(key.value for key, _ in node.value).items():
                if count > 1:
                    raise UserError(
                        f"{path}: line {node.start_mark.line + 1}: the key '{key}' occurs {count} "
                        f"times; it may occur once"
                    )
            for key in mapping:
                if not isinstance(key, str):
                    raise UserError(
                        f"{path}: line {node.start_mark.line + 1}: the key {key} is not text; put "
                        f"it in quotes"
                    )
            return mapping

        def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
            number = float(super().construct_yaml_float(node))
            if not math.isfinite(number):
                raise UserError(
                    f"{path}: line {node.start_mark.line + 1}: '{node.value}' is not a finite "
                    f"number"
                )
            return number

    Loader.add_constructor("tag:yaml.org,2002:float", Loader.construct_yaml_float)
    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"),
        list("-+0123456789"),
    )
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.load(file, Loader)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    # PyYAML may raise any exception for a value that does not fit its tag
    except Exception as error:
        raise UserError(
            f"{path}: is not plain YAML ({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error


def _refuse_constant(token: str) -> float:
    raise ValueError(f"the token {token} is not JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _parse_int(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:  # keys of random streams are unsigned 64-bit integers
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {key[:40]!r} occurs more than once")
        content[key] = value
    return content
