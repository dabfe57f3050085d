"""Figures and tables drawn by Snakemake from runs that are there: no search, no training."""

import os

import pytest
from helpers import fakes

OPTIONS = ["--config", "name=fake", "tasks=[K0,K2]", "seeds=2"]


@pytest.fixture
def tree(tmp_path, copy_tree, snakemake):
    tree = copy_tree(tmp_path)
    fakes.results(tree / "results" / "fake", ["K0", "K2"], ["paper"], seeds=2)
    return tree


def test_one_figure_of_copied_results_is_drawn_without_a_search(tree, snakemake):
    target = "results/fake/figures/fitness_box.pdf"
    run = snakemake(tree, "--cores", "1", target, *OPTIONS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tree / target).read_bytes().startswith(b"%PDF")
    assert "evolve" not in run.stdout + run.stderr
    assert sorted(path.name for path in (tree / "results/fake/tables").iterdir()) == [
        "history.csv",
        "pareto.csv",
        "runs.csv",
    ]


def test_a_truncated_run_fails_by_name(tree, snakemake):
    run_file = tree / "results/fake/K0/srnet/paper/2.json"
    run_file.write_text(run_file.read_text()[:40])
    run = snakemake(tree, "--cores", "1", "results/fake/tables/runs.csv", *OPTIONS)
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert (
        "1 of 2 runs cannot be used: results/fake/K0/srnet/paper/2.json: is not plain JSON" in said
    )
    assert "Traceback" not in said
    assert not (tree / "results/fake/tables/runs.csv").exists()


def test_a_published_table_without_a_column_is_named(tree, snakemake):
    table = tree / "config" / "published_regression.csv"
    table.write_text(table.read_text().replace("fitness_q3", "q3", 1))
    target = "results/fake/figures/fitness_box.pdf"
    run = snakemake(tree, "--cores", "1", target, *OPTIONS)
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert (
        "config/published_regression.csv: lacks the column 'fitness_q3'; it has task, runs, "
        in said
    )
    assert "Traceback" not in said
    assert not (tree / target).exists()


def test_results_of_another_machine_are_accepted_by_touch(tree, snakemake, jobs):
    target = "results/fake/figures/fitness_box.pdf"
    # copying lost the order of the times, and the code of the search has changed since
    os.utime(tree / "results/fake/K0/data.npz", (4e9, 4e9))
    with open(tree / "srnet/search/layerwise.py", "a") as file:
        file.write("CHANGED = True\n")
    assert {"train", "evolve"} <= set(
        jobs(snakemake(tree, "--dry-run", "--quiet", "rules", *OPTIONS, "--", target))
    )
    os.utime(tree / "results/fake/K0/data.npz")
    touched = snakemake(tree, "--cores", "1", "--touch", "--forceall", target, *OPTIONS)
    assert touched.returncode == 0, touched.stderr
    counts = jobs(snakemake(tree, "--dry-run", "--quiet", "rules", *OPTIONS, "--", target))
    assert set(counts) <= {"gather_runs", "figure_fitness_box"}
    run = snakemake(tree, "--cores", "1", target, *OPTIONS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tree / target).read_bytes().startswith(b"%PDF")


def test_a_missing_run_is_made_and_not_left_out(tree, snakemake, jobs):
    (tree / "results/fake/K0/srnet/paper/2.json").unlink()
    counts = jobs(
        snakemake(
            tree,
            "--dry-run",
            "--quiet",
            "rules",
            *OPTIONS,
            "--",
            "results/fake/figures/fitness_box.pdf",
        )
    )
    assert counts["evolve"] == 1
    assert counts["gather_runs"] == 1


def test_a_task_that_fails_is_named_and_the_others_are_drawn(tree, snakemake):
    results = tree / "results" / "fake"
    (results / "K2" / "layers.npz").write_bytes(b"broken")
    (results / "K2" / "srnet" / "paper" / "2.json").unlink()
    targets = [
        f"results/fake/figures/{name}.pdf"
        for name in ("layer_heatmap/K0", "layer_heatmap/K2", "fitness_box")
    ]
    run = snakemake(
        tree, "--cores", "1", "--keep-going", "--rerun-triggers", "mtime", *OPTIONS, "--", *targets
    )
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "K2/layers.npz: is not a readable .npz archive" in said
    assert (tree / targets[0]).read_bytes().startswith(b"%PDF")
    assert not (tree / targets[1]).exists()
    assert not (tree / targets[2]).exists()
