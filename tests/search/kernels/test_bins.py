"""Rows in bins of a scalar: every row in one, with its moments."""

import numpy as np
import pytest
from helpers.on_a_scalar import KINDS, LAYERS, ROWS, TRAIN, VALID
from hypothesis import given
from hypothesis import strategies as st

from srnet.search.kernels.bins import LEAST_ROWS, MOST_BINS, divide, extremes


@pytest.mark.parametrize("kind", KINDS)
def test_bins_hold_every_row_once(kind: str) -> None:
    layer, below = LAYERS[kind, "plain"]
    bins = layer._kernels[0].bins
    assert 2 <= bins.centres.size <= MOST_BINS
    inside = np.abs(below.f.astype(np.float64)[:, None] - bins.centres) <= bins.radii
    assert (inside.sum(axis=1) >= 1).all()
    np.testing.assert_array_equal(bins.moments[:, 0].sum(axis=1), [TRAIN, VALID])
    leads = layer.target.leads.astype(np.float64)
    # Σ(m·1 + t) is the sum of the scalar, Σ|u|² and Σu are those of the target
    f = below.f.astype(np.float64)
    for split, rows in enumerate((slice(0, TRAIN), slice(TRAIN, ROWS))):
        moments = bins.moments[split]
        np.testing.assert_allclose(
            (bins.centres * moments[0] + moments[1]).sum(), f[rows].sum(), rtol=1e-9, atol=1e-9
        )
        np.testing.assert_allclose(moments[3].sum(), np.square(leads[:, rows]).sum())
        np.testing.assert_allclose(
            moments[4 : 4 + len(leads)].sum(axis=1), leads[:, rows].sum(axis=1), atol=1e-9
        )
        shared = (moments[4 : 4 + len(leads)] * bins.centres + moments[4 + len(leads) :]).sum(
            axis=1
        )
        np.testing.assert_allclose(
            shared, leads[:, rows] @ f[rows], rtol=1e-9, atol=1e-9 * np.abs(f).max()
        )


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40)
)
def test_extremes_are_those_of_the_floats(values: list[float]) -> None:
    assert extremes(np.array(values, np.float32)) == (min(values), max(values))


def test_few_rows_and_a_constant_scalar_have_no_bins() -> None:
    leads = np.zeros((1, LEAST_ROWS), np.float32)
    rising = np.arange(LEAST_ROWS, dtype=np.float32)
    weights, biases = np.ones(1), np.zeros(1)
    assert divide(rising, weights, biases, leads, 5).centres.size > 0
    assert divide(rising[1:], weights, biases, leads[:, 1:], 5).centres.size == 0
    assert divide(np.ones_like(rising), weights, biases, leads, 5).centres.size == 0
