"""Bounds from float32 sums: never above the loss, and near it on ordinary formulas."""

import numpy as np
import pytest
from helpers import oracle
from helpers.layer_cases import HARD, Case, made_up, values
from hypothesis import given
from hypothesis import strategies as st

from srnet.cgp.genome import Genes
from srnet.search.kernels.layer_kernel import scale_of, screen_block, sum_of_squares
from srnet.search.kernels.target import Target
from srnet.search.layerwise import LayerSearch
from srnet.typing import Floats


def bounds(layer: LayerSearch, genes: Genes) -> tuple[list[float], float]:
    """The lower bound after every block, and the loss."""
    values(layer, genes)  # leaves the program as the first offspring
    (population, work), kernel = layer.scratch(0, 1), layer.kernels[0]
    work.bounds[0], work.screened[0] = -np.inf, 0.0
    after = []
    for block in range(len(layer.target.blocks)):
        tells_more = screen_block(kernel, layer.target, population, 0, block, work)
        after.append(float(work.bounds[0]))
        if not tells_more:
            break
    return after, float(sum_of_squares(kernel, layer.target, population, 0, work))


def left(h: Floats, f: Floats) -> float:
    """The sum of squares that the best fit leaves."""
    design = np.column_stack([f, np.ones(f.size)])
    return float(np.square(h - design @ np.linalg.lstsq(design, h, rcond=None)[0]).sum())


def floor(h: Floats) -> float:
    """The energy outside one principal component."""
    return float(np.square(np.linalg.svd(h - h.mean(axis=0), compute_uv=False)[1:]).sum())


@pytest.mark.parametrize("projection", [False, True])
@given(st.integers(0, 2**64 - 1), st.sampled_from(list(HARD)))
def test_no_bound_is_above_the_loss(projection: bool, key: int, name: str) -> None:
    case = HARD[name]
    layer = case.layer(256, projection=projection)
    after, loss = bounds(layer, np.array(case.shape.random(key), np.int32))
    assert after == sorted(after)
    assert all(bound <= loss for bound in after)


@pytest.mark.parametrize("width", [1, 4, 30])
def test_bounds_are_tight_on_ordinary_formulas(width: int) -> None:
    """Else nearly everyone would be summed twice."""
    case = made_up(rows=1900, valid=570, width=width)
    layer = case.layer(256)
    h = (case.h - case.h[: case.train].mean(axis=0, dtype=np.float64)).astype(np.float64)
    order = [np.arange(start, stop) for start, stop, _ in layer.target.blocks.tolist()]
    compared = 0
    for key in range(60):
        genes = np.array(case.shape.random(key), np.int32)
        f = values(layer, genes).astype(np.float64)
        if not np.isfinite(f).all() or np.ptp(f) < 1e-3:
            continue
        if oracle.conditioning(f.astype(np.float32), case.train, case.train) > 10:
            continue
        after, loss = bounds(layer, genes)
        expected = []
        for block in range(len(order) - 1):
            rows, others = np.concatenate(order[: block + 1]), np.concatenate(order[block + 1 :])
            expected.append(left(h[rows], f[rows]) + floor(h[others]))
        np.testing.assert_allclose(after[:-1], np.maximum.accumulate(expected), rtol=0.02)
        assert after[-1] > 0.99 * loss
        compared += 1
    assert compared > 20


def test_a_constant_explains_nothing() -> None:
    case = HARD["many blocks, none full"]
    layer = case.layer(256)
    after, loss = bounds(layer, np.array([0] * 75 + [3], np.int32))
    assert after[-1] == pytest.approx(loss, rel=1e-3)


@pytest.mark.parametrize("power", [-120, -100, -60, 60, 100])
def test_values_whose_squares_float32_loses_are_screened_as_others(power: int) -> None:
    """Squares of f times 2^±60 or more are no float32, or nearly none."""
    case = made_up(rows=1900, valid=570)
    scaled = Case(np.ldexp(case.x, power), case.h, case.train)
    genes = np.array([0] * 75 + [1], np.int32)  # f is the second input
    after, loss = bounds(scaled.layer(256), genes)
    assert after[0] > 0
    assert (after, loss) == (pytest.approx(bounds(case.layer(256), genes)[0]), pytest.approx(loss))


def test_a_scale_is_needed_where_squares_are_out_of_range_alone() -> None:
    def scale(*f: float) -> float:
        return float(scale_of(np.array(f, np.float32), 0, len(f), np.float32(f[0])))

    assert scale(1.0, 2.0, -1e9) == 1
    assert scale(3.0, 3.0) == 1
    assert scale(1.0, np.inf) == 1
    assert scale(0.0, 2.0**-50, -(2.0**-52)) == 2.0**49
    assert scale(0.0, 2.0**80) == 2.0**-81
    assert scale(0.0, 2.0**-140) == 2.0**126  # the largest power whose inverse is normal too


def test_what_is_not_finite_cannot_win() -> None:
    case = made_up()
    case.x[-1] = np.nan
    after, loss = bounds(case.layer(256), np.array([0] * 75 + [0], np.int32))
    assert after == [np.inf]
    assert loss == np.inf


@pytest.mark.parametrize("rank", [4, 2])
def test_floor_is_what_the_best_rank_one_fit_of_the_rows_to_come_leaves(rank: int) -> None:
    rng = np.random.default_rng(0)
    h = rng.normal(0, 1, (1000, rank)) @ rng.normal(0, 1, (rank, 4))
    h[700:] += 0.3 * rng.normal(0, 1, (300, 4))
    target = Target.build(h[:700], h[700:], 256)
    blocks = target.blocks.tolist()
    for i in range(len(blocks) - 1):
        rows = np.concatenate([np.arange(start, stop) for start, stop, _ in blocks[i + 1 :]])
        expected = floor(target.values.T[rows])
        found = target.screen.scale * target.screen.floors[i]
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert target.screen.floors[-1] == 0


@given(st.integers(0, 10**6), st.integers(1, 20), st.booleans())
def test_no_formula_gets_below_the_floor(seed: int, width: int, projection: bool) -> None:
    rng = np.random.default_rng(seed)
    train, valid = int(rng.integers(2, 600)), int(rng.integers(1, 400))
    rank = int(rng.integers(1, width + 1))
    h = rng.normal(0, 1, (train + valid, rank)) @ rng.normal(0, 1, (rank, width))
    target = Target.build(h[:train], h[train:], 256, projection=projection)
    blocks = target.blocks.tolist()
    for i in range(len(blocks) - 1):
        rows = np.concatenate([np.arange(start, stop) for start, stop, _ in blocks[i + 1 :]])
        best = h[rows] @ rng.normal(0, 1, width)
        for f in (rng.normal(0, 1, rows.size), best, np.zeros(rows.size)):
            found = target.screen.scale * target.screen.floors[i]
            assert found <= left(h[rows], f) * (1 + 1e-9) + 1e-9 * np.square(h[rows]).sum()


def test_a_wide_layer_is_screened_in_its_first_components() -> None:
    """Of the others no formula explains more than the first of them."""
    rng = np.random.default_rng(3)
    energies = 10.0 ** -np.arange(0, 8, 0.25)
    axes = np.linalg.qr(rng.normal(0, 1, (900, energies.size)))[0]
    turn = np.linalg.qr(rng.normal(0, 1, (energies.size, energies.size)))[0]
    h = axes * np.sqrt(energies) @ turn
    target = Target.build(h[:700], h[700:], 256)
    centred = np.linalg.svd(h - h.mean(axis=0), compute_uv=False) ** 2
    kept = int(np.sum(centred > 1e-3 * centred.sum()))
    assert 9 <= kept <= 14
    assert target.screen.values.shape == (kept, 900)
    assert target.screen.outside == pytest.approx(centred[kept + 1 :].sum(), rel=1e-9)
    assert target.screen.total == pytest.approx(np.square(h - h[:700].mean(axis=0)).sum())


@given(st.integers(0, 10**6), st.integers(2, 40), st.floats(0.05, 3.0))
def test_no_bound_is_above_the_loss_of_the_best_fits(seed: int, width: int, decay: float) -> None:
    """The components themselves, kept or not, come nearest to the bounds."""
    rng = np.random.default_rng(seed)
    rows, train = 600, int(rng.integers(200, 600))
    h = rng.normal(0, 1, (rows, width)) * np.exp(-decay * np.arange(width) / 2)
    h = (h @ np.linalg.qr(rng.normal(0, 1, (width, width)))[0]).astype(np.float32)
    vectors = np.linalg.svd(h - h.mean(axis=0), full_matrices=False)[0]
    for component in range(min(width, 12)):
        x = vectors[:, component : component + 1].astype(np.float32)
        after, loss = bounds(Case(x, h, train).layer(256), np.array([0] * 75 + [0], np.int32))
        assert all(bound <= loss for bound in after)
