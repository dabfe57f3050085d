"""A YAML or JSON content checked against its schema; the first mistake in one sentence."""

import functools
import importlib.resources
import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from srnet.errors import UserError
from srnet.io.files import read_yaml

# Far more than any configuration has. YAML's aliases let a few lines stand for more than a memory
# holds.
_MOST_VALUES, _DEEPEST = 100_000, 50

# Control characters, marks that turn the direction of writing, and halves of characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# The types of JSON as Python reads them, for long arrays.
_PLAIN: dict[str, set[Any]] = {
    "number": {int, float},
    "integer": {int},
    "string": {str},
    "null": {type(None)},
    "array": {list},
    "object": {dict},
    "boolean": {bool},
}

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 100


@functools.cache
def package_schema(name: str) -> dict[str, Any]:
    """A schema of the package, ``srnet/schemas/{name}.schema.yaml``: an installed library checks
    what the workflow checks."""
    path = importlib.resources.files("srnet") / "schemas" / f"{name}.schema.yaml"
    schema: dict[str, Any] = read_yaml(Path(str(path)))
    return schema


def check(content: Any, schema: Mapping[str, Any], source: str) -> None:
    """Check the content of a YAML file, or of several that were merged, against a JSON schema.

    Parameters
    ----------
    source
        What is checked, for the message: a file's name.

    Raises
    ------
    UserError
        Names the key, the value found and what is allowed.
    """
    _check_plain(content, source)
    _check(content, schema, source)


def check_json(content: Any, name: str, source: object = None, part: str | None = None) -> None:
    """Check the content of a JSON file, as long as it may be, against a schema of the package.

    Parameters
    ----------
    name, part
        The schema's name, and the one of its definitions that is meant.
    source
        What is checked, for the message: a file's name. The message names none where it is None.

    Raises
    ------
    UserError
        Names the key, the value found and what is allowed.
    """
    schema = package_schema(name)
    if part is not None:
        schema = {"$defs": schema["$defs"], "$ref": f"#/$defs/{part}"}
    _check(content, schema, source)


def arrange(content: Mapping[str, Any], name: str, part: str) -> dict[str, Any]:
    """The content with its keys in the order of a schema's definition; those that it lacks go
    last."""
    known = package_schema(name)["$defs"][part]["properties"]
    return {key: content[key] for key in known if key in content} | dict(content)


def _check(content: Any, schema: Mapping[str, Any], source: object) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator()(schema).iter_errors(content))
    if error is not None:
        raise UserError(f"{'' if source is None else f'{source}: '}{_sentence(error)}")


@functools.cache
def _validator() -> Any:
    """jsonschema's validator, quick with long arrays of plain values."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    check_items = Draft202012Validator.VALIDATORS["items"]

    def items(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if not _is_plain(instance, rule):
            yield from check_items(validator, rule, instance, schema)

    # to a JSON schema 3.0 is an integer, to range() it is none
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return extend(Draft202012Validator, {"items": items}, type_checker=types)


def _is_plain(instance: Any, rule: Any) -> bool:
    """Whether a rule says no more than a type, of lists also what they hold, and every value of a
    list is plainly of it and no list."""
    if not isinstance(instance, list) or not isinstance(rule, dict) or "type" not in rule:
        return False
    names = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    found = set(map(type, instance))
    return found <= set().union(*(_PLAIN[name] for name in names)) and (
        rule.keys() == {"type"} or (rule.keys() == {"type", "items"} and list not in found)
    )


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
        elif isinstance(value, str) and _HIDDEN.search(value):
            raise UserError(
                f"{source}: has the text {_short.repr(value)}, which holds half a character "
                f"or a control character"
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
            names = error.validator_value
            types = names if isinstance(names, str) else " or ".join(names)
            return f"{_value(key, error)}; it must be of type {types}"
        case "minimum":
            return f"{_value(key, error)}; at least {error.validator_value} is needed"
        case "maximum":
            return f"{_value(key, error)}; at most {error.validator_value} is allowed"
        case "exclusiveMinimum":
            return f"{_value(key, error)}; more than {error.validator_value} is needed"
        case "minItems":
            return (
                f"{key} has {len(error.instance)} entries; at least {error.validator_value} is "
                f"needed"
            )
        case "uniqueItems":
            return f"{key} names something twice: {_short.repr(error.instance)}"
        case "pattern":
            form = error.validator_value.removesuffix(r"(?!\n)")
            return f"{_value(key, error)}, which does not match {form}"
        case _:
            return f"{_value(key, error)}: {error.message}"


def _value(key: str, error: Any) -> str:
    return f"{key} is {_short.repr(error.instance)}"
