"""Figures and tables drawn by Snakemake from runs that are there: no search, no training."""

import fakes
import pytest

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
    assert sorted(path.name for path in (tree / "results/fake/tables").iterdir()) == ["history.csv", "runs.csv"]


def test_a_truncated_run_fails_by_name(tree, snakemake):
    run_file = tree / "results/fake/K0/srnet/paper/2.json"
    run_file.write_text(run_file.read_text()[:40])
    run = snakemake(tree, "--cores", "1", "results/fake/tables/runs.csv", *OPTIONS)
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "1 of 4 runs cannot be used: results/fake/K0/srnet/paper/2.json: is not plain JSON" in said
    assert "Traceback" not in said
    assert not (tree / "results/fake/tables/runs.csv").exists()
