"""Weights of rows: what they count in, as repeated rows do, and what is refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers import made_up
from numpy.typing import NDArray

from srnet import explain
from srnet.errors import UserError
from srnet.model.fitting import check_run
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search.run import evolve
from srnet.search.settings import RankSettings, preset
from srnet.typing import Floats

SMALL: dict[str, Any] = {"budget": 3000, "progress": False}
RNG = np.random.default_rng(2)
X = RNG.uniform(-2, 2, (120, 2))


def product(x: NDArray[Any]) -> Floats:
    return x[:, :1] * x[:, 1:] + 0.3 * x[:, :1]


def times(rows: int) -> NDArray[np.int64]:
    weights = np.random.default_rng(4).integers(1, 4, rows)
    weights[0] = 1
    return weights


def small(**changes: Any) -> RankSettings:
    settings = preset("rank", population=10, generations=96, **changes)
    assert isinstance(settings, RankSettings)
    return settings


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "huber"])
def test_a_search_of_weighted_rows_is_that_of_repeated_ones(loss: str) -> None:
    """The same formulas, whose numbers are the same but for rounding: in the first rounds, for more
    of them would multiply it."""
    kind = made_up.classifier if loss == "cross_entropy" else made_up.layers
    layers = kind((2, 3, 3), 60, 25)
    weights = {split: times(layers.rows(split)) for split in layers.splits}
    repeated = Layers(
        {
            split: [np.repeat(each, weights[split], axis=0) for each in values]
            for split, values in layers.splits.items()
        }
    )
    weighted = Layers(
        layers.splits, weights={split: 0.2 * counts for split, counts in weights.items()}
    )
    settings = replace(small(loss=loss), generations=36, rounds=2)
    first, second = evolve(weighted, settings, 3), evolve(repeated, settings, 3)
    assert first["fitness"] == pytest.approx(second["fitness"], rel=1e-4)
    assert first["layer_losses"] == pytest.approx(second["layer_losses"], rel=1e-4)
    measure = "accuracy" if loss == "cross_entropy" else "r2"
    assert first[measure] == pytest.approx(second[measure], rel=1e-6)
    assert len(first["pareto"]) == len(second["pareto"]) > 3
    nodes = [
        [
            [program.nodes for layer in SRNet.from_run(entry).programs for program in layer]
            for entry in run["pareto"]
        ]
        for run in (first, second)
    ]
    assert nodes[0] == nodes[1]
    if loss != "cross_entropy":
        model = SRNet.from_run(first)
        assert model.losses(weighted) == pytest.approx(model.losses(repeated), rel=1e-9)
    check_run(first, SRNet.from_run(first), weighted)
    with pytest.raises(UserError, match="'fitness' is"):
        check_run(first | {"fitness": 2 * first["fitness"]}, SRNet.from_run(first), weighted)


def without_time(run: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in run.items() if not key.endswith("seconds")})


def test_equal_weights_change_no_bit_and_rows_without_weight_are_not_there() -> None:
    plain = explain(product, X, **SMALL)
    alike = explain(product, X, sample_weight=np.full(120, 2.5), **SMALL)
    assert without_time(alike.run) == without_time(plain.run)
    more = np.vstack([X, 100 + X[:7]])
    zero = explain(product, more, sample_weight=[1] * 120 + [0] * 7, **SMALL)
    assert without_time(zero.run) == without_time(plain.run)


def test_the_law_of_heavy_rows_is_found_and_told() -> None:
    """Half of the rows follow another law; they hardly count, also in R²."""
    light = np.arange(120) % 2 == 0
    known = {row.tobytes(): number for row, number in zip(X, light, strict=True)}

    def mixed(x: NDArray[Any]) -> Floats:
        other = np.array([known.get(row.tobytes(), False) for row in x])
        return np.where(other[:, None], 5 - 3 * x[:, 1:], product(x))

    weights = np.where(light, 1e-9, 1.0)
    found = explain(mixed, X, sample_weight=weights, **SMALL | {"budget": 20_000})
    far = RNG.uniform(-3, 3, (50, 2))
    np.testing.assert_allclose(found.predict(far), product(far), atol=1e-3)
    assert found.r2 is not None
    assert found.r2 > 0.999999
    assert found.run["r2"] > 0.9999
    assert found.fidelity(X, mixed(X), weights).r2 > 0.999999  # type: ignore[operator]
    assert found.fidelity(X, mixed(X)).r2 < 0.5  # type: ignore[operator]


def test_fidelity_counts_a_weight_as_repeated_rows() -> None:
    found = explain(lambda x: np.hstack([product(x), -x[:, :1]]), X, **SMALL)
    counts, y = times(120), RNG.normal(size=(120, 2))
    weighted = found.fidelity(X, y, counts)
    repeated = found.fidelity(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0))
    assert weighted.mse == pytest.approx(repeated.mse)
    assert weighted.r2 == pytest.approx(repeated.r2)
    assert weighted.agreement == pytest.approx(repeated.agreement)


def test_weights_are_saved_with_the_layers_and_the_search_goes_on_with_them() -> None:
    found = explain(product, X, sample_weight=times(120), validation=X[:30], **SMALL)
    layers = found.network_layers
    assert layers is not None
    assert layers.weights["valid"].tolist() == [1.0] * 30
    counts = layers.row_weights("train")
    assert counts is not None
    np.testing.assert_allclose(counts, times(120)[30:] / times(120).mean())
    more = found.resume(1000, progress=False)
    assert more.network_layers is not None
    assert more.network_layers.fingerprint() == layers.fingerprint()
    assert more.standard_errors()["standard_error"].notna().all()


@pytest.mark.parametrize("unit", [1e307, 1e-310])
def test_only_the_ratios_of_weights_count(unit: float) -> None:
    found = explain(product, X, **SMALL)
    counts, y = times(120), RNG.normal(size=(120, 1))
    told, plain = found.fidelity(X, y, unit * counts), found.fidelity(X, y, counts)
    assert told.mse == pytest.approx(plain.mse)
    assert told.r2 == pytest.approx(plain.r2)
    far = unit * np.where(np.arange(120) < 60, 1.0, 2.0)
    weights = explain(product, X, sample_weight=far, **SMALL).network_layers
    assert weights is not None
    counts = weights.row_weights("train")
    assert counts is not None
    assert counts.max() / counts.min() == pytest.approx(2)


def test_fidelity_leaves_rows_without_weight_out() -> None:
    found = explain(lambda x: 1 / x[:, 0], X, start=["1/x0"], **SMALL)
    told = found.fidelity(np.vstack([X, [[0.0, 1.0]]]), np.ones((121, 1)), [1] * 120 + [0])
    assert told == found.fidelity(X, np.ones((120, 1)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(119), r"'sample_weight' has the shape \(119,\); \(120,\) is needed"),
        (np.ones((120, 1)), r"'sample_weight' has the shape \(120, 1\)"),
        ([1.0] * 119 + [np.nan], r"'sample_weight' is nan in row 119; finite numbers of at least"),
        ([-1.0] + [1.0] * 119, r"'sample_weight' is -1.0 in row 0"),
        (np.zeros(120), "'sample_weight' is zero in every row; some weight above 0 is needed"),
        (np.ma.masked_equal(np.arange(120), 3), r"'sample_weight' has a masked value at \[3\]"),
        (["a"] * 120, "'sample_weight' holds <U1; real numbers are needed"),
        ([{}] * 120, "'sample_weight' is not an array of numbers"),
        (np.ones(120) + 1j, "'sample_weight' holds complex128; real numbers are needed"),
        ([1.0] + [0.0] * 119, "'sample_weight' is above 0 in one row alone; at least 2 are"),
    ],
)
def test_what_are_no_weights_is_refused(weights: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        explain(product, X, sample_weight=weights, **SMALL)


@pytest.mark.parametrize("name", ["joint", "paper", "rank2"])
def test_presets_without_weights_refuse_them(name: str) -> None:
    with pytest.raises(UserError, match=f"'sample_weight' is of the preset rank.*'{name}'"):
        explain(product, X, sample_weight=times(120), preset=name, **SMALL)
    layers = Layers(made_up.layers().splits, weights={"train": np.ones(40), "valid": np.ones(12)})
    with pytest.raises(UserError, match=f"weights, which the preset rank takes.*{name}"):
        evolve(layers, preset(name, population=5, generations=5), 1)
