"""A finished run is published, and a checkout without runs redraws and continues it."""

import json
import os
import shutil

import pytest
import yaml
from helpers.fakes import ROOT
from PIL import Image

from srnet.cli import main
from srnet.drawing.artifacts import list_drawings
from srnet.errors import UserError
from srnet.io.frames import read_table
from srnet.results.archive import unpack_runs, unpack_tables
from srnet.results.differences import compare_folders
from srnet.results.publication import publish

KINDS = {"K0": "regression"}


@pytest.fixture(scope="module")
def published(tiny, snakemake):
    run = snakemake(
        tiny.tree, *tiny.options, "--cores", "1", "--config", "publish=published", "--", "publish"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "rule evolve" not in run.stdout + run.stderr
    return tiny.tree / "published" / "tiny"


@pytest.fixture
def clone(tmp_path, published):
    """A checkout that has the published folder and no results."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    for path in (tmp_path / "config").rglob("*"):
        os.utime(path)  # a checkout is younger than what lies in archives
    return tmp_path


def workflow(*arguments):
    return ("--snakefile", str(ROOT / "workflow" / "Snakefile"), *arguments)


def test_everything_is_in_it(published):
    for made in list_drawings(KINDS):
        for name in {made.name.format(task=task) for task in made.tasks}:
            if made.artifact.kind == "figure":
                with Image.open(published / "figures" / f"{name}.png") as picture:
                    assert picture.width >= 600
            else:
                assert (published / "tables" / f"{name}.csv").stat().st_size > 0
                assert (published / "tables" / f"{name}.tex").stat().st_size > 0
    page = (published / "README.md").read_text()
    for made in list_drawings(KINDS):
        assert f"### {made.artifact.title}\n" in page
    assert "| final fitness | paper | 1 | 11 |" in page
    assert "{" not in page
    provenance = json.loads((published / "provenance.json").read_text())
    assert provenance["rules"]["evolve"]["jobs"] == 2
    assert provenance["command"].startswith("snakemake ")
    assert sum(provenance["made_with"]["runs"].values()) == 2
    times = read_table(published / "wall_times.csv", ["rule", "jobs", "seconds"])
    assert set(times["rule"]) >= {"train", "evolve", "compare", "curves"}
    crate = json.loads((published / "ro-crate-metadata.json").read_text())
    described = {entity["@id"] for entity in crate["@graph"]}
    files = {path.relative_to(published).as_posix() for path in published.rglob("*.*")}
    assert files == described & files
    assert yaml.safe_load((published / "configuration.yaml").read_text())["tasks"] == ["K0"]


def test_figures_are_redrawn_without_a_run(published, clone, snakemake, jobs):
    unpack_tables(published, clone / "results" / "redrawn" / "tables")
    options = [
        *("--configfile", str(published / "configuration.yaml")),
        *("--config", "name=redrawn", "runs=redrawn"),
    ]
    dry = snakemake(clone, *workflow("figures", "tables", "--dry-run", *options))
    rules = {made.rule for made in list_drawings(KINDS)}
    assert set(jobs(dry)) == rules | {"figures", "tables"}
    picture, table = "figures/fitness_box.png", "tables/presets.csv"
    redrawn = clone / "results" / "redrawn"
    targets = [f"results/redrawn/{name}" for name in (picture, table)]
    run = snakemake(clone, *workflow("--cores", "2", *targets, *options))
    assert run.returncode == 0, run.stdout + run.stderr
    assert (redrawn / table).read_bytes() == (published / table).read_bytes()
    with Image.open(redrawn / picture) as ours, Image.open(published / picture) as theirs:
        assert ours.size == theirs.size


def test_more_seeds_run_what_is_missing(published, clone, snakemake, jobs):
    (line,) = unpack_runs(published, clone / "results" / "tiny", clone / "config" / "tasks.yaml")
    assert line.endswith("rows and layers made again, the same")
    options = workflow("--configfile", str(published / "configuration.yaml"))
    targets = [f"results/tiny/K0/srnet/paper/{seed}.json" for seed in (1, 2, 3)]
    dry = ("--dry-run", "--quiet", "rules", "--", *targets)
    assert jobs(snakemake(clone, *options, *dry)) == {"evolve": 1}
    run = snakemake(clone, *options, "--cores", "1", "--", *targets)
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(compare_folders(published / "runs", clone / "results" / "tiny")["state"]) == {
        "equal"
    }


def test_runs_made_again_are_the_same_to_the_last_bit(published, clone, snakemake, capsys):
    options = workflow("--configfile", str(published / "configuration.yaml"))
    run = snakemake(clone, *options, "--cores", "2", "--", "results/tiny/K0/srnet/paper/2.json")
    assert run.returncode == 0, run.stdout + run.stderr
    with pytest.raises(SystemExit) as ended:
        main(["diff", str(published / "runs"), str(clone / "results" / "tiny")])
    said = capsys.readouterr().out
    assert (ended.value.code, said.strip()) == (
        0,
        "3 files compared: 3 equal but for their times, 0 differ",
    )


def test_what_was_published_stays_where_publishing_fails(tiny, published, snakemake, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(tiny.tree, tree)
    before = {path.relative_to(tree): path.stat() for path in tree.glob("published/tiny/**/*")}
    picture = tree / "results" / "tiny" / "figures" / "fitness_box.png"
    time = picture.stat().st_mtime_ns
    picture.write_bytes(b"no picture")
    os.utime(picture, ns=(time, time))
    options = ("--cores", "1", "--rerun-triggers", "mtime", "--config", "publish=published")
    options += ("--", "publish")
    assert snakemake(tree, *tiny.options, *options).returncode == 1
    log = (tree / "results" / "tiny" / "logs" / "publish.log").read_text()
    assert "fitness_box.png: is no picture that can be read" in log
    after = {path.relative_to(tree): path.stat() for path in tree.glob("published/tiny/**/*")}
    assert {path: stat.st_mtime_ns for path, stat in after.items()} == {
        path: stat.st_mtime_ns for path, stat in before.items()
    }


def test_an_unfinished_run_is_not_published(tiny, published, tmp_path, capsys, monkeypatch):
    results = tmp_path / "results"
    shutil.copytree(tiny.tree / "results" / "tiny", results)
    (results / "tables" / "rmse.tex").unlink()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ro-crate-metadata.json").touch()
    monkeypatch.chdir(tiny.tree)
    with pytest.raises(SystemExit) as ended:
        main(
            ["publish", str(results), "--runs", str(results), "--workflow", str(ROOT / "workflow")]
            + ["--out", str(tmp_path / "out")]
        )
    assert ended.value.code == 2
    assert "tables/rmse.tex: cannot be read (No such file or directory); finish the run" in (
        capsys.readouterr().err
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ro-crate-metadata.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "results"]


def change(**values):
    """Change provenance.json."""

    def write(results):
        path = results / "provenance.json"
        content = json.loads(path.read_text())
        configuration = content["configuration"] | values.pop("configuration", {})
        path.write_text(json.dumps(content | {"configuration": configuration} | values))

    return write


def replace(name, text):
    return lambda results: (results / name).write_bytes(text.encode("latin-1"))


DAMAGES = {
    "a task beyond the folder": (
        change(configuration={"tasks": ["../../x"]}),
        r"configuration: the key 'tasks\.0' is '../../x'",
    ),
    "no preset": (change(configuration={"presets": None}), "the key 'presets' is None"),
    "a name beyond the folder": (change(name="../x"), r"the key 'name' is '\.\./x'"),
    "a task without a network": (
        change(configuration={"tasks": ["K0", "K1"]}),
        r"networks\.csv: lacks the task 'K1'; finish the run first",
    ),
    "a device": (change(configuration={"published": "/dev/zero"}), "/dev/zero: cannot be read"),
    "no picture": (replace("figures/fitness_box.png", "GIF89a"), "is no picture that can be read"),
    "no text": (replace("figures/fitness_box.rst", "\xff"), r"fitness_box\.rst: is no text"),
    "other columns": (replace("tables/runs.csv", "task\nK0\n"), "a table lacks what the report"),
    "no runs": (lambda results: shutil.rmtree(results / "K0"), "K0: has no network and no runs"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_results_are_one_sentence_and_no_folder(tiny, tmp_path, monkeypatch, damage):
    write, sentence = DAMAGES[damage]
    shutil.copytree(tiny.tree / "results" / "tiny", tmp_path / "results")
    write(tmp_path / "results")
    monkeypatch.chdir(tiny.tree)
    with pytest.raises(UserError, match=sentence):
        publish(tmp_path / "results", tmp_path / "results", ROOT / "workflow", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_published_folder_is_not_replaced(tiny, tmp_path, kind):
    mine = tmp_path / "mine" if kind == "file" else tmp_path / "mine" / "file"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    results = tiny.tree / "results" / "tiny"
    with pytest.raises(UserError, match="mine: is no published folder, and would be replaced"):
        publish(results, results, ROOT / "workflow", tmp_path / "mine")
    assert mine.read_text() == "mine"
