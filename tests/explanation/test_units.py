"""Models of scaled inputs and outputs, in their own units."""

import numpy as np
import pytest
from helpers import made_up, ranked

from srnet.explanation.layers import LayerSample
from srnet.explanation.units import restore_units, scale_layers
from srnet.model.srnet import READS, SRNet
from srnet.networks.layers import Layers
from srnet.search.individual import measure


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
