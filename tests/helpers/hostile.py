"""Damage for files that are read: bytes changed at random, and values in the place of others that
nobody expects."""

import copy
import json
import random
import re
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from srnet.errors import UserError

resource = pytest.importorskip("resource", reason="limits of a process are POSIX")

# What a reader may take beyond what the process has: far more than any of these files needs, far
# less than a bomb.
MEMORY = 3 * 2**30
PATIENCE = 120  # seconds after which a reader hangs; no reader needs one

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        7,
        2**31,
        2**63 - 1,
        2**63,
        -(2**63),
        10**30,
        10**400,
        0.5,
        -0.0,
        1e-320,
        1e308,
        -1e308,
    ),
    *(
        "",
        "x",
        "0",
        "1e999",
        "nan",
        "\x00",
        "\n",
        "\x1b[31m",
        "‮abc",
        "ß" * 300,
        "../../etc/passwd",
        "a" * 100_000,
        "𝒳",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        [1, 2, 3],
        ["a"],
        {"a": 1},
        [[1.0], [2.0]],
        [0] * 5000,
        {"x": {"y": {"z": []}}},
    ),
    *(
        "__import__('os').system('touch canary')",
        "!!python/object/apply:os.system ['touch canary']",
    ),
)
TOKENS: tuple[bytes, ...] = (
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"1" * 5000,
        b"null",
        b"true",
        b'"\\ud800"',
        b"\xff\xfe",
        b"\x00" * 9,
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]" * 50,
        b"[" * 5000,
        b'{"a":' * 3000,
        b",",
        b",,,,",
        b'"',
        b"'",
        b"\n",
        b"\r",
        b"\t",
        b"\xef\xbb\xbf",
        b": ",
    ),
    *(
        b"&a [*a, *a]",
        b"<<: *a",
        b"!!python/name:os.system",
        b"!!int ''",
        b"!!bool x",
        b"!!timestamp x",
        b"? [1]\n: 2",
        b"=",
        b"1_0",
    ),
    *(
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"\x93NUMPY",
        b"\x80\x04",
        b"cos\nsystem\n",
        b"\x1f\x8b",
        b"\x1b[2J",
        "‮".encode(),
        b"1,2\n",
    ),
)


def flipped(content: bytes, rng: random.Random) -> bytes:
    """One to four changes: a bit, a byte, a cut, a part twice or elsewhere, a piece of what means
    something."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.choice((1, 4, 40, 1000)))
        match rng.randrange(8):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.choice((0, 9, 10, 32, 48, 127, 128, 255))
            case 2:
                del data[at:]
            case 3:
                del data[at:to]
            case 4:
                data[at:at] = data[at:to] * rng.choice((1, 2, 50))
            case 5:
                data[at:to] = rng.choice(TOKENS)
            case _:
                data[at:at] = rng.choice(TOKENS)
    return bytes(data)


def twisted(content: Any, rng: random.Random) -> Any:
    """One to three changes of a content of lists and dicts: a value becomes another, goes, comes
    twice or from elsewhere."""
    root = [copy.deepcopy(content)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(root))
        holder, key = rng.choice(places)
        if holder is root and rng.random() < 0.9:
            continue
        match rng.randrange(6):
            case 0:
                del holder[key]
                if not root:
                    return None
            case 1 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case 2:
                other_holder, other = rng.choice(places)
                if other_holder is not root and (
                    not isinstance(other_holder, dict) or other in other_holder
                ):
                    holder[key] = (
                        copy.deepcopy(other_holder[other])
                        if not isinstance(other_holder, list) or other < len(other_holder)
                        else 0
                    )
            case 3 if isinstance(holder, dict):
                holder[str(rng.choice(VALUES))[:50]] = holder.pop(key)
            case 4 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                holder[key] = rng.choice(
                    (
                        -holder[key],
                        holder[key] * 1000,
                        holder[key] + 1,
                        str(holder[key]),
                        [holder[key]],
                    )
                )
            case _:
                holder[key] = copy.deepcopy(rng.choice(VALUES))
    return root[0]


def _places(holder: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every value; of a long list a few."""
    keys: Any = list(holder) if isinstance(holder, dict) else range(min(len(holder), 12))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list) and depth < 30:
            yield from _places(holder[key], depth + 1)


def as_json(content: Any, rng: random.Random) -> bytes:
    """JSON, now and then with what is none."""
    text = json.dumps(content)
    if rng.random() < 0.15:
        numbers = list(re.finditer(r"-?\d+(\.\d+)?(e-?\d+)?", text))
        if numbers:
            at = rng.choice(numbers)
            text = (
                text[: at.start()]
                + rng.choice(("NaN", "1e999", "-1e999", "1" * 4000, '"\\ud800"', "[" * 3000))
                + text[at.end() :]
            )
    if rng.random() < 0.05:
        text = text.replace("{", '{"task": 1, ', 1)
    return text.encode()


@contextmanager
def bounded() -> Iterator[None]:
    """A block that takes no more than ``MEMORY`` beyond what there is, and that ends."""
    pages = (
        int(Path("/proc/self/statm").read_text().split()[0])
        if Path("/proc/self/statm").exists()
        else None
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)

    def hangs(*_: object) -> None:
        raise TimeoutError("the reader hangs")

    previous = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(PATIENCE)
    if pages is not None:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def survives(read: Callable[[Path], Any], path: Path) -> str | None:
    """Read a file: None where that went well, or the one sentence that names it; anything else is
    an error of ours."""
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(path)
        except UserError as error:
            sentence = str(error)
        else:
            return None
    assert path.name in sentence, sentence
    assert sentence.isprintable(), sentence
    assert len(sentence) <= 2100
    return sentence
