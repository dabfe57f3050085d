"""The workflow used from elsewhere: as a module of another workflow, and in another folder."""

import copy
import shutil
import subprocess

import pytest
import yaml
from helpers.fakes import ROOT

# What `snakedeploy deploy-workflow` writes.
DEPLOYED = """
configfile: "config/config.yaml"

module srnet:
    snakefile: {snakefile}
    config: config
    {prefix}

use rule * from srnet
"""
# One module among others: without a file of its own, and rules with other names.
AMONG_OTHERS = """
configfile: "all.yaml"

module srnet:
    snakefile: {snakefile}
    config: config["srnet"]
    prefix: "formulas"

use rule * from srnet as srnet_*
"""
MINE = """
mine:
  csv: mine.csv
  target: y
  kind: classification
  network: {hidden: [3], optimiser: adam, lr: 0.01, epochs: 5, batch: 10}
  seed: 1
"""
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


@pytest.fixture(scope="module")
def sources(tmp_path_factory, copy_tree):
    """The Snakefile of a checkout: as a path, as a file of its repository, and as one of GitHub,
    which git reads from that repository."""
    checkout = copy_tree(tmp_path_factory.mktemp("Meine Häuser") / "netze und förmeln")
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "All of it"],
    ):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    snakefile = checkout / "workflow" / "Snakefile"
    github = 'github("srnet-developers/srnet", path="workflow/Snakefile", branch="main")'
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GIT_CONFIG_COUNT", "1")
        environment.setenv("GIT_CONFIG_KEY_0", f"url.{checkout.as_uri()}.insteadOf")
        environment.setenv("GIT_CONFIG_VALUE_0", "https://github.com/srnet-developers/srnet")
        # Snakemake keeps its clones there
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield {
            "path": f'"{snakefile}"',
            "git": f'"git+file://{snakefile}@main"',
            "github": github,
        }


@pytest.mark.parametrize("prefix", ["", 'prefix: "formulas"'])
@pytest.mark.parametrize("source", ["path", "git", "github"])
def test_a_module_makes_everything(snakemake, sources, tmp_path, source, prefix):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "Snakefile").write_text(DEPLOYED.format(snakefile=sources[source], prefix=prefix))
    run = snakemake(tmp_path, "--summary", "--config", "tasks=[K0]", "seeds=1")
    assert run.returncode == 0, run.stdout + run.stderr
    made = {line.split("\t")[0] for line in run.stdout.splitlines()}
    folder = "formulas/results" if prefix else "results"
    assert f"{folder}/paper/K0/srnet/paper/1.json" in made
    assert f"{folder}/paper/figures/fitness_box.pdf" in made
    assert {path.split("/paper/")[0] for path in made if "/" in path} == {folder}


@pytest.mark.parametrize("source", ["git", "github"])
def test_a_module_draws_with_a_task_of_ones_own(snakemake, sources, tmp_path, source):
    (tmp_path / "tasks.yaml").write_text(MINE)
    rows = [f"{x},{x % 2}" for x in range(40)]
    (tmp_path / "mine.csv").write_text("\n".join(["x,y", *rows]))
    config = copy.deepcopy(CONFIG) | {"tasks": ["mine"], "tasks_file": "tasks.yaml", "name": "own"}
    config |= {"seeds": 1}
    config["explainers"] |= {"seeds": 1, "lines": [], "plane": "mine"}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"other": 1, "srnet": config}))
    (tmp_path / "Snakefile").write_text(AMONG_OTHERS.format(snakefile=sources[source]))
    made = ["formulas/results/own/mine/data.npz", "formulas/results/own/figures/undersampling.pdf"]
    options = ("--config", "other=2", "--cores", "1", "--", *made)
    run = snakemake(tmp_path, *options)
    assert run.returncode == 0, run.stdout + run.stderr
    assert all((tmp_path / path).stat().st_size for path in made)
    run = snakemake(tmp_path, "--dry-run", *options)
    assert "Nothing to be done" in run.stdout, run.stdout + run.stderr
    run = snakemake(tmp_path, "--report", "report.zip", *options)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stdout + run.stderr


def test_a_module_refuses_what_the_workflow_does(snakemake, sources, tmp_path):
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"srnet": CONFIG | {"taks": []}}))
    (tmp_path / "Snakefile").write_text(AMONG_OTHERS.format(snakefile=sources["path"]))
    run = snakemake(tmp_path, "--dry-run")
    assert run.returncode == 2
    assert "configuration: unknown key 'taks'; allowed are " in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_another_folder_needs_no_config(snakemake, tmp_path):
    options = ("--snakefile", str(ROOT / "workflow" / "Snakefile"), "--directory", "other")
    options = (*options, "--summary", "--config", "tasks=[K0]", "seeds=1")
    (tmp_path / "other").mkdir()
    run = snakemake(tmp_path, *options)
    assert "results/paper/K0/srnet/paper/1.json\t" in run.stdout, run.stdout + run.stderr


def test_ones_own_config_goes_before_the_packages(snakemake, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tasks.yaml").write_text(MINE)
    snakefile = str(ROOT / "workflow" / "Snakefile")
    run = snakemake(tmp_path, "--snakefile", snakefile, "--dry-run")
    assert "'tasks' names the unknown task 'K0'; config/tasks.yaml has mine" in (
        run.stdout + run.stderr
    )


def test_the_catalogue_of_workflows_finds_what_its_standardised_usage_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage.keys() <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    assert usage["software-stack-deployment"] == {"conda": True, "apptainer": True}
    for path in ("workflow/Snakefile", "config/config.yaml", "config/README.md", "LICENSE"):
        assert (ROOT / path).is_file()
