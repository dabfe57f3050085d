"""Names of inputs: text that is read back as symbols, and columns that are found by them."""

import keyword

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from srnet.errors import UserError
from srnet.model.names import columns_in, in_order, symbol_names

SYMPY = sorted(name for name in dir(sympy) if not name.startswith("_"))


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["a", "a"], ["a", "a_"]),
        (["h0", "f1_2", "x1"], ["h0_", "f1_2_", "x1"]),
        (["z0", "f1_2_3", "z"], ["z0_", "f1_2_3_", "z"]),
        (["2nd", "", "é"], ["_2nd", "_", "é"]),
        (["温度", "压力", "größe", "λ"], ["温度", "压力", "größe", "λ"]),
        (["x²", "x2", "½", "°C"], ["x2", "x2_", "_1_2", "_C"]),
        (["\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"], ["μ", "μ_"]),  # Python reads them as one
        (["if", "E"], ["if_", "E_"]),
        (["beta", "nan", "min", "mass"], ["beta_", "nan_", "min_", "mass"]),
        (["pdiv", "np"], ["pdiv_", "np_"]),
    ],
)
@pytest.mark.parametrize("interactive", [False, True])
def test_names_for_formulas(
    columns: list[str], names: list[str], interactive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if interactive:  # which keeps the last result
        monkeypatch.setattr("builtins._", 1, raising=False)
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


ROWS = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    "names", [["a", "b"], ["温度", "压力"], ["a b", "a-b"], ["S", "S_"], ["x1", "x0"], ["1", "0"]]
)
def test_columns_are_found_by_their_own_names(names: list[str]) -> None:
    """Also where what formulas show of them is nearly the same."""
    np.testing.assert_array_equal(in_order(ROWS, names[::-1], names), ROWS[:, ::-1])
    np.testing.assert_array_equal(in_order(ROWS, names, names), ROWS)
    np.testing.assert_array_equal(in_order(ROWS, None, names), ROWS)
    for others in (symbol_names(names), [names[0], "c"], names[:1], [*names, "c"]):
        if sorted(others) != sorted(names):
            with pytest.raises(UserError, match="the columns are .*; the formulas read "):
                in_order(np.zeros((3, len(others))), others, names)


def test_a_run_without_names_takes_columns_as_they_come_or_are_numbered() -> None:
    for names in (["b", "a"], ["x0", "x1"], ["0", "1"], ["x1", "0"], ["x1", "x2"], ["1", "1"]):
        np.testing.assert_array_equal(in_order(ROWS, names, None), ROWS)
    for names in (["x1", "x0"], ["1", "0"]):
        np.testing.assert_array_equal(in_order(ROWS, names, None), ROWS[:, ::-1])


def test_names_of_columns_in_a_run() -> None:
    assert columns_in({}, 2) is None
    assert columns_in({"input_names": ["x0", "x1"]}, 2) is None
    assert columns_in({"input_names": ["x0", "x1"], "columns": ["x0", "x1"]}, 2) == ["x0", "x1"]
    assert columns_in({"input_names": ["a_b", "_"], "columns": ["a b", ""]}, 2) == ["a b", ""]
    assert columns_in({"input_names": ["a", "b"]}, 2) == ["a", "b"]
    for columns, said in (
        (["a", "a"], "a run's 'columns' has the column 'a' twice"),
        (["a"], "a run has 'columns' .*a list of 2 names"),
        (["a", 3], "a run has 'columns'"),
    ):
        with pytest.raises(UserError, match=said):
            columns_in({"columns": columns}, 2)


def test_columns_are_found_by_the_symbols_of_an_earlier_version() -> None:
    names = columns_in({"input_names": ["beta_", "x__2_", "gr__e"]}, 3)
    rows = np.arange(6.0).reshape(2, 3)
    for columns in (["größe", "beta", "x (2)"], ["gr__e", "beta_", "x__2_"]):
        np.testing.assert_array_equal(in_order(rows, columns, names), rows[:, [1, 2, 0]])
    # two with the same symbol had it by their order
    for columns in (["a b", "a-b"], ["a-b", "a b"]):
        with pytest.raises(UserError, match="a.b, a.b; the formulas read a_b, a_b_"):
            in_order(ROWS, columns, columns_in({"input_names": ["a_b", "a_b_"]}, 2))
