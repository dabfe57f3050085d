"""Files that appear whole or not at all."""

import contextlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from srnet.errors import UserError


@contextlib.contextmanager
def writing(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file beside ``path`` for writing; rename it to ``path`` when the block ends well.

    Raises
    ------
    UserError
        If the file cannot be written (no folder, no permission, disk full); ``path`` is then as it was.
    """
    path = Path(path)
    partial: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with open(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
        partial = None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); choose a writable place") from error
    finally:
        if partial is not None:
            with contextlib.suppress(OSError):
                os.unlink(partial)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Fail before the work rather than after it: leave ``path`` as it is, but see that ``writing`` can begin there."""
    with contextlib.suppress(_NothingToWrite), writing(path):
        raise _NothingToWrite


class _NothingToWrite(Exception):
    pass


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write plain JSON (no NaN tokens) whole or not at all."""
    text = _pretty(content)
    with writing(path) as file:
        file.write(text + "\n")


def finite_or_none(value: float) -> float | None:
    """A number as JSON has it: null where it is infinite or NaN."""
    return float(value) if math.isfinite(value) else None


def _pretty(content: Any) -> str:
    """One key a line; what stands below a key on one line, for histories are long."""
    if not isinstance(content, dict):
        return json.dumps(content, allow_nan=False)
    lines = [f" {json.dumps(str(key))}: {json.dumps(value, allow_nan=False)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or does not hold one JSON object.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file, parse_constant=_refuse_constant)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not plain JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a JSON {type(content).__name__}, an object is needed")
    return content


def _refuse_constant(token: str) -> float:
    raise ValueError(f"the token {token} is not JSON")
