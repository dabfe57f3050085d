"""A YAML or JSON content checked against its schema; the first mistake in one sentence."""

import math
import reprlib
from collections.abc import Mapping
from typing import Any

from srnet.errors import UserError

# Far more than any configuration has. YAML's aliases let a few lines stand for more than a memory
# holds.
_MOST_VALUES, _DEEPEST = 100_000, 50

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 100


def check(content: Any, schema: Mapping[str, Any], source: str) -> None:
    """Check a content against a JSON schema.

    Parameters
    ----------
    source
        What is checked, for the message: a file's name.

    Raises
    ------
    UserError
        Names the key, the value found and what is allowed.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    _check_plain(content, source)
    error = best_match(Draft202012Validator(schema).iter_errors(content))
    if error is not None:
        raise UserError(f"{source}: {_sentence(error)}")


def _check_plain(content: Any, source: str) -> None:
    """Refuse what a schema cannot: too much of it, and values that could be read but not be
    used."""
    seen, waiting = 0, [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES or depth > _DEEPEST:
            raise UserError(
                f"{source}: has more than {_MOST_VALUES} values or {_DEEPEST} levels; a plain "
                f"list of settings is needed"
            )
        if isinstance(value, Mapping):
            waiting += [(part, depth + 1) for item in value.items() for part in item]
        elif isinstance(value, list | tuple):
            waiting += [(part, depth + 1) for part in value]
        elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise UserError(
                f"{source}: has the text {_short.repr(value)}, which holds half a character"
            )
        elif isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{source}: has the number {value}; finite numbers are needed")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise UserError(f"{source}: has the number {_short.repr(value)}, which is too large")


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    key = f"the key '{where}'" if where else "the content"
    inside = f" in '{where}'" if where else ""
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema.get("properties", {}))
            unknown = sorted(str(name) for name in set(error.instance) - set(known))
            return f"unknown key '{unknown[0]}'{inside}; allowed are {', '.join(known)}"
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return f"the key '{missing[0]}' is missing{inside}"
        case "enum":
            return f"{_value(key, error)}; allowed are {', '.join(map(str, error.validator_value))}"
        case "type":
            return f"{_value(key, error)}; it must be of type {error.validator_value}"
        case "minimum":
            return f"{_value(key, error)}; at least {error.validator_value} is needed"
        case "exclusiveMinimum":
            return f"{_value(key, error)}; more than {error.validator_value} is needed"
        case "minItems":
            return (
                f"{key} has {len(error.instance)} entries; at least {error.validator_value} is "
                f"needed"
            )
        case "uniqueItems":
            return f"{key} names something twice: {_short.repr(error.instance)}"
        case _:
            return f"{_value(key, error)}: {error.message}"


def _value(key: str, error: Any) -> str:
    return f"{key} is {_short.repr(error.instance)}"
