"""What a setting or an argument may be, declared once and checked in one sentence.

A settings class annotates its fields, ``population: Annotated[int, Integer(1)]``, and calls
:func:`validate` when it is made. A function checks its argument by
``Integer(1).check("threads", threads)``. Every ``check`` returns the value as plain Python has it,
or raises a :class:`~srnet.errors.UserError` that names the argument, the value and what is allowed.
"""

import math
import os
import warnings
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, get_args, get_type_hints

from srnet.errors import UserError


@dataclass(frozen=True)
class Integer:
    """A whole number from ``minimum`` to ``maximum``, both included."""

    minimum: int
    maximum: int | None = None

    def check(self, name: str, value: Any) -> int:
        """The value as an int."""
        if (
            isinstance(value, bool)
            or not isinstance(value, Integral)
            or int(value) < self.minimum
            or (self.maximum is not None and int(value) > self.maximum)
        ):
            bounds = (
                f"of at least {self.minimum}"
                if self.maximum is None
                else f"from {self.minimum} to {self.maximum}"
            )
            raise UserError(f"'{name}' is {value!r}; a whole number {bounds} is needed")
        return int(value)


@dataclass(frozen=True)
class Number:
    """A finite number within the bounds that are given."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    unit: str = ""

    def check(self, name: str, value: Any) -> float:
        """The value as a float."""
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        try:
            number = float(value) if is_number else math.nan
        except OverflowError:
            number = math.inf
        if not self._holds(number):
            raise UserError(f"'{name}' is {value!r}; a {self._text()} is needed")
        return number

    def _holds(self, value: float) -> bool:
        return (
            math.isfinite(value)
            and (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    def _text(self) -> str:
        number = "finite number" if self.at_most is None and self.below is None else "number"
        number += f" of {self.unit}" if self.unit else ""
        if self.at_least is not None and self.at_most is not None:
            return f"{number} from {self.at_least:g} to {self.at_most:g}"
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (
                ("of at least", self.at_least),
                ("above", self.above),
                ("at most", self.at_most),
                ("below", self.below),
            )
            if bound is not None
        ]
        return f"{number} {' and '.join(bounds)}".rstrip()


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    allowed: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        """The value."""
        if not isinstance(value, str) or value not in self.allowed:
            raise UserError(f"'{name}' is {value!r}; allowed are {', '.join(self.allowed)}")
        return value

    def check_key(self, name: str, key: Any) -> str:
        """A key of the mapping ``name``."""
        if not isinstance(key, str) or key not in self.allowed:
            raise UserError(
                f"'{name}' has the unknown key {key!r}; allowed are {', '.join(self.allowed)}"
            )
        return key


# More threads than this only take memory and time, on any machine.
_MOST_THREADS = 1024


def check_threads(value: Any) -> int:
    """A number of threads; more than the machine has cores are a warning."""
    threads = Integer(1, _MOST_THREADS).check("threads", value)
    cores = os.cpu_count() or 1
    if threads > cores:
        warnings.warn(
            f"'threads' is {threads}, more than this machine's {cores} cores; at most as many as "
            f"cores save time",
            stacklevel=2,
        )
    return threads


Count = Annotated[int, Integer(1)]
Share = Annotated[float, Number(at_least=0, at_most=1)]
SECONDS = Number(above=0, unit="seconds")


def validate(settings: object) -> None:
    """Check every annotated field of a dataclass instance; a field of the type ``… | None`` may be
    None.

    Raises
    ------
    UserError
        If a value is not what its field allows.
    """
    for name, hint in get_type_hints(type(settings), include_extras=True).items():
        parts = (hint, *get_args(hint))  # of Annotated[…] | None both have a say
        value = getattr(settings, name)
        if value is None and type(None) in parts:
            continue
        for rule in (rule for part in parts for rule in getattr(part, "__metadata__", ())):
            value = rule.check(name, value)
        object.__setattr__(settings, name, value)
