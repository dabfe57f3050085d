"""Individuals: formulas of every layer, measured, and what RUN.json tells of them."""

import json

import numpy as np
import pytest
from helpers import made_up, ranked

from srnet.cgp.program import Program
from srnet.io.schema import check_json
from srnet.model.srnet import READS, SRNet
from srnet.search.individual import judge, measure

LAYERS = made_up.layers((2, 4, 3, 2))


@pytest.mark.parametrize("reads", READS)
def test_several_formulas_per_layer_are_measured(reads: str) -> None:
    found = measure(ranked.model(2, reads).programs, LAYERS, reads=reads)
    assert found is not None
    assert found.model.reads == reads
    _, units = ranked.values(found.model, LAYERS.values(0))
    losses = [np.mean((h - LAYERS.values(i)) ** 2) for i, h in enumerate(units, start=1)]
    assert found.losses == pytest.approx(losses)
    assert found.fitness == pytest.approx(losses[2] + (losses[0] + losses[1]) / 2)


@pytest.mark.parametrize("reads", READS)
def test_one_without_chromosomes_is_part_of_a_run(reads: str) -> None:
    found = measure(ranked.model(2, reads).programs, LAYERS, reads=reads)
    assert found is not None
    entry = json.loads(json.dumps(found.to_json(), allow_nan=False))
    check_json(entry, "run", part="individual")
    assert "genes" not in entry
    assert entry["complexity"] == found.model.complexity
    assert [len(texts) for texts in entry["expressions"]] == found.model.ranks
    again = SRNet.from_run(entry)
    assert (again.programs, again.reads) == (found.model.programs, reads)
    assert again.losses(LAYERS) == pytest.approx(entry["layer_losses"])


def test_a_composite_of_one_formula_per_layer_keeps_its_chromosomes() -> None:
    programs = [Program(2, (), (("sin", (1,)),), 2), Program(4, (), (("add", (0, 1)),), 4)]
    layers = made_up.layers((2, 4, 2))
    genes = [np.arange(3, dtype=np.int32), np.arange(4, dtype=np.int32)]
    found = judge(genes, programs, layers)
    assert found is not None
    entry = found.to_json()
    assert entry["genes"] == [[0, 1, 2], [0, 1, 2, 3]]
    assert entry["expressions"] == ["sin(x1)", "(h0 + h1)"]
    assert (entry["complexity"], np.shape(entry["weights"][0])) == (2, (4,))
    same = measure([[program] for program in programs], layers)
    assert same is not None
    assert same.fitness == found.fitness


def test_nothing_is_measured_where_a_formula_has_no_value() -> None:
    sine, logarithm = (Program(2, (), ((name, (0,)),), 2) for name in ("sin", "ln"))
    layers = made_up.layers((2, 1))
    assert measure([[sine]], layers) is not None
    assert measure([[sine, logarithm]], layers) is None
