"""Tasks from PMLB in the workflow: the cache that the configuration or the environment names, and
one that lacks a data set."""

import gzip
import shutil

import pytest
from helpers.fakes import ROOT

from srnet.data.dataset import Data

ENTRY = (
    "{name}: {{pmlb: {name}, kind: classification, network: {{hidden: [3], optimiser: adam, lr: "
    "0.1, epochs: 2, batch: 0.5}}, seed: 0}}\n"
)
OPTIONS = [
    "--snakefile",
    str(ROOT / "workflow" / "Snakefile"),
    "--configfile",
    "own.yaml",
    "--cores",
    "1",
    "--keep-going",
]
MADE_UP = ("made_up", "of_no_benchmark")  # names that PMLB has not: nothing is downloaded


@pytest.fixture
def tree(tmp_path):
    """Two tasks of data sets of which the cache has one."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "tasks.yaml").write_text("".join(ENTRY.format(name=name) for name in MADE_UP))
    (tmp_path / "own.yaml").write_text(
        f"name: own\ntasks_file: tasks.yaml\ntasks: [{', '.join(MADE_UP)}]\npmlb_cache: sets here\n"
    )
    (tmp_path / "sets here" / "made_up").mkdir(parents=True)
    rows = "".join(f"{i}\t{i * i}\t{i % 2}\n" for i in range(12))
    (tmp_path / "sets here" / "made_up" / "made_up.tsv.gz").write_bytes(
        gzip.compress(f"a\tb\ttarget\n{rows}".encode())
    )
    return tmp_path


def test_a_data_set_that_cannot_be_had_fails_alone_and_by_name(tree, snakemake):
    targets = [f"results/own/{name}/data.npz" for name in MADE_UP]
    run = snakemake(tree, *OPTIONS, *targets)
    assert run.returncode != 0
    assert Data.load(tree / targets[0]).train_x.shape == (9, 2)
    assert not (tree / targets[1]).exists()
    log = (tree / "results/own/logs/of_no_benchmark/data.log").read_text()
    assert log.startswith(
        "srnet: sets here/of_no_benchmark/of_no_benchmark.tsv.gz: is not there, and PMLB has no "
        "data set"
    )
    assert log.count("\n") == 1


def test_the_environment_goes_before_the_configuration(tree, snakemake, monkeypatch):
    (tree / "sets here").rename(tree / "elsewhere")
    monkeypatch.setenv("SRNET_PMLB_CACHE", str(tree / "elsewhere"))
    run = snakemake(tree, *OPTIONS, "results/own/made_up/data.npz")
    assert run.returncode == 0, run.stdout + run.stderr
