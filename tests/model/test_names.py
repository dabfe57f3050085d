"""Names of inputs: text that is read back as symbols, and columns that are found by them."""

import keyword

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from srnet.errors import UserError
from srnet.model.names import default_names, in_order, symbol_names

SYMPY = sorted(name for name in dir(sympy) if not name.startswith("_"))


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["a", "a"], ["a", "a_"]),
        (["h0", "f1_2", "x1"], ["h0_", "f1_2_", "x1"]),
        (["z0", "f1_2_3", "z"], ["z0_", "f1_2_3_", "z"]),
        (["2nd", "", "é"], ["_2nd", "_", "__"]),
        (["if", "E"], ["if_", "E_"]),
        (["beta", "nan", "min", "mass"], ["beta_", "nan_", "min_", "mass"]),
        (["pdiv", "np"], ["pdiv_", "np_"]),
    ],
)
def test_names_for_formulas(columns: list[str], names: list[str]) -> None:
    assert symbol_names(columns) == names


@given(
    st.lists(
        st.one_of(st.sampled_from(SYMPY), st.sampled_from(keyword.kwlist), st.text(max_size=6)),
        min_size=1,
        max_size=4,
    )
)
def test_sympy_reads_a_formula_of_any_columns_as_it_is_meant(columns: list[str]) -> None:
    names = symbol_names(columns)
    assert len(set(names)) == len(columns)
    read = sympy.sympify(" + ".join(f"{i + 2} * {name}" for i, name in enumerate(names)))
    assert read == sum((i + 2) * sympy.Symbol(name) for i, name in enumerate(names))


def test_columns_are_found_by_their_names() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(in_order(rows, ["b", "a"], ["a", "b"]), rows[:, ::-1])
    np.testing.assert_array_equal(in_order(rows, ["x1", "x0"], default_names(2)), rows[:, ::-1])
    np.testing.assert_array_equal(in_order(rows, ["a", "b"], ["a", "b"]), rows)


def test_a_run_without_names_takes_columns_as_they_come() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(in_order(rows, ["b", "a"], default_names(2)), rows)


def test_other_columns_are_a_sentence() -> None:
    with pytest.raises(UserError, match="the columns are a, c; the formulas read a, b"):
        in_order(np.zeros((3, 2)), ["a", "c"], ["a", "b"])
