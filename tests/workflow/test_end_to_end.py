"""The whole workflow on a tiny configuration, with the real commands."""

import csv
import json
import shutil
import subprocess
import sys

import pytest
from helpers.fakes import ROOT

from srnet.drawing.artifacts import list_drawings
from srnet.model.srnet import SRNet

KINDS = {"K0": "regression"}
RANKS = """
name: ranks
tasks: [K0, iris]
presets: [paper, rank2]
seeds: 1
epochs: {K0: 50, iris: 50}
evolution:
  paper: {population: 10, generations: 5}
  rank2: {population: 10, generations: 8}
formulas: {time_limit: 5}
explainers: {seeds: 1, points: 20, samples: 100}
"""


def check_drawings(results, kinds):
    made = [
        (made.artifact.kind, made.name.format(task=task))
        for made in list_drawings(kinds)
        for task in made.tasks
    ]
    for kind, name in dict.fromkeys(made):
        folder = results / f"{kind}s"
        if kind == "figure":
            assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
            assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        else:
            for ending in ("csv", "tex", "html"):
                assert (folder / f"{name}.{ending}").stat().st_size > 0
        caption = (folder / f"{name}.rst").read_text()
        assert caption.strip()
        assert "{{" not in caption


def test_every_file_is_one_that_the_configuration_makes(tiny):
    command = [sys.executable, "-m", "srnet.cli", "untracked", "--config", "tiny.yaml"]
    run = subprocess.run(command, cwd=tiny.tree, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, ""), run.stderr


def test_every_figure_and_table_is_there(tiny):
    check_drawings(tiny.tree / "results" / "tiny", KINDS)


def test_the_tables_say_what_the_runs_say(tiny):
    results = tiny.tree / "results" / "tiny"
    with open(results / "tables" / "runs.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["preset"], row["seed"]) for row in rows] == [
        ("K0", "paper", "1"),
        ("K0", "paper", "2"),
    ]
    runs = [
        json.loads((results / "K0" / "srnet" / "paper" / f"{seed}.json").read_text())
        for seed in (1, 2)
    ]
    assert [float(row["fitness"]) for row in rows] == [run["fitness"] for run in runs]
    best = json.loads((results / "K0" / "srnet" / "paper" / "best.json").read_text())
    assert best["fitness"] == min(run["fitness"] for run in runs)
    assert not list(results.glob("**/*.checkpoint"))


def test_every_published_number_has_a_line_in_the_verdict(tiny):
    with open(tiny.tree / "results" / "tiny" / "tables" / "reproduction.csv") as file:
        rows = list(csv.DictReader(file))
    fitness = {row["task"]: row for row in rows if row["claim"] == "final fitness"}
    assert len(fitness) == 12
    assert fitness["K0"]["verdict"] == "not comparable"  # two seeds
    assert {row["verdict"] for task, row in fitness.items() if task != "K0"} == {"not run"}
    assert sum(row["claim"].startswith("accuracy") for row in rows) == 30


def test_the_summary_says_what_came_out(tiny):
    text = (tiny.tree / "results" / "tiny" / "summary.md").read_text()
    assert text.startswith(
        "# tiny: what came out\n\n1 task, 2 runs: preset paper, 2 seeds per task and preset."
    )
    for words in (
        "## Verdict",
        "## Cost",
        "## Where the rest is",
        "trained for 50 of 10000 epochs: K0",
    ):
        assert words in text
    assert len(text.splitlines()) < 60


def test_nothing_is_left_to_do(tiny, snakemake):
    run = snakemake(tiny.tree, *tiny.options, "--dry-run")
    assert "Nothing to be done" in run.stdout + run.stderr


@pytest.fixture(scope="module")
def ranks(tmp_path_factory, snakemake):
    """The results of a regression and a classification by one formula per layer and by several."""
    tree = tmp_path_factory.mktemp("ranks")
    shutil.copytree(ROOT / "config", tree / "config")
    (tree / "ranks.yaml").write_text(RANKS)
    snakefile = str(ROOT / "workflow" / "Snakefile")
    run = snakemake(tree, "--snakefile", snakefile, "--configfile", "ranks.yaml", "--cores", "2")
    assert run.returncode == 0, run.stdout + run.stderr
    return tree / "results" / "ranks"


def test_several_formulas_per_layer_are_drawn_too(ranks):
    check_drawings(ranks, {"K0": "regression", "iris": "classification"})


def test_a_table_tells_the_formulas_of_every_layer_of_the_best_run(ranks):
    with open(ranks / "tables" / "fidelity_by_formulas.csv") as file:
        rows = list(csv.DictReader(file))
    for task in ("K0", "iris"):
        for preset in ("paper", "rank2"):
            model = SRNet.load(ranks / task / "srnet" / preset / "best.json")
            told = [row for row in rows if (row["task"], row["preset"]) == (task, preset)]
            assert [int(row["formulas"]) for row in told] == model.ranks
            assert max(model.ranks) == {"paper": 1, "rank2": 2}[preset]
            for row in told:
                assert not row["bound"] or float(row["r2"]) <= float(row["bound"]) + 1e-9
