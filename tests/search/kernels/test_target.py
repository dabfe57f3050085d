"""A layer's target: blocks, sums, projection, and the floor that no formula gets below."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srnet.search.kernels.sums import CHUNK
from srnet.search.kernels.target import Target

Floats = NDArray[np.float64]


def values(
    train: int = 700, valid: int = 300, width: int = 4, rank: int | None = None, seed: int = 0
) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    rank = width if rank is None else rank
    h = rng.normal(0, 1, (train + valid, rank)) @ rng.normal(0, 1, (rank, width)) + rng.normal(
        0, 1, width
    )
    return h[:train], h[train:]


def squares(h: Floats) -> float:
    return float(np.sum(h**2))


@pytest.mark.parametrize(
    ("train", "valid"), [(2, 1), (255, 1), (256, 256), (257, 300), (1900, 570)]
)
@pytest.mark.parametrize("block_rows", [256, 512, 1024])
def test_blocks_cover_every_row_once_validation_first(
    train: int, valid: int, block_rows: int
) -> None:
    target = Target.of(*values(train, valid), block_rows)
    covered = [row for start, stop, _ in target.blocks.tolist() for row in range(start, stop)]
    assert sorted(covered) == list(range(train + valid))
    assert covered[:valid] == list(range(train, train + valid))
    for start, stop, is_valid in target.blocks.tolist():
        assert (start >= train) == bool(is_valid)
        assert (
            start - (train if is_valid else 0)
        ) % CHUNK == 0  # whole chunks, whatever the block size
        assert stop - start <= block_rows


@pytest.mark.parametrize("block_rows", [0, 100, 300, -256])
def test_blocks_are_whole_chunks(block_rows: int) -> None:
    with pytest.raises(ValueError, match="multiple of 256"):
        Target.of(*values(), block_rows)


@pytest.mark.parametrize("rank", [4, 2])
def test_sums_are_those_of_the_rows_seen(rank: int) -> None:
    train, valid = values(rank=rank)
    target = Target.of(train, valid, 256)
    h = np.vstack([train, valid]) - train.mean(axis=0)
    seen: list[int] = []
    for i, (start, stop, _) in enumerate(target.blocks.tolist()):
        seen += range(start, stop)
        for column, rows in enumerate(
            ([r for r in seen if r < 700], [r for r in seen if r >= 700], seen)
        ):
            assert target.seen_rows[i, column] == len(rows)
            np.testing.assert_allclose(
                target.seen_h[i, column], target.values[:, rows].sum(axis=1), atol=1e-9
            )
            assert target.seen_hh[i, column] == pytest.approx(squares(h[rows]), abs=1e-9)
    assert target.elements == 1000 * 4


def test_totals_do_not_depend_on_the_block_size() -> None:
    a, b = Target.of(*values(), 256), Target.of(*values(), 1024)
    assert (a.seen_h[-1] == b.seen_h[-1]).all()
    assert (a.seen_hh[-1] == b.seen_hh[-1]).all()


@pytest.mark.parametrize(("train", "width", "rank"), [(700, 30, 5), (20, 100, 7), (700, 30, 1)])
def test_projection_keeps_the_energy_of_a_low_rank_layer(train: int, width: int, rank: int) -> None:
    h, g = values(train, 50, width, rank)
    target = Target.of(h, g, 256)
    assert target.values.shape == (rank, train + 50)
    np.testing.assert_allclose(target.basis @ target.basis.T, np.eye(rank), atol=1e-10)
    centred = np.vstack([h, g]) - h.mean(axis=0)
    np.testing.assert_allclose((target.values.T @ target.basis)[:train], centred[:train], atol=1e-5)


@pytest.mark.parametrize("switch", [False, True])
def test_no_projection_where_it_saves_nothing_or_is_not_wanted(switch: bool) -> None:
    h, g = values(rank=4 if switch else 2)
    target = Target.of(h, g, 256, projection=switch)
    np.testing.assert_array_equal(target.basis, np.eye(4))
    np.testing.assert_allclose(target.values.T[:700], h - h.mean(axis=0), atol=1e-12)


def test_energy_of_validation_rows_outside_the_basis_is_counted() -> None:
    h, g = values(700, 300, 30, 5)
    g = g + np.random.default_rng(1).normal(0, 1, g.shape)
    target = Target.of(h, g, 256)
    assert target.values.shape[0] == 5
    assert target.seen_hh[-1, 1] == pytest.approx(squares(g - h.mean(axis=0)), rel=1e-10)


def test_a_constant_layer_has_no_energy() -> None:
    h = np.full((40, 3), 0.1, np.float32)
    target = Target.of(h, h[:10], 256)
    assert target.seen_hh[-1, 2] == pytest.approx(0, abs=1e-25)
    assert np.isfinite(target.values).all()


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize("rank", [4, 2])
def test_floor_is_what_the_best_rank_one_fit_of_the_rows_to_come_leaves(
    rank: int, projection: bool
) -> None:
    train, valid = values(rank=rank)
    valid = valid + 0.3 * np.random.default_rng(2).normal(0, 1, valid.shape)
    target = Target.of(train, valid, 256, projection=projection)
    # the weights lie in the row space of the training rows, and so does what they can explain
    h = target.values.T
    outside = np.square(np.vstack([train, valid]) - train.mean(axis=0) - h @ target.basis).sum(
        axis=1
    )
    for i, floor in enumerate(target.floors):
        rows = [r for start, stop, _ in target.blocks.tolist()[i + 1 :] for r in range(start, stop)]
        energies = (
            np.linalg.svd(h[rows] - h[rows].mean(axis=0), compute_uv=False) ** 2
            if rows
            else np.zeros(1)
        )
        assert floor == pytest.approx(energies[1:].sum() + outside[rows].sum(), rel=1e-9, abs=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans())
def test_no_formula_gets_below_the_floor(seed: int, width: int, projection: bool) -> None:
    rng = np.random.default_rng(seed)
    train, valid = values(
        int(rng.integers(2, 600)),
        int(rng.integers(1, 400)),
        width,
        int(rng.integers(1, width + 1)),
        seed,
    )
    target = Target.of(train, valid, 256, projection=projection)
    h = np.vstack([train, valid])
    for i, floor in enumerate(target.floors[:-1]):
        rows = np.concatenate(
            [np.arange(start, stop) for start, stop, _ in target.blocks.tolist()[i + 1 :]]
        )
        best = h[rows] @ rng.normal(0, 1, width)
        for f in (
            rng.normal(0, 1, rows.size),
            best,
            best + 0.1 * rng.normal(0, 1, rows.size),
            np.zeros(rows.size),
        ):
            design = np.column_stack([f, np.ones(rows.size)])
            left = h[rows] - design @ np.linalg.lstsq(design, h[rows], rcond=None)[0]
            assert floor <= squares(left) * (1 + 1e-9) + 1e-9 * squares(h[rows])
