"""The comparison of explainers in the workflow: which jobs there are, and a small classification
with the real commands."""

import csv
import re
import shutil

import pytest
import yaml
from helpers.fakes import ROOT

from srnet.errors import UserError
from srnet.io.schema import check

SMALL = """
name: small
tasks: [iris]
seeds: 2
epochs: {iris: 60}
evolution:
  paper: {population: 10, generations: 3}
explainers: {seeds: 2, rows: 10, samples: 60, plane: P2}
"""
OPTIONS = ("--snakefile", str(ROOT / "workflow" / "Snakefile"), "--configfile", "small.yaml")
TABLES = [f"results/small/tables/{name}.csv" for name in ("accuracy", "stability", "runtime")]
FIGURES = [f"results/small/figures/{name}.png" for name in ("decision_boundary", "undersampling")]


def test_there_is_a_job_for_every_task_method_and_ten_seeds(snakemake, jobs, copy_tree, tmp_path):
    tree = copy_tree(tmp_path)
    (tree / "three.yaml").write_text(
        "{tasks: [K0, F3, iris], presets: [paper, joint], seeds: 3, explainers: {seeds: 11}}"
    )
    counts = jobs(snakemake(tree, "--dry-run", "--quiet", "rules", "--configfile", "three.yaml"))
    assert counts["compare"] == 3 * 2 * 2
    assert counts["compare_baselines"] == 3
    assert counts["compare_srnet"] == 3 * 2
    assert "compare_local" not in counts
    assert counts["curves"] == 2
    assert counts["plane"] == counts["undersampling"] == counts["gather_agreement"] == 1
    near = ("--configfile", "three.yaml", "--config", "explainers={local: true}")
    counted = jobs(snakemake(tree, "--dry-run", "--quiet", "rules", *near))
    assert counted.pop("compare_local") == 3 * 2
    assert {**counted, "total": 0} == {**counts, "total": 0}
    regression = jobs(snakemake(tree, "--dry-run", "--quiet", "rules", "--config", "tasks=[K0]"))
    assert not {"plane", "undersampling", "gather_agreement"} & set(regression)


def test_a_command_has_the_numbers_that_its_task_and_explainer_read(snakemake, copy_tree, tmp_path):
    """So that another number runs no other command again."""
    options = ("--dry-run", "--printshellcmds", "--config", "tasks=[K0,iris]", "seeds=1")
    run = snakemake(copy_tree(tmp_path), *options)
    assert run.returncode == 0, run.stdout + run.stderr
    commands = re.findall(
        r"srnet compare (\w+) --task (\w+) .* --layers \S+ (?:--seeds \S+ )?(.*?) --(?:out|run)",
        run.stdout,
    )
    assert {(explainer, task): numbers.strip() for explainer, task, numbers in commands} == {
        ("lime", "K0"): "--points 1000 --samples 5000 --line",
        ("lime", "iris"): "--rows 200 --samples 5000",
        ("maple", "K0"): "--points 1000 --line",
        ("maple", "iris"): "--rows 200",
        ("baselines", "K0"): "--points 1000 --line",
        ("baselines", "iris"): "",
        ("srnet", "K0"): "--points 1000 --line",
        ("srnet", "iris"): "",
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"points": 0}, "the key 'explainers.points' is 0; at least 1 is needed"),
        ({"seeds": "many"}, "the key 'explainers.seeds' is 'many'; it must be of type integer"),
        ({"sample": 10}, "unknown key 'sample' in 'explainers'"),
        ({"lines": ["K0", "K0"]}, "the key 'explainers.lines' names something twice"),
    ],
)
def test_a_mistake_is_named(change, sentence):
    schema, config = (
        yaml.safe_load((ROOT / path).read_text())
        for path in ("workflow/schemas/config.schema.yaml", "config/config.yaml")
    )
    with pytest.raises(UserError, match=sentence):
        check(config | {"explainers": config["explainers"] | change}, schema, "configuration")


@pytest.fixture(scope="module")
def small(tmp_path_factory, snakemake):
    """The comparison on a small classification that downloads nothing."""
    tree = tmp_path_factory.mktemp("small")
    shutil.copytree(ROOT / "config", tree / "config")
    (tree / "small.yaml").write_text(SMALL)
    run = snakemake(tree, *OPTIONS, "--cores", "2", "--", *TABLES, *FIGURES)
    assert run.returncode == 0, run.stdout + run.stderr
    return tree


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_the_accuracies_of_a_classification(small):
    rows = {row["method"]: row for row in table(small / TABLES[0])}
    assert list(rows) == ["srnet", "lime", "maple", "linear", "constant"]
    assert (rows["lime"]["seeds"], rows["lime"]["train_rows"], rows["lime"]["test_rows"]) == (
        "2",
        "10",
        "10",
    )
    assert (rows["srnet"]["train_rows"], rows["srnet"]["test_rows"]) == ("112", "38")
    agreement = table(small / "results/small/tables/agreement.csv")
    mean = (
        sum(
            float(row["accuracy"])
            for row in agreement
            if (row["method"], row["split"]) == ("maple", "test")
        )
        / 2
    )
    assert float(rows["maple"]["test"]) == pytest.approx(100 * mean)
    assert {row["predicted_classes"] for row in rows.values()} <= {"1", "2", "3"}


def test_stability_and_costs_are_of_every_method(small):
    assert [(row["method"], row["seeds"]) for row in table(small / TABLES[1])] == [
        ("srnet", "2"),
        ("lime", "2"),
        ("maple", "2"),
    ]
    assert all(float(row["seconds_per_point"]) > 0 for row in table(small / TABLES[2]))


def test_the_figures_say_what_they_show(small):
    for figure in FIGURES:
        assert (small / figure).read_bytes().startswith(b"\x89PNG")
        caption = (small / figure).with_suffix(".rst").read_text()
        assert "{{" not in caption
    assert "150 rows of task iris" in (small / FIGURES[0]).with_suffix(".rst").read_text()
