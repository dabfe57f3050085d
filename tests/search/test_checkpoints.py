"""A checkpoint is found again, belongs to its run, or is set aside."""

import io
import json
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srnet.errors import UserError
from srnet.search.checkpoints import Checkpoint

IDENTITY = {
    "layers": "abc",
    "preset": "paper",
    "settings": {"population": 5, "functions": ["add", "sub"]},
    "seed": 1,
    "version": "0",
}
CONTENT = {
    "seconds": 1.5,
    "state": {"generation": 3, "history": [None, 0.1 + 0.2, 5e-324], "elites": [[[1, 2], [3]]]},
}


def saved(folder: Path) -> Checkpoint:
    checkpoint = Checkpoint(folder / "run.checkpoint", lambda: IDENTITY)
    checkpoint.save(CONTENT)
    return checkpoint


def load(checkpoint: Checkpoint) -> tuple[dict[str, Any] | None, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return checkpoint.load(), [str(warning.message) for warning in caught]


def test_what_was_saved_is_loaded_to_the_last_bit(tmp_path: Path) -> None:
    content, messages = load(saved(tmp_path))
    assert content is not None
    assert {key: content[key] for key in CONTENT} == CONTENT
    assert messages == []
    assert os.listdir(tmp_path) == ["run.checkpoint"]


def test_there_may_be_none(tmp_path: Path) -> None:
    assert load(Checkpoint(tmp_path / "run.checkpoint", lambda: IDENTITY)) == (None, [])


@pytest.mark.parametrize("key", IDENTITY)
def test_another_run_is_set_aside(tmp_path: Path, key: str) -> None:
    saved(tmp_path)
    content, messages = load(
        Checkpoint(tmp_path / "run.checkpoint", lambda: IDENTITY | {key: "other"})
    )
    assert content is None
    assert messages == [
        f"{tmp_path}/run.checkpoint: belongs to another run ('{key}' differs); set aside as "
        f"run.checkpoint.rejected, the run starts over"
    ]
    assert os.listdir(tmp_path) == ["run.checkpoint.rejected"]
    assert (
        json.loads((tmp_path / "run.checkpoint.rejected").read_text())["state"] == CONTENT["state"]
    )


def rewritten(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | changes).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "zero bytes": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "one byte short of the state": lambda content: content[:-5],
    "garbage at the end": lambda content: content[:100] + os.urandom(300),
    "zeros at the end, as after a power cut": lambda content: content[:20] + bytes(len(content)),
    "one digit changed": lambda content: content.replace(
        b"0.30000000000000004", b"0.31000000000000004"
    ),
    "one gene changed": lambda content: content.replace(b"[[1, 2], [3]]", b"[[1, 2], [4]]"),
    "no state": rewritten(state=None),
    "state of another kind": rewritten(state=[1, 2]),
    "no digest": rewritten(digest=None),
    "no identity": rewritten(identity=None),
    "identity of another kind": rewritten(identity=[1]),
    "not a number": lambda content: content.replace(b"null", b"NaN"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_one_is_set_aside(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = saved(tmp_path).path
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    content, messages = load(Checkpoint(path, lambda: IDENTITY))
    assert content is None
    assert len(messages) == 1
    assert "the run starts over" in messages[0]
    assert "\n" not in messages[0]
    assert os.listdir(tmp_path) == ["run.checkpoint.rejected"]


def test_one_set_aside_before_gives_way(tmp_path: Path) -> None:
    for content in (b'{"identity": first', b'{"identity": second'):
        (tmp_path / "run.checkpoint").write_bytes(content)
        load(Checkpoint(tmp_path / "run.checkpoint", lambda: IDENTITY))
    assert (tmp_path / "run.checkpoint.rejected").read_bytes() == b'{"identity": second'


def test_one_that_cannot_be_set_aside_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.checkpoint").write_bytes(b"{")
    (tmp_path / "run.checkpoint.rejected").mkdir()
    with pytest.raises(UserError, match="cannot be set aside"):
        Checkpoint(tmp_path / "run.checkpoint", lambda: IDENTITY).load()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


OTHERS = {
    "layers": npz(train_x=np.zeros((3, 2), np.float32)),
    "a result": b'{\n "task": "K0",\n "seed": 1\n}\n',
    "an empty object": b"{}",
    "a list": b"[]",
    "a table": b"x0,x1\n1,2\n",
    "a note": "Größe: 3 µm".encode("latin-1"),
    "a pickle": pickle.dumps(list(range(300))),
    # a checkpoint that lost its first block cannot be told from another file
    "zeros": bytes(300),
    "garbage": b"\xff" + os.urandom(300),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_what_never_was_one_is_left_where_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine").write_bytes(content)
    words = "mine: does not begin as a checkpoint, and is left as it is; .* or delete this one"
    with pytest.raises(UserError, match=words):
        Checkpoint(tmp_path / "mine", lambda: IDENTITY).load()
    assert os.listdir(tmp_path) == ["mine"]
    assert (tmp_path / "mine").read_bytes() == content


def test_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="mine: does not begin as a checkpoint"):
        Checkpoint(tmp_path / "mine", lambda: IDENTITY).load()
    assert os.listdir(tmp_path) == ["mine"]


@pytest.mark.parametrize("interval", [-1.0, float("nan")])
def test_an_interval_that_is_no_time_is_refused(tmp_path: Path, interval: float) -> None:
    with pytest.raises(
        UserError,
        match=f"'checkpoint_interval' is {interval}; a finite number of seconds of at least 0",
    ):
        Checkpoint(tmp_path / "run.checkpoint", lambda: IDENTITY, interval)


def test_the_identity_is_asked_for_when_it_is_needed(tmp_path: Path) -> None:
    def never() -> dict[str, Any]:
        raise AssertionError("reads the whole search")

    checkpoint = Checkpoint(tmp_path / "run.checkpoint", never)
    assert checkpoint.load() is None
    checkpoint.save_if_due(lambda: CONTENT)


def test_it_is_written_when_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path / "run.checkpoint", lambda: IDENTITY, interval=30)
    for second, exists in [(100.0, False), (129.9, False), (130.0, True)]:
        now[0] = second
        checkpoint.save_if_due(lambda: CONTENT)
        assert checkpoint.path.exists() == exists
    checkpoint.path.unlink()
    now[0] = 159.0
    checkpoint.save_if_due(lambda: CONTENT)
    assert not checkpoint.path.exists()
    now[0] = 160.0
    checkpoint.save_if_due(lambda: CONTENT)
    assert checkpoint.path.exists()
