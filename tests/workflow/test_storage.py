"""The workflow without a shared folder: its files lie on an S3 server, and every job starts in an
empty folder, as on a cloud."""

import re
import shutil
import subprocess

import boto3
import pytest
from helpers.fakes import ROOT
from moto.server import ThreadedMotoServer

from srnet.results.differences import compare_folders

CONFIG = """
name: own
tasks_file: own.yaml
tasks: [mine]
seeds: 1
evolution:
  paper: {population: 10, generations: 5}
explainers: {plane: mine, lines: []}
"""
TASKS = """
mine:
  csv: mine.csv
  target: y
  kind: regression
  network: {hidden: [3], optimiser: adam, lr: 0.01, epochs: 5, batch: 10}
  seed: 1
"""
TARGET = "results/own/figures/fitness_box.pdf"
# The results that say how long something took.
WITH_TIMES = {
    "mine/network.json",
    "mine/srnet/paper/1.json",
    "mine/srnet/paper/best.json",
    "tables/runs.csv",
}
JOBS = 2  # the network with its layers in a group, the search; the rest runs where Snakemake does
# Runs the job's script at once, in an empty folder.
SUBMIT = 'sh -c \'cd "$(mktemp --directory --tmpdir={nodes})" && sh "$0" >&2 && echo 1\''


@pytest.fixture
def bucket(monkeypatch):
    """A bucket of a local S3 server, whose keys are in the environment."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"endpoint_url": f"http://{host}:{port}", "access_key": "me", "secret_key": "mine"}
    for name, value in settings.items():
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name.upper()}", value)
    storage = boto3.resource(
        "s3",
        endpoint_url=settings["endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id=settings["access_key"],
        aws_secret_access_key=settings["secret_key"],
    )
    yield storage.create_bucket(Bucket="ours")
    server.stop()


def read_files(folder):
    """The contents of the files in a folder, by their paths in it."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_jobs_in_empty_folders_make_the_files_of_one_machine(bucket, snakemake, tmp_path):
    checkout, nodes, fetched = (tmp_path / name for name in ("checkout", "nodes", "fetched"))
    nodes.mkdir()
    for name in ("config", "workflow"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, checkout / name, ignore=ignore)
    (checkout / "c.yaml").write_text(CONFIG)
    (checkout / "own.yaml").write_text(TASKS)
    rows = [f"{x},{x * x / 100}" for x in range(40)]
    (checkout / "mine.csv").write_text("\n".join(["x,y", *rows]))
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)

    options = ["--configfile", "c.yaml", "--cores", "2"]
    storage = ["--default-storage-provider", "s3", "--default-storage-prefix", "s3://ours/srnet"]
    remote = ["--shared-fs-usage", "none", "--executor", "cluster-generic", "--jobs", "2"]
    remote += ["--job-deploy-sources", "--cluster-generic-submit-cmd", SUBMIT.format(nodes=nodes)]
    remote += ["--cluster-generic-status-cmd", "echo success #"]
    run = snakemake(checkout, *options, *storage, *remote, "--", TARGET)
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(list(nodes.iterdir())) == JOBS
    assert not (checkout / "results").exists()
    for each in bucket.objects.filter(Prefix="srnet/results/"):
        file = fetched / each.key.removeprefix("srnet/")
        file.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(each.key, str(file))

    run = snakemake(checkout, *options, "--", TARGET)
    assert run.returncode == 0, run.stdout + run.stderr
    ours, theirs = (read_files(folder / "results" / "own") for folder in (fetched, checkout))
    assert ours.keys() == theirs.keys()
    compared = compare_folders(fetched / "results" / "own", checkout / "results" / "own")
    assert set(compared["file"]) >= WITH_TIMES
    assert set(compared["state"]) == {"equal"}, compared.to_string()  # but for times
    for name in ours.keys() - WITH_TIMES:
        if not name.startswith(("benchmarks/", "logs/")):  # times, and names of files
            assert ours[name] == theirs[name], name


def test_no_job_has_an_input_that_lies_on_the_machine_of_snakemake_alone():
    """Without a shared folder, Snakemake runs such a job itself."""
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^ *rule\b(?=[^\n]*:$)", path.read_text(), flags=re.MULTILINE)[1:]:
            if "localrule: True" not in rule:
                assert not re.search(r"\b(local|config_file|caption_template)\(", rule)


def test_wildcards_are_constrained_before_the_first_rule():
    """Later constraints are lost for outputs in a storage, and two rules would make one file."""
    files = [ROOT / "workflow" / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    (one,) = [path for path in files if "\nwildcard_constraints:" in path.read_text()]
    assert one.name == "common.smk"
    assert not re.search(r"^ *rule\b", one.read_text(), re.MULTILINE)
    assert 'include: "rules/common.smk"' in files[0].read_text().partition("\nrule ")[0]
