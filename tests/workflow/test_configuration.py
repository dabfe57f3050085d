import copy
import re
from collections import Counter

import pytest
import yaml
from helpers.fakes import ROOT
from snakemake.utils import update_config

from srnet.errors import UserError
from srnet.io.schema import check

SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
COMPLETE = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.mark.parametrize("name", ["config", "demo", "images", "presets"])
def test_the_configurations_are_valid(name):
    config = copy.deepcopy(COMPLETE)
    update_config(
        config, yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    )  # key by key, as Snakemake does
    check(config, SCHEMA, f"{name}.yaml")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": 3}, "unknown key 'seed'; allowed are container, epochs, evolution"),
        ({"seeds": 0}, "the key 'seeds' is 0; at least 1 is needed"),
        ({"seeds": "many"}, "the key 'seeds' is 'many'; it must be of type integer"),
        ({"seeds": 3.0}, "the key 'seeds' is 3.0; it must be of type integer"),
        ({"seeds": 10**11}, "the key 'seeds' is 100000000000; at most 10000 is allowed"),
        ({"seeds": {"K0": 10**11}}, "the key 'seeds.K0' is 100000000000; at most 10000 is allowed"),
        ({"seeds": True}, "the key 'seeds' is True; it must be of type integer"),
        ({"seeds": {"default": 0}}, "the key 'seeds.default' is 0; at least 1 is needed"),
        ({"seeds": {"K0": 3.0}}, "the key 'seeds.K0' is 3.0; it must be of type integer"),
        ({"epochs": {"K0": 3.0}}, "the key 'epochs.K0' is 3.0; it must be of type integer"),
        ({"tasks": []}, "the key 'tasks' has 0 entries; at least 1 is needed"),
        ({"tasks": ["K0", "K0"]}, "the key 'tasks' names something twice"),
        ({"name": "../other"}, "the key 'name' is '../other'"),
        (
            {"evolution": {"paper": {"populaton": 3}}},
            "unknown key 'populaton' in 'evolution.paper'",
        ),
        (
            {"evolution": {"joint": {"nested_constraints": {"sin": {"cos": -1}}}}},
            "the key 'evolution.joint.nested_constraints.sin.cos' is -1; at least 0 is needed",
        ),
        (
            {"evolution": {"joint": {"costs": {"sin": 0}}}},
            "the key 'evolution.joint.costs.sin' is 0; at least 1 is needed",
        ),
        ({"formulas": {}}, "the key 'time_limit' is missing in 'formulas'"),
        (
            {"formulas": {"time_limit": 0}},
            "the key 'formulas.time_limit' is 0; more than 0 is needed",
        ),
        ({"pmlb_cache": 3}, "the key 'pmlb_cache' is 3; it must be of type string"),
        ({"epochs": {"K0": 0}}, "the key 'epochs.K0' is 0; at least 1 is needed"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(change, sentence):
    with pytest.raises(UserError) as caught:
        check(COMPLETE | change, SCHEMA, "configuration")
    assert str(caught.value).startswith(f"configuration: {sentence}")
    assert "\n" not in str(caught.value)


def test_epochs_of_an_unknown_image_network_are_refused():
    images = yaml.safe_load((ROOT / "config" / "images.yaml").read_text())["images"]
    with pytest.raises(UserError, match="'images.epochs' is 'tyny'; allowed are resnet18, "):
        check(COMPLETE | {"images": images | {"epochs": {"tyny": 3}}}, SCHEMA, "configuration")


def test_every_key_is_described():
    def described(schema):
        for name, part in schema.get("properties", {}).items():
            assert part.get("description") or part.get("properties"), name
            described(part)

    described(SCHEMA)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("taks=[K0]", "configuration: unknown key 'taks'"),
        ("tasks=[K9]", "configuration: 'tasks' names the unknown task 'K9'"),
        ("presets=[papr]", "configuration: 'presets' names the unknown preset 'papr'; known are"),
        ("evolution={papr: {}}", "'evolution' names the unknown preset 'papr'; known are paper,"),
        (
            "evolution={joint: {costs: {erf: 2}}}",
            "configuration: 'evolution.joint.costs' has the unknown key 'erf'; allowed are add,",
        ),
        (
            "evolution={rank: {nested_constraints: {sin: {cosine: 2}}}}",
            "'evolution.rank.nested_constraints.sin' has the unknown key 'cosine'; allowed are",
        ),
        (
            "evolution={paper: {costs: {sin: 2}}}",
            "configuration: 'evolution.paper': unknown setting 'costs' of the preset paper; known",
        ),
        ("explainers={lines: [K00]}", "'explainers.lines' names the unknown task 'K00'; "),
        ("explainers={plane: P22}", "'explainers.plane' names the unknown task 'P22'; "),
        ("epochs={K00: 3}", "'epochs' names the unknown task 'K00'; "),
        ("seeds={K00: 3}", "'seeds' names the unknown task 'K00'; "),
        ("explainers={seeds: {K00: 3}}", "'explainers.seeds' names the unknown task 'K00'; "),
        ("explainers={seeds: 2.5}", "'explainers.seeds' is 2.5; it must be of type integer"),
        ("seeds=3.0", "the key 'seeds' is 3.0; it must be of type integer"),
        ("published=no.csv", "'published' names the file 'no.csv', which is not there"),
        ("verdict=no.yaml", "'verdict' names the file 'no.yaml', which is not there"),
        ("name=published", "'name' is 'published', and 'publish' is 'results/published': what is"),
        ("runs=published", "'runs' is 'published', and 'publish' is 'results/published': what is"),
        ("publish=results", "'name' is 'paper', and 'publish' is 'results': what is published"),
        ("publish=results/paper/out", "'name' is 'paper', and 'publish' is 'results/paper/out': "),
        ("presets=[rank]", "'presets' has rank, which chooses formulas by validation rows; the"),
    ],
)
def test_snakemake_refuses_it_before_it_runs_anything(snakemake, option, sentence):
    run = snakemake(ROOT, "--dry-run", "--config", option)
    assert run.returncode == 2
    assert sentence in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_nested_option_of_the_command_line_has_numbers(snakemake, jobs, copy_tree, tmp_path):
    options = ("tasks=[K0]", "seeds=2", "explainers={seeds: 11, lines: [K0]}", "epochs={K0: 5}")
    run = snakemake(copy_tree(tmp_path), "--dry-run", "--printshellcmds", "--config", *options)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "srnet compare maple" in run.stdout
    assert "--seeds 11-11 --points 1000" in run.stdout
    assert "--epochs 5 " in run.stdout


def test_every_task_has_its_own_number_of_seeds(snakemake, copy_tree, tmp_path):
    options = ("tasks=[K0,K1,P0s]", "seeds={default: 2, K1: 3}", "explainers={seeds: {K0: 12}}")
    run = snakemake(
        copy_tree(tmp_path),
        "--dry-run",
        "--printshellcmds",
        "--config",
        *options,
        "presets=[paper]",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for pattern, counts in {
        r"srnet evolve .* --task (\w+) ": {"K0": 2, "K1": 3, "P0s": 10},
        r"srnet compare maple --task (\w+) ": {"K0": 2, "K1": 3, "P0s": 1},
    }.items():
        assert Counter(re.findall(pattern, run.stdout)) == counts
    for command, task, count in (("best", "K1", 3), ("compare srnet", "K0", 2)):
        line = re.search(rf"srnet {command} .*results/paper/{task}/.*", run.stdout)
        assert line is not None
        assert len(set(re.findall(r"srnet/paper/\d+\.json", line[0]))) == count


def test_a_tasks_file_of_ones_own_lacks_what_config_yaml_names(snakemake, copy_tree, tmp_path):
    tree = copy_tree(tmp_path)
    tasks = (tree / "config" / "tasks.yaml").read_text().replace("K0:", "mine:")
    (tree / "mine.yaml").write_text(tasks[tasks.index("mine:") : tasks.index("K1:")])
    config = {"tasks_file": "mine.yaml", "tasks": ["mine"]}
    for explainers, code in (({}, 0), ({"lines": ["mine"]}, 0), ({"lines": ["min"]}, 2)):
        (tree / "c.yaml").write_text(yaml.safe_dump(config | {"explainers": explainers}))
        run = snakemake(tree, "--dry-run", "--configfile", "c.yaml")
        assert run.returncode == code, run.stdout + run.stderr
    assert "'explainers.lines' names the unknown task 'min'; mine.yaml has mine" in run.stdout


@pytest.mark.parametrize("name", ["tiny", "images", "all", "default"])
def test_a_task_is_called_as_nothing_else(snakemake, copy_tree, tmp_path, name):
    """The figures of a task called as an image network would be missing."""
    tree = copy_tree(tmp_path)
    tasks = tree / "config" / "tasks.yaml"
    tasks.write_text(tasks.read_text().replace("\nK0:", f"\n{name}:"))
    demo = yaml.safe_load((tree / "config" / "demo.yaml").read_text())
    (tree / "c.yaml").write_text(yaml.safe_dump(demo | {"tasks": [name], "epochs": {}}))
    run = snakemake(tree, "--dry-run", "--configfile", "c.yaml")
    assert run.returncode != 0
    assert f"configuration: 'tasks' has the task '{name}', the name of" in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_the_complete_configuration_asks_for_every_run(snakemake, jobs, copy_tree, tmp_path):
    tree = copy_tree(tmp_path)
    # neither the PMLB data sets nor a network are there
    counts = jobs(snakemake(tree, "--dry-run", "--quiet", "rules"))
    runs = 17 * 30 + 5 * 10  # ten seeds of P0s … P4s
    assert counts["evolve"] == runs
    assert counts["compare"] == 2 * (17 * 3 + 5)
    assert counts["train"] == counts["layers"] == counts["formulas"] == 22
    presets = "presets=[paper,joint,rank2,rank3]"
    four = jobs(snakemake(tree, "--dry-run", "--quiet", "rules", "--config", presets))
    assert four["evolve"] == 2 * runs + 2 * 22 * 10  # ten of each preset of several formulas
    assert four["train"] == counts["train"]
    assert four["figure_fidelity_by_formulas"] == 1


def test_the_presets_share_the_networks_and_are_compared(snakemake, jobs, copy_tree, tmp_path):
    tree = copy_tree(tmp_path)
    options = ("--dry-run", "--quiet", "rules", "--configfile", "config/presets.yaml", "--")
    drawings = ["table_presets", "figure_presets_compared", "figure_fidelity_by_formulas"]
    counts = jobs(snakemake(tree, *options, *drawings))
    assert counts["evolve"] == 12 * (30 + 30 + 10 + 10)
    assert counts["train"] == 12
    assert [counts[name] for name in drawings] == [1, 1, 1]


@pytest.mark.parametrize("name", ["presets", "images"])
def test_a_configuration_draws_into_a_folder_of_its_own_from_shared_runs(
    name, snakemake, copy_tree, tmp_path
):
    tree = copy_tree(tmp_path)
    (tree / "one.yaml").write_text("{tasks: [K0], seeds: 1}")
    files = (f"config/{name}.yaml", "one.yaml")
    run = snakemake(tree, "--summary", "--configfile", "config/config.yaml", "one.yaml")
    paper = {line.split("\t")[0] for line in run.stdout.splitlines()[1:]}
    run = snakemake(tree, "--summary", "--configfile", *files)
    assert run.returncode == 0, run.stderr
    made = {line.split("\t")[0] for line in run.stdout.splitlines() if line.startswith("results/")}
    shared = {path for path in made if path.startswith("results/paper/")}
    assert {"results/paper/K0/network.pt", "results/paper/K0/srnet/paper/1.json"} <= shared
    assert made - shared == {path for path in made if path.startswith(f"results/{name}/")}
    assert f"results/{name}/tables/runs.csv" in made
    assert not [path for path in shared if "/tables/" in path or "/figures/" in path]
    assert "results/paper/tables/runs.csv" in paper


COUNTED = """
_uncounted = fingerprint


def fingerprint(*modules, **options):
    with open("fingerprints.txt", "a") as file:
        file.write(f"{modules} {options}\\n")
    return _uncounted(*modules, **options)
"""


def test_the_code_is_read_once_for_many_jobs(snakemake, jobs, copy_tree, tmp_path):
    """Half of a dry run's time went into 2,070 fingerprints, most of them the same."""
    tree = copy_tree(tmp_path)
    with open(tree / "srnet" / "io" / "fingerprint.py", "a") as file:
        file.write(COUNTED)
    options = ("--dry-run", "--quiet", "rules", "--configfile", "config/presets.yaml")
    counts = jobs(snakemake(tree, *options))
    assert counts["evolve"] == 12 * (30 + 30 + 10 + 10)
    lines = (tree / "fingerprints.txt").read_text().splitlines()
    assert lines
    assert len(set(lines)) == len(lines)
