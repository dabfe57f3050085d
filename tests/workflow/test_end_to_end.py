"""The whole workflow on a tiny configuration, with the real commands."""

import csv
import json
import shutil
import zipfile

import pytest
from fakes import ROOT

from srnet.drawing.artifacts import ARTIFACTS

# The installed package: its compiled kernels are cached.
OPTIONS = ["--snakefile", str(ROOT / "workflow" / "Snakefile"), "--configfile", "tiny.yaml"]
TINY = """
name: tiny
tasks: [K0]
seeds: 2
epochs: {K0: 50}
evolution:
  paper: {population: 10, generations: 5}
formulas: {time_limit: 5}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory, snakemake):
    tree = tmp_path_factory.mktemp("tiny")
    shutil.copytree(ROOT / "config", tree / "config")
    (tree / "tiny.yaml").write_text(TINY)
    run = snakemake(tree, *OPTIONS, "--cores", "2")
    assert run.returncode == 0, run.stdout + run.stderr
    return tree


def test_every_figure_and_table_is_there(tree):
    results = tree / "results" / "tiny"
    for artifact in ARTIFACTS:
        if artifact.kind == "figure":
            assert (results / "figures" / f"{artifact.name}.pdf").read_bytes().startswith(b"%PDF")
            assert (results / "figures" / f"{artifact.name}.png").read_bytes().startswith(b"\x89PNG")
        else:
            for kind in ("csv", "tex", "html"):
                assert (results / "tables" / f"{artifact.name}.{kind}").stat().st_size > 0


def test_the_tables_say_what_the_runs_say(tree):
    results = tree / "results" / "tiny"
    with open(results / "tables" / "runs.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["preset"], row["seed"]) for row in rows] == [("K0", "paper", "1"), ("K0", "paper", "2")]
    runs = [json.loads((results / "K0" / "srnet" / "paper" / f"{seed}.json").read_text()) for seed in (1, 2)]
    assert [float(row["fitness"]) for row in rows] == [run["fitness"] for run in runs]
    best = json.loads((results / "K0" / "srnet" / "paper" / "best.json").read_text())
    assert best["fitness"] == min(run["fitness"] for run in runs)
    assert not list(results.glob("**/*.checkpoint"))


def test_nothing_is_left_to_do(tree, snakemake):
    run = snakemake(tree, *OPTIONS, "--dry-run")
    assert "Nothing to be done" in run.stdout + run.stderr


def test_the_report_holds_every_figure_and_table(tree, snakemake):
    run = snakemake(tree, *OPTIONS, "--report", "results/tiny/report.zip")
    assert run.returncode == 0, run.stdout + run.stderr
    with zipfile.ZipFile(tree / "results" / "tiny" / "report.zip") as report:
        names = [name.rsplit("/", 1)[-1] for name in report.namelist()]
    for artifact in ARTIFACTS:
        assert f"{artifact.name}.{'png' if artifact.kind == 'figure' else 'html'}" in names
