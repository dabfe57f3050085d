"""What a model reads as a table of numbers, and back."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from srnet.errors import UserError
from srnet.explanation.rows import as_rows
from srnet.networks.inputs import Inputs, tabulate

FRAME = pd.DataFrame(
    {
        "age": [30, 41, 52, 29],
        "height": np.array([1.5, 1.6, 1.75, 2.0], np.float32),
        "sex": ["m", "f", "f", "m"],
        "colour": pd.Categorical(["red", "blue", "green", "red"], ["red", "green", "blue"]),
        "owner": [True, False, True, True],
        "place": ["here"] * 4,
    }
)


def through(X: Any) -> Any:
    """X as a table of float64, and what the model reads of it."""
    inputs = Inputs.of(X)
    table = np.asarray(tabulate(X, inputs.texts), dtype=np.float64)
    restored = inputs.restored(table if table.ndim == 2 else table[:, None])
    return restored[0] if len(restored) == 1 else restored


def test_texts_are_indicators_and_come_back() -> None:
    inputs = Inputs.of(FRAME)
    table = tabulate(FRAME, inputs.texts)
    assert list(table) == [
        *("age", "height", "sex=m"),
        *("colour=blue", "colour=green", "colour=red"),
        "owner",
    ]
    np.testing.assert_array_equal(table["sex=m"], [1, 0, 0, 1])
    np.testing.assert_array_equal(table["colour=red"], [1, 0, 0, 1])
    pd.testing.assert_frame_equal(through(FRAME), FRAME)


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1, 2], [3, 4]]),
        np.array([[1, 2], [3, 4]], np.int32),
        np.array([[1.5, 2], [3, 4]], np.float32),
        np.array([[True, False]]),
        np.array([1.5, 2.5]),
    ],
)
def test_arrays_and_tensors_come_back_in_their_types(X: Any) -> None:
    found = through(X)
    np.testing.assert_array_equal(found, X)
    assert found.dtype == X.dtype
    tensor = torch.tensor(X)
    assert torch.equal(through(tensor), tensor)
    assert through(tensor).dtype == tensor.dtype


def test_bfloat16_comes_back() -> None:
    tensor = torch.tensor([[0.5, 3.0]], dtype=torch.bfloat16)
    [found] = Inputs.of(tensor).restored(tensor.double().numpy())
    assert torch.equal(found, tensor)
    assert found.dtype == torch.bfloat16


def test_several_inputs_stand_side_by_side() -> None:
    a, b = np.array([4, 5, 6]), np.array([[0.5, 1], [1.5, 2], [2.5, 3]])
    np.testing.assert_array_equal(tabulate((a, b), {}), np.column_stack([a, b]))
    ids, dense = through((a, b))
    np.testing.assert_array_equal(ids, a)
    assert ids.dtype == a.dtype
    np.testing.assert_array_equal(dense, b)
    np.testing.assert_array_equal(tabulate((pd.Series(a), b), {}), np.column_stack([a, b]))
    named = tabulate({"ids": a, "dense": b, "rest": FRAME[["age"]][:3]}, {})
    assert list(named) == ["ids", "dense0", "dense1", "age"]
    assert Inputs.of({"ids": a, "dense": b}).arguments([1, 2]) == ([], {"ids": 1, "dense": 2})
    assert Inputs.of((a, b)).arguments([1, 2]) == ([1, 2], {})


def test_rows_of_any_numbers_become_some_that_the_model_can_read() -> None:
    inputs = Inputs.of(FRAME)
    rows = np.array(
        [
            # age, height, sex=m, three colours, owner
            [200.0, 1.7, 0.4, 0.3, 0.6, 0.5, 0.7],
            [-3.0, 9.9, 1.6, 1.0, 1.0, 1.2, -0.2],
        ]
    )
    np.testing.assert_array_equal(
        inputs.admissible(rows),
        [[52, 1.7, 0, 0, 1, 0, 1], [29, 9.9, 1, 0, 0, 1, 0]],
    )


def test_whole_numbers_stay_whole_in_any_type() -> None:
    x = np.column_stack([np.arange(5.0), np.linspace(0, 1, 5)])
    found = Inputs.of(x).admissible(np.array([[2.4, 0.33], [9.0, 2.0]]))
    np.testing.assert_array_equal(found, [[2, 0.33], [4, 2.0]])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.ones((5, 2, 3)), r"shape \(5, 2, 3\); .*rows.reshape\(-1, 2, 3\)\), X.reshape\("),
        ((np.ones(3), np.ones((4, 1))), "the inputs of X have 3 and 4 rows"),
        (FRAME.assign(sex=["m", None, "f", "f"]), r"'sex' of X has no value in row 1;.*fillna"),
        (np.ma.masked_greater(np.arange(4.0).reshape(2, 2), 2), r"masked value at \[1, 1\]"),
        (np.array([[2**60], [2**60 + 1]]), "X has whole numbers beyond 2\\^53"),
        (torch.tensor([[-(2**60) + 1], [5]]), "X has whole numbers beyond 2\\^53"),
        (
            pd.DataFrame({"key": [2**60 + 1, 3], "x": [0.5, 1.0]}),
            "the column 'key' of X has whole numbers beyond",
        ),
        (
            {"a": np.ones(2), "key": np.array([2**63 + 1, 1], np.uint64)},
            "X has whole numbers beyond 2\\^53",
        ),
        (
            pd.DataFrame({"name": [f"n{i}" for i in range(31)]}),
            r"'name' of X holds 31 different texts; at most 30 .*X.drop\(columns='name'\)",
        ),
    ],
)
def test_what_no_formula_can_read_is_a_sentence(X: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        tabulate(X, Inputs.of(X).texts)


def test_values_that_are_one_text_are_refused() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "d": pd.Series([1, "1", "b"], dtype=object)})
    with pytest.raises(UserError, match="the column 'd' of X has 1 and '1', which are one text"):
        Inputs.of(frame)


def test_a_text_that_was_not_explained_is_a_sentence() -> None:
    texts = Inputs.of(FRAME).texts
    with pytest.raises(UserError, match="'sex' of X has the text 'x' in row 2; .* with f, m"):
        tabulate(FRAME.assign(sex=["m", "f", "x", "f"]), texts)


@pytest.mark.parametrize(
    "X",
    [
        *(None, 5, "abc", [], [[]], {}, (), [[1, 2], [3]], [{"a": 1}], {"a": [1]}),
        pd.Series([1, 2]),
        *(torch.tensor(3.0), np.array([["a"]]), np.array([[1j]]), pd.DataFrame(index=range(3))),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": 1.0}),
        pd.DataFrame({"a": pd.date_range("2020", periods=2), "b": 1.0}),
        pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
    ],
    ids=lambda X: type(X).__name__,
)
def test_what_is_no_table_is_left_to_be_refused_where_it_is_read(X: Any) -> None:
    inputs = Inputs.of(X)
    assert tabulate(X, inputs.texts) is X


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (pd.DataFrame([[1.0, "u", 2.0], [1.5, "v", 2.5]], columns=["a", "t", "a"]), "a"),
        (pd.DataFrame([[1.0, "u", 2.0], [1.5, "v", 2.5]], columns=[1, "t", "1"]), "1"),
        (pd.DataFrame({"t=v": [1.0, 2.0], "t": ["u", "v"]}), "t=v"),
    ],
)
def test_two_columns_of_one_name_are_refused_beside_texts(frame: pd.DataFrame, name: str) -> None:
    with pytest.raises(UserError, match=f"X has the column '{name}' twice"):
        as_rows(tabulate(frame, Inputs.of(frame).texts))


@pytest.mark.parametrize("value", [2**53, 1_700_000_000 * 10**9, -(2**63), 2**63])
def test_whole_numbers_that_float64_holds_pass(value: int) -> None:
    """Also a time in nanoseconds that is one in seconds."""
    X = np.array([[value], [0]], np.uint64 if value >= 2**63 else np.int64)
    assert tabulate(X, {}) is X


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_other_rows_than_whole_ones_stay_as_they_are(dtype: type) -> None:
    """A model gets them as they are given, and does not see 0 for 0.4 or 44 for 300."""
    X = np.array([[1, 0], [0, 1]], dtype)
    for row in ([0.4, 1.0], [300.0, -1.5]):
        rows = np.array([row, [1.0, 0.0]])
        for given in (X, torch.tensor(X)):
            [found] = Inputs.of(given).restored(rows)
            np.testing.assert_allclose(np.asarray(found), rows, rtol=1e-6)
        [frame] = Inputs.of(pd.DataFrame(X, columns=["a", "b"])).restored(rows)
        np.testing.assert_array_equal(frame.to_numpy(), rows)
