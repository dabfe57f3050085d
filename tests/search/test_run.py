"""One run: the same on any number of threads, with or without shortcuts, interrupted or not, and
what it reports is true."""

import errno
import json
import math
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numba
import numpy as np
import pytest
from helpers import formula_text, made_up, oracle
from helpers.nesting import keeps
from numpy.typing import NDArray

from srnet.cgp.nesting import PLAIN_TRIGONOMETRY
from srnet.cgp.primitives import CLASSIFICATION
from srnet.errors import UserError
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search.kernels.population import Share
from srnet.search.layerwise import LayerSearch, LayerwiseSearch
from srnet.search.run import evolve, evolve_file
from srnet.search.settings import Settings, preset
from srnet.typing import Floats

Run = dict[str, Any]
SEED = 11


def small(**changes: Any) -> Settings:
    return preset("paper", **{"population": 20, "generations": 30, **changes})


def small_classes(**changes: Any) -> Settings:
    return preset(
        "paper", **{"loss": "cross_entropy", "population": 20, "generations": 30, **changes}
    )


CLASSIFIERS = {
    "two classes": lambda: made_up.classifier((2, 3, 3, 2), 300),
    "blocks": lambda: made_up.classifier((2, 4, 3), 1500),
    "validation rows": lambda: made_up.classifier((2, 3, 3), 60, 20),
    "no hidden layer": lambda: made_up.classifier((3, 4), 700),
    "one class": lambda: one_class(made_up.classifier((2, 3, 2), 300)),
}
CLASSIFIER = pytest.mark.parametrize("make", CLASSIFIERS.values(), ids=CLASSIFIERS)


def one_class(layers: Layers) -> Layers:
    """The same with a network that predicts class 1 for every row."""
    for values in layers.splits.values():
        values[-1][:] = [0.25, 0.75]
    return layers


def without_time(run: Run) -> str:
    return json.dumps({key: value for key, value in run.items() if not key.endswith("seconds")})


def checkpointed(
    path: Path, layers: Layers, settings: Settings, seed: int = SEED, **options: Any
) -> tuple[Run, list[str]]:
    """A run with a checkpoint after every step, and the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = evolve(layers, settings, seed, checkpoint=path, checkpoint_interval=0, **options)
    return run, [str(warning.message) for warning in caught]


class Stop(Exception):
    pass


def interrupted(
    path: Path, layers: Layers, settings: Settings, after: int, seed: int = SEED
) -> None:
    """Run with a checkpoint every step and die after one of them."""

    def progress(search: Any) -> None:
        # called before the checkpoint of this step is written
        if search.generation > after:
            raise Stop

    with pytest.raises(Stop):
        evolve(layers, settings, seed, checkpoint=path, checkpoint_interval=0, progress=progress)


def wide_layers(rows: int = 400) -> Layers:
    """A 40-unit layer of rank 3 between narrow ones, more than one block of rows."""
    layers = made_up.layers((2, 3, 40, 2), rows=rows, valid=300)
    rng = np.random.default_rng(0)
    mixing = rng.normal(0, 1, (3, 40))
    return Layers(
        {
            split: [x, h1, (h1.astype(np.float64) @ mixing).astype(np.float32), y]
            for split, (x, h1, _, y) in layers.splits.items()
        }
    )


# --- determinism ----------------------------------------------------------------------------------


def test_the_same_run_twice_and_another_with_another_seed(layers: Layers) -> None:
    first, second, other = (evolve(layers, small(), seed) for seed in (SEED, SEED, SEED + 1))
    assert without_time(first) == without_time(second)
    assert first["history"] != other["history"]


@pytest.mark.parametrize("threads", [2, 3, 25])
@pytest.mark.parametrize(
    "make",
    [made_up.layers, lambda: made_up.layers(rows=700, valid=300), wide_layers],
    ids=["small", "blocks", "wide"],
)
def test_threads_do_not_change_a_bit(make: Callable[[], Layers], threads: int) -> None:
    assert without_time(evolve(make(), small(), SEED, threads=threads)) == without_time(
        evolve(make(), small(), SEED)
    )


@pytest.mark.parametrize("block_rows", [256, 1024])
def test_block_size_does_not_change_a_bit(block_rows: int) -> None:
    layers = made_up.layers(rows=1500, valid=600)
    assert without_time(evolve(layers, small(), SEED, block_rows=block_rows)) == without_time(
        evolve(layers, small(), SEED)
    )


@pytest.mark.parametrize("rows", [(40, 12), (25, 10), (2, 1), (700, 300), (256, 1), (1500, 400)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shortcuts_do_not_change_a_bit(rows: tuple[int, int], seed: int) -> None:
    layers, settings = made_up.layers(rows=rows[0], valid=rows[1]), small(generations=120)
    assert without_time(evolve(layers, settings, seed, shortcuts=False)) == without_time(
        evolve(layers, settings, seed)
    )


def test_projection_changes_nothing_but_rounding() -> None:
    """The shortcuts include it; its sums are others, the chosen formulas are not."""
    layers = wide_layers()
    for seed in (1, 2, 3):
        with_, without = (
            evolve(layers, small(), seed, shortcuts=shortcuts) for shortcuts in (True, False)
        )
        assert with_["genes"] == without["genes"]
        assert with_["fitness"] == pytest.approx(without["fitness"], rel=1e-12)
        np.testing.assert_allclose(
            [v for v in with_["history"] if v is not None],
            [v for v in without["history"] if v is not None],
            rtol=1e-12,
        )


def test_published_network_is_the_same_with_and_without_everything(reference: Path) -> None:
    layers = Layers.load(reference / "F3.npz")
    settings = small(generations=12)
    runs = [
        evolve(layers, settings, 1),
        evolve(layers, settings, 1, threads=2, block_rows=256),
        evolve(layers, settings, 1, shortcuts=False, block_rows=1024),
    ]
    assert len({without_time(run) for run in runs}) == 1


@CLASSIFIER
def test_classification_is_the_same_with_and_without_everything(make: Callable[[], Layers]) -> None:
    """Threads, block sizes, and the shortcuts: points brought together, limits, graphs met
    before."""
    layers, settings = make(), small_classes(stop=0.0)
    expected = without_time(evolve(layers, settings, SEED))
    for options in (
        {"threads": 2},
        {"threads": 25, "block_rows": 256},
        {"shortcuts": False},
        {"shortcuts": False, "threads": 3},
    ):
        assert without_time(evolve(layers, settings, SEED, **options)) == expected, options


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_what_breaks_nesting_constraints_takes_no_part(loss: str) -> None:
    """With and without everything; the same search without constraints has some of it."""
    layers = made_up.layers() if loss == "mse" else made_up.classifier((2, 3, 3), 100)
    settings = small(loss=loss, stop=0.0)
    constraints = (("square", (("add", 1), ("square", 0))), *PLAIN_TRIGONOMETRY)
    runs = [
        evolve(layers, settings, SEED, constraints=constraints, **options)
        for options in ({}, {"threads": 3}, {"shortcuts": False})
    ]
    assert len({without_time(run) for run in runs}) == 1
    for run, kept in ((runs[0], True), (evolve(layers, settings, SEED), False)):
        models = [SRNet.from_run(elite) for elite in run["elites"]]
        programs = [program for model in models for (program,) in model.programs]
        assert len(programs) >= 9
        assert all(keeps(program, constraints) for program in programs) == kept


# --- the oracle -----------------------------------------------------------------------------------


class Recorded(LayerwiseSearch):
    """Tells which offspring each layer chose in the last step."""

    chosen: list[tuple[float, int]]

    def step(self) -> None:
        self.chosen = []
        super().step()

    def _best(self, layer: LayerSearch, share: Share) -> tuple[float, int]:
        self.chosen.append(super()._best(layer, share))
        return self.chosen[-1]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("widths", [(2, 3, 3, 1), (1, 4, 2), (3, 1)], ids=str)
def test_generations_agree_with_the_oracle(widths: tuple[int, ...], seed: int) -> None:
    """Generation by generation the same offspring of every layer, or one that the oracle finds
    equally good to rounding."""
    layers = made_up.layers(widths, rows=60, valid=20)
    settings = small(population=25, generations=15)
    search = Recorded(layers, settings, seed, shortcuts=False)
    slow = oracle.Search.of(
        layers.splits["train"], layers.splits["valid"], seed, 25, settings.n_eph, settings.mutation
    )
    for i, layer in enumerate(slow.layers):
        assert layer.parent == search.parent[i].tolist()
    same = total = 0

    def choose(i: int, losses: list[float]) -> int:
        nonlocal same, total
        kernel_loss, number = search.chosen[i]
        best = int(np.argmin(losses))
        assert number >= 0, "the kernel found nothing finite, the oracle did"
        assert losses[number] <= losses[best] * (1 + 1e-5) + 1e-12
        assert kernel_loss / slow.layers[i].target.size == pytest.approx(
            losses[number], rel=1e-4, abs=1e-12
        )
        same, total = same + (number == best), total + 1
        return number

    def accept(total: float) -> bool:
        if total == pytest.approx(
            slow.fitness, rel=1e-5
        ):  # an equal formula written otherwise: rounding decides
            return [genes.tolist() for genes in search.parent] != before
        return total < slow.fitness

    for generation in range(1, settings.generations + 1):
        before = [genes.tolist() for genes in search.parent]
        search.step()
        slow.step(choose, accept)
        assert search.generation == slow.generation == generation
        for i, layer in enumerate(slow.layers):
            assert layer.parent == search.parent[i].tolist(), f"generation {generation}, layer {i}"
        assert search.fitness == pytest.approx(slow.fitness, rel=1e-4)
    assert same > 0.8 * total  # of equal formulas rounding chooses


@pytest.mark.parametrize(
    ("widths", "valid"), [((2, 3, 3, 2), 0), ((2, 3, 2), 15), ((1, 3, 3), 0), ((2, 4), 0)], ids=str
)
def test_generations_of_classification_agree_with_the_oracle(
    widths: tuple[int, ...], valid: int
) -> None:
    """As above, the output layer by SciPy."""
    layers = made_up.classifier(widths, rows=60, valid=valid)
    settings = small_classes(population=12, generations=8, rows=5, cols=5)
    search = Recorded(layers, settings, SEED, shortcuts=False)
    slow = oracle.Search.of(
        layers.splits["train"],
        layers.splits["valid"],
        SEED,
        12,
        settings.n_eph,
        settings.mutation,
        "cross_entropy",
        functions=settings.functions,
    )
    for i, layer in enumerate(slow.layers):
        assert layer.parent == search.parent[i].tolist()

    def choose(i: int, losses: list[float]) -> int:
        kernel_loss, number = search.chosen[i]
        best = int(np.argmin(losses))
        rows = (
            slow.layers[i].target.shape[0]
            if i + 1 == len(slow.layers)
            else slow.layers[i].target.size
        )
        assert losses[number] <= losses[best] * (1 + 1e-4) + 1e-5
        assert kernel_loss / rows == pytest.approx(losses[number], rel=1e-4, abs=1e-5)
        return number

    def accept(total: float) -> bool:
        if total == pytest.approx(slow.fitness, rel=1e-4, abs=1e-5):
            return [genes.tolist() for genes in search.parent] != before
        return total < slow.fitness

    for generation in range(1, settings.generations + 1):
        before = [genes.tolist() for genes in search.parent]
        search.step()
        slow.step(choose, accept)
        for i, layer in enumerate(slow.layers):
            assert layer.parent == search.parent[i].tolist(), f"generation {generation}, layer {i}"
        assert search.fitness == pytest.approx(slow.fitness, rel=1e-4, abs=1e-5)


def test_a_run_that_finds_nothing_finite_is_a_sentence() -> None:
    """Every x is negative, and one chromosome a layer of logarithms and roots is all that is
    tried."""
    layers = made_up.layers((1, 2, 1))
    for values in layers.splits.values():
        values[0][:] = -np.abs(values[0]) - 1
    settings = preset("paper", population=1, generations=1, n_eph=0, functions=("ln", "sqrt"))
    outcomes = []
    for seed in range(1, 31):
        try:
            outcomes.append(evolve(layers, settings, seed)["history"])
        except UserError as error:
            outcomes.append(str(error))
    assert [None] not in outcomes
    assert any(
        "no formula of 2 was finite on every row" in outcome
        for outcome in outcomes
        if isinstance(outcome, str)
    )
    assert all("\n" not in outcome for outcome in outcomes if isinstance(outcome, str))


# --- what is reported is true ---------------------------------------------------------------------


def values_of(texts: list[str], names: dict[str, Floats]) -> Floats:
    return np.column_stack([formula_text.evaluate(text, names) for text in texts])


@pytest.mark.parametrize(
    "make",
    [made_up.layers, lambda: made_up.layers((1, 2, 2)), wide_layers],
    ids=["2-3-3-1", "1-2-2", "wide"],
)
def test_reported_losses_are_those_of_the_reported_text(make: Callable[[], Layers]) -> None:
    layers = make()
    run = evolve(layers, small(), SEED)
    both = [
        np.vstack([layers.splits[s][i] for s in ("train", "valid")]).astype(np.float64)
        for i in range(layers.depth + 1)
    ]
    y = values_of(run["network_expressions"], formula_text.inputs(both[0]))
    output = float(np.mean((y - both[-1]) ** 2))
    assert run["layer_losses"][-1] == pytest.approx(output, rel=1e-9)
    h, losses = both[0], []
    for i, text in enumerate(run["expressions"]):
        f = formula_text.evaluate(text, formula_text.inputs(h, "h" if i else "x"))
        h = np.outer(f, run["weights"][i]) + run["biases"][i]
        losses.append(float(np.mean((h - both[i + 1]) ** 2)))
    assert run["layer_losses"] == pytest.approx(losses, rel=1e-9)
    assert run["fitness"] == pytest.approx(output + np.mean(losses[:-1]), rel=1e-9)
    assert run["normalised"] == pytest.approx(output / np.mean(np.var(both[-1], axis=0)), rel=1e-9)
    assert run["r2"] == pytest.approx(1 - run["normalised"])


@CLASSIFIER
def test_the_reported_cross_entropy_is_that_of_the_reported_text(
    make: Callable[[], Layers],
) -> None:
    layers = make()
    run = evolve(layers, small_classes(), SEED)
    x, y = (
        np.vstack([layers.splits[s][i] for s in ("train", "valid")]).astype(np.float64)
        for i in (0, -1)
    )
    logits, classes = (
        values_of(run["network_expressions"], formula_text.inputs(x)),
        y.argmax(axis=1),
    )
    odds = np.exp(logits - np.take_along_axis(logits, classes[:, None], axis=1))
    loss = float(np.mean(np.log1p(odds.sum(axis=1) - 1)))
    assert run["layer_losses"][-1] == pytest.approx(loss, rel=1e-9, abs=1e-12)
    assert run["fitness"] == pytest.approx(
        loss + (np.mean(run["layer_losses"][:-1]) if layers.depth > 1 else 0), rel=1e-9
    )
    assert run["accuracy"] == np.mean(logits.argmax(axis=1) == classes)
    assert (run["loss"], run["r2"], run["normalised"]) == ("cross_entropy", None, None)
    model = SRNet.from_run(json.loads(json.dumps(run)))
    np.testing.assert_allclose(model.layers(x)[-1], logits, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.predict(x).sum(axis=1), 1)
    assert model.losses(layers) == pytest.approx(run["layer_losses"], rel=1e-9, abs=1e-12)
    for entry in [*run["elites"], *run["pareto"]]:
        assert SRNet.from_run(entry).losses(layers) == pytest.approx(
            entry["layer_losses"], rel=1e-9, abs=1e-12
        )


def test_a_known_boundary_is_found() -> None:
    """The class is the sign of sin(x0·x1); h is made of it."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, (800, 2))
    s = np.sin(x[:, 0] * x[:, 1])
    p = 1 / (1 + np.exp(-8 * s))
    values = [x, np.outer(s, [1.0, -0.5]) + 1, np.column_stack([1 - p, p])]
    layers = Layers(
        {
            "train": [v.astype(np.float32) for v in values],
            "valid": [v[:0].astype(np.float32) for v in values],
        }
    )
    run = evolve(layers, preset("paper", loss="cross_entropy", generations=400), 1)
    assert run["fitness"] <= 1e-6
    assert run["accuracy"] == 1.0
    assert run["generations"] < 400
    fresh = rng.uniform(-2, 2, (500, 2))
    wanted = np.sin(fresh[:, 0] * fresh[:, 1]) > 0
    assert np.mean(SRNet.from_run(run).predict(fresh).argmax(axis=1) == wanted) > 0.98


def test_a_network_that_predicts_one_class_stops_at_once() -> None:
    layers = one_class(made_up.classifier((2, 3, 2)))
    for values in layers.splits.values():
        values[1][:] = 0.5  # as of a network on unscaled inputs
    run = evolve(layers, small_classes(), SEED)
    assert (run["generations"], run["fitness"], run["accuracy"]) == (1, 0.0, 1.0)


def test_layers_that_do_not_fit_the_loss_are_a_sentence() -> None:
    with pytest.raises(
        UserError, match="'valid_x' has no row; at least 1 is needed with the loss mse"
    ):
        evolve(made_up.classifier(), small(), SEED)
    with pytest.raises(UserError, match="'train_y' has 1 column"):
        evolve(made_up.layers(), small_classes(), SEED)


def test_weights_are_the_least_squares_fit_of_the_training_rows(layers: Layers) -> None:
    run = evolve(layers, small(), SEED)
    model = SRNet.from_run(run)
    x = layers.splits["train"][0].astype(np.float64)
    for i, (program,) in enumerate(model.programs):
        f, h = program(x), layers.splits["train"][i + 1].astype(np.float64)
        expected = np.linalg.lstsq(np.column_stack([f, np.ones_like(f)]), h, rcond=None)[0]
        np.testing.assert_allclose(
            np.outer(f, model.weights[i]) + model.biases[i],
            np.column_stack([f, np.ones_like(f)]) @ expected,
            atol=1e-8,
        )
        x = np.outer(f, model.weights[i]) + model.biases[i]


def test_the_record_is_complete_and_consistent(layers: Layers) -> None:
    settings = small(generations=60)
    run = evolve(layers, settings, SEED)
    assert json.loads(json.dumps(run, allow_nan=False)) == run
    wanted = (
        "task seed preset fitness layer_losses expressions network_expressions weights biases "
        "genes constants generations"
    )
    assert set(f"{wanted} evaluations seconds history version".split()) <= set(run)
    assert (run["task"], run["seed"], run["preset"]) == ("made-up", SEED, "paper")
    assert run["generations"] == len(run["history"]) == 60
    assert run["evaluations"] == 60 * 20 * 3
    history = [math.inf if value is None else value for value in run["history"]]
    assert history == sorted(history, reverse=True)
    assert history[-1] == run["fitness"]
    assert run["constants"] == [program["constants"] for program in run["programs"]]
    assert run["rows"] == {"train": 40, "valid": 12}
    assert run["layers_fingerprint"] == layers.fingerprint()
    assert run["software"]["numba"] == numba.__version__


def test_constants_are_drawn_once(layers: Layers) -> None:
    short, long = (evolve(layers, small(generations=n), SEED) for n in (5, 60))
    assert short["constants"] == long["constants"]
    for i, constants in enumerate(short["constants"]):
        assert constants == pytest.approx(
            oracle.normals(1, oracle.stream(SEED, 0, i, oracle.CONSTANTS_STREAM)), rel=1e-6
        )


def test_elites_are_sorted_distinct_and_at_most_ten(layers: Layers) -> None:
    run = evolve(layers, small(generations=300), SEED)
    elites = run["elites"]
    assert len(elites) == 10
    fitness = [elite["fitness"] for elite in elites]
    assert fitness == sorted(fitness)
    assert fitness[0] == run["fitness"]
    assert elites[0]["genes"] == run["genes"]
    assert elites[0]["expressions"] == run["expressions"]
    assert len({tuple(elite["expressions"]) for elite in elites}) == 10


def test_elites_are_the_best_of_all_composites(layers: Layers) -> None:
    """A run that keeps every composite has the same ten at its head, for a worse one never changes
    the search."""
    few, all_ = (
        evolve(layers, small(generations=300, elites=elites), SEED) for elites in (10, 10**6)
    )
    assert len(all_["elites"]) > 50
    assert all_["elites"][:10] == few["elites"]
    assert all_["history"] == few["history"]


def test_more_generations_continue_the_same_history(layers: Layers) -> None:
    short, long = (evolve(layers, small(generations=n), SEED) for n in (10, 40))
    assert long["history"][:10] == short["history"]


# --- known answers and the stop -------------------------------------------------------------------


def from_formulas(rows: int = 120) -> Layers:
    """h1 is made of sin(x0·x1), y of h1[0]²: one formula a layer explains it exactly."""
    rng = np.random.default_rng(5)

    def values(x: Floats) -> list[NDArray[np.float32]]:
        h = np.outer(np.sin(x[:, 0] * x[:, 1]), [1.5, -0.5]) + [0.25, 1]
        return [v.astype(np.float32) for v in (x, h, 2 * h[:, :1] ** 2 - 3)]

    return Layers(
        {
            "train": values(rng.uniform(-1, 1, (rows, 2))),
            "valid": values(rng.uniform(-2, 2, (36, 2))),
        },
        name="known",
    )


def test_a_known_formula_is_found_and_the_search_stops() -> None:
    layers = from_formulas()
    settings = preset("paper", generations=2000)
    run = evolve(layers, settings, 1)
    assert run["fitness"] <= 1e-5
    assert run["generations"] < 2000
    assert run["history"][-1] <= 1e-5 < run["history"][-2]
    test = np.random.default_rng(9).uniform(-1, 1, (50, 2))
    expected = 2 * (1.5 * np.sin(test[:, 0] * test[:, 1]) + 0.25) ** 2 - 3
    np.testing.assert_allclose(SRNet.from_run(run).predict(test)[:, 0], expected, atol=0.02)


def test_the_stop_is_at_the_threshold(layers: Layers) -> None:
    reference = evolve(layers, small(), SEED)
    finite = [value for value in reference["history"] if value is not None]
    threshold = finite[len(finite) // 2]
    run = evolve(layers, small(stop=threshold), SEED)
    assert run["history"] == reference["history"][: reference["history"].index(threshold) + 1]


def test_the_loss_brings_settings_and_given_ones_win() -> None:
    for name in ("paper", "joint"):
        brought = preset(name, loss="cross_entropy")
        assert (brought.rows, brought.cols, brought.stop, brought.functions) == (
            10,
            10,
            1e-6,
            CLASSIFICATION,
        )
        given = preset(name, loss="cross_entropy", rows=3, stop=0.5, functions=("add", "pln"))
        assert (given.rows, given.cols, given.stop, given.functions) == (3, 10, 0.5, ("add", "pln"))
        assert preset(name, loss="mse") == preset(name)
    with pytest.raises(UserError, match="'loss' is 'hinge'; allowed are mse, cross_entropy"):
        preset("paper", loss="hinge")


# --- checkpoints ----------------------------------------------------------------------------------


def test_interrupted_and_resumed_classification_is_the_same(tmp_path: Path) -> None:
    layers, settings = made_up.classifier(), small_classes(stop=0.0)
    expected = evolve(layers, settings, SEED)
    interrupted(tmp_path / "c", layers, settings, 17)
    run, warned = checkpointed(tmp_path / "c", layers, settings)
    assert (without_time(run), warned) == (without_time(expected), [])
    interrupted(tmp_path / "d", layers, settings, 17)
    _, warned = checkpointed(tmp_path / "d", layers, small_classes(stop=0.0, mutation=0.3))
    assert "belongs to another run" in warned[0]


@pytest.mark.parametrize("after", sorted(random.Random(4).sample(range(1, 29), 5)))
def test_interrupted_and_resumed_is_the_same(tmp_path: Path, layers: Layers, after: int) -> None:
    expected = evolve(layers, small(), SEED)
    interrupted(tmp_path / "c", layers, small(), after)
    assert json.loads((tmp_path / "c").read_text())["state"]["generation"] == after
    seen: list[int] = []
    run, messages = checkpointed(
        tmp_path / "c", layers, small(), progress=lambda search: seen.append(search.generation)
    )
    assert seen[0] == after + 1  # it went on, it did not start over
    assert messages == []
    assert without_time(run) == without_time(expected)


def test_interrupted_again_and_again_is_the_same(tmp_path: Path, layers: Layers) -> None:
    for after in (1, 2, 3, 10, 20, 29):
        interrupted(tmp_path / "c", layers, small(), after)
    run, _ = checkpointed(tmp_path / "c", layers, small(), threads=2)
    assert without_time(run) == without_time(evolve(layers, small(), SEED))


@pytest.mark.parametrize("name", ["paper", "joint"])
@pytest.mark.parametrize("stop", [0.0, 1e9], ids=["out of budget", "good enough at once"])
def test_killed_after_the_last_step_is_the_same(
    tmp_path: Path, layers: Layers, name: str, stop: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is there and is not yet written."""
    settings = preset(name, population=10, generations=30, stop=stop)
    expected = evolve(layers, settings, SEED)

    def kill(*_: object) -> NoReturn:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("srnet.search.run.record", kill)
        with pytest.raises(Stop):
            checkpointed(tmp_path / "c", layers, settings)
    run, messages = checkpointed(tmp_path / "c", layers, settings)
    assert messages == []
    assert run["pareto"]
    assert without_time(run) == without_time(expected)


def test_a_state_survives_json(layers: Layers) -> None:
    search = LayerwiseSearch(layers, small(), SEED)
    for _ in range(7):
        search.step()
    other = LayerwiseSearch(layers, small(), SEED)
    other.restore(json.loads(json.dumps(search.state(), allow_nan=False)))
    for _ in range(7):
        search.step()
        other.step()
    assert search.state() == other.state()
    assert search.archive() == other.archive()


def one_value_changed(layers: Layers) -> Layers:
    splits = {split: [v.copy() for v in values] for split, values in layers.splits.items()}
    splits["train"][1][0, 0] += np.float32(1e-6)
    return Layers(splits, name=layers.name)


@pytest.mark.parametrize("what", ["seed", "layers", "settings", "version", "code"])
def test_a_checkpoint_of_another_run_is_set_aside(
    tmp_path: Path, layers: Layers, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "c", layers, small(), 10)
    seed, settings = SEED, small()
    if what == "seed":
        seed = SEED + 1
    elif what == "layers":
        layers = one_value_changed(layers)
    elif what == "settings":
        settings = small(mutation=0.3)
    elif what == "version":
        monkeypatch.setattr("srnet.search.run.__version__", "99")
    else:
        monkeypatch.setattr("srnet.search.run.fingerprint", lambda _: "another search")
    run, messages = checkpointed(tmp_path / "c", layers, settings, seed)
    assert len(messages) == 1
    assert f"'{what}' differs" in messages[0]
    assert (tmp_path / "c.rejected").exists()
    assert without_time(run) == without_time(evolve(layers, settings, seed))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"identity": ' + os.urandom(100), None],
    ids=["zero bytes", "a brace", "garbage at the end", "truncated"],
)
def test_a_damaged_checkpoint_is_set_aside(
    tmp_path: Path, layers: Layers, content: bytes | None
) -> None:
    interrupted(tmp_path / "c", layers, small(), 10)
    whole = (tmp_path / "c").read_bytes()
    (tmp_path / "c").write_bytes(whole[: len(whole) * 2 // 3] if content is None else content)
    run, messages = checkpointed(tmp_path / "c", layers, small())
    assert len(messages) == 1
    assert "set aside as c.rejected, the run starts over" in messages[0]
    assert without_time(run) == without_time(evolve(layers, small(), SEED))


def tampered(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def apply(state: dict[str, Any]) -> dict[str, Any]:
        state = json.loads(json.dumps(state))
        change(state)
        return state

    return apply


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("generation"),
        lambda state: state.update(generation=-1),
        lambda state: state.update(generation=31),
        lambda state: state.update(generation="7"),
        lambda state: state["history"].pop(),
        lambda state: state.update(history=3),
        lambda state: state["history"].__setitem__(-1, 0.0),
        lambda state: state["history"].__setitem__(0, "x"),
        lambda state: state["elites"][0].pop(),
        lambda state: state["elites"][0][0].__setitem__(0, 10),
        lambda state: state["elites"][0][0].__setitem__(0, -1),
        lambda state: state["elites"][0][0].__setitem__(-1, 0.5),
        lambda state: state["elites"][0][0].pop(),
        lambda state: state.update(elites=state["elites"][1:]),
        lambda state: state.update(elites=None),
    ],
)
def test_an_impossible_state_is_a_sentence_and_changes_nothing(
    layers: Layers, change: Callable[[dict[str, Any]], Any]
) -> None:
    search = LayerwiseSearch(layers, small(), SEED)
    for _ in range(8):
        search.step()
    other = LayerwiseSearch(layers, small(), SEED)
    with pytest.raises(UserError):
        other.restore(tampered(change)(search.state()))


def test_no_checkpoint_is_left_by_a_run_that_ends(tmp_path: Path, layers: Layers) -> None:
    layers.save(tmp_path / "layers.npz")
    evolve_file(
        tmp_path / "layers.npz", tmp_path / "run.json", small(), SEED, checkpoint_interval=0
    )
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "run.json"]
    run = json.loads((tmp_path / "run.json").read_text())
    layers = Layers.load(tmp_path / "layers.npz")
    assert without_time(run) == without_time(evolve(layers, small(), SEED))


def test_a_disk_that_is_full_leaves_the_last_good_checkpoint(
    tmp_path: Path, layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers.save(tmp_path / "layers.npz")
    calls = 0
    sync = os.fsync

    def fills_up(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    def go() -> Run:
        return evolve_file(
            tmp_path / "layers.npz", tmp_path / "run.json", small(), SEED, checkpoint_interval=0
        )

    monkeypatch.setattr(os, "fsync", fills_up)
    with pytest.raises(
        UserError, match=r"run\.json\.checkpoint: cannot be written \(No space left on device\)"
    ):
        go()
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "run.json.checkpoint"]
    assert json.loads((tmp_path / "run.json.checkpoint").read_text())["state"]["generation"] == 12
    monkeypatch.setattr(os, "fsync", sync)
    assert without_time(go()) == without_time(
        evolve(Layers.load(tmp_path / "layers.npz"), small(), SEED)
    )


def test_a_disk_that_is_full_at_the_end_keeps_the_checkpoint(
    tmp_path: Path, layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers.save(tmp_path / "layers.npz")
    (tmp_path / "run.json").write_text("an older run")

    def refuse(path: object, content: object) -> NoReturn:
        raise UserError(
            f"{path}: cannot be written (No space left on device); choose a writable place"
        )

    monkeypatch.setattr("srnet.search.run.write_json", refuse)
    with pytest.raises(UserError, match=r"run\.json: cannot be written"):
        evolve_file(
            tmp_path / "layers.npz", tmp_path / "run.json", small(), SEED, checkpoint_interval=0
        )
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "run.json", "run.json.checkpoint"]
    assert (tmp_path / "run.json").read_text() == "an older run"
    assert json.loads((tmp_path / "run.json.checkpoint").read_text())["state"]["generation"] == 30


# --- bad and extreme input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "threads", "words"),
    [
        (0, 1, "'seed' is 0"),
        (-3, 1, "'seed' is -3"),
        (2**63, 1, "a whole number from 1 to 9223372036854775807"),
        (1, 0, "'threads' is 0"),
    ],
)
def test_numbers_out_of_range_are_a_sentence(
    layers: Layers, seed: int, threads: int, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        evolve(layers, small(), seed, threads=threads)


@pytest.mark.parametrize("seed", [1, 2**31, 2**63 - 1])
def test_every_seed_in_range_works(layers: Layers, seed: int) -> None:
    assert evolve(layers, small(generations=3), seed)["generations"] == 3


@pytest.mark.parametrize("which", [1, 2, 3])
@pytest.mark.parametrize("shortcuts", [False, True])
@pytest.mark.filterwarnings("error")
def test_a_constant_layer_is_explained_by_its_mean(which: int, shortcuts: bool) -> None:
    layers = made_up.layers()
    for values in layers.splits.values():
        values[which][:] = 0.1
    run = evolve(layers, small(), SEED, shortcuts=shortcuts)
    assert run["layer_losses"][which - 1] == pytest.approx(0, abs=1e-20)
    np.testing.assert_allclose(run["biases"][which - 1], np.float32(0.1), rtol=1e-6)
    np.testing.assert_allclose(run["weights"][which - 1], 0, atol=1e-12)
    if which == 3:
        assert run["r2"] is None
        assert run["normalised"] is None


def test_a_constant_layer_is_the_same_with_shortcuts() -> None:
    layers = made_up.layers()
    for values in layers.splits.values():
        values[2][:] = 0.1
    runs = [evolve(layers, small(), SEED, shortcuts=shortcuts) for shortcuts in (True, False)]
    assert runs[0]["fitness"] == pytest.approx(runs[1]["fitness"], rel=1e-12)
    assert runs[0]["genes"] == runs[1]["genes"]


def test_two_rows_and_one_validation_row_are_enough() -> None:
    run = evolve(made_up.layers(rows=2, valid=1), small(), SEED)
    assert math.isfinite(run["fitness"])


def test_an_output_layer_alone() -> None:
    run = evolve(made_up.layers((2, 1)), small(), SEED)
    assert run["fitness"] == run["layer_losses"][0]


@pytest.mark.filterwarnings("error")
def test_huge_values_end_well() -> None:
    layers = made_up.layers()
    big = Layers(
        {
            split: [(v * np.float32(1e30)).astype(np.float32) for v in values]
            for split, values in layers.splits.items()
        }
    )
    run = evolve(big, small(), SEED)
    assert math.isfinite(run["fitness"])
    assert json.dumps(run, allow_nan=False)


def test_five_thousand_units() -> None:
    layers = made_up.layers((2, 5000, 1), rows=60, valid=20)
    run = evolve(layers, small(generations=3), SEED)
    assert len(run["weights"][0]) == 5000
    assert run["layer_losses"] == pytest.approx(SRNet.from_run(run).losses(layers), rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"population": 0}, "'population' is 0"),
        ({"generations": -1}, "'generations' is -1"),
        ({"population": 2.5}, "'population' is 2.5"),
        ({"mutation": 0.0}, "'mutation' is 0.0"),
        ({"mutation": math.nan}, "'mutation' is nan"),
        ({"stop": math.nan}, "'stop' is nan"),
        ({"functions": ("add", "erf")}, "unknown primitive 'erf'"),
        ({"depth": 3}, "unknown setting 'depth'"),
        ({"search": "joint"}, "unknown setting 'search'"),
    ],
)
def test_bad_settings_are_a_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        preset("paper", **changes)


def test_the_paper_settings_are_the_papers() -> None:
    settings = preset("paper")
    assert (settings.population, settings.generations, settings.rows, settings.cols) == (
        200,
        5000,
        5,
        5,
    )
    assert (settings.mutation, settings.stop, settings.elites, settings.functions) == (
        0.4,
        1e-5,
        10,
        oracle.REGRESSION,
    )


# --- times ----------------------------------------------------------------------------------------


def test_the_seconds_of_a_run_are_without_those_of_compiling(
    layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def compile_slowly(*_: Any) -> float:
        nonlocal now
        now += 1000
        return 1000.0

    def step(search: Any) -> None:
        nonlocal now
        now += 1

    monkeypatch.setattr("srnet.search.run.load_kernels", compile_slowly)
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("time.process_time", lambda: 2 * now)
    run = evolve(layers, small(stop=0.0), SEED, progress=step)
    assert (run["seconds"], run["processor_seconds"], run["compile_seconds"]) == (30, 60, 1000)


def test_a_resumed_run_adds_up_its_times(tmp_path: Path, layers: Layers) -> None:
    interrupted(tmp_path / "c", layers, small(), 17)
    content = json.loads((tmp_path / "c").read_text())
    assert content["processor_seconds"] > 0
    content |= {"seconds": 1e6, "processor_seconds": 2e6}
    (tmp_path / "c").write_text(json.dumps(content))
    run, _ = checkpointed(tmp_path / "c", layers, small())
    assert 1e6 < run["seconds"] < 2e6 < run["processor_seconds"]
