"""The joint search: determinism, resumption, its archive, its budget, and the kernel's fitness
against float64."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import made_up

from srnet.cgp.primitives import PRIMITIVES, by_name
from srnet.errors import UserError
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search import joint
from srnet.search.individual import judge
from srnet.search.joint import JointSearch
from srnet.search.kernels import composite_kernel
from srnet.search.kernels.climbing import climb
from srnet.search.kernels.constants import polish
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.run import evolve
from srnet.search.settings import JointSettings, preset


def small(**changes: Any) -> JointSettings:
    settings = preset("joint", population=20, generations=200)
    assert isinstance(settings, JointSettings)
    return dataclasses.replace(settings, **{"starts": 4, "layerwise": 0.2, **changes})


def without_time(run: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in run.items() if key != "seconds"})


def test_threads_do_not_change_a_bit(layers: Layers) -> None:
    runs = {without_time(evolve(layers, small(), 3, threads=threads)) for threads in (1, 2, 3)}
    assert len(runs) == 1
    assert runs != {without_time(evolve(layers, small(), 4))}


def test_a_resumed_run_ends_alike(layers: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first search, from between the rounds, through JSON."""
    monkeypatch.setattr(joint, "_EPOCH", 16)
    settings = small(stop=0.0)
    whole = JointSearch(layers, settings, 2)
    states = []
    while not whole.finished:
        whole.step()
        if whole.resumable and not whole.finished:
            states.append(json.dumps(whole.state()))
    assert len(states) > 40
    for state in (states[3], states[39], *states[40::7], states[-1]):
        resumed = JointSearch(layers, settings, 2)
        resumed.restore(json.loads(state))
        while not resumed.finished:
            resumed.step()
        assert resumed.history == whole.history
        assert json.dumps(resumed.archive()) == json.dumps(whole.archive())
        assert resumed.evaluations == whole.evaluations


def test_a_checkpoint_of_a_broken_run_is_used(
    layers: Layers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "_EPOCH", 16)
    settings, file = small(stop=0.0), tmp_path / "checkpoint"

    def interrupt(search: Any) -> None:
        if search.generation > 120:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        evolve(layers, settings, 5, checkpoint=file, checkpoint_interval=0.0, progress=interrupt)
    begun = json.loads(file.read_text())["state"]["generation"]
    assert 40 < begun <= 120
    seen: list[int] = []
    resumed = evolve(
        layers, settings, 5, checkpoint=file, progress=lambda search: seen.append(search.generation)
    )
    assert seen[0] > begun
    assert without_time(resumed) == without_time(evolve(layers, settings, 5))


@pytest.mark.parametrize("change", ["genes", "constants", "total", "history", "lineages"])
def test_a_state_that_lies_is_refused(
    layers: Layers, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(joint, "_EPOCH", 16)
    search = JointSearch(layers, small(stop=0.0), 2)
    while search.generation < 100 or not search.resumable:
        search.step()
    state = search.state()
    lineage = state["lineages"][0]
    if change == "genes":
        lineage["genes"][-1] = 10**6
    elif change == "constants":
        lineage["constants"][0] = math.inf
    elif change == "total":
        lineage["total"] = 0.0
    elif change == "history":
        state["history"][-1] = 0.0
    else:
        state["lineages"] = []
    with pytest.raises(UserError, match="checkpoint|composite"):
        JointSearch(layers, small(stop=0.0), 2).restore(state)


def test_it_is_no_worse_than_the_search_that_it_starts_from(layers: Layers) -> None:
    settings = small(layerwise=0.5, stop=0.0)
    first = LayerwiseSearch(layers, dataclasses.replace(settings, generations=100), 1)
    while not first.finished:
        first.step()
    run = evolve(layers, settings, 1)
    assert run["history"][:100] == first.history
    assert run["fitness"] <= first.fitness
    assert run["history"] == sorted(run["history"], reverse=True)
    assert run["history"][-1] == run["fitness"]
    assert len(run["history"]) == run["generations"] == 200


def test_the_budget_is_kept(layers: Layers) -> None:
    """Chromosome evaluations as the published search counts them; what fitting constants takes is
    in it."""
    settings = small(generations=1000, stop=0.0)
    run = evolve(layers, settings, 1)
    assert (
        0.9
        < run["evaluations"] / (settings.population * settings.generations * layers.depth)
        < 1.01
    )


def test_the_front_is_what_its_formulas_compute(layers: Layers) -> None:
    run = evolve(layers, small(nodes_per_layer=3.0, stop=0.0), 1)
    front = run["pareto"]
    assert len(front) >= 3
    assert [one["complexity"] for one in front] == sorted({one["complexity"] for one in front})
    assert [one["fitness"] for one in front] == sorted(
        {one["fitness"] for one in front}, reverse=True
    )
    assert front[-1]["fitness"] == run["fitness"]
    search = JointSearch(layers, small(), 1)
    for one in front:
        programs = [
            grid.program(np.array(genes, dtype=np.int32), constants)
            for grid, genes, constants in zip(
                search._grids, one["genes"], one["constants"], strict=True
            )
        ]
        again = judge([np.array(genes) for genes in one["genes"]], programs, layers)
        assert again is not None
        assert again.fitness == one["fitness"]
        assert again.model.complexity == one["complexity"]


def test_offspring_stay_short(layers: Layers) -> None:
    """Only what the first search began with may be longer than the limit."""
    run = evolve(layers, small(layerwise=0.0, nodes_per_layer=2.0, stop=0.0), 1)
    search = JointSearch(layers, small(layerwise=0.0, nodes_per_layer=2.0), 1)
    longest = max(int(lineage.counts.sum()) for lineage in search._lineages)
    assert max(one["complexity"] for one in run["pareto"]) <= max(6, longest)


def rounding(model: SRNet, layers: Layers) -> float:
    """How far the fitness may move where formulas are rounded as NumPy does in float32: the
    Cauchy–Schwarz bound, summed over layers."""
    rows = [
        np.vstack([layers.splits[split][i] for split in ("train", "valid")])
        for i in range(layers.depth + 1)
    ]
    exact, values, moves = model.layers(rows[0].astype(np.float64)), rows[0], []
    for i, program in enumerate(model.programs):
        with np.errstate(all="ignore"):
            f = program.fold(
                list(values.T),
                np.float32,
                lambda name, *operands: by_name(name).value(np, *operands),
            )
            values = (np.asarray(f)[..., None] * model.weights[i] + model.biases[i]).astype(
                np.float32
            )
        off, loss = np.mean((values - exact[i]) ** 2), np.mean((exact[i] - rows[i + 1]) ** 2)
        moves.append(float(2 * np.sqrt(off * loss) + off))
    return moves[-1] + sum(moves[:-1]) / max(len(moves) - 1, 1)


@pytest.mark.parametrize("widths", [(1, 3, 1), (2, 3, 3, 1), (3, 4, 4, 4, 2)])
def test_the_kernel_agrees_with_float64(widths: tuple[int, ...]) -> None:
    layers = made_up.layers(widths, rows=300, valid=90)
    search = JointSearch(layers, small(layerwise=0.0, starts=16), 16)
    compared = close = 0
    for lineage in search._lineages:
        climb(300, 0.0, search._problem, lineage, search._scratch[0])
        individual = search._judge(lineage.genes, lineage.constants)
        if individual is not None and np.isfinite(lineage.total[0]):
            # a wild formula is as uncertain as float32 makes it, whatever the machine and the seed
            allowed = 1e-3 * individual.fitness + 4 * rounding(individual.model, layers)
            assert abs(lineage.total[0] - individual.fitness) <= allowed
            close += abs(lineage.total[0] - individual.fitness) <= 1e-3 * individual.fitness
            compared += 1
    assert compared >= 12
    assert close >= 0.8 * compared


def test_climbing_from_any_layer_is_evaluating_all(layers: Layers) -> None:
    """The layers that an offspring did not change are taken from the parent, with the same
    result."""
    search = JointSearch(layers, small(layerwise=0.0), 9)
    lineage, scratch = search._lineages[0], search._scratch[0]
    climb(2000, 0.0, search._problem, lineage, scratch)
    totals = {
        composite_kernel.evaluate_from(
            first, lineage.genes, lineage.constants, search._problem, lineage, np.inf, scratch
        )
        for first in range(layers.depth)
    }
    assert totals == {lineage.total[0]}


def test_polishing_finds_a_constant() -> None:
    """One layer, y = sin(c·x): from a constant near by to the true one."""
    x = np.random.default_rng(0).uniform(-1, 1, (80, 1)).astype(np.float32)
    y = (2.0 * np.sin(1.7 * x) + 0.5).astype(np.float32)
    layers = Layers({"train": [x[:60], y[:60]], "valid": [x[60:], y[60:]]})
    search = JointSearch(layers, small(layerwise=0.0, rows=1, cols=2, n_eph=1), 1)
    names = [PRIMITIVES[opcode].name for opcode in search._problem.opcodes]
    lineage, scratch = search._lineages[0], search._scratch[0]
    # node 0 = input · constant, node 1 = sin(node 0), the output is node 1
    lineage.genes[:] = [names.index("mul"), 0, 1, names.index("sin"), 2, 0, 3]
    lineage.constants[:] = [1.2]
    composite_kernel.start(search._problem, lineage, scratch)
    polish(20, search._problem, lineage, scratch)
    assert abs(lineage.constants[0]) == pytest.approx(1.7, abs=1e-4)
    assert lineage.total[0] < 1e-9


def test_a_promising_structure_is_judged_by_its_best_constants() -> None:
    """y = sin(1.7·x) from sin(x): with the constants as they are put in, no structure with one more
    node is better."""
    x = np.random.default_rng(0).uniform(-1, 1, (80, 1)).astype(np.float32)
    y = np.sin(1.7 * x)
    layers = Layers({"train": [x[:60], y[:60]], "valid": [x[60:], y[60:]]})
    totals = {}
    for steps in (0, 10):
        settings = small(
            layerwise=0.0,
            rows=1,
            cols=2,
            n_eph=1,
            starts=1,
            functions=("mul", "sin"),
            constant=0.0,
            nodes_per_layer=2.0,
            temperature=0.0,
            promising=1e6,
            polish_offspring=steps,
        )
        search = JointSearch(layers, settings, 1)
        lineage, scratch = search._lineages[0], search._scratch[0]
        lineage.genes[:] = [0, 0, 0, 1, 0, 0, 3]
        lineage.constants[:] = [1.0]
        composite_kernel.start(search._problem, lineage, scratch)
        climb(300, 0.0, search._problem, lineage, scratch)
        totals[steps] = lineage.total[0]
    assert totals[10] < 1e-9
    assert totals[0] > 1e-5


def test_what_did_not_become_better_leaves_no_trace(layers: Layers) -> None:
    """A parent whose offspring were fitted in vain is to the last bit what it was."""
    search = JointSearch(layers, small(layerwise=0.0, starts=1, promising=1e3), 9)
    lineage, scratch = search._lineages[0], search._scratch[0]
    climb(3000, 0.0, search._problem, lineage, scratch)
    before = [getattr(lineage, name).copy() for name in composite_kernel.Composite._fields]
    parent = composite_kernel.composite_of(lineage)
    polish(2, search._problem, lineage, scratch)
    composite_kernel.copy_composite(parent, lineage)
    after = [getattr(lineage, name) for name in composite_kernel.Composite._fields]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    total = composite_kernel.evaluate_from(
        0, lineage.genes, lineage.constants, search._problem, lineage, np.inf, scratch
    )
    assert total == lineage.total[0]


def test_rows_are_screened_in_proportion() -> None:
    layers = made_up.layers(rows=3000, valid=900)
    train, valid = joint._screening_rows(layers, 1024, 1)
    assert train.size + valid.size == 1024
    assert train.size / 1024 == pytest.approx(3000 / 3900, abs=1e-3)
    assert len(set(train)) == train.size
    assert train.max() < 3000
    assert valid.max() < 900
    other, _ = joint._screening_rows(layers, 1024, 2)
    assert not np.array_equal(train, other)
    run = evolve(layers, small(stop=0.0), 1)
    model_losses = [one["layer_losses"] for one in run["pareto"]][-1]
    assert run["layer_losses"] == model_losses


def test_the_memory_saves_evaluations_of_what_was_met(layers: Layers) -> None:
    search = JointSearch(
        layers, small(layerwise=0.0, starts=1, constant=0.0, polish_offspring=0), 9
    )
    lineage, scratch = search._lineages[0], search._scratch[0]
    climb(400, 0.0, search._problem, lineage, scratch)
    met = lineage.met[lineage.met > 0]
    assert met.size > 100
    assert len(set(met.tolist())) == met.size


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("starts", 0),
        ("layerwise", 1.0),
        ("temperature", -0.1),
        ("again", 1.0),
        ("polish", -1),
        ("screen_rows", 1),
        ("promising", -1.0),
    ],
)
def test_bad_settings_are_named(key: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"'{key}' is {value}"):
        preset("joint", **{key: value})


def classifier_settings(**changes: Any) -> JointSettings:
    settings = preset("joint", loss="cross_entropy", population=20, generations=120, stop=0.0)
    assert isinstance(settings, JointSettings)
    return dataclasses.replace(settings, **{"starts": 4, "layerwise": 0.2, **changes})


@pytest.mark.parametrize(
    ("widths", "rows", "valid"), [((2, 3, 3, 2), 200, 0), ((2, 4, 3), 100, 30)]
)
def test_a_classifiers_composites_are_scored_by_cross_entropy(
    widths: tuple[int, ...], rows: int, valid: int
) -> None:
    """The kernel's fitness is that of the formulas in float64."""
    search = JointSearch(
        made_up.classifier(widths, rows, valid), classifier_settings(layerwise=0.0), 1
    )
    for _ in range(8):
        search.step()
    near = 0
    for lineage in search._lineages:
        individual = search._judge(lineage.genes, lineage.constants)
        assert individual is not None
        assert individual.model.loss == "cross_entropy"
        near += individual.fitness == pytest.approx(
            lineage.total[0], rel=1e-3
        )  # of a wild formula float32 has other values
    assert near >= len(search._lineages) / 2


def test_a_classifiers_joint_run_is_the_same_on_threads_and_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(joint, "_EPOCH", 16)
    layers, settings = made_up.classifier((2, 3, 2), 200), classifier_settings()
    run = evolve(layers, settings, 3)
    assert without_time(evolve(layers, settings, 3, threads=2)) == without_time(run)
    whole = JointSearch(layers, settings, 3)
    states = []
    while not whole.finished:
        whole.step()
        if whole.resumable and not whole.finished:
            states.append(json.dumps(whole.state()))
    for state in (states[5], states[-1]):
        resumed = JointSearch(layers, settings, 3)
        resumed.restore(json.loads(state))
        while not resumed.finished:
            resumed.step()
        assert resumed.history == whole.history == run["history"]


def test_a_classifiers_whole_composites_beat_its_layers_one_by_one() -> None:
    layers = made_up.classifier((2, 3, 3), 300)
    whole = evolve(layers, classifier_settings(), 1)
    single = evolve(
        layers, preset("paper", loss="cross_entropy", population=20, generations=120, stop=0.0), 1
    )
    assert whole["fitness"] < single["fitness"]
    assert whole["accuracy"] == pytest.approx(SRNet.from_run(whole).accuracy(layers))


@pytest.mark.parametrize(
    ("widths", "rows", "epoch"),
    [((2, 3, 1), 100, 1000), ((2, 20, 10, 1), 20_000, 1000), ((2, 600, 1), 2000, 81)],
)
def test_wide_layers_can_be_resumed_more_often(
    widths: tuple[int, ...], rows: int, epoch: int
) -> None:
    """A generation of them takes long, and what a kill costs is counted in seconds."""
    search = JointSearch(
        made_up.layers(widths, rows=rows, valid=rows // 4), preset("joint", generations=10), 1
    )
    assert search._epoch == epoch
