"""One output out of whatever a model gives."""

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from srnet.errors import UserError
from srnet.networks.outputs import as_matrix, check_choice, choose

Y = np.arange(6.0).reshape(3, 2)
Pair = namedtuple("Pair", "mean std")


@pytest.mark.parametrize(
    ("value", "output", "expected"),
    [
        (Y, None, Y),
        (Y[:, 0], None, Y[:, :1]),
        (Y.tolist(), None, Y),
        (list(Y), None, Y),
        (pd.Series([1, 2, 3]), None, [[1], [2], [3]]),
        (torch.tensor(Y, dtype=torch.bfloat16), None, Y),
        (torch.tensor(Y).requires_grad_(), None, Y),
        (Y > 2, None, Y > 2),
        ({"y": Y}, None, Y),
        ((Y,), None, Y),
        ([Y], None, Y),
        ({"loss": None, "y": Y}, None, Y),
        ({"hidden": Y, "logits": Y + 1}, None, Y + 1),
        (SimpleNamespace(logits=Y, hidden=Y + 1), None, Y),
        ({"a": Y, "b": Y + 1}, "b", Y + 1),
        (SimpleNamespace(a=Y, b=Y + 1), "b", Y + 1),
        (Pair(Y, Y + 1), "std", Y + 1),
        (Pair(Y, Y + 1), 1, Y + 1),
        (torch.distributions.Normal(torch.tensor(Y), 1.0), "mean", Y),
        ((Y, (Y + 1,)), 1, Y + 1),
        ([Y, Y + 1], -1, Y + 1),
        ([Y, Y + 1, Y + 2], 1, Y + 1),  # as many outputs as rows
        (Y.tolist(), 1, Y[:, 1:]),
        (list(Y), 0, Y[:, :1]),
        (Y, 1, Y[:, 1:]),
        (torch.tensor(Y), 1, Y[:, 1:]),
        (pd.DataFrame(Y), 0, Y[:, :1]),
        (pd.DataFrame(Y, columns=["a", "T"]), "T", Y[:, 1:]),
        ({"37": Y, "12": Y + 1}, 12, Y + 1),
        ({"a": Y}, lambda given: given["a"][:, 0] ** 2, Y[:, :1] ** 2),
        ([{0: 0.25, 1: 0.75}] * 3, None, [[0.25, 0.75]] * 3),
    ],
)
def test_outputs_are_found_and_chosen(value: Any, output: Any, expected: Any) -> None:
    np.testing.assert_array_equal(as_matrix(choose(value, output, 3), 3), expected)


@pytest.mark.parametrize(
    ("value", "output", "words"),
    [
        ({"a": Y, "b": Y}, None, "a dict of a, b for 3 rows; choose one by output=, as output='b'"),
        (
            torch.distributions.Normal(torch.tensor(Y), 1.0),
            None,
            "Normal of loc, scale, .* choose one by output=, as output='scale'",
        ),
        ((Y, Y), None, "a tuple of 2 items for 3 rows; choose one by output=, as output=0"),
        ({"a": Y}, "b", "'output' is 'b'; the model gives a dict of a, and one of these names is"),
        ({"a": Y}, 0, "'output' is 0; the model gives a dict of a, and one of these names is"),
        ((Y, Y), 2, "'output' is 2; the model gives a tuple of 2 items, and a number from -2 to 1"),
        ((Y, Y), "count", "'output' is 'count'; .*a number from -2 to 1 is needed"),
        (Pair(Y, Y), "a", "a number from -2 to 1 or one of the names mean, std is needed"),
        (Y, 2, "'output' is 2; the model gives 2 columns, and a number from -2 to 1 is needed"),
        (Y[:, 0], 1, "'output' is 1; the model gives 1 column, and a number from -1 to 0 is"),
        (Y, "T", "'output' is 'T'; the model gives 2 columns, and a number from -2 to 1 is"),
        (torch.tensor(Y), "real", "'output' is 'real'; the model gives 2 columns, and a number"),
        (pd.DataFrame({"a": [1, 2, 3]}), "b", "from -1 to 0 or one of the names a is needed"),
        (5, "y", "'output' is 'y'; the model gives int, and a function of it is needed"),
        (np.float64(5), 0, r"gives \(\) for 3 rows"),
        (Y, lambda given: given["a"], "'output' cannot be called .*IndexError"),
        (Y[:, None], None, r"\(3, 1, 2\) for 3 rows; .*output=lambda y: y.reshape\(len\(y\), -1\)"),
        (Y[0], None, r"\(2,\) for 3 rows; .*lambda rows: \[f\(row\) for row in rows\]"),
        (5.0, None, r"\(\) for 3 rows"),
        (None, None, r"NoneType for 3 rows|\(\) for 3 rows"),
        (np.array(["yes", "no", "no"]), None, "text, as 'yes'; .*lambda labels: labels == 'yes'"),
        (Y * 1j, None, "complex numbers"),
        ([[1.0], [2.0, 3.0], []], None, "no array of numbers"),
        (np.ones((3, 2, 2)), 1, r"\(3, 2, 2\) for 3 rows; .*output=lambda y"),
        ([{"a": 1, "b": 2}] * 2 + [{"b": 2, "a": 1}], None, r"order .*row.get\('b', 0\)"),
        ([{"a": 1, "b": 2}, {"a": 1}, {"a": 1}], None, "keys or their order differ by row"),
    ],
)
def test_what_is_no_output_is_a_sentence(value: Any, output: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        as_matrix(choose(value, output, 3), 3)


@pytest.mark.parametrize("output", [True, 1.5, ["a"]])
def test_what_chooses_no_output_is_a_sentence(output: Any) -> None:
    with pytest.raises(UserError, match="'output' is .*; a name, a number, or a function"):
        check_choice(output)
