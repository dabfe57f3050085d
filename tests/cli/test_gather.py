"""`srnet gather` and `srnet best`: what the library makes of the same files, in the order given."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from helpers import fakes, made_images, made_up

from srnet.cli import main
from srnet.data.dataset import Data, make_data
from srnet.data.tasks import load_task
from srnet.images.comparison.differences import differences_table
from srnet.images.pictures.dataset import write_images
from srnet.images.results import (
    agreement_table,
    history_table,
    networks_table,
    pixels_table,
    runs_table,
)
from srnet.io.files import read_json, write_json
from srnet.io.frames import read_table, write_table
from srnet.model.fitting import fitness, quality
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network, load_network
from srnet.results import gather, hidden_semantics

TASKS = ["K0", "F3"]
PRESETS = ["paper", "joint"]
TASKS_FILE = fakes.ROOT / "config" / "tasks.yaml"


def srnet(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def done(*arguments: object) -> None:
    """The command, which succeeds and says nothing."""
    result = srnet(*arguments)
    assert (result.exit_code, result.output) == (0, ""), result.output


def refused(result: Result, *words: str) -> None:
    """One sentence, exit code 2, no traceback."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert result.stderr.startswith("srnet: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def network(sizes: list[int]) -> Network:
    """A network of random weights."""
    rng = np.random.default_rng(0)
    pairs = list(itertools.pairwise(sizes))
    return Network(
        tuple(rng.normal(0, 1, (b, a)).astype(np.float32) for a, b in pairs),
        tuple(rng.normal(0, 1, b).astype(np.float32) for _, b in pairs),
        "regression",
    )


def same(path: Path, expected: pd.DataFrame) -> None:
    """The file is that table, to the last digit."""
    write_table(expected, path.with_suffix(".expected"))
    assert path.read_bytes() == path.with_suffix(".expected").read_bytes()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The files of two regressions, two presets and two seeds."""
    return fakes.results(tmp_path / "results", TASKS, PRESETS, seeds=2)


@pytest.fixture
def runs(results: Path) -> list[Path]:
    return [
        results / task / "srnet" / preset / f"{seed}.json"
        for task in TASKS
        for preset in PRESETS
        for seed in (1, 2)
    ]


@pytest.fixture
def best_runs(results: Path) -> list[Path]:
    return [results / task / "srnet" / preset / "best.json" for task in TASKS for preset in PRESETS]


def test_runs(runs: list[Path], tmp_path: Path) -> None:
    names = ("runs", "history", "pareto")
    out = [tmp_path / f"{name}.csv" for name in names]
    options = zip([f"--out-{name}" for name in names], out, strict=True)
    done("gather", "runs", *runs, *[word for pair in options for word in pair])
    contents = gather.read_runs(runs)
    same(out[0], gather.runs_table(contents))
    same(out[1], gather.history_table(contents))
    same(out[2], gather.pareto_table(contents))
    assert read_table(out[0])["task"].tolist() == ["K0"] * 4 + ["F3"] * 4


def test_networks(results: Path, tmp_path: Path) -> None:
    reports, data = (
        [results / task / name for task in TASKS] for name in ("network.json", "data.npz")
    )
    networks, training = tmp_path / "networks.csv", tmp_path / "training.csv"
    pairs = [word for pair in zip(reports, data, strict=True) for word in ("--network", *pair)]
    out = ("--out-networks", networks, "--out-training", training)
    done("gather", "networks", *pairs, "--tasks", TASKS_FILE, *out)
    contents = gather.read_networks(reports)
    same(
        networks,
        gather.networks_table(contents, data, [load_task(task, TASKS_FILE) for task in TASKS]),
    )
    same(training, gather.training_table(contents))


def test_formulas(results: Path, best_runs: list[Path], tmp_path: Path) -> None:
    formulas = [path.with_name("formulas.json") for path in best_runs]
    pairs = [word for pair in zip(best_runs, formulas, strict=True) for word in ("--run", *pair)]
    done("gather", "formulas", *pairs, "--out", tmp_path / "out.csv")
    same(tmp_path / "out.csv", gather.formulas_table(best_runs, formulas))


def test_inputs(runs: list[Path], tmp_path: Path) -> None:
    done("gather", "inputs", *runs, "--out", tmp_path / "out.csv")
    same(tmp_path / "out.csv", hidden_semantics.inputs_used(gather.read_runs(runs)))


def test_hidden_values(results: Path, best_runs: list[Path], tmp_path: Path) -> None:
    layers, out = results / "K0" / "layers.npz", tmp_path / "out.csv"
    done("gather", "hidden-values", layers, *best_runs[:2], "--task", "K0", "--out", out)
    table = read_table(out)
    assert list(dict.fromkeys(table["source"])) == ["network", *PRESETS]
    assert set(table["task"]) == {"K0"}
    assert len(table) == 2 * 3 * hidden_semantics.ROWS * 3
    refused(
        srnet("gather", "hidden-values", layers, best_runs[2], "--task", "K0", "--out", out),
        "the run explains layers of the widths [2, 3, 3, 1]",
    )


def test_layer_r2(results: Path, best_runs: list[Path], tmp_path: Path) -> None:
    out, files = tmp_path / "out.csv", {task: results / task / "layers.npz" for task in TASKS}
    options = [word for task in TASKS for word in ("--layers", task, files[task])]
    done("gather", "layer-r2", *best_runs, *options, "--out", out)
    contents = gather.read_runs(best_runs)
    expected = [
        hidden_semantics.layer_r2(
            Layers.load(files[task], task),
            hidden_semantics.best_models([run for run in contents if run["task"] == task]),
        )
        for task in TASKS
    ]
    same(out, pd.concat(expected, ignore_index=True))
    refused(
        srnet("gather", "layer-r2", best_runs[0], *options, "--out", out),
        "task F3: none of the 1 runs is of this task",
    )


def test_distance(results: Path, best_runs: list[Path], tmp_path: Path) -> None:
    networks = []
    for task in TASKS:
        network(fakes.SIZES[task]).save(results / task / "network.pt")
        make_data(load_task(task, TASKS_FILE)).save(results / task / "data.npz")
        networks += ["--network", task, *(results / task / f for f in ("network.pt", "data.npz"))]
    out = tmp_path / "out.csv"
    done("gather", "distance", *best_runs, *networks, "--out", out)
    contents = gather.read_runs(best_runs)
    expected = [
        hidden_semantics.error_by_distance(
            task,
            load_network(results / task / "network.pt"),
            Data.load(results / task / "data.npz").x,
            hidden_semantics.best_models([run for run in contents if run["task"] == task]),
        )
        for task in TASKS
    ]
    same(out, pd.concat(expected, ignore_index=True))
    refused(
        srnet("gather", "distance", best_runs[0], *networks, "--out", out),
        "task F3: none of the 1 runs is of this task",
    )


def test_comparisons(tmp_path: Path) -> None:
    frames = [
        pd.DataFrame({"task": "K0", "method": method, "seed": [1, 2, 3], "rmse": [0.1, 1 / 3, 2.0]})
        for method in ("lime", "srnet")
    ]
    files = [tmp_path / f"{i}.csv" for i in range(2)]
    for frame, file in zip(frames, files, strict=True):
        write_table(frame, file)
    together, out = pd.concat(frames, ignore_index=True), tmp_path / "out.csv"
    done("gather", "comparisons", *files, "--out", out)
    same(out, together)
    done("gather", "comparisons", *files, "--out", out, "--columns", "seed,task")
    same(out, together[["seed", "task"]])
    done("gather", "comparisons", *files, "--out", out, "--max-seed", "2")
    same(out, together[together["seed"] <= 2])


def test_images(tmp_path: Path) -> None:
    runs = made_images.runs(["tiny"], ["cat", "coffee"], ["00-cat"], seeds=3)
    report = dict.fromkeys(
        ("parameters", "images", "tests", "epochs", "size", "seed", "accuracy_test")
        + ("accuracy_hidden", "seconds"),
        1,
    )
    write_json(tmp_path / "network.json", report | {"architecture": "tiny"})
    named, tests, history = (tmp_path / f"{name}.csv" for name in ("named", "tests", "history"))
    write_table(runs[runs["images"] == "named"].drop(columns="images"), named)
    write_table(runs[runs["images"] == "test"].drop(columns="images"), tests)
    write_table(made_images.history(["tiny"], ["cat"], 3), history)
    names = ("networks", "runs", "agreement", "paired", "history")
    out = [tmp_path / f"images_{name}.csv" for name in names]
    options = zip([f"--out-{name}" for name in names], out, strict=True)
    done(
        *("gather", "images", "--network", tmp_path / "network.json", "--named", named),
        *("--test", tests, "--history", history),
        *[word for pair in options for word in pair],
    )
    gathered = runs_table([named], [tests])
    same(out[0], networks_table([tmp_path / "network.json"]))
    same(out[1], gathered)
    same(out[2], agreement_table(gathered))
    same(out[3], differences_table(gathered))
    same(out[4], history_table([history]))


def test_pixels(tmp_path: Path) -> None:
    from srnet.images.pictures.reading import read_image
    from srnet.images.pictures.segments import superpixels

    write_images(tmp_path, ["cat"], 0, seed=0, size=64)
    count = int(superpixels(read_image(tmp_path / "cat.png"), "slic").max()) + 1
    row = made_images.run("tiny", "cat", "sparse", 1, superpixels=count)
    runs, out = tmp_path / "runs.csv", tmp_path / "pixels.csv"
    write_table(pd.DataFrame([row]), runs)
    words = ("gather", "pixels", runs, "--network", "tiny", "--images", tmp_path, "--out", out)
    done(*words, "--named", "cat")
    same(out, pixels_table(read_table(runs), "tiny", tmp_path, ["cat"], "slic"))
    refused(srnet(*words, "--named", "dog"), "dog.png: cannot be read")


def test_best(runs: list[Path], tmp_path: Path) -> None:
    done("best", *runs[:2], "--out", tmp_path / "best.json")
    contents = [read_json(path) for path in runs[:2]]
    assert read_json(tmp_path / "best.json") == min(contents, key=lambda run: run["fitness"])


def test_best_checks_every_fitness_where_it_has_the_layers(tmp_path: Path) -> None:
    layers = made_up.layers((1, 3, 3, 1))
    layers.save(tmp_path / "layers.npz")
    files = [tmp_path / f"{seed}.json" for seed in (1, 2)]
    for seed, file in enumerate(files, start=1):
        run = fakes.run(seed=seed)
        model = SRNet.from_run(run)
        losses = model.losses(layers)
        told = quality(model, losses, layers) | {"complexity": model.complexity}
        write_json(file, run | told | {"layer_losses": losses, "fitness": fitness(losses)})
    options = ("--layers", tmp_path / "layers.npz", "--out", tmp_path / "best.json")
    done("best", *files, *options)
    assert read_json(tmp_path / "best.json") == read_json(files[0])
    for lie in ({"fitness": 1e-9}, {"fitness": 1e-9, "output_scale": 1e6}):
        write_json(files[1], read_json(files[1]) | lie)
        words = ("2.json: the run's 'fitness' is 1e-09, but its formulas give ", "at most 0.1 %")
        refused(srnet("best", *files, *options), *words)
    done("best", *files, "--out", tmp_path / "believed.json")
    assert read_json(tmp_path / "believed.json")["seed"] == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["gather", "runs", "K0/srnet/paper/1.json", "none.json"], "1 of 2 runs cannot be used"),
        (["gather", "runs", *["K0/srnet/paper/1.json"] * 2], "each run is needed once"),
        (["gather", "networks", "--network", "K0/network.json", "K0/none.npz"], "K0/none.npz"),
        (["gather", "formulas", "--run", "K0/srnet/paper/1.json", "none.json"], "none.json"),
        (["gather", "inputs", "K0/network.json"], "K0/network.json: the key 'preset' is missing"),
        (["gather", "hidden-values", "none.npz", "K0/srnet/paper/1.json"], "none.npz"),
        (["gather", "distance", "none.json", "--network", "K0", "a", "b"], "none.json"),
        (["gather", "comparisons", "none.csv"], "none.csv: cannot be read"),
        (["gather", "comparisons", "seedless.csv", "--max-seed", "3"], "no column 'seed'"),
        (["gather", "comparisons", "seedless.csv", "--columns", "seed"], "seed are needed"),
        (
            [*("gather", "images", "--network", "K0/network.json", "--named", "seedless.csv")]
            + ["--test", "seedless.csv", "--history", "seedless.csv"],
            "seedless.csv: lacks the column 'network'; it has task",
        ),
        (
            ["gather", "pixels", "seedless.csv", "--network", "n", "--images", ".", "--named", "a"],
            "seedless.csv: lacks the column 'network'; it has task",
        ),
        (["best", "none.json"], "1 of 1 runs cannot be used: none.json"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_no_file(
    results: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], words: str
) -> None:
    monkeypatch.chdir(results)
    (results / "seedless.csv").write_text("task\nK0\n")
    name = command[1] if command[0] == "gather" else command[0]
    extra = {
        "runs": ["--out-runs", "--out-history", "--out-pareto"],
        "networks": ["--out-networks", "--out-training"],
        "images": [
            *("--out-networks", "--out-runs", "--out-agreement"),
            *("--out-paired", "--out-history"),
        ],
    }.get(name, ["--out"])
    files = [word for option in extra for word in (option, f"out{option}.csv")]
    if name == "networks":
        files += ["--tasks", str(TASKS_FILE)]
    if name == "hidden-values":
        files += ["--task", "K0"]
    refused(srnet(*command, *files), words)
    assert not list(results.glob("out*"))


@pytest.mark.parametrize(
    "command",
    [["gather", "runs"], ["gather", "formulas", "--run", "1.json"], ["gather", "all"], ["best"]],
)
def test_what_click_refuses_has_the_same_exit_code(command: list[str]) -> None:
    result = srnet(*command, "--out", "nowhere.csv")
    assert result.exit_code == 2
    assert "Error: " in result.stderr
