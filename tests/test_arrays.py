"""Arrays of what a user gives."""

import numpy as np
import pandas as pd
import pytest
import torch

from srnet.arrays import detach, real_array
from srnet.errors import UserError


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool]
)
def test_any_tensor_keeps_its_values(dtype: torch.dtype) -> None:
    tensor = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).to(dtype)
    if dtype.is_floating_point:
        tensor = (tensor * 1.5).requires_grad_()
    assert real_array(tensor, "y", "").tolist() == tensor.tolist()


@pytest.mark.parametrize(
    "value",
    [
        [1, 2.5],
        (True, False),
        np.array([1, 2.5], object),
        pd.Series([1, 2.5]),
        np.ma.array([1, 2.5]),
    ],
)
def test_what_is_no_tensor_stays(value: object) -> None:
    assert detach(value) is value
    assert real_array(value, "y", "").tolist() == list(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[1], [1, 2]], "y is not an array of numbers .*; give numbers"),
        ([None, "a"], "y is not an array of numbers"),
        (torch.ones(2, device="meta"), "y is not an array of numbers"),
        (["1", "2"], "y holds <U1; real numbers are needed"),
        ([1j], "y holds complex128; real numbers"),
        (np.array(["2020"], "datetime64[Y]"), "y holds datetime64"),
        (np.ma.masked_equal([[1.0, 2.0], [3.0, 4.0]], 3), r"y has a masked value at \[1, 0\]"),
    ],
)
def test_what_holds_no_numbers_is_a_sentence(value: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        real_array(value, "y", "give numbers")
