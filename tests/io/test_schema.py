"""What a schema cannot refuse: see tests/workflow/test_configuration.py for what it does."""

from typing import Any

import pytest

from srnet.errors import UserError
from srnet.io.schema import check

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
