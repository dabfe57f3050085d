"""Rows that are fitted, and rows that are held out."""

from typing import Any

import numpy as np
import pytest
from helpers.trained import mlp
from numpy.typing import NDArray

from srnet.data.dataset import widen_box
from srnet.errors import UserError
from srnet.explanation.layers import MOST_ROWS, sample_layers
from srnet.networks.adapters import adapt

RNG = np.random.default_rng(0)
MIX = np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, 2.0]])


def correlated(rows: int) -> NDArray[np.float64]:
    """Three inputs, of which two say nearly the same."""
    return np.random.default_rng(rows).normal(size=(rows, 3)) @ MIX + [5.0, 0.0, -3.0]


def sampled(x: NDArray[Any], **options: Any) -> tuple[dict[str, NDArray[Any]], str]:
    """The inputs by split, and what the validation rows are."""
    network = adapt(mlp(x.shape[1], 3, 1), ["output"])
    sample = sample_layers(network, x, **{"hold_out": True, **options})
    return {split: values[0] for split, values in sample.layers.splits.items()}, sample.validation


def held_out(x: NDArray[Any], **options: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The inputs that are fitted and those for validation."""
    splits, _ = sampled(x, **options)
    return splits["train"], splits["valid"]


def among(rows: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are among others."""
    known = {row.tobytes() for row in others.astype(np.float32)}
    return np.array([row.tobytes() in known for row in rows.astype(np.float32)])


def test_a_fifth_of_many_rows_is_held_out() -> None:
    x = correlated(2000)
    splits, kind = sampled(x)
    assert (kind, sorted(splits)) == ("held out", ["train", "valid"])
    train, valid = held_out(x)
    assert (len(train), len(valid)) == (1600, 400)
    assert among(train, x).all()
    assert among(valid, x).all()
    assert not among(valid, train).any()
    assert len({row.tobytes() for row in np.vstack([train, valid])}) == 2000


def test_few_rows_are_recombined() -> None:
    """A fifth of 100 is held out; the 80 are fitted, and two for each of the 920 that are missing;
    of 400 others those are for validation that are not among them."""
    x = correlated(100)
    splits, kind = sampled(x)
    train, valid, test = (splits[split] for split in ("train", "valid", "test"))
    assert kind == "made up"
    assert (len(train), len(test)) == (80 + 1840, 20)
    assert 300 < len(valid) <= 400
    assert among(x, np.vstack([train[:80], test])).all()
    assert not among(train[80:], x).any()
    assert not among(valid, train).any()
    assert not among(test, train).any()


@pytest.mark.parametrize("rows", [9, 10, 60, 3000, MOST_ROWS + 2000])
def test_what_the_published_presets_validate_by_is_made_up_too(rows: int) -> None:
    x = correlated(rows)
    splits, kind = sampled(x, hold_out=False)
    assert kind == "made up"
    test = splits.get("test", x[:0])
    assert len(test) == (0 if rows < 10 else min(rows // 5, 1000))
    assert len(splits["train"]) == min(rows - len(test), MOST_ROWS)
    assert len(splits["valid"]) == min(max(10, rows * 3 // 10), 1000)
    assert among(np.vstack([splits["train"], test]), x).all()
    assert not among(test, splits["train"]).any()
    assert not among(splits["valid"], x).any()


def test_recombined_rows_are_of_the_same_kind() -> None:
    """Mean and covariance; by columns drawn apart the correlation of .8 would go."""
    x = correlated(500)
    for rows in held_out(x):
        assert (np.abs(rows.mean(axis=0) - x.mean(axis=0)) < 0.2 * x.std(axis=0)).all()
        correlation = np.corrcoef(rows.T)
        np.testing.assert_allclose(correlation, np.corrcoef(x.T), atol=0.1)
        np.testing.assert_allclose(rows.std(axis=0), x.std(axis=0), rtol=0.2)
    assert np.corrcoef(x.T)[0, 1] > 0.75


def test_half_of_the_components_of_a_recombined_row_are_a_rows() -> None:
    """By the singular vectors of the standardised rows; all of its components are of some row."""
    x = correlated(125)
    train, _ = held_out(x)
    kept, made = train[:100].astype(float), train[100:].astype(float)
    mean, std = kept.mean(axis=0), kept.std(axis=0)
    directions = np.linalg.svd((kept - mean) / std)[2].T
    scores, others = ((rows - mean) / std @ directions for rows in (made, kept))
    same = np.abs(scores[:, None] / (1 + 2 / np.sqrt(125)) - others) < 2e-4
    inside = (np.abs(made) < np.abs(kept).max(axis=0)).all(axis=1)  # no input was clipped
    assert same[inside].any(axis=1).mean() > 0.95
    most = same[inside].sum(axis=2).max(axis=1)  # components of the row that it has most of
    # one of three with a chance of 3/8 or so, two with one of 3/8, three with one of 1/8
    assert 0.3 < (most >= 2).mean() < 0.75


def test_recombined_rows_stay_within_the_box_a_little_wider() -> None:
    x = correlated(62)
    train, valid = held_out(x)
    low, high = widen_box(x, 1 + 2 / np.sqrt(50))
    for rows in (train, valid):
        assert (rows >= low - 1e-4).all()
        assert (rows <= high + 1e-4).all()
    assert (np.vstack([train, valid]) > x.max(axis=0)).any()  # they do reach further


def could_exist(x: NDArray[Any], made: NDArray[Any]) -> None:
    """Whether the made-up rows of the following columns could be: one-hot of three, 0/1, a code,
    an age, a count, a price, and a normal one with an outlier."""
    x = x.astype(np.float32)
    assert (made[:, :3].sum(axis=1) == 1).all()
    for i in (0, 1, 2, 3, 4, 5):
        assert set(np.unique(made[:, i])) <= set(np.unique(x[:, i]))
    kinds = {tuple(row) for row in x[:, :4]}
    assert {tuple(row) for row in made[:, :4]} <= kinds
    assert (made[:, 6] == np.rint(made[:, 6])).all()
    assert (made[:, 5:8] >= 0).all()
    assert (np.abs(made[:, 8]) > 5).mean() < 0.06


@pytest.mark.parametrize("hold_out", [True, False])
def test_made_up_rows_could_exist(hold_out: bool) -> None:
    rng = np.random.default_rng(2)
    x = np.column_stack(
        [
            np.eye(3)[rng.integers(0, 3, 300)],
            rng.integers(0, 2, 300),
            rng.choice([3, 17, 101, 250, 777, 1024, 2048, 4001, 5005, 6006, 7007, 9999], 300),
            rng.integers(18, 90, 300),
            rng.integers(0, 10**6, 300),
            rng.exponential(size=300),
            rng.normal(size=300),
        ]
    )
    x[7, 8] = 30
    splits, kind = sampled(x, hold_out=hold_out)
    assert kind == "made up"
    known = among(splits["train"], x)
    for made in (splits["train"][~known], splits["valid"]):
        if len(made):
            could_exist(x, made)
    assert len(np.unique(splits["valid"][:, 4])) > 8


@pytest.mark.parametrize("hold_out", [True, False])
def test_columns_of_one_sign_keep_it_in_made_up_rows(hold_out: bool) -> None:
    """Those that hold a 0 become 0 as ever."""
    rng = np.random.default_rng(3)
    x = rng.lognormal(size=(200, 4)) * [1, -1, 1000, 1]
    x[:, 2] = np.ceil(x[:, 2])
    x[::9, 3] = 0
    splits, _ = sampled(x, hold_out=hold_out)
    made = np.vstack([rows[~among(rows, x)] for rows in splits.values()])
    assert (made[:, [0, 2]] > 0).all()
    assert (made[:, 1] < 0).all()
    known = splits["train"][among(splits["train"], x)]
    for i in range(3):
        nearest = np.abs(known[:, i]).min()
        assert (np.abs(made[:, i]) == nearest).mean() > 0.05
    assert (made[:, 2] == np.rint(made[:, 2])).all()
    assert made[:, 3].min() == 0


def test_of_kinds_alone_nothing_is_made_up() -> None:
    rng = np.random.default_rng(2)
    x = np.column_stack([np.eye(3)[rng.integers(0, 3, 90)], rng.integers(0, 5, 90)])
    splits, kind = sampled(x)
    assert kind == "held out"
    assert sorted(splits) == ["train", "valid"]
    assert (len(splits["train"]), len(splits["valid"])) == (72, 18)
    assert sampled(x[:8])[1] == "fitted"


def test_inputs_of_few_values_keep_to_them() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack(
        [
            rng.integers(0, 2, 90),
            rng.choice([0.5, 1.5, 7.0], 90),
            rng.integers(0, 10, 90),
            np.full(90, 3.25),
            rng.normal(size=90),
        ]
    ).astype(float)
    train, valid = held_out(x)
    assert len(train) > 90
    for rows in (train, valid):
        for i in range(4):
            assert set(np.unique(rows[:, i])) <= set(np.float32(np.unique(x[:, i])))
        assert len(np.unique(rows[:, 4])) > 90
    assert 0.3 < train[:, 0].mean() < 0.7


@pytest.mark.parametrize("rows", [100, 2000])
def test_the_rows_depend_on_the_seed_alone(rows: int) -> None:
    x = correlated(rows)
    before = x.copy()
    first, again, other = (held_out(x, seed=seed) for seed in (1, 1, 2))
    for split in range(2):
        np.testing.assert_array_equal(first[split], again[split])
        assert not np.array_equal(first[split], other[split])
    np.testing.assert_array_equal(x, before)


def test_given_validation_rows_are_held_out_as_they_are() -> None:
    x = correlated(100)
    train, valid = held_out(x, validation=x[:7] + 1)
    np.testing.assert_array_equal(valid, (x[:7] + 1).astype(np.float32))
    np.testing.assert_array_equal(train, x.astype(np.float32))
    splits, kind = sampled(x, validation=x[10:30])
    assert (kind, sorted(splits)) == ("given", ["train", "valid"])
    np.testing.assert_array_equal(splits["train"], np.delete(x, range(10, 30), 0).astype("f4"))
    splits, kind = sampled(x, validation=x)
    assert kind == "fitted"
    np.testing.assert_array_equal(splits["train"], splits["valid"])


def test_of_very_many_rows_a_sample_is_split() -> None:
    x = correlated(MOST_ROWS + 500)
    train, valid = held_out(x)
    assert (len(train), len(valid)) == (MOST_ROWS * 4 // 5, MOST_ROWS // 5)
    assert not among(valid, train).any()


@pytest.mark.parametrize("rows", [2, 3, 5])
@pytest.mark.parametrize("inputs", [1, 20])
@pytest.mark.filterwarnings("ignore:the network's output is nearly constant")
def test_few_rows_are_enough(rows: int, inputs: int) -> None:
    train, valid = held_out(RNG.normal(size=(rows, inputs)))
    assert len(train) > 1000
    assert len(valid) >= 1
    assert np.isfinite(train).all()
    assert np.isfinite(valid).all()


def test_units_are_those_of_the_network_at_every_row() -> None:
    """Also of recombined rows."""
    network = adapt(mlp(3, 4, 2), None)
    layers = sample_layers(network, correlated(60), hold_out=True).layers
    for split in ("train", "valid"):
        x, *units = layers.splits[split]
        for ours, theirs in zip(units, network.layers(x)[1], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_value_that_is_not_finite_is_told_by_its_row_of_x() -> None:
    class Box:
        scaler = None

        def layers(self, x: NDArray[Any]) -> tuple[list[str], list[NDArray[Any]]]:
            return ["output"], [np.where(x[:, :1] == x_bad, np.nan, x[:, :1])]

    x = correlated(100)
    x_bad = x[63, 0]
    with pytest.raises(UserError, match="at row 63 of X; a network that is finite is needed$"):
        sample_layers(Box(), x, hold_out=True)


def test_a_value_that_is_not_finite_at_a_made_up_row_has_a_remedy() -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    known = set(x[:, 0])
    network = adapt(lambda rows: [0.0 if each[0] in known else np.nan for each in rows], None)
    with pytest.raises(UserError, match="at a row made up of those of X; .* or validation=, with"):
        sample_layers(network, x, hold_out=True)
