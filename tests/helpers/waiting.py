"""Waits for a condition; a test has no other limit of time, so that no slow machine fails it."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

# Seconds that only what hangs will take.
HANG = 900.0


def wait_for(condition: Callable[[], Value], what: str, log: Callable[[], str] = str) -> Value:
    """The condition's first true value; TimeoutError with ``what`` and the log where it hangs."""
    end = time.monotonic() + HANG
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {HANG:g} s for {what}\n{log()}")
        time.sleep(0.02)
    return value
