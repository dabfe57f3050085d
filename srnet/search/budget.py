"""How long a search may take: seconds, or a number of chromosome evaluations."""

import re
from dataclasses import dataclass
from typing import Any

from srnet.errors import UserError

_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Budget:
    """At most one of the two; with neither, the preset's own number of generations."""

    seconds: float | None = None
    evaluations: int | None = None

    @classmethod
    def parse(cls, value: Any) -> "Budget":
        """``"60s"``, ``"2min"``, ``"1h"`` are times, a whole number is one of evaluations, None
        leaves it to the preset.

        Raises
        ------
        UserError
            If the value is none of these, or not positive.
        """
        if value is None or isinstance(value, Budget):
            return value or cls()
        if isinstance(value, str):
            match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z]+)?\s*", value)
            number, unit = match.groups() if match is not None else ("", None)
            if unit is None and number.isdigit() and int(number) > 0:
                return cls(evaluations=int(number))
            if unit in _UNITS and 0 < (seconds := float(number) * _UNITS[unit]) < float("inf"):
                return cls(seconds=seconds)
        elif not isinstance(value, bool) and hasattr(value, "__index__") and value > 0:
            return cls(evaluations=int(value))
        raise UserError(
            f"the budget is {value!r}; a time as '60s', '2min' or '1h', or a positive number of "
            f"evaluations is needed"
        )
