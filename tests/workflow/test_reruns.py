"""What runs again after a change: a dry run on made-up results that Snakemake has accepted as its
own."""

import json

import pytest
from helpers import fakes

from srnet.drawing.artifacts import list_drawings

CONFIG = {"name": "fake", "tasks": ["K0", "K2"], "seeds": 2}
OPTIONS = ["--configfile", "fake.yaml"]
KINDS = {"K0": "regression", "K2": "regression"}
FIGURES = {made.rule for made in list_drawings(KINDS) if made.artifact.kind == "figure"}


@pytest.fixture(scope="module")
def accepted(tmp_path_factory, copy_tree, snakemake):
    """A tree with complete results that came from elsewhere: --touch --forceall takes them over."""
    tree = copy_tree(tmp_path_factory.mktemp("reruns"))
    fakes.results(tree / "results" / "fake", ["K0", "K2"], ["paper"], seeds=2)
    (tree / "fake.yaml").write_text(json.dumps(CONFIG))
    fakes.touch_missing(tree, snakemake(tree, "--summary", *OPTIONS))
    run = snakemake(tree, "--cores", "1", "--touch", "--forceall", *OPTIONS)
    assert run.returncode == 0, run.stderr
    return tree


@pytest.fixture
def rerun(accepted, snakemake, jobs):
    """The rules that would run after a file of the tree has got another content; the file is then
    as it was."""

    def after(path, change):
        file = accepted / path
        before = file.read_text() if file.exists() else None
        file.write_text(change(before or ""))
        try:
            counts = jobs(snakemake(accepted, "--dry-run", "--quiet", "rules", *OPTIONS))
        finally:
            file.unlink()
            if before is not None:
                file.write_text(before)
        counts.pop("all", None)
        return counts

    return after


def code(text):
    return f"{text}\nCHANGED = True\n"


def config(**changes):
    return lambda text: json.dumps(json.loads(text) | changes)


def test_nothing_runs_again_without_a_change(rerun):
    assert rerun("fake.yaml", config()) == {}


def test_a_comment_changes_nothing(rerun):
    assert rerun("srnet/search/layerwise.py", lambda text: f"# a remark\n{text}") == {}


def test_a_changed_figure_is_redrawn_alone(rerun):
    assert set(rerun("srnet/drawing/figures/fitness_box.py", code)) == {"figure_fitness_box"}


def test_a_changed_table_is_made_again_alone(rerun):
    assert set(rerun("srnet/drawing/tables/presets.py", code)) == {"table_presets"}


def test_a_changed_look_redraws_all_figures(rerun):
    assert (
        set(rerun("srnet/drawing/srnet.mplstyle", lambda text: f"{text}\nfont.size: 8\n"))
        >= FIGURES
    )


@pytest.mark.parametrize(
    "module", ["search/layerwise.py", "search/run.py", "search/kernels/layer_kernel.py"]
)
def test_a_changed_search_runs_every_evolution_and_no_training(rerun, module):
    counts = rerun(f"srnet/{module}", code)
    assert counts["evolve"] == 4
    assert not {"data", "train", "layers", "gather_networks"} & set(counts)


@pytest.mark.parametrize("module", ["joint", "rank", "pursuit", "elimination"])
def test_the_published_search_does_not_run_again_for_the_others(rerun, module):
    assert rerun(f"srnet/search/{module}.py", code) == {}


def test_a_changed_lime_explains_again_by_lime_alone(rerun):
    counts = rerun("srnet/comparison/explainers/lime.py", code)
    assert counts["compare"] == 2 * 3
    assert not {"evolve", "train", "compare_srnet", "compare_baselines"} & set(counts)


# of each explainer the two regressions, 30 seeds in three jobs
@pytest.mark.parametrize(
    ("change", "compared"), [({"samples": 4000}, 6), ({"points": 900}, 12), ({"rows": 100}, 0)]
)
def test_a_changed_number_explains_again_what_reads_it(rerun, change, compared):
    counts = rerun("fake.yaml", config(explainers=change))
    assert counts.get("compare", 0) == compared
    assert ("compare_srnet" in counts) == ("compare_baselines" in counts) == ("points" in change)
    assert not {"evolve", "train", "layers"} & set(counts)


def test_a_changed_budget_runs_the_evolutions(rerun):
    counts = rerun("fake.yaml", config(evolution={"paper": {"generations": 7}}))
    assert counts["evolve"] == 4
    assert "train" not in counts


def test_a_changed_task_runs_that_task_alone(rerun):
    counts = rerun(
        "config/tasks.yaml",
        lambda text: text.replace("formula: sin(x) + sin(x + x**2)", "formula: sin(x)"),
    )
    assert counts["data"] == counts["train"] == counts["layers"] == 1
    assert counts["evolve"] == 2


def test_a_new_task_entry_runs_nothing(rerun):
    network = "{hidden: [3], optimiser: adam, lr: 0.01, epochs: 5, batch: 10}"
    entry = f"MINE: {{csv: mine.csv, target: y, kind: regression, seed: 1, network: {network}}}"
    assert rerun("config/tasks.yaml", lambda text: f"{text}\n{entry}\n") == {}


def test_another_folder_of_data_sets_runs_nothing(rerun):
    assert rerun("fake.yaml", config(pmlb_cache="elsewhere")) == {}


def test_more_seeds_add_runs_only(rerun):
    counts = rerun("fake.yaml", config(seeds=3))
    assert counts["evolve"] == 2
    assert "train" not in counts


def test_another_configuration_draws_the_same_runs(rerun):
    counts = rerun("fake.yaml", config(name="other", runs="fake"))
    assert counts["gather_runs"] == counts["figure_fitness_box"] == 1
    shared = {"data", "train", "layers", "evolve", "best", "formulas", "compare", "compare_srnet"}
    assert not shared & set(counts)
