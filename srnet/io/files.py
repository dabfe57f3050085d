"""Files that appear whole or not at all."""

import contextlib
import glob
import json
import math
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from srnet.errors import UserError

try:
    import fcntl
except ImportError:  # a system without such locks: what a killed process left stays
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def writing(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file beside ``path`` for writing; rename it to ``path`` when the block ends well.

    What a killed process left of an earlier attempt is taken away.

    Raises
    ------
    UserError
        If the file cannot be written (no folder, no permission, disk full); ``path`` is then as it
        was.
    """
    path = Path(path)
    partial: str | None = None
    lock: int | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        _sweep(path)
        handle, partial = _partial(path)
        lock = os.dup(handle)  # keeps the lock until the file has its name
        with open(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
        partial = None
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); choose a writable place"
        ) from error
    finally:
        if partial is not None:
            with contextlib.suppress(OSError):
                os.unlink(partial)
        if lock is not None:
            os.close(lock)


def _partial(path: Path) -> tuple[int, str]:
    """A new file beside ``path``, locked: nobody lives who holds one that is not."""
    while True:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        _locked(handle, wait=True)
        if os.path.exists(partial):  # not swept between the two lines above
            return handle, partial
        os.close(handle)


def _sweep(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError), open(left, "rb+") as file:
            if _locked(file.fileno(), wait=False):
                left.unlink()


def _locked(handle: int, wait: bool) -> bool:
    """Lock an open file; False where somebody else has it, or the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (OSError, AttributeError):
        return False
    return True


def check_writable(path: str | os.PathLike[str]) -> None:
    """Fail before the work rather than after it: leave ``path`` as it is, but see that ``writing``
    can begin there."""
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
    lines = [
        f" {json.dumps(str(key))}: {json.dumps(value, allow_nan=False)}"
        for key, value in content.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object; its numbers are finite and its integers have 64 bits at most.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or does not hold one JSON object, or a key occurs twice
        in one.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        content = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_int,
            object_pairs_hook=_without_doubles,
        )
        if "\\u" in text:
            json.dumps(
                content, ensure_ascii=False
            ).encode()  # half a character could be read but not written
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not plain JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a JSON {type(content).__name__}, an object is needed")
    return content


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Read plain YAML, as strict as JSON: a key is text and occurs once, a number is finite; 1e-3
    is a number.

    Raises
    ------
    UserError
        If the file is missing, unreadable, or not of that kind.
    """
    import yaml

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
    except (
        Exception
    ) as error:  # of a value that is not what its tag says, PyYAML raises whatever came of it
        raise UserError(
            f"{path}: is not plain YAML ({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error


def _refuse_constant(token: str) -> float:
    raise ValueError(f"the token {token} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _int(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:  # keys of random streams are unsigned
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {double[:40]!r} occurs more than once")
    return content
