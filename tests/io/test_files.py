"""Files appear whole or not at all."""

import contextlib
import errno
import io
import json
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from srnet.errors import UserError
from srnet.images.networks.architectures import read_class_names
from srnet.images.pictures.reading import read_image
from srnet.io.csv_cells import csv_cells
from srnet.io.files import (
    LARGEST,
    check_writable,
    read_json,
    read_yaml,
    write_json,
    writing,
    writing_files,
)
from srnet.io.frames import read_table
from srnet.io.npz import read_arrays
from srnet.io.state_dict import read_torch_file

READERS = [
    read_json,
    read_yaml,
    read_arrays,
    read_table,
    read_torch_file,
    csv_cells,
    read_image,
    read_class_names,
]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


resource = pytest.importorskip("resource", reason="limits of a process are POSIX")


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file may grow beyond 512 bytes: the system refuses the write half-way, as a full disk
    does.

    For a block, not for a test: pytest's own output may go to a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def disk_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data reaches the page cache and fails on its way to the disk."""

    def refuse(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


def test_json_round_trip(tmp_path: Path) -> None:
    content = {
        "a": [0.1 + 0.2, None, 5e-324, -1.7976931348623157e308],
        "ü": {"b": [True, "x\n"]},
        "e": [],
    }
    write_json(tmp_path / "new" / "folder" / "a.json", content)
    assert read_json(tmp_path / "new" / "folder" / "a.json") == content
    assert names(tmp_path / "new" / "folder") == ["a.json"]


def test_a_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {})
    (tmp_path / "b.json").write_text("{}")
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "b.json").stat().st_mode
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_is_not_json_is_not_written(tmp_path: Path, value: object) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", {"new": [value]})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert names(tmp_path) == ["a.json"]


def test_an_error_inside_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with contextlib.suppress(ZeroDivisionError), writing(tmp_path / "a.txt") as file:
        file.write("new")
        raise ZeroDivisionError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_file_appears_at_the_end_only(tmp_path: Path) -> None:
    with writing(tmp_path / "a.txt") as file:
        file.write("new")
        file.flush()
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with (
        no_room(),
        pytest.raises(UserError, match=r"a\.json: cannot be written \(File too large\)"),
    ):
        write_json(tmp_path / "a.json", {"new": "x" * 2000})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert names(tmp_path) == ["a.json"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    request.getfixturevalue("disk_full")
    with pytest.raises(UserError, match=r"a\.json: cannot be written \(No space left on device\)"):
        write_json(tmp_path / "a.json", {"new": 1})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert names(tmp_path) == ["a.json"]


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    for name in (
        ".a.json.1234.part",
        ".a.json.abcd.part",
        ".b.json.1234.part",
        ".aXjson.1234.part",
    ):
        (tmp_path / name).write_text("half")
    write_json(tmp_path / "a.json", {})
    assert names(tmp_path) == [".aXjson.1234.part", ".b.json.1234.part", "a.json"]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    """Two write one file at once: both are whole, the later one stays."""
    with writing(tmp_path / "a.txt") as file:
        file.write("slow")
        with writing(tmp_path / "a.txt") as other:
            other.write("fast")
        assert (tmp_path / "a.txt").read_text() == "fast"
    assert (tmp_path / "a.txt").read_text() == "slow"
    assert names(tmp_path) == ["a.txt"]


def test_where_there_are_no_locks_files_are_written_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("srnet.io.files.fcntl", None)
    (tmp_path / ".a.json.1234.part").write_text("whose?")
    write_json(tmp_path / "a.json", {})
    assert names(tmp_path) == [".a.json.1234.part", "a.json"]


@pytest.mark.parametrize("place", ["file/a.json", "folder", "/dev/null/a.json", "file/new/a.json"])
def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    for action in (lambda path: write_json(path, {}), check_writable):
        with pytest.raises(UserError, match="cannot be written") as caught:
            action(tmp_path / place)
        assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path / "folder") == []


def test_a_pipe_gets_the_content_whole_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_writable(pipe)  # waits for no reader
    with ThreadPoolExecutor() as pool:
        reader = pool.submit(pipe.read_bytes)
        with contextlib.suppress(ZeroDivisionError), writing(pipe) as file:
            file.write("half")
            raise ZeroDivisionError
        with writing(pipe, "wb") as file:
            np.savez(file, a=np.arange(3))
        content = reader.result()
    np.testing.assert_array_equal(np.load(io.BytesIO(content))["a"], [0, 1, 2])
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize("node", ["device", "link to a device"])
def test_a_device_stays(tmp_path: Path, node: str) -> None:
    device = tmp_path / node
    try:
        os.mknod(tmp_path / "device", 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # as /dev/null
    except OSError:
        pytest.skip("no device can be made here")
    if node != "device":
        device.symlink_to(tmp_path / "device")
    check_writable(device)
    write_json(device, {"a": 1})
    assert stat.S_ISCHR(os.lstat(tmp_path / "device").st_mode)
    assert names(tmp_path) == sorted({"device", node})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has it")
def test_a_full_device_is_a_sentence() -> None:
    with pytest.raises(UserError, match="/dev/full: cannot be written"):
        write_json("/dev/full", {"a": 1})


@pytest.mark.parametrize("target", ["real/a.json", "new/a.json"])
def test_a_link_stays_and_leads_to_the_new_file(tmp_path: Path, target: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.json").write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    check_writable(link)
    with contextlib.suppress(ZeroDivisionError), writing(link) as file:
        file.write("half")
        raise ZeroDivisionError
    assert (tmp_path / "real" / "a.json").read_text() == "old"
    write_json(link, {"new": 1})
    assert os.readlink(link) == target
    assert read_json(tmp_path / target) == {"new": 1}
    assert names(tmp_path) == sorted({"link.json", "real", target.split("/")[0]})
    assert names((tmp_path / target).parent) == ["a.json"]


@pytest.mark.parametrize("target", ["folder", "link"])
def test_a_link_to_a_folder_or_to_itself_is_a_sentence(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)
    for action in (lambda path: write_json(path, {}), check_writable):
        with pytest.raises(UserError, match="link: cannot be written"):
            action(tmp_path / "link")
    assert os.readlink(tmp_path / "link") == target
    assert names(tmp_path) == ["folder", "link"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_new_folder_in_a_read_only_one_is_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written \\(Permission denied\\)"):
        check_writable(tmp_path / "new" / "folder" / "a.json")
    tmp_path.chmod(0o700)


# --- Several files as one -------------------------------------------------------------------------

SET = ("first", "second", "third")


def write_set(folder: Path, content: str) -> None:
    with writing_files(folder, SET) as temporary:
        for name in SET:
            (temporary / name).write_text(content)


def content_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_several_files_appear_together(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("old")
    for content in ("one", "two"):
        write_set(tmp_path, content)
        assert content_of(tmp_path) == dict.fromkeys(SET, content) | {"other": "old"}


def test_a_failure_leaves_the_old_files(tmp_path: Path) -> None:
    write_set(tmp_path, "old")
    with contextlib.suppress(ZeroDivisionError), writing_files(tmp_path, SET) as temporary:
        (temporary / "first").write_text("new")
        raise ZeroDivisionError
    assert content_of(tmp_path) == dict.fromkeys(SET, "old")


def test_a_full_disk_leaves_all_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is full at the last file; none of the others has its name then."""
    write_set(tmp_path, "old")
    calls: list[int] = []

    def refuse(_: int) -> None:
        calls.append(1)
        if len(calls) == len(SET):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UserError, match=r"third: cannot be written \(No space left on device\)"):
        write_set(tmp_path, "new")
    assert content_of(tmp_path) == dict.fromkeys(SET, "old")


@pytest.mark.parametrize("renames", range(len(SET) + 1))
def test_the_first_name_is_there_only_with_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """A process that dies between two renames."""
    write_set(tmp_path, "old")
    replace = os.replace

    def die(*places: str) -> None:
        nonlocal renames
        if renames == 0:
            raise SystemExit
        renames -= 1
        replace(*places)

    monkeypatch.setattr(os, "replace", die)
    with contextlib.suppress(SystemExit):
        write_set(tmp_path, "new")
    found = content_of(tmp_path)
    assert "first" not in found or found == dict.fromkeys(SET, "new")


def test_checking_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    for place in ("a.json", "b.json", "new/folder/c.json"):
        check_writable(tmp_path / place)
    assert (tmp_path / "a.json").read_text() == "old"
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": [-1e400]}', "is too large"),
        ('{"a": 18446744073709551616}', "is too large"),
        ('{"a": %s}' % ("9" * 5000), "is not plain JSON"),
        ('{"a": {"b": 1, "c": 2, "b": 1}}', "the key 'b' occurs more than once"),
        ('{"a": "\\ud800"}', "surrogates not allowed"),
    ],
)  # fmt: skip
def test_what_could_be_read_but_not_used_is_a_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        read_json(tmp_path / "a.json")
    assert str(caught.value).startswith(f"{tmp_path}/a.json: ")


def test_large_and_strange_but_fine(tmp_path: Path) -> None:
    content = {
        "seed": 2**64 - 1,
        "low": -(2**63),
        "small": 5e-324,
        "large": 1.7976931348623157e308,
        "text": '𝒳 \\ " é',
    }
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    (tmp_path / "a.json").write_text(json.dumps(content, ensure_ascii=False))
    assert read_json(tmp_path / "a.json") == content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        '{"a": NaN}',
        '{"a": -Infinity}',
        "[" * 100_000,
        '{"a": 1}}',
        "\x00",
        "{'a': 1}",
    ],
)
def test_what_is_no_json_object_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"a\.json: ") as caught:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b'{"a": "\xff\xfe"}')
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "binary.json"):
        with pytest.raises(UserError) as caught:
            read_json(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_has_no_end_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind if kind == "pipe" else Path("/dev/zero")
    if kind == "pipe":
        os.mkfifo(path)  # no one writes: opening it would wait for ever
    for read in READERS:
        with pytest.raises(UserError, match="it is a device or a pipe; a file is needed"):
            read(path)


def test_what_would_fill_the_memory_is_not_opened(tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(LARGEST + 1)  # takes no place on the disk
    for read in READERS:
        with pytest.raises(UserError, match=f"has {LARGEST + 1} bytes; at most {LARGEST} are read"):
            read(tmp_path / "large")


def test_json_of_a_run_is_a_line_a_key(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"history": list(range(1000)), "fitness": 1.5})
    assert len((tmp_path / "a.json").read_text().splitlines()) == 4
    assert json.loads((tmp_path / "a.json").read_text())["fitness"] == 1.5


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_dash_is_the_standard_output_which_gets_all_or_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
    mode: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    content = "é\n" if mode == "w" else "é\n".encode()
    check_writable("-")
    with writing("-", mode) as file:
        file.write(content)
    assert capsysbinary.readouterr().out == "é\n".encode()
    with contextlib.suppress(ZeroDivisionError), writing("-", mode) as file:
        file.write(content)
        raise ZeroDivisionError
    assert capsysbinary.readouterr().out == b""
    assert list(tmp_path.iterdir()) == []
