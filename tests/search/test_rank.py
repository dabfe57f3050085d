"""The search of rank r: exact laws come back, a given number of formulas is kept, nothing depends
on threads or interruptions, and what a run tells is true."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import made_up
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from srnet.cgp.program import Program
from srnet.cli import main
from srnet.errors import UserError
from srnet.io.schema import check_json
from srnet.model.fitting import check_run
from srnet.model.logistic import PENALTY, softmax
from srnet.model.losses import SQUARED
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search import rank
from srnet.search.rank import RankSearch
from srnet.search.run import evolve
from srnet.search.settings import RankSettings, preset
from srnet.typing import Floats

Run = dict[str, Any]
SEED = 5
FOUR = made_up.layers((2, 5, 4, 3), rows=60, valid=25)
CLASSES = made_up.classifier((2, 3, 3), 80, 20)


def small(name: str = "rank2", **changes: Any) -> RankSettings:
    settings = preset(name, **{"population": 10, "generations": 48, **changes})
    assert isinstance(settings, RankSettings)
    return settings


def layers_of(
    values: Callable[[Floats], list[Floats]], inputs: int = 3, rows: int = 120, valid: int = 40
) -> Layers:
    """Layers that are exact functions of uniform inputs."""
    rng = np.random.default_rng(0)

    def split(rows: int) -> list[NDArray[np.float32]]:
        x = rng.uniform(-1, 1, (rows, inputs))
        return [value.astype(np.float32) for value in (x, *values(x))]

    return Layers({"train": split(rows), "valid": split(valid)}, name="law")


def without_time(run: Run) -> str:
    return json.dumps({key: value for key, value in run.items() if not key.endswith("seconds")})


LAW = layers_of(lambda x: [np.column_stack([x[:, 0] * x[:, 1], x[:, 0] * x[:, 1] + x[:, 2]])])


@pytest.mark.parametrize(("name", "formulas"), [("rank", 0), ("rank2", 2)])
def test_costs_of_operators_count_in_the_front(name: str, formulas: int) -> None:
    costs = {"add": 2, "mul": 3, "sin": 5}
    run = evolve(FOUR, small(name, formulas=formulas, costs=costs), SEED)
    check_run(run, SRNet.from_run(run), FOUR)
    assert run["settings"]["costs"] == run["costs"] == costs
    assert len(run["pareto"]) >= 3
    for entry in (run, *run["pareto"]):
        model = SRNet.from_run(entry)
        programs = [program for layer in model.programs for program in layer]
        nodes = [node for program in programs for node, _ in program.nodes]
        joins = len(programs) - model.depth
        assert entry["complexity"] == sum(costs.get(node, 1) for node in nodes) + 2 * joins
    complexities = [entry["complexity"] for entry in run["pareto"]]
    assert complexities == sorted(set(complexities))


# --- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "formulas"),
    [("rank", None), ("rank", 2), ("rank2", None), ("rank3", None), ("rank2", 0)],
)
def test_an_exact_law_of_two_outputs_is_found(name: str, formulas: int | None) -> None:
    """(x0·x1, x0·x1 + x2), with nothing beside though more formulas were allowed."""
    run = evolve(LAW, small(name, formulas=formulas, population=20, generations=160), 1)
    assert run["r2"] == pytest.approx(1, abs=1e-12)
    texts = {text.replace("x1 * x0", "x0 * x1") for text in run["expressions"][0]}
    assert texts == {"x2", "(x0 * x1)"}
    assert run["complexity"] == 2
    assert run["pareto"][-1]["complexity"] == 2


def test_a_layer_reads_the_scalars_of_the_one_before() -> None:
    """h1 is of rank 2; the output is a product of its two scalars, or of sums of them."""

    def values(x: Floats) -> list[Floats]:
        z = np.column_stack([x[:, 0] * x[:, 1], x[:, 2]])
        return [z @ [[1.0, 0.3, -1.0, 0.5], [0.2, 1.0, 1.0, -0.7]], (z[:, :1] + 2) * z[:, 1:]]

    layers = layers_of(values)
    run = evolve(layers, small("rank2", population=20, generations=400), 1)
    assert run["reads"] == "scalars"
    model = SRNet.from_run(run)
    assert model.ranks[0] == 2
    assert [program.inputs for program in model.programs[1]] == [2] * model.ranks[1]
    assert run["layer_losses"][0] < 1e-12
    assert run["r2"] > 0.999


@pytest.mark.parametrize("formulas", [1, 2, 3])
@pytest.mark.parametrize("name", ["rank", "rank3"])
def test_a_given_number_of_formulas_is_never_exceeded(name: str, formulas: int) -> None:
    run = evolve(FOUR, small(name, formulas=formulas), SEED)
    for each in (run, *run["pareto"]):
        assert max(SRNet.from_run(each).ranks) <= formulas
    # one that is constant, as a small budget may leave it, is dropped
    assert max(SRNet.from_run(run).ranks) >= min(formulas, 2)


def test_every_layer_may_have_a_number_of_its_own() -> None:
    run = evolve(FOUR, replace(small(), formulas=(3, 1, 2)), SEED)
    ranks = SRNet.from_run(run).ranks
    assert 2 <= ranks[0] <= 3
    assert ranks[1:] == [1, 2]


@pytest.mark.parametrize(("rows", "inputs"), [(25, 12), (60, 5), (200, 30)])
def test_it_is_no_worse_than_the_linear_regression(rows: int, inputs: int) -> None:
    """On the validation rows, but for the difference that counts as none."""
    layers = made_up.layers((inputs, 3), rows=rows, valid=100)
    run = evolve(layers, small("rank"), SEED)
    (x, h), (v, k) = ([a.astype(float) for a in layers.splits[s]] for s in ("train", "valid"))
    total = np.sum((k - k.mean(axis=0)) ** 2)

    def r2(values: Floats) -> float:
        return float(1 - np.sum((k - values) ** 2) / total)

    design, at = (np.column_stack([np.ones(len(rows_)), rows_]) for rows_ in (x, v))
    linear = r2(at @ np.linalg.lstsq(design, h, rcond=None)[0])
    found = r2(SRNet.from_run(run).predict(v))
    assert found >= max(linear, r2(np.broadcast_to(h.mean(axis=0), k.shape))) - 0.0023


def test_a_linear_layer_ends_with_its_inputs_after_one_round() -> None:
    layers = layers_of(lambda x: [np.column_stack([x @ [1.0, 2.0, 3.0], x[:, 0] - x[:, 2]])])
    run = evolve(layers, small("rank", generations=80), 1)
    assert sorted(run["expressions"][0]) == ["x0", "x1", "x2"]
    assert run["r2"] == pytest.approx(1, abs=1e-12)
    assert run["generations"] == 80 // 8


@pytest.mark.parametrize("formulas", [0, 2])
def test_further_pursuits_only_improve_the_front(formulas: int) -> None:
    """The first of several is the same as one alone, and what they find is added."""
    layers = layers_of(lambda x: [np.exp(x[:, :1] * x[:, 1:2]) + np.sin(3 * x[:, 2:])])
    each = {"rounds": 3, "round_generations": 16, "fidelity": 1.0, "formulas": formulas}
    once, often = (
        evolve(layers, small("rank", generations=generations, **each), 1)
        for generations in (3 * 16, 14 * 16)
    )
    assert often["evaluations"] > 4 * once["evaluations"]
    improved = 0
    for entry in once["pareto"]:
        known = [e["fitness"] for e in often["pareto"] if e["complexity"] <= entry["complexity"]]
        assert min(known) <= entry["fitness"]
        improved += min(known) < entry["fitness"]
    assert improved


def test_a_layer_ends_when_nothing_shorter_is_found() -> None:
    layers = layers_of(lambda x: [x[:, :1] * x[:, 1:2]])
    settings = small("rank", generations=10_000, rounds=2, round_generations=40)
    run = evolve(layers, settings, 1)
    assert run["complexity"] == 1
    assert run["generations"] < 2000


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_a_law_of_products_is_found_in_the_first_round(scale: float) -> None:
    """With standardised inputs it would need constants for each of them."""
    layers = layers_of(lambda x: [(x[:, :1] + 2) * np.sin((x[:, 1:2] + 1.2) * (x[:, 2:] + 1.5))])
    for values in layers.splits.values():
        values[0] = (values[0] + np.float32([2, 1.2, 1.5])) * np.float32([scale, 1, 1])
    settings = preset("rank", generations=8 * 1500)
    search = RankSearch(layers, settings, 1)
    while search._pursuit.round == 0:
        search.step()
    law = search._pursuit.found[3]
    assert law.error < 1e-9 * np.var(layers.values(1))
    assert [program.used_inputs() for program in law.programs] == [[0, 1, 2]]


def test_given_formulas_are_where_the_first_rounds_begin() -> None:
    given = Program(3, (), (("mul", (0, 1)),), 3), Program(3, (), (), 2)
    search = RankSearch(LAW, small("rank"), SEED, start=[given])
    assert search._pursuit.current.programs == given
    assert rank._BEGINNINGS[search._beginning] is None
    plain = RankSearch(LAW, small("rank"), SEED)
    assert plain._pursuit.current.complexity == 0
    assert not plain._pursuit.current.programs[0].used_inputs()


def test_given_formulas_that_cannot_be_chosen_are_told() -> None:
    product = Program(3, (), (("mul", (0, 1)),), 3)
    nested = Program(3, (), (("cos", (0,)), ("sin", (3,))), 4)
    long = Program(3, (), (("mul", (0, 1)), ("mul", (3, 2))), 4)
    search = RankSearch(
        LAW, small("rank", most_nodes=1), SEED, start=[(product,), (nested,), (long,)]
    )
    free, nesting, length = search.archive()["start_objections"]
    assert free is None
    assert nesting.startswith("it breaks the nesting constraints")
    assert length == "its complexity 2 is above nodes=1"
    assert "start_objections" not in RankSearch(LAW, small("rank"), SEED, start=[(long,)]).archive()


def test_of_many_inputs_those_that_matter_are_found() -> None:
    layers = layers_of(lambda x: [3 * x[:, 7:8] * x[:, 7:8] + x[:, 31:32]], 40, 300, 100)
    run = evolve(layers, small("rank", population=20, generations=800), 1)
    used = {i for p in SRNet.from_run(run).programs[0] for i in p.used_inputs()}
    assert used == {7, 31}
    assert run["r2"] > 0.999


def test_what_adds_most_comes_first() -> None:
    def values(x: Floats) -> list[Floats]:
        return [np.sin(3 * x[:, :1]) + 0.5 * x[:, 1:2] + 0.1 * x[:, 2:]]

    model = SRNet.from_run(evolve(layers_of(values), small("rank", generations=160), 1))
    x = layers_of(values).values(0).astype(float)
    h = values(x)[0]
    gains, before = [], 0.0
    for count in range(1, model.ranks[0] + 1):
        design = np.column_stack([np.ones(len(x)), *(p(x) for p in model.programs[0][:count])])
        left = h - design @ np.linalg.lstsq(design, h, rcond=None)[0]
        gains.append(1 - left.var() / h.var() - before)
        before += gains[-1]
    assert len(gains) >= 2
    assert gains[0] == max(gains)


# --- extreme layers -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["rank", "rank2"])
@pytest.mark.parametrize("which", [1, 2])
def test_a_constant_layer_is_its_mean(name: str, which: int) -> None:
    layers = made_up.layers((2, 3, 2))
    for values in layers.splits.values():
        for constant in values[which:]:
            constant[:] = 0.1
    run = evolve(layers, small(name), SEED)
    for layer in range(which - 1, 2):
        assert run["expressions"][layer] == "0.0"
        assert run["layer_losses"][layer] == pytest.approx(0, abs=1e-20)
    assert run["r2"] is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["rank", "rank2"])
@pytest.mark.parametrize(
    "layers",
    [
        made_up.layers(rows=2, valid=1),
        made_up.layers((1, 1), rows=5, valid=3),
        made_up.layers((2, 300, 1)),
        made_up.layers((30, 2), rows=10, valid=5),
    ],
    ids=["two rows", "one column", "wide", "more inputs than rows"],
)
def test_extreme_layers_have_a_run(name: str, layers: Layers) -> None:
    run = evolve(layers, small(name), SEED)
    model = SRNet.from_run(run)
    check_run(run, model, layers)
    assert model.widths == layers.widths
    assert np.isfinite(run["fitness"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-20, 1e15])
def test_the_magnitude_does_not_matter(scale: float) -> None:
    scaled = Layers(
        {
            split: [(value * np.float32(scale)).astype(np.float32) for value in values]
            for split, values in LAW.splits.items()
        }
    )
    assert evolve(scaled, small("rank2", generations=160), 1)["r2"] > 0.999999


def test_inputs_that_are_constant_or_equal_are_no_obstacle() -> None:
    def values(x: Floats) -> list[Floats]:
        x[:, 1], x[:, 3] = 0.7, x[:, 2]
        return [x[:, :1] * x[:, 2:3]]

    run = evolve(layers_of(values, 4), small("rank", generations=160), 1)
    assert run["r2"] > 0.999


# --- the same on every machine --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "layers", "loss"),
    [("rank", FOUR, "mse"), ("rank2", FOUR, "mse"), ("rank", CLASSES, "cross_entropy")],
    ids=["rank", "rank2", "classifier"],
)
def test_threads_and_repetition_do_not_change_a_bit(name: str, layers: Layers, loss: str) -> None:
    settings = small(name, loss=loss)
    runs = {without_time(evolve(layers, settings, SEED, threads=t)) for t in (1, 2, 1)}
    assert len(runs) == 1
    assert runs != {without_time(evolve(layers, settings, SEED + 1))}


PROGRAM = """
import json, sys
sys.path.insert(0, {tests!r})
from helpers import made_up
from srnet.search.run import evolve
from srnet.search.settings import preset
layers = made_up.layers((8, 300, 20), rows=1100, valid=100)
run = evolve(layers, preset({name!r}, population=10, generations=16), 3)
print(json.dumps({{key: value for key, value in run.items() if not key.endswith("seconds")}}))
"""


@pytest.mark.parametrize("name", ["rank", "rank2"])
def test_threads_of_the_libraries_do_not_change_a_bit(name: str) -> None:
    """More rows than the sample, and units enough for LAPACK to share its work."""
    code = PROGRAM.format(tests=str(Path(__file__).parents[1]), name=name)
    outputs = set()
    for threads in ("1", "4"):
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | dict.fromkeys(variables, threads),
        )
        assert result.returncode == 0, result.stderr
        outputs.add(result.stdout)
    assert len(outputs) == 1


# --- checkpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "each"), [("rank", None), ("rank", 20), ("rank2", None)])
def test_a_resumed_run_ends_alike(name: str, each: int | None) -> None:
    """From any step, in every layer and pursuit, through JSON."""
    settings = small(name, fidelity=1.0, rounds=3, generations=240, round_generations=each)
    whole = RankSearch(FOUR, settings, SEED)
    states = []
    while not whole.finished:
        whole.step()
        states.append(json.dumps(whole.state(), allow_nan=False))
    done = [len(json.loads(state)["done"]) for state in states]
    assert set(done) == {0, 1, 2}
    assert {json.loads(state)["pass"] for state in states} == ({0} if name == "rank" else {0, 1})
    assert len(states) > 60
    starts = {done.index(layer) for layer in (1, 2)}  # where a layer begins
    last = len(states) - 1  # of a run that is killed before it is written
    for i in sorted({*range(0, len(states), 23), *starts, *(s - 1 for s in starts), last}):
        resumed = RankSearch(FOUR, settings, SEED)
        resumed.restore(json.loads(states[i]))
        while not resumed.finished:
            resumed.step()
        assert resumed.history == whole.history, i
        assert resumed.evaluations == whole.evaluations, i
        assert json.dumps(resumed.archive()) == json.dumps(whole.archive()), i
        assert resumed.best is not None
        assert whole.best is not None
        assert resumed.best.to_json() == whole.best.to_json(), i


class Stop(Exception):
    pass


@pytest.mark.parametrize("formulas", [2, (3, 1, 2)], ids=str)
def test_a_broken_run_goes_on_from_its_file(tmp_path: Path, formulas: Any) -> None:
    settings, file = replace(small(rounds=3), formulas=formulas), tmp_path / "checkpoint"

    def interrupt(search: Any) -> None:
        if search.generation > 20:
            raise Stop

    with pytest.raises(Stop):
        evolve(FOUR, settings, SEED, checkpoint=file, checkpoint_interval=0, progress=interrupt)
    assert 10 < json.loads(file.read_text())["state"]["generation"] <= 20
    begun: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = evolve(
            FOUR, settings, SEED, checkpoint=file, progress=lambda s: begun.append(s.generation)
        )
    assert begun[0] > 20
    assert without_time(run) == without_time(evolve(FOUR, settings, SEED))


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no history": lambda state: state.pop("history"),
    "history of another length": lambda state: state["history"].pop(),
    "too many generations": lambda state: state.update(generation=49, history=[1.0] * 49),
    "history that lies": lambda state: state["history"].__setitem__(-1, 1e-9),
    "a pass too many": lambda state: state.update({"pass": 2}),
    "a pass before the first": lambda state: state.update({"pass": -1}),
    "no pass": lambda state: state.pop("pass"),
    "found of other inputs": lambda state: state["found"][0][0][0].update(
        inputs=9, output=8, nodes=[]
    ),
    "turn of no complexity": lambda state: state.update(simplest="x"),
    "a beginning too many": lambda state: state.update(beginning=6),
    "a beginning before the first": lambda state: state.update(beginning=-1),
    "no failures": lambda state: state.pop("failures"),
    "no pursuit": lambda state: state.pop("pursuit"),
    "no scaling": lambda state: state["pursuit"].pop("keeps_zero"),
    "no round": lambda state: state["pursuit"].update(round=None),
    "no formula": lambda state: state["pursuit"].update(current=[]),
    "formula of other inputs": lambda state: state["pursuit"]["current"][0].update(inputs=7),
    "formula with an unknown function": lambda state: state["pursuit"]["found"][-1].__setitem__(
        0, {"inputs": 2, "constants": [], "nodes": [["erf", [0]]], "output": 2}
    ),
    "done of another kind": lambda state: state.update(done=5),
    "done of other inputs": lambda state: state["done"][0][0].update(inputs=9, output=8, nodes=[]),
    "more layers than there are": lambda state: state.update(done=state["done"] * 3),
    "best that is none": lambda state: state.update(best=[[]]),
    "best of fewer layers": lambda state: state.update(best=state["best"][:1]),
    "no search": lambda state: state["pursuit"].update(search={}),
    "not a dictionary": lambda state: state.update(pursuit=[1]),
    "evaluations that are text": lambda state: state.update(evaluations="many"),
}


@pytest.fixture(scope="module")
def saved_state() -> str:
    """One pass is over, and a layer of the next."""
    search = RankSearch(FOUR, small(), SEED)
    while search._pass < 1 or len(search._done) < 1:
        search.step()
    return json.dumps(search.state())


def test_a_state_that_is_not_damaged_is_taken(saved_state: str) -> None:
    search = RankSearch(FOUR, small(), SEED)
    search.restore(json.loads(saved_state))
    assert json.dumps(search.state()) == saved_state
    assert len(json.loads(saved_state)["done"]) == 1


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_refused_in_a_sentence(
    damage: Callable[[dict[str, Any]], Any], saved_state: str
) -> None:
    state = json.loads(saved_state)
    damage(state)
    with pytest.raises(UserError) as caught:
        RankSearch(FOUR, small(), SEED).restore(state)
    assert "\n" not in str(caught.value)


# --- stopped early --------------------------------------------------------------------------------


def check_whole(run: Run, layers: Layers) -> None:
    check_json(json.loads(json.dumps(run, allow_nan=False)), "run")
    model = SRNet.from_run(run)
    check_run(run, model, layers)
    assert len(run["history"]) == run["generations"]
    assert run["history"][-1] == run["fitness"]
    assert run["fitness"] in [each["fitness"] for each in run["pareto"]]
    complexities = [each["complexity"] for each in run["pareto"]]
    assert complexities == sorted(set(complexities))
    for each in run["pareto"]:
        front = SRNet.from_run(each)
        assert front.losses(layers) == pytest.approx(each["layer_losses"], rel=1e-9, abs=1e-20)


@pytest.mark.parametrize("name", ["rank", "rank2"])
@pytest.mark.parametrize("steps", [1, 5, 23])
def test_a_run_that_is_stopped_is_whole(name: str, steps: int) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) >= steps

    run = evolve(FOUR, small(name, fidelity=1.0), SEED, stop=stop)
    assert len(asked) == steps
    check_whole(run, FOUR)


class Ticking:
    """A clock that moves a hundredth of a second whenever it is read."""

    now = 1000.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


@pytest.mark.parametrize("name", ["rank", "rank2"])
def test_a_time_limit_is_shared_by_the_layers_and_their_rounds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Ticking()
    monkeypatch.setattr("time.monotonic", clock)
    rounds: list[tuple[int, int, int]] = []

    def watch(search: Any) -> None:
        if not search.finished:
            rounds.append((search._pass, len(search._done), search._pursuit.round))

    begin = clock.now
    run = evolve(FOUR, small(name, fidelity=1.0), SEED, time_limit=20.0, progress=watch)
    assert run["seconds"] <= 20.0 * 1.05
    assert clock.now - begin <= 22.0
    assert rounds == sorted(rounds)
    stages = {(turn, layer) for turn, layer, _ in rounds}
    assert stages == {(turn, i) for turn in range(2 if name == "rank2" else 1) for i in range(3)}
    counts = [sum(each[:2] == stage for each in rounds) for stage in stages]
    assert max(counts) < 2 * min(counts)
    assert {number for *_, number in rounds} >= {0, 3, 6}
    check_whole(run, FOUR)


# --- what a run tells -----------------------------------------------------------------------------


@pytest.mark.parametrize("generations", [1, 3, 48])
@pytest.mark.parametrize("name", ["rank", "rank2"])
def test_the_budget_is_kept(name: str, generations: int) -> None:
    settings = small(name, generations=generations, fidelity=1.0)
    run = evolve(FOUR, settings, SEED)
    assert 1 <= run["generations"] <= generations
    budget = settings.population * generations * FOUR.depth
    starts = settings.restarts * min(generations, 2 * settings.rounds) * FOUR.depth
    assert run["evaluations"] <= 1.1 * budget + 2.5 * starts
    check_whole(run, FOUR)


@pytest.mark.parametrize(
    ("name", "layers", "loss"),
    [
        ("rank", FOUR, "mse"),
        ("rank2", FOUR, "mse"),
        ("rank2", made_up.classifier((2, 3, 3), 80), "cross_entropy"),
        ("rank3", CLASSES, "cross_entropy"),
        ("rank", CLASSES, "cross_entropy"),
    ],
    ids=["rank", "rank2", "classifier", "classifier with validation rows", "probabilities"],
)
@pytest.mark.filterwarnings("error")
def test_every_command_reads_a_run(tmp_path: Path, name: str, layers: Layers, loss: str) -> None:
    def srnet(*arguments: object) -> str:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.output

    file, run_file = tmp_path / "layers.npz", tmp_path / "run.json"
    layers.save(file)
    options = ["--population", 10, "--generations", 24, "--loss", loss, "--quiet"]
    srnet("evolve", file, "--seed", 2, "--preset", name, *options, "--out", run_file)
    run = json.loads(run_file.read_text())
    check_whole(run, layers)
    again = evolve(Layers.load(file), small(name, generations=24, loss=loss), 2)
    assert without_time(again) == without_time(run)
    shown = srnet("show", run_file)
    for texts in run["expressions"]:
        for text in texts:
            assert text in shown
    formulas = tmp_path / "formulas.json"
    srnet("formulas", run_file, "--layers", file, "--out", formulas, "--time-limit", 1)
    check_json(json.loads(formulas.read_text()), "formulas")
    np.savez(tmp_path / "x.npz", x=layers.splits["train"][0])
    srnet("predict", run_file, tmp_path / "x.npz", "--out", tmp_path / "y.csv")
    y = np.loadtxt(tmp_path / "y.csv", skiprows=1, ndmin=2, delimiter=",")
    np.testing.assert_allclose(
        y, SRNet.from_run(run).predict(layers.splits["train"][0].astype(float)), rtol=1e-6
    )


def test_a_classifier_is_better_than_its_class_shares() -> None:
    layers = made_up.classifier((2, 3, 3), 80)
    run = evolve(layers, small("rank2", loss="cross_entropy"), SEED)
    y = layers.values(-1)
    shares = np.bincount(y.argmax(axis=1), minlength=3) / len(y)
    constant = -np.sum(shares[shares > 0] * np.log(shares[shares > 0]))
    assert run["layer_losses"][-1] < 0.5 * constant


def probabilities(logits: Callable[[Floats], Floats], **options: int) -> Layers:
    """Layers of a network that classifies, of one layer."""
    return layers_of(lambda x: [softmax(logits(x))], **options)


def test_an_exact_law_of_logits_is_found() -> None:
    """The logits of three classes are 0, 3·x0·x1 and −2·x2."""
    layers = probabilities(
        lambda x: np.column_stack([x[:, 0] * 0, 3 * x[:, 0] * x[:, 1], -2 * x[:, 2]])
    )
    settings = small("rank", loss="cross_entropy", population=20, generations=160)
    run = evolve(layers, settings, 1)
    texts = {text.replace("x1 * x0", "x0 * x1") for text in run["expressions"][0]}
    assert texts == {"x2", "(x0 * x1)"}
    assert (run["targets"], run["accuracy"]) == ("probabilities", 1.0)
    assert 0 <= run["fitness"] < 1e-7  # the fit has a small penalty
    logits = SRNet.from_run(run).layers(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))[-1]
    np.testing.assert_allclose(logits - logits[:, :1], [[0, 3, 0], [0, 0, -2]], atol=1e-3)
    # what is finite on all of the box needs no protection
    assert not any(name.startswith("p") for name in run["settings"]["functions"])


@pytest.mark.parametrize(("rows", "inputs"), [(60, 3), (300, 3), (60, 12)])
def test_it_agrees_no_less_than_the_linear_logistic_model(rows: int, inputs: int) -> None:
    """On validation rows, with the network's class: scikit-learn's fit of every row once for each
    class, with its probability as the weight; standardised, with the same penalty."""
    weights = np.random.default_rng(7).normal(0, 3, (inputs, 3))
    layers = probabilities(lambda x: np.tanh(x @ weights) * 4, inputs=inputs, rows=rows, valid=400)
    run = evolve(layers, small("rank", loss="cross_entropy"), SEED)
    (x, p), (v, expected) = layers.splits["train"], layers.splits["valid"]
    x, standard = x.astype(float), lambda z: (z - x.mean(axis=0)) / x.std(axis=0)
    linear = LogisticRegression(C=1 / (PENALTY * rows), tol=1e-10, max_iter=10_000)
    rows_by_class = np.repeat(standard(x), 3, axis=0), np.tile(np.arange(3), rows)
    linear.fit(*rows_by_class, p.astype(float).ravel())
    agreed = np.mean(linear.predict(standard(v)) == expected.argmax(axis=1))
    found = SRNet.from_run(run).predict(v)
    assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= agreed
    assert agreed > 0.5
    check_whole(run, layers)


def test_hidden_layers_of_a_classifier_are_explained_by_their_error() -> None:
    run = evolve(CLASSES, small("rank", loss="cross_entropy", formulas=2), SEED)
    model = SRNet.from_run(run)
    h = CLASSES.values(1)
    units = model.layers(CLASSES.values(0))[0]
    assert run["layer_losses"][0] == pytest.approx(np.mean((units - h) ** 2), rel=1e-6)
    assert run["layer_losses"][0] < h.var(axis=0).mean()
    assert max(model.ranks) <= 2
    assert run["fitness"] == pytest.approx(sum(run["layer_losses"]))


def test_a_resumed_classification_ends_alike() -> None:
    settings = small("rank", loss="cross_entropy", fidelity=1.0, rounds=2, generations=48)
    whole = RankSearch(CLASSES, settings, SEED)
    states = []
    while not whole.finished:
        whole.step()
        states.append(json.dumps(whole.state(), allow_nan=False))
    assert whole.best is not None
    for state in states[:: len(states) // 3] + states[-1:]:
        resumed = RankSearch(CLASSES, settings, SEED)
        resumed.restore(json.loads(state))
        while not resumed.finished:
            resumed.step()
        assert resumed.best is not None
        assert resumed.best.to_json() == whole.best.to_json()
        assert json.dumps(resumed.archive()) == json.dumps(whole.archive())


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            made_up.classifier((2, 3, 3), 80),
            "'valid_x' has no row; at least 1 is needed by the preset",
        ),
        (made_up.layers((2, 3, 3)), "are no probabilities, at least 0 and of the sum 1"),
        (made_up.layers((2, 3, 1)), "'train_y' has 1 column; one per class"),
    ],
)
def test_layers_that_are_no_classifier_are_refused(layers: Layers, words: str) -> None:
    with pytest.raises(UserError, match=words):
        evolve(layers, small("rank", loss="cross_entropy"), SEED)


def test_numbers_by_layer_are_as_many_as_the_layers() -> None:
    for formulas in ((2,), (2, 2, 2, 2)):
        with pytest.raises(UserError, match=r"'formulas' has .* the network has 3 layers"):
            evolve(FOUR, replace(small(), formulas=formulas), SEED)


def test_r_squared_of_what_is_not_finite_or_does_not_vary() -> None:
    ones, rows = np.ones((4, 1)), np.arange(4.0)[:, None]
    assert rank._r_squared(rows, rows, SQUARED) == 1.0
    assert rank._r_squared(ones * np.inf, rows, SQUARED) == -np.inf
    assert rank._r_squared(np.full((4, 1), 1.5), rows, SQUARED) == 0.0
    assert rank._r_squared(ones, ones, SQUARED) == 1.0
    assert rank._r_squared(rows, ones, SQUARED) == 0.0


# --- the size of what is printed ------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2])
def test_no_formula_of_the_front_is_larger_than_maxsize(depth: int) -> None:
    """Composed of all layers; with another number of layers the limit is the same."""

    def values(x: Floats) -> list[Floats]:
        hidden = np.column_stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])])
        y = hidden[:, :1] ** 2 + 3 * hidden[:, 1:] - x[:, :1]
        return [hidden, y][2 - depth :]

    layers = layers_of(values)
    for maxsize in (5, 14, 30):
        run = evolve(layers, small("rank", maxsize=maxsize), SEED)
        sizes = [SRNet.from_run(entry).size for entry in run["pareto"]]
        assert max(sizes) <= maxsize
        assert SRNet.from_run(run).size <= maxsize
        assert run["settings"]["maxsize"] == maxsize
    assert max(sizes) > 10
    assert run["r2"] > 0.3


def test_maxsize_is_of_the_preset_rank() -> None:
    for name in ("rank2", "joint"):
        with pytest.raises(UserError, match="maxsize.* preset"):
            preset(name, maxsize=20)
    with pytest.raises(UserError, match="'maxsize' is 4; a whole number of at least 5 is needed"):
        preset("rank", maxsize=4)
