"""Models of scaled inputs and outputs, in their own units."""

import numpy as np
import pytest
from helpers import made_up, ranked

from srnet.explanation.layers import LayerSample
from srnet.explanation.units import restore_units, scale_layers, search_units
from srnet.model.srnet import READS, SRNet
from srnet.networks.layers import Layers, too_coarse
from srnet.search.individual import measure

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("column", "shift", "scale"),
    [
        (1.7e9 + RNG.uniform(0, 600, 500), 1.7e9, 1.0),
        (1e8 + RNG.uniform(1, 3, 400), 1e8, 1.0),
        (-5e6 + RNG.normal(size=400), -5e6, 1.0),
        (RNG.normal(size=400) * 1e-44, 0.0, 1e-44),
        (1e-30 + RNG.uniform(0, 6e-40, 400), 1e-30, 1e-40),
        (RNG.normal(size=400), 0.0, 1.0),
        (RNG.integers(1990, 2020, 400).astype(float), 0.0, 1.0),  # float32 holds it exactly
        (np.full(400, 1.7e9 + 0.3), 0.0, 1.0),
        (RNG.normal(size=400).astype(np.float32), 0.0, 1.0),
        (np.append(0.0, 1.7e9 + RNG.uniform(0, 600, 499)), 1.7e9, 1.0),  # an outlier
    ],
)
def test_columns_are_shifted_and_scaled_before_they_are_narrowed(
    column: np.ndarray, shift: float, scale: float
) -> None:
    x = np.column_stack([column, np.linspace(0, 1, len(column)).astype(column.dtype)])
    found = search_units(x)
    if (shift, scale) == (0.0, 1.0):
        assert found is None
        return
    assert found is not None
    assert found[0].tolist() == [shift, 0]
    np.testing.assert_allclose(found[1], [scale, 1], rtol=1e-15)
    searched = ((x - found[0]) / found[1]).astype(np.float32)
    assert too_coarse(x)[0]
    assert len(np.unique(searched[:, 0])) > 0.98 * len(np.unique(column))


@pytest.mark.parametrize("reads", READS)
def test_formulas_of_shifted_inputs_are_in_own_units(reads: str) -> None:
    """And as short as they can be: an input that is not shifted stays as it is."""
    scaled = made_up.layers((2, 3, 2))
    units = np.array([1.7e9, 0.0]), np.array([1.0, 1.0])
    splits = {
        split: [x.astype(np.float64) + units[0], *others]
        for split, (x, *others) in scaled.splits.items()
    }
    sample = LayerSample(Layers(splits), ["h1", "output"], 1.0)
    programs = ranked.model(2, reads, (2, 3, 2), (2, 2)).programs
    individual = measure(programs, scale_layers(sample, units), reads=reads)
    assert individual is not None
    run = restore_units({**individual.to_json(), "pareto": []}, sample, units)
    found = SRNet.from_run(run)
    np.testing.assert_allclose(
        found.predict(splits["train"][0]),
        individual.model.predict(scaled.splits["train"][0]),
        atol=1e-3 if reads == "scalars" else 1e-5,
    )
    for before, after in zip(programs[0], found.programs[0], strict=True):
        assert after.complexity == before.complexity + (0 in before.used_inputs())
        assert not before.used_inputs().count(0) or 1.7e9 in after.constants
    assert run["input_names"] == ["x0", "x1"]
    assert run["layer_losses"] == pytest.approx(individual.losses, rel=0.01)


def test_outputs_that_float32_would_merge_are_shifted_too() -> None:
    scaled = made_up.layers((2, 3, 2))
    splits = {
        split: [*others, y.astype(np.float64) + [1e9, 0.0]]
        for split, (*others, y) in scaled.splits.items()
    }
    spread = float(np.std(scaled.values(-1)))
    sample = LayerSample(Layers(splits), ["h1", "output"], spread)
    searched = scale_layers(sample, None)
    programs = ranked.model(2, "scalars", (2, 3, 2), (2, 2)).programs
    individual = measure(programs, searched, reads="scalars")
    assert individual is not None
    run = restore_units({**individual.to_json(), "pareto": []}, sample, None)
    x, y = splits["train"][0], splits["train"][-1]
    found, expected = SRNet.from_run(run).predict(x), individual.model.predict(x) * spread
    np.testing.assert_allclose(
        found - y, expected - searched.splits["train"][-1] * spread, atol=2e-3 * spread
    )


@pytest.mark.parametrize("reads", READS)
def test_models_of_several_formulas_read_inputs_in_their_own_units(reads: str) -> None:
    mean, deviation, scale = np.array([3.0, -5.0]), np.array([2.0, 0.25]), 40.0
    splits = {
        split: [x * deviation + mean, *hidden, y * scale]
        for split, (x, *hidden, y) in made_up.layers((2, 3, 2)).splits.items()
    }
    own = Layers({split: [v.astype(np.float32) for v in vs] for split, vs in splits.items()})
    sample = LayerSample(own, ["h1", "output"], scale)
    scaled = scale_layers(sample, (mean, deviation))
    entries = []
    for seed, ranks in ((2, (1, 1)), (3, (2, 2))):
        model = ranked.model(seed, reads, (2, 3, 2), ranks)
        individual = measure(model.programs, scaled, reads=reads)
        assert individual is not None
        entries.append(individual.to_json())
    run = restore_units({**entries[1], "pareto": entries}, sample, (mean, deviation), ["a", "b"])
    x = splits["train"][0]
    before = {entry["fitness"]: SRNet.from_run(entry) for entry in entries}
    assert run["fitness"] == min(before)
    for entry in run["pareto"]:
        found, expected = SRNet.from_run(entry), before[entry["fitness"]]
        assert (found.reads, found.ranks) == (reads, expected.ranks)
        np.testing.assert_allclose(
            found.predict(x),
            scale * expected.predict((x - mean) / deviation),
            # models of rank r are rounded to few digits
            atol=0.0 if reads == "units" else 1e-3 * scale,
            rtol=1e-9,
        )
        assert found.losses(own) == pytest.approx(entry["layer_losses"])
        assert len(entry["layer_r2"]) == 2
