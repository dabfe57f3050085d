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
from srnet.typing import StrPath
from srnet.validation import Number

INTERVAL = 30.0  # seconds between two checkpoints, and so the most that a kill can lose
_INTERVALS = Number(at_least=0, unit="seconds")

# What a checkpoint begins with, white space left out.
_BEGINNING = b'{"identity":'


class Checkpoint:
    """One run's checkpoint file and the identity it must carry: layers, preset with its settings,
    seed, version and code.

    A file that begins as a checkpoint but was cut off, is damaged or belongs to another run is set
    aside as ``….rejected`` with a warning; the run then starts over. Any other file is refused and
    left where it is. The identity is computed when it is first needed: a short run never does.

    Raises
    ------
    UserError
        If the interval is not a number of seconds of at least 0.
    """

    def __init__(
        self,
        path: StrPath,
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
            If the file does not begin as a checkpoint, or cannot be read.
        """
        if not self.path.exists():
            return None
        if not self.path.is_file() or not _begins_as_checkpoint(self.path):
            raise UserError(
                f"{self.path}: does not begin as a checkpoint, and is left as it is; name another "
                f"file for the checkpoint, or delete this one if it is a damaged checkpoint"
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


def _begins_as_checkpoint(path: Path) -> bool:
    """Whether a file begins as a checkpoint does, as far as it goes: an empty one too."""
    try:
        with open(path, "rb") as file:
            head = b"".join(file.read(64).split())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    return _BEGINNING.startswith(head[: len(_BEGINNING)])


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
