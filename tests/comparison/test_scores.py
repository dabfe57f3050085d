"""The comparison of explainers on one network: the points, the scores, the files, and the
command."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import fakes
from helpers.fakes import ROOT

from srnet.cli import main
from srnet.comparison.case import make_case
from srnet.comparison.curves import curves
from srnet.comparison.scores import compare, methods
from srnet.comparison.tsne_plane import boundary_line, centres, plane
from srnet.data.dataset import make_data
from srnet.data.tasks import load_tasks
from srnet.io.files import write_json
from srnet.io.frames import write_table
from srnet.networks.boundary_toy import make_toy
from srnet.networks.extraction import extract
from srnet.networks.mlp import Network
from srnet.results.gather import read_runs
from srnet.search.run import evolve_file
from srnet.search.settings import preset

TASKS_FILE = ROOT / "config" / "tasks.yaml"
FLOWERS = (
    "\nflowers:\n  sklearn: iris\n  network: {hidden: [4], optimiser: adam, lr: 0.01, epochs: 5, "
    "batch: 30}\n  seed: 0\n"
)


def untrained(task, data, seed=0):
    """A network of random weights, not small, so that it is no plane."""
    rng = np.random.default_rng(seed)
    sizes = [data.x.shape[1], 4, len(data.classes) or 1]
    weights = tuple(
        rng.normal(0, 2, (b, a)).astype(np.float32) for a, b in zip(sizes, sizes[1:], strict=False)
    )
    biases = tuple(rng.normal(0, 1, size).astype(np.float32) for size in sizes[1:])
    scaler = data.scaler if task.network.standardise else (None, None)
    return Network(weights, biases, task.kind, *scaler)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """By task (K0; F3; flowers, a classification): its folder with data, network and layers, and
    the objects."""
    folder = tmp_path_factory.mktemp("comparison")
    (folder / "tasks.yaml").write_text(TASKS_FILE.read_text() + FLOWERS)
    tasks, found = load_tasks(folder / "tasks.yaml"), {}
    for name in ("K0", "F3", "flowers"):
        source = tasks[name].source
        task = (
            replace(tasks[name], source=replace(source, rows=150)) if name == "F3" else tasks[name]
        )
        data = make_data(task)
        network = untrained(task, data)
        layers = extract(network, data, name)
        data.save(folder / name / "data.npz")
        network.save(folder / name / "network.pt")
        layers.save(folder / name / "layers.npz")
        found[name] = (task, data, network, layers)
    return folder, found


@pytest.fixture(scope="module")
def run(made):
    """A RUN.json of K0 and one of F3."""
    folder, _ = made
    for name in ("K0", "F3"):
        settings = preset("paper", population=20, generations=5)
        evolve_file(folder / name / "layers.npz", folder / name / "1.json", settings, 1, task=name)
    return lambda name: str(folder / name / "1.json")


def case_of(made, name, **options):
    return make_case(*made[1][name], **options)


def test_points_lie_in_their_boxes_and_depend_on_the_task_alone(made):
    task, data, network, layers = made[1]["F3"]
    case = make_case(task, data, network, layers, points=50)
    for box, points in case.points.items():
        low, high = np.transpose(task.source.boxes[box])
        assert points.shape == (50, 2)
        assert ((points >= low) & (points <= high)).all()
    assert np.ptp(case.points["test"], axis=0).min() > np.ptp(case.points["train"], axis=0).max()
    other = make_case(task, data, untrained(task, data, seed=1), layers, points=50)
    np.testing.assert_array_equal(other.points["valid"], case.points["valid"])


def test_a_line_is_the_diagonal_of_each_box(made):
    points = case_of(made, "F3", points=11, line=True).points["test"]
    np.testing.assert_allclose(points, np.linspace([0.5, 0.5], [20.5, 20.5], 11))


def test_the_point_explained_is_the_point_scored(made):
    """The constant's error is the network's own spread about it, at the points of each box."""
    case = case_of(made, "K0", points=30)
    scores, _ = compare(case, methods("baselines", 1, 10)[1])
    for box, error in zip(scores["box"], scores["rmse"], strict=True):
        expected = np.sqrt(np.mean((case.predict(case.points[box]) - case.outputs.mean()) ** 2))
        assert error == pytest.approx(expected)
    assert list(scores["box"]) == ["train", "valid", "test"]


@pytest.mark.parametrize("name", ["lime", "maple"])
def test_a_score_does_not_depend_on_what_ran_before(made, name):
    case = case_of(made, "K0", points=12)
    first, other, again = (compare(case, methods(name, seed, 60)[0]) for seed in (1, 2, 1))
    kept = ["box", "points", "nonfinite", "rmse", "rmse_near", "terms"]
    assert first[0][kept].equals(again[0][kept])
    assert first[1].equals(again[1])
    assert not first[0]["rmse"].equals(other[0]["rmse"])
    assert (
        first[1]["point"].tolist()
        == other[1]["point"].tolist()
        == [i for i in range(10) for _ in range(2)]
    )
    assert first[1]["quantity"].tolist() == ["value", "x0"] * 10


@pytest.mark.parametrize("name", ["K0", "F3"])
def test_formulas_near_a_point_are_scored_beside_them(made, run, name):
    """At their points they are the formulas; as large as LIME's explanations."""
    case = case_of(made, name, points=25)
    runs = read_runs([run(name)])
    (whole,), (local,) = (methods(method, 1, 10, runs) for method in ("srnet", "local"))
    expected, _ = compare(case, whole)
    scores, answers = compare(case, local)
    assert set(scores["method"]) == {"local"}
    assert (scores["preset"].unique().tolist(), scores["seed"].unique().tolist()) == (
        ["paper"],
        [1],
    )
    finite = expected["nonfinite"] == scores["nonfinite"]
    assert finite.all()
    np.testing.assert_allclose(scores["rmse"], expected["rmse"], rtol=1e-9)
    assert set(scores["terms"]) == {case.rows.shape[1] + 1.0}
    assert scores["support"].isna().all()
    assert len(answers) == 10 * (1 + case.rows.shape[1])


def test_formulas_are_scored_at_every_run(made, run):
    case = case_of(made, "K0", points=25)
    runs = read_runs([run("K0")])
    (method,) = methods("srnet", 1, 10, runs)
    scores, answers = compare(case, method)
    assert set(scores["preset"]) == {"paper"}
    assert scores["seconds_once"].min() >= runs[0]["processor_seconds"]
    outputs = method.make(case).explain(case.points["train"]).outputs
    assert scores["nonfinite"][0] == (~np.isfinite(outputs)).sum()
    assert len(answers) == 20


def test_rows_of_a_classification(made):
    task, data, network, layers = made[1]["flowers"]
    case = make_case(task, data, network, layers)
    # the points near the boundary are a part of SRNet's method: no explainer learns from them, none
    # is explained
    assert len(case.points["train"]) == len(case.rows) == len(data.train_x) < layers.rows("train")
    np.testing.assert_allclose(case.points["test"], layers.splits["test"][0], atol=1e-6)
    np.testing.assert_allclose(
        case.predict(case.points["test"]), layers.splits["test"][-1], atol=1e-5
    )
    one, again, other = (case.sampled(seed, 20) for seed in (1, 1, 2))
    assert {len(points) for points in one.points.values()} == {20}
    np.testing.assert_array_equal(one.points["train"], again.points["train"])
    assert not np.array_equal(one.points["train"], other.points["train"])
    np.testing.assert_array_equal(one.repeated, other.repeated)
    assert len(case.sampled(1, 10**6).points["test"]) == len(data.holdout_x)


def test_agreement_of_a_classification(made):
    case = case_of(made, "flowers").sampled(1, 15)
    for name in ("lime", "maple", "baselines"):
        for method in methods(name, 1, 100):
            scores, answers = compare(case, method)
            assert list(scores["split"]) == ["train", "test"]
            assert scores["accuracy"].between(0, 1).all()
            assert answers.loc[answers["quantity"] == "value", "answer"].between(-1.5, 2.5).all()
    maple = compare(case, methods("maple", 1, 100)[0])[0]
    constant = compare(case, methods("baselines", 1, 100)[1])[0]
    assert maple["accuracy"].mean() > constant["accuracy"].mean()


def test_curves_go_through_the_test_box(made, run):
    task, data, network, layers = made[1]["F3"]
    table = curves(
        task, data, make_case(task, data, network, layers), read_runs([run("F3")]), samples=30
    )
    assert list(dict.fromkeys(table["panel"])) == ["k", "x", "surface"]
    assert list(dict.fromkeys(table["method"])) == ["true", "network", "srnet", "lime", "maple"]
    k = table[(table["panel"] == "k") & (table["method"] == "true")]
    assert (k["x"].min(), k["x"].max(), k["low"].iloc[0], k["high"].iloc[0]) == (0.5, 20.5, 1, 5)
    # k x²/2 is linear in k: so is the median over the draws of x
    np.testing.assert_allclose(np.diff(k["value"], 2), 0, atol=1e-9)
    surface = table[(table["panel"] == "surface") & (table["method"] == "true")]
    np.testing.assert_allclose(surface["value"], surface["x"] * surface["z"] ** 2 / 2)


def test_a_plane_has_every_row_and_two_zooms(made, monkeypatch):
    case = case_of(made, "flowers")
    baseline = methods("baselines", 1, 10)[0]
    # in the place of a run
    monkeypatch.setattr("srnet.comparison.scores._run_method", lambda *_: baseline)
    rows, lines = plane(case, {}, samples=60)
    assert len(rows) == sum(len(points) for points in case.points.values())
    assert rows["explained"].sum() == 2
    assert set(rows["zoom"]) == {0, 1, 2}
    assert [(row["zoom"], row["method"]) for row in lines.to_dict("records")] == [
        (1, "lime"),
        (1, "maple"),
        (2, "lime"),
        (2, "maple"),
    ]
    assert lines["agreement"].between(0, 1).all()


def test_centres_lie_at_the_boundary():
    at = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), axis=-1).reshape(-1, 2)
    first, second = centres(at, (at[:, 0] >= 10).astype(int))
    assert {at[first, 0], at[second, 0]} <= {9, 10}
    assert abs(at[first, 1] - at[second, 1]) == 19
    assert len(centres(at, np.zeros(400, int))) == 2  # a constant network


def test_the_line_of_an_explanation():
    at = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    score = 3 * at[:, 0] - at[:, 1] + 0.5
    a, b, c = boundary_line(at, np.stack([score, -score], axis=1), 0)
    np.testing.assert_allclose([a, b, c], [6, -2, 1])


# --- The commands ---------------------------------------------------------------------------------


def case_options(made, task):
    folder = made[0]
    files = {"data": "data.npz", "network": "network.pt", "layers": "layers.npz"}
    return [
        *(f"--task={task}", f"--tasks={folder / 'tasks.yaml'}"),
        *(f"--{part}={folder / task / file}" for part, file in files.items()),
    ]


def command(made, name, task, out: Path, *options):
    words = ["compare", name, *case_options(made, task), f"--out={out / 'scores.csv'}"]
    return CliRunner().invoke(main, [*words, f"--answers={out / 'answers.csv'}", *options])


def same(path, expected):
    """The file is that table, to the last digit."""
    write_table(expected, path.with_suffix(".expected"))
    assert path.read_bytes() == path.with_suffix(".expected").read_bytes()


def test_the_command_writes_both_tables(made, run, tmp_path):
    result = command(made, "srnet", "K0", tmp_path, "--run", run("K0"), "--points", "7", "--line")
    assert result.exit_code == 0, result.output
    with open(tmp_path / "scores.csv") as file:
        rows = list(csv.DictReader(file))
    assert [
        (row["task"], row["method"], row["preset"], row["seed"], row["box"], row["points"])
        for row in rows
    ] == [("K0", "srnet", "paper", "1", box, "7") for box in ("train", "valid", "test")]
    assert (
        (tmp_path / "answers.csv")
        .read_text()
        .startswith("task,method,preset,seed,point,quantity,answer\n")
    )


def test_the_command_explains_some_rows_of_a_classification(made, tmp_path):
    assert (
        command(
            made, "lime", "flowers", tmp_path, "--rows", "4", "--samples", "50", "--seeds", "3-3"
        ).exit_code
        == 0
    )
    with open(tmp_path / "scores.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["split"], row["rows"], row["seed"]) for row in rows] == [
        ("train", "4", "3"),
        ("test", "4", "3"),
    ]


@pytest.mark.parametrize("name", ["lime", "maple"])
@pytest.mark.parametrize("task", ["K0", "flowers"])
def test_several_seeds_of_one_command_are_those_of_each(made, tmp_path, name, task):
    """To the last bit: no explanation depends on what was explained before it."""
    options = ("--points", "6", "--rows", "4", "--samples", "40")
    assert command(made, name, task, tmp_path, "--seeds", "1-3", *options).exit_code == 0
    tables = []
    for seed in (1, 2, 3):
        case = make_case(*made[1][task], points=6)
        case = case.sampled(seed, 4) if case.classifies else case
        tables += [compare(case, method) for method in methods(name, seed, 40)]
    for file, parts in zip(("scores", "answers"), zip(*tables, strict=True), strict=True):
        write_table(pd.concat(parts), tmp_path / "expected.csv")
        assert untimed(tmp_path / f"{file}.csv") == untimed(tmp_path / "expected.csv")


def untimed(path):
    """The rows of a table without its seconds."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    return [{key: row[key] for key in row if not key.startswith("seconds")} for row in rows]


@pytest.mark.parametrize(
    ("name", "task", "options", "words"),
    [
        ("srnet", "K0", [], "the method srnet needs at least one --run"),
        ("local", "K0", [], "the method local needs at least one --run"),
        ("lime", "K0", ["--data", "nowhere.npz"], "nowhere.npz: cannot be read"),
        ("maple", "K0", ["--task", "K9"], "has no task 'K9'"),
        ("baselines", "K0", ["--task", "F3"], "all must be of this task"),
        ("lime", "K0", ["--samples", "1"], "'samples' is 1; a whole number of at least 2"),
        ("lime", "K0", ["--seeds", "3-1"], "'--seeds' is '3-1'; the lowest and the highest"),
        ("maple", "K0", ["--seeds", "5"], "'--seeds' is '5'; the lowest and the highest"),
        ("maple", "K0", ["--seeds", "a-b"], "'--seeds' is 'a-b'; the lowest and the highest"),
        ("maple", "K0", ["--points", "0"], "'points' is 0; a whole number of at least 1"),
        ("maple", "flowers", ["--rows", "0"], "'rows' is 0; a whole number of at least 1"),
    ],
)
def test_mistakes_are_a_sentence_and_leave_no_file(made, tmp_path, name, task, options, words):
    result = command(made, name, task, tmp_path, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_srnet_curves(made, run, tmp_path):
    task, data, network, layers = made[1]["F3"]
    words = ["curves", run("F3"), *case_options(made, "F3"), "--samples=30"]
    for line in (False, True):
        out = tmp_path / f"{line}.csv"
        result = CliRunner().invoke(main, [*words, f"--out={out}", *["--line"] * line])
        assert (result.exit_code, result.output) == (0, "")
        case, runs = make_case(task, data, network, layers), read_runs([run("F3")])
        same(out, curves(task, data, case, runs, line, samples=30))


def test_srnet_plane(made, tmp_path, monkeypatch):
    monkeypatch.setitem(fakes.SIZES, "flowers", [4, 4, 3])
    run, rows, lines = (tmp_path / name for name in ("run.json", "rows.csv", "lines.csv"))
    write_json(run, fakes.run("flowers"))
    words = ["plane", str(run), *case_options(made, "flowers"), "--samples=60"]
    result = CliRunner().invoke(main, [*words, f"--out={rows}", f"--lines={lines}"])
    assert (result.exit_code, result.output) == (0, "")
    expected = plane(case_of(made, "flowers"), fakes.run("flowers"), samples=60)
    same(rows, expected[0])
    same(lines, expected[1])


def test_srnet_boundary_toy(tmp_path):
    out = tmp_path / "toy.csv"
    result = CliRunner().invoke(main, ["boundary-toy", f"--out={out}"])
    assert (result.exit_code, result.output) == (0, "")
    same(out, make_toy())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["curves", "none.json"], "none.json: cannot be read"),
        (["plane", "none.json", "--lines=lines.csv"], "none.json: cannot be read"),
        (["plane", "RUN", "--lines=lines.csv", "--task=K9"], "has no task 'K9'"),
        (["curves", "RUN", "--samples=1"], "'samples' is 1; a whole number of at least 2"),
        (["boundary-toy", "--out=."], ".: cannot be written"),
    ],
)
def test_mistakes_of_the_others_are_a_sentence(made, run, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    name, *options = [run("K0") if word == "RUN" else word for word in words]
    if name != "boundary-toy":
        options = [*case_options(made, "K0"), "--out=out.csv", *options]
    result = CliRunner().invoke(main, [name, *options])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())
