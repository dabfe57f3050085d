"""A layer's target: blocks, sums, projection."""

import numpy as np
import pytest

from srnet.search.kernels.sums import CHUNK
from srnet.search.kernels.target import Target
from srnet.typing import Floats


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
    target = Target.build(*values(train, valid), block_rows)
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
        Target.build(*values(), block_rows)


@pytest.mark.parametrize("rank", [4, 2])
def test_sums_are_those_of_the_splits(rank: int) -> None:
    train, valid = values(rank=rank)
    target = Target.build(train, valid, 256)
    assert (target.train_rows, target.valid_rows) == (700, 300)
    assert target.elements == 1000 * 4
    for split, rows in enumerate((slice(0, 700), slice(700, 1000))):
        h = np.vstack([train, valid])[rows] - train.mean(axis=0)
        np.testing.assert_allclose(
            target.sum_h[split], target.values[:, rows].sum(axis=1), atol=1e-9
        )
        assert target.sum_hh[split] == pytest.approx(squares(h), abs=1e-9)


def test_totals_do_not_depend_on_the_block_size() -> None:
    a, b = Target.build(*values(), 256), Target.build(*values(), 1024)
    assert (a.sum_h == b.sum_h).all()
    assert (a.sum_hh == b.sum_hh).all()


@pytest.mark.parametrize(("train", "width", "rank"), [(700, 30, 5), (20, 100, 7), (700, 30, 1)])
def test_projection_keeps_the_energy_of_a_low_rank_layer(train: int, width: int, rank: int) -> None:
    h, g = values(train, 50, width, rank)
    target = Target.build(h, g, 256)
    assert target.values.shape == (rank, train + 50)
    np.testing.assert_allclose(target.basis @ target.basis.T, np.eye(rank), atol=1e-10)
    centred = np.vstack([h, g]) - h.mean(axis=0)
    np.testing.assert_allclose((target.values.T @ target.basis)[:train], centred[:train], atol=1e-5)


@pytest.mark.parametrize("switch", [False, True])
def test_no_projection_where_it_saves_nothing_or_is_not_wanted(switch: bool) -> None:
    h, g = values(rank=4 if switch else 2)
    target = Target.build(h, g, 256, projection=switch)
    np.testing.assert_array_equal(target.basis, np.eye(4))
    np.testing.assert_allclose(target.values.T[:700], h - h.mean(axis=0), atol=1e-12)


def test_energy_of_validation_rows_outside_the_basis_is_counted() -> None:
    h, g = values(700, 300, 30, 5)
    g = g + np.random.default_rng(1).normal(0, 1, g.shape)
    target = Target.build(h, g, 256)
    assert target.values.shape[0] == 5
    assert target.sum_hh[1] == pytest.approx(squares(g - h.mean(axis=0)), rel=1e-10)


def test_a_constant_layer_has_no_energy() -> None:
    h = np.full((40, 3), 0.1, np.float32)
    target = Target.build(h, h[:10], 256)
    assert target.sum_hh.sum() == pytest.approx(0, abs=1e-25)
    assert np.isfinite(target.values).all()
