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
from helpers.nesting import keeps

from srnet.cgp.nesting import NestedConstraints
from srnet.cgp.primitives import PRIMITIVES, REGRESSION, by_name
from srnet.errors import UserError
from srnet.model.fitting import check_run
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search import joint
from srnet.search.individual import Individual, judge
from srnet.search.joint import JointSearch
from srnet.search.kernels.climbing import improve
from srnet.search.kernels.composite_kernel import evaluate_from
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.run import evolve
from srnet.search.settings import JointSettings, preset


def small(**changes: Any) -> JointSettings:
    settings = preset("joint", population=20, generations=200)
    assert isinstance(settings, JointSettings)
    return dataclasses.replace(settings, **{"restarts": 4, "layerwise_share": 0.2, **changes})


def check(constraints: Any) -> Any:
    return NestedConstraints().check("nested_constraints", constraints)


def without_time(run: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in run.items() if not key.endswith("seconds")})


def test_threads_do_not_change_a_bit(layers: Layers) -> None:
    runs = {without_time(evolve(layers, small(), 3, threads=threads)) for threads in (1, 2, 3)}
    assert len(runs) == 1
    assert runs != {without_time(evolve(layers, small(), 4))}


def test_a_resumed_run_ends_alike(layers: Layers) -> None:
    """From the first search, from any generation of the climbers, through JSON."""
    settings = small(stop=0.0)
    whole = JointSearch(layers, settings, 2)
    states = []
    while not whole.finished:
        whole.step()
        if not whole.finished:
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


def test_a_search_that_has_not_begun_may_be_resumed(layers: Layers) -> None:
    """A round of the search of rank r begins where a checkpoint may be due."""
    settings = small(layerwise_share=0.0, generations=60)
    whole, resumed = (JointSearch(layers, settings, 2) for _ in range(2))
    resumed.restore(json.loads(json.dumps(whole.state())))
    for search in (whole, resumed):
        while not search.finished:
            search.step()
    assert json.dumps(resumed.archive()) == json.dumps(whole.archive())
    assert resumed.history == whole.history


def test_a_checkpoint_of_a_broken_run_is_used(layers: Layers, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("change", ["genes", "constants", "total", "history", "climbers"])
def test_a_state_that_lies_is_refused(layers: Layers, change: str) -> None:
    search = JointSearch(layers, small(stop=0.0), 2)
    while search.generation < 100:
        search.step()
    state = search.state()
    climber = state["climbers"][0]
    if change == "genes":
        climber["genes"][-1] = 10**6
    elif change == "constants":
        climber["constants"][0] = math.inf
    elif change == "total":
        climber["total"] = 0.0
    elif change == "history":
        state["history"][-1] = 0.0
    else:
        state["climbers"] = []
    with pytest.raises(UserError, match="checkpoint|composite"):
        JointSearch(layers, small(stop=0.0), 2).restore(state)


def test_it_is_no_worse_than_the_search_that_it_starts_from(layers: Layers) -> None:
    settings = small(layerwise_share=0.5, stop=0.0)
    first = LayerwiseSearch(
        layers,
        dataclasses.replace(settings, generations=100),
        1,
        constraints=settings.nested_constraints,
    )
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
    run = evolve(layers, small(layerwise_share=0.0, nodes_per_layer=2.0, stop=0.0), 1)
    search = JointSearch(layers, small(layerwise_share=0.0, nodes_per_layer=2.0), 1)
    longest = max(int(climber.composite.complexities.sum()) for climber in search._climbers)
    assert max(one["complexity"] for one in run["pareto"]) <= max(6, longest)


def rounding(model: SRNet, layers: Layers) -> float:
    """How far the fitness may move where formulas are rounded as NumPy does in float32: the
    Cauchy–Schwarz bound, summed over layers."""
    rows = [
        np.vstack([layers.splits[split][i] for split in ("train", "valid")])
        for i in range(layers.depth + 1)
    ]
    exact, values, moves = model.layers(rows[0].astype(np.float64)), rows[0], []
    for i, (program,) in enumerate(model.programs):
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
    search = JointSearch(layers, small(layerwise_share=0.0, restarts=16), 16)
    compared = close = 0
    for climber in search._climbers:
        improve(300, 0.0, 0, search._problem, climber, search._scratch[0])
        composite = climber.composite
        individual = search._judge(composite.genes, composite.constants)
        if individual is not None and np.isfinite(composite.total[0]):
            # a wild formula is as uncertain as float32 makes it, whatever the machine and the seed
            allowed = 1e-3 * individual.fitness + 4 * rounding(individual.model, layers)
            assert abs(composite.total[0] - individual.fitness) <= allowed
            close += abs(composite.total[0] - individual.fitness) <= 1e-3 * individual.fitness
            compared += 1
    assert compared >= 12
    assert close >= 0.8 * compared


def test_evaluating_from_any_layer_is_evaluating_all(layers: Layers) -> None:
    """The layers that an offspring did not change are taken from the parent, with the same result;
    offspring that were fitted in vain leave no trace in it."""
    search = JointSearch(layers, small(layerwise_share=0.0), 9)
    climber, scratch = search._climbers[0], search._scratch[0]
    for temperature in (0.05, 0.0, 0.0):
        improve(1000, temperature, 0, search._problem, climber, scratch)
        parent = climber.composite
        totals = {
            evaluate_from(
                first, parent.genes, parent.constants, search._problem, parent, np.inf, scratch
            )
            for first in range(layers.depth)
        }
        assert totals == {parent.total[0]}


def test_fitting_finds_a_constant() -> None:
    """One layer, y = sin(c·x): from a constant near by to the true one."""
    x = np.random.default_rng(0).uniform(-1, 1, (80, 1)).astype(np.float32)
    y = (2.0 * np.sin(1.7 * x) + 0.5).astype(np.float32)
    layers = Layers({"train": [x[:60], y[:60]], "valid": [x[60:], y[60:]]})
    search = JointSearch(layers, small(layerwise_share=0.0, rows=1, cols=2, n_eph=1), 1)
    names = [PRIMITIVES[opcode].name for opcode in search._problem.layout.opcodes]
    climber = search._climbers[0]
    # node 0 = input · constant, node 1 = sin(node 0), the output is node 1
    climber.composite.assign([names.index("mul"), 0, 1, names.index("sin"), 2, 0, 3], [1.2])
    improve(0, 0.0, 20, search._problem, climber, search._scratch[0])
    assert abs(climber.composite.constants[0]) == pytest.approx(1.7, abs=1e-4)
    assert climber.composite.total[0] < 1e-9


def test_a_promising_structure_is_judged_by_its_best_constants() -> None:
    """y = sin(0.8·x) from sin(x): sin(x / 0.99) is a little worse, with another constant exact."""
    x = np.random.default_rng(0).uniform(-2, 2, (80, 1)).astype(np.float32)
    y = np.sin(np.float32(0.8) * x)
    layers = Layers({"train": [x[:60], y[:60]], "valid": [x[60:], y[60:]]})
    totals = {}
    for steps in (0, 10):
        settings = small(
            layerwise_share=0.0,
            rows=1,
            cols=2,
            n_eph=1,
            restarts=1,
            functions=("div", "sin"),
            nodes_per_layer=2.0,
            constant_steps=steps,
        )
        search = JointSearch(layers, settings, 1)
        climber = search._climbers[0]
        # node 0 = sin(input), the output is node 0
        climber.composite.assign([1, 0, 0, 1, 0, 0, 2], [0.99])
        improve(300, 0.0, 0, search._problem, climber, search._scratch[0])
        totals[steps] = climber.composite.total[0]
    assert totals[10] < 1e-9
    assert totals[0] > 1e-3


def test_rows_are_sampled_in_proportion() -> None:
    layers = made_up.layers(rows=3000, valid=900)
    train, valid = joint._sample_rows(layers, 1024, 1)
    assert train.size + valid.size == 1024
    assert train.size / 1024 == pytest.approx(3000 / 3900, abs=1e-3)
    assert len(set(train)) == train.size
    assert train.max() < 3000
    assert valid.max() < 900
    other, _ = joint._sample_rows(layers, 1024, 2)
    assert not np.array_equal(train, other)
    run = evolve(layers, small(stop=0.0), 1)
    model_losses = [one["layer_losses"] for one in run["pareto"]][-1]
    assert run["layer_losses"] == model_losses


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("restarts", 0),
        ("layerwise_share", 1.0),
        ("temperature", -0.1),
        ("nodes_per_layer", -1.0),
        ("constant_steps", -1),
        ("sample_rows", 1),
    ],
)
def test_bad_settings_are_named(key: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"'{key}' is {value}"):
        preset("joint", **{key: value})


def classifier_settings(**changes: Any) -> JointSettings:
    settings = preset("joint", loss="cross_entropy", population=20, generations=120, stop=0.0)
    assert isinstance(settings, JointSettings)
    return dataclasses.replace(settings, **{"restarts": 4, "layerwise_share": 0.2, **changes})


@pytest.mark.parametrize(
    ("widths", "rows", "valid"), [((2, 3, 3, 2), 200, 0), ((2, 4, 3), 100, 30)]
)
def test_a_classifiers_composites_are_scored_by_cross_entropy(
    widths: tuple[int, ...], rows: int, valid: int
) -> None:
    """The kernel's fitness is that of the formulas in float64."""
    search = JointSearch(
        made_up.classifier(widths, rows, valid), classifier_settings(layerwise_share=0.0), 1
    )
    for _ in range(8):
        search.step()
    near = 0
    for climber in search._climbers:
        composite = climber.composite
        individual = search._judge(composite.genes, composite.constants)
        assert individual is not None
        assert individual.model.loss == "cross_entropy"
        near += individual.fitness == pytest.approx(
            composite.total[0], rel=1e-3
        )  # of a wild formula float32 has other values
    assert near >= len(search._climbers) / 2


def test_a_classifiers_joint_run_is_the_same_on_threads_and_resumed() -> None:
    layers, settings = made_up.classifier((2, 3, 2), 200), classifier_settings()
    run = evolve(layers, settings, 3)
    assert without_time(evolve(layers, settings, 3, threads=2)) == without_time(run)
    whole = JointSearch(layers, settings, 3)
    states = []
    while not whole.finished:
        whole.step()
        if not whole.finished:
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


@pytest.mark.parametrize("share", [0.2, 0.0])
def test_the_front_counts_the_costs_of_operators(layers: Layers, share: float) -> None:
    costs = {"add": 2, "mul": 3, "sin": 5, "square": 7}
    settings = small(layerwise_share=share, stop=0.0, costs=tuple(costs.items()))
    search = JointSearch(layers, settings, 3)
    while not search.finished:
        search.step()
    for climber in search._climbers:
        archive = climber.archive
        for entry in np.flatnonzero(np.isfinite(archive.totals[:-1])):
            individual = search._judge(archive.genes[entry], archive.constants[entry])
            assert individual is None or individual.model.complexity == entry
    run = evolve(layers, settings, 3)
    check_run(run, SRNet.from_run(run), layers)
    assert run["settings"]["costs"] == run["costs"] == costs
    assert len(run["pareto"]) >= 3
    for entry in (run, *run["pareto"]):
        nodes = [name for program in entry["programs"] for name, _ in program["nodes"]]
        assert entry["complexity"] == sum(costs.get(name, 1) for name in nodes)
        assert SRNet.from_run(entry).complexity == entry["complexity"]
    complexities = [entry["complexity"] for entry in run["pareto"]]
    assert complexities == sorted(set(complexities))
    for change in ({"costs": {}}, {"costs": {"sin": 6}}, {"complexity": 1000}):
        told = {**run, **change}
        with pytest.raises(UserError, match="'complexity' is"):
            check_run(told, SRNet.from_run(told), layers)


def test_what_is_too_complex_for_the_archive_shares_its_last_entry(layers: Layers) -> None:
    settings = small(layerwise_share=0.0, costs=tuple((name, 1000) for name in REGRESSION))
    search = JointSearch(layers, settings, 3)
    while not search.finished:
        search.step()
    assert [entry.model.complexity % 1000 for entry in search._front] == [0] * len(search._front)
    assert np.isfinite(search.fitness)


def met(search: JointSearch) -> list[Individual]:
    """What climbers stand on, have met and have begun with."""
    pairs = [
        (genes, constants)
        for archive in (search._dropped, *(climber.archive for climber in search._climbers))
        for total, genes, constants in zip(*archive, strict=True)
        if total < np.inf
    ]
    pairs += [(each.composite.genes, each.composite.constants) for each in search._climbers]
    judged = [search._judge(genes, constants) for genes, constants in pairs]
    elites = search._layerwise.elites if search._layerwise is not None else search._elites
    return [*elites, *search._front, *(each for each in judged if each is not None)]


@pytest.mark.parametrize("share", [0.2, 0.0])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_nothing_that_is_met_breaks_the_nesting_constraints(loss: str, share: float) -> None:
    """Of the first search, of random composites and of their offspring; without constraints some
    does."""
    constraints = check({"square": {"square": 0, "add": 1}, "sin": {"sin": 0, "cos": 0, "tan": 0}})
    layers = made_up.layers() if loss == "mse" else made_up.classifier((2, 3, 3), 100)
    make = small if loss == "mse" else classifier_settings
    for limits in (constraints, ()):
        found = []
        for seed in (5, 6, 7):  # what a seed meets depends on the processor's last bits
            search = JointSearch(
                layers, make(layerwise_share=share, stop=0.0, nested_constraints=limits), seed
            )
            found += met(search)
            steps = 0
            while not search.finished:
                search.step()
                steps += 1
                if steps in (5, 40) or search.finished:
                    found += met(search)
        programs = [program for each in found for (program,) in each.model.programs]
        assert len(programs) > 50
        broken = [program for program in programs if not keeps(program, constraints)]
        assert bool(broken) == (not limits)
