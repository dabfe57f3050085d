"""A YAML or JSON content checked against its schema; the first mistake in one sentence."""

from collections.abc import Mapping
from typing import Any

from srnet.errors import UserError


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

    error = best_match(Draft202012Validator(schema).iter_errors(content))
    if error is not None:
        raise UserError(f"{source}: {_sentence(error)}")


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
            return f"{key} has {len(error.instance)} entries; at least {error.validator_value} is needed"
        case "uniqueItems":
            return f"{key} names something twice: {error.instance}"
        case _:
            return f"{_value(key, error)}: {error.message}"


def _value(key: str, error: Any) -> str:
    return f"{key} is {error.instance!r}"
