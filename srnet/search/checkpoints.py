"""Checkpoints: the state of an unfinished search, written whole beside the run's output and found
again by a restart."""

import functools
import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from srnet.errors import UserError
from srnet.io.files import read_json, write_json
from srnet.validation import Number

INTERVAL = 30.0  # seconds between two checkpoints, and so the most that a kill can lose
_INTERVALS = Number(at_least=0, unit="seconds")

# What a checkpoint begins with, white space left out.
_BEGINNING = b'{"identity":'
# What binary files begin with that may be named by mistake.
_OTHERS = (
    *(
        b"PK\x03\x04",
        b"\x93NUMPY",
        b"\x80\x02\x8a",
        b"\x80\x04\x95",
        b"\x80\x05\x95",
    ),  # npz, pt and xlsx; npy; pickles
    *(
        b"\x89PNG",
        b"%PDF",
        b"\xff\xd8\xff",
        b"GIF8",
        b"II*\0",
        b"MM\0*",
        b"RIFF",
    ),  # drawings and photographs
    *(
        b"\x1f\x8b\x08",
        b"BZh",
        b"\xfd7zXZ",
        b"\x89HDF",
        b"PAR1",
        b"SQLite",
    ),  # packed files and tables
)


class Checkpoint:
    """One run's checkpoint file and the identity it must carry: layers, preset with its settings,
    seed, version and code.

    A checkpoint that is damaged or belongs to another run is set aside as ``….rejected`` with a
    warning; the run then starts over. What never was a checkpoint is left where it is, and refused.
    The identity is asked for when it is first needed: a short run never does.

    Raises
    ------
    UserError
        If the interval is not a number of seconds of at least 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        identity: Callable[[], dict[str, Any]],
        interval: float = INTERVAL,
    ) -> None:
        self.path, self.interval = Path(path), _INTERVALS.check("checkpoint_interval", interval)
        self._identity = functools.cache(identity)
        # not the clock on the wall, which may jump
        self._saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The saved content, or None where there is none that belongs to this run.

        Raises
        ------
        UserError
            If the file is plainly something else, or cannot be read.
        """
        if not self.path.exists():
            return None
        if _is_another_file(self.path):
            raise UserError(
                f"{self.path}: is no checkpoint, and is left as it is; a checkpoint needs a file "
                f"of its own"
            )
        try:
            content = read_json(self.path)
            for key, value in self._identity().items():
                if content.get("identity", {}).get(key) != value:
                    raise UserError(f"{self.path}: belongs to another run ('{key}' differs)")
            if not isinstance(content.get("state"), dict):
                raise UserError(f"{self.path}: holds no state")
            if content.get("digest") != _digest(content["state"]):
                raise UserError(f"{self.path}: is damaged (its digest is not that of its state)")
            return content
        except (UserError, AttributeError) as error:
            self.reject(error)
            return None

    def reject(self, reason: Exception) -> None:
        """Set the file aside, keeping it for a look."""
        aside = self.path.with_name(self.path.name + ".rejected")
        try:
            os.replace(self.path, aside)
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be set aside as {aside.name} ({error.strerror})"
            ) from error
        warnings.warn(f"{reason}; set aside as {aside.name}, the run starts over", stacklevel=2)

    def save_if_due(self, content: Any) -> None:
        """Write ``content()`` if the interval has passed since the last write."""
        if time.monotonic() - self._saved >= self.interval:
            self.save(content())

    def save(self, content: dict[str, Any]) -> None:
        """Write now, whole or not at all; the last good checkpoint stays where that fails."""
        write_json(
            self.path,
            {"identity": self._identity(), "digest": _digest(content["state"]), **content},
        )
        self._saved = time.monotonic()


def _is_another_file(path: Path) -> bool:
    """Whether a file plainly never was a checkpoint: a folder or device, text that begins
    otherwise, or one of the usual binary files.

    A checkpoint that was cut off begins as it should or is empty; one whose blocks were lost holds
    zeros or noise.
    """
    if not path.is_file():
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if _BEGINNING.startswith(b"".join(head.split())[: len(_BEGINNING)]):
        return False
    is_text = all(byte >= 32 or byte in b"\t\n\f\r" for byte in head)
    return is_text or head.startswith(_OTHERS)


def _digest(state: dict[str, Any]) -> str:
    """SHA-256 of a state; JSON keeps every float to the last bit, so it survives a round trip."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def saved_history(state: dict[str, Any], generations: int) -> list[float]:
    """The best fitness by generation of a search's state, infinite where it says null.

    Raises
    ------
    UserError
        If it is not as long as the state's ``generation``, or that is above ``generations``.
    """
    generation, history = state["generation"], state["history"]
    if not 0 <= generation <= generations or len(history) != generation:
        raise UserError(f"generation {generation} with a history of {len(history)} is impossible")
    return [float("inf") if value is None else float(value) for value in history]
