"""A sample of rows is like all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet.search.sampling import proportional_sample, representative


@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 300),
    columns=st.integers(0, 4),
    share=st.floats(0, 1),
    steps=st.booleans(),
)
def test_rows_are_distinct_and_as_many_as_asked_for(
    seed: int, rows: int, columns: int, share: float, steps: bool
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, columns))
    count = max(1, round(share * rows))
    chosen = representative(np.round(values) if steps else values, count, rng)
    assert chosen.size == count
    assert np.unique(chosen).tolist() == chosen.tolist()
    assert 0 <= chosen.min() <= chosen.max() < rows


def test_of_no_rows_none_are_drawn() -> None:
    assert representative(np.empty((0, 3)), 0, np.random.default_rng(0)).tolist() == []


def test_all_rows_are_all_rows() -> None:
    values = np.random.default_rng(0).normal(size=(70, 3))
    assert representative(values, 70, np.random.default_rng(1)).tolist() == list(range(70))


def test_means_vary_less_than_over_random_rows() -> None:
    """Of a smooth function of the columns, in other units: by a factor of two and more."""
    rng = np.random.default_rng(0)
    values = rng.uniform(size=(4000, 2)) * [1.0, 1e6]
    y = np.sin(3 * values[:, 0]) * values[:, 1] / 1e6
    means = [y[representative(values, 200, rng)].mean() for _ in range(60)]
    plain = [y[rng.choice(4000, 200, replace=False)].mean() for _ in range(60)]
    assert np.mean(means) == pytest.approx(y.mean(), abs=0.01)
    assert np.std(means) < 0.5 * np.std(plain)


@given(times=st.lists(st.integers(1, 5), min_size=1, max_size=40), unit=st.floats(1e-3, 1e3))
def test_whole_weights_repeat_rows_as_often(times: list[int], unit: float) -> None:
    times[0] = 1
    rows = proportional_sample(unit * np.array(times), 200)
    assert rows.tolist() == np.repeat(np.arange(len(times)), times).tolist()


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 60), most=st.integers(1, 500))
def test_any_weights_draw_rows_in_proportion_but_for_one(seed: int, rows: int, most: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.01, 1, rows)
    drawn = proportional_sample(weights, most)
    assert len(drawn) <= most
    counts = np.bincount(drawn, minlength=rows)
    assert np.abs(counts - len(drawn) * weights / weights.sum()).max() < 1
