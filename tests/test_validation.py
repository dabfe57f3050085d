"""Values in their range, and the one sentence about those that are not."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import pytest

from srnet.errors import UserError
from srnet.validation import (
    SECONDS,
    Choice,
    Count,
    Integer,
    Number,
    Share,
    check_threads,
    validate,
)


@pytest.mark.parametrize(
    ("rule", "value", "plain"),
    [
        (Integer(1), 1, 1),
        (Integer(1, 3), np.int32(3), 3),
        (Number(), -7, -7.0),
        (Number(at_least=0), np.float32(0.5), 0.5),
        (Number(above=0, at_most=1), Fraction(1, 4), 0.25),
        (Choice(("a", "b")), "b", "b"),
    ],
)
def test_a_value_in_range_comes_back_plain(rule: Any, value: Any, plain: Any) -> None:
    checked = rule.check("x", value)
    assert checked == plain
    assert type(checked) is type(plain)


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        (Integer(1), 0, "'x' is 0; a whole number of at least 1 is needed"),
        (Integer(0), True, "'x' is True; a whole number of at least 0 is needed"),
        (Integer(0), 2.0, "'x' is 2.0; a whole number"),
        (Integer(0), None, "'x' is None; a whole number"),
        (Integer(0), "3", "'x' is '3'; a whole number"),
        (Integer(2, 5), 6, "'x' is 6; a whole number from 2 to 5 is needed"),
        (Number(), "1", "'x' is '1'; a finite number is needed"),
        (Number(), False, "'x' is False; a finite number is needed"),
        (Number(), np.float32(np.inf), "; a finite number is needed"),
        (Number(), math.nan, "'x' is nan; a finite number is needed"),
        (Number(), 10**400, "; a finite number is needed"),
        (Number(at_least=0), -1e-300, "a finite number of at least 0 is needed"),
        (Number(at_least=0), math.inf, "'x' is inf; a finite number of at least 0 is needed"),
        (Number(at_least=0, below=1), 1, "'x' is 1; a number of at least 0 and below 1 is needed"),
        (Number(above=0, at_most=1), 0.0, "a number above 0 and at most 1 is needed"),
        (Number(at_least=0, at_most=1), 1.5, "a number from 0 to 1 is needed"),
        (SECONDS, 0, "'x' is 0; a finite number of seconds above 0 is needed"),
        (Choice(("a", "b")), "c", "'x' is 'c'; allowed are a, b"),
        (Choice(("a", "b")), ["a"], r"'x' is \['a'\]; allowed are a, b"),
    ],
)
def test_any_other_is_a_sentence(rule: Any, value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        rule.check("x", value)


@dataclass(frozen=True)
class Made:
    name: str = "free"
    size: Count = 3
    limit: Annotated[int, Integer(10)] | None = None
    share: Share | None = 0.5
    number: Annotated[float, Number()] | None = None

    def __post_init__(self) -> None:
        validate(self)


def test_fields_are_checked_and_made_plain() -> None:
    made = Made(size=np.int64(4), share=1)  # type: ignore[arg-type]
    assert made == Made("free", 4, None, 1.0, None)
    assert type(made.size) is int
    assert type(made.share) is float
    assert Made(limit=10, share=None).limit == 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 0}, "'size' is 0; a whole number of at least 1"),
        ({"size": None}, "'size' is None; a whole number of at least 1"),
        ({"limit": 9}, "'limit' is 9; a whole number of at least 10"),
        ({"share": 1.1}, "'share' is 1.1; a number from 0 to 1"),
        ({"number": "a"}, "'number' is 'a'; a finite number"),
    ],
)
def test_a_field_out_of_range_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Made(**changes)


def test_more_threads_than_cores_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert check_threads(2) == 2
    with pytest.warns(UserWarning, match="'threads' is 3, more than this machine's 2 cores"):
        assert check_threads(3) == 3
    for threads in (0, 1025, 2.0):
        with pytest.raises(UserError, match="a whole number from 1 to 1024"):
            check_threads(threads)
