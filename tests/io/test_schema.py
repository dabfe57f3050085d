"""What schemas refuse, and what they cannot; see also tests/workflow/test_configuration.py."""

from typing import Any

import pytest
from helpers import fakes
from jsonschema import Draft202012Validator

from srnet.errors import UserError
from srnet.io.schema import arrange, check, check_json, package_schema

ANYTHING: dict[str, Any] = {}


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": float("nan")}, "has the number nan; finite numbers are needed"),
        ({"a": [float("-inf")]}, "has the number -inf"),
        ({"a": 10**400}, "which is too large"),
        ({"a": "\ud800"}, "which holds half a character"),
        ({"\udfff": 1}, "which holds half a character"),
        (nested(60), "or 50 levels"),
        (endless(), "or 50 levels"),
        ([[[0] * 100] * 100] * 100, "more than 100000 values"),
    ],
)
def test_values_that_no_configuration_has(content: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        check(content, ANYTHING, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(UserError) as caught:
        check({"a": "x" * 10**5}, {"properties": {"a": {"type": "integer"}}}, "my.yaml")
    assert len(str(caught.value)) < 250


def test_a_large_configuration_is_fine() -> None:
    check(
        {
            f"task{i}": {"network": {"hidden": [5, 5]}, "seed": 2**63 - 1, "label": "é𝒳"}
            for i in range(5000)
        },
        ANYTHING,
        "my.yaml",
    )


@pytest.mark.parametrize("name", ["run", "network", "formulas", "tasks", "verdict"])
def test_the_schemas_of_the_package_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(package_schema(name))


@pytest.mark.parametrize("types", ["number", "integer", "string", "object", ["number", "null"]])
@pytest.mark.parametrize(
    "value", [1, 1.0, 1.5, True, None, "1", [1], {"a": 1}], ids=lambda value: repr(value)
)
def test_arrays_are_checked_as_jsonschema_does(types: Any, value: Any) -> None:
    schema = {"items": {"type": types}}
    content = [*([1, 2] if "number" in types else []), value]
    # but 1.0 is no integer here: range(1.0) fails
    if Draft202012Validator(schema).is_valid(content) and (types, str(value)) != ("integer", "1.0"):
        check(content, schema, "my.yaml")
    else:
        with pytest.raises(UserError, match=f"the key '{len(content) - 1}' is "):
            check(content, schema, "my.yaml")


def test_a_long_history_is_fine() -> None:
    check_json(fakes.run() | {"history": [0.5] * 200_000}, "run", "1.json")
    with pytest.raises(UserError, match=r"1\.json: the key 'history.200000' is '0'; it must be of"):
        check_json(fakes.run() | {"history": [0.5] * 200_000 + ["0"]}, "run", "1.json")


def test_a_part_of_a_schema() -> None:
    with pytest.raises(UserError, match="^the key 'weights' is missing$"):
        check_json({"programs": [], "biases": []}, "run", part="model")


def test_keys_are_put_in_the_order_of_the_schema() -> None:
    content = {"own": 0, "fitness": 1.0, "seed": 3, "task": "K0"}
    assert list(arrange(content, "run", "content")) == ["task", "seed", "fitness", "own"]
