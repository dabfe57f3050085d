"""The profiles for clusters: what they ask for, and their commands against a stub that plays the
scheduler."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from helpers import stub_scheduler
from helpers.fakes import ROOT
from helpers.waiting import HANG, wait_for
from humanfriendly import parse_timespan

from srnet.data.tasks import load_tasks
from srnet.search.settings import preset

PROFILES = ROOT / "workflow" / "profiles"
CANCEL = {"lsf": "bkill $LSB_JOBID", "generic": "qdel $PBS_JOBID"}

# The shape of the real workflow. At the first try the network's job is cancelled from outside, and
# one search fails.
TINY = """
rule all:
    input:
        expand("T/p/{{seed}}.txt", seed=[1, 2, 3]),
    localrule: True

rule network:
    output:
        "{{task}}/network.txt",
    group:
        "network-{{task}}"
    resources:
        mem_mb=lambda w, attempt: 700 * attempt,
        runtime=lambda w, attempt: 10 * attempt,
        attempt=lambda w, attempt: attempt,
    shell:
        "if [ {{resources.attempt}} = 1 ]; then {cancel}; sleep {hang:g}; fi; touch {{output}}"

rule evolve:
    input:
        "{{task}}/network.txt",
    output:
        "{{task}}/{{preset}}/{{seed}}.txt",
    group:
        "evolve-{{task}}-{{preset}}"
    resources:
        mem_mb=lambda w, attempt: 600 * attempt,
        runtime=lambda w, attempt: 7 * attempt,
        attempt=lambda w, attempt: attempt,
    shell:
        "if [ {{wildcards.seed}} = 2 ] && [ {{resources.attempt}} = 1 ]; then exit 1; fi;"
        " touch {{output}}"

rule long:
    output:
        "long.txt",
    shell:
        "sleep {hang:g}"
"""


# the default profile: test_configuration.py; the other two differ from slurm in commands only, and
# are spared some seconds
@pytest.mark.parametrize(("name", "seeds"), [("slurm", 30), ("lsf", 2), ("generic", 2)])
def test_the_complete_configuration_through_every_profile(
    name, seeds, snakemake, jobs, copy_tree, tmp_path
):
    tree = copy_tree(tmp_path)
    complete = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    (tree / "seeds.json").write_text(json.dumps({"seeds": seeds, "explainers": {"seeds": seeds}}))
    options = ["--profile", f"workflow/profiles/{name}", "--configfile", "seeds.json"]
    counts = jobs(snakemake(tree, "--dry-run", "--quiet", "rules", *options))
    assert counts["evolve"] == len(complete["tasks"]) * len(complete["presets"]) * seeds
    assert counts["train"] == counts["layers"] == len(complete["tasks"])


def test_no_profile_contradicts_the_default_that_goes_before_it():
    profiles = {
        path.parent.name: set(yaml.safe_load(path.read_text()))
        for path in PROFILES.glob("*/config.yaml")
    }
    default = profiles.pop("default")
    assert set(profiles) == {"slurm", "lsf", "generic"}
    assert not [name for name, keys in profiles.items() if keys & default]


def test_a_plain_snakemake_looks_through_its_waiting_steps_rarely():
    """Once a second, Snakemake's default, costs half a core of the complete reproduction."""
    default = yaml.safe_load((PROFILES / "default" / "config.yaml").read_text())
    assert parse_timespan(default["max-jobs-per-timespan"].split("/")[1]) >= 10


def test_a_group_of_the_profiles_is_one_of_the_rules():
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    for path in PROFILES.glob("*/config.yaml"):
        for group in yaml.safe_load(path.read_text()).get("group-components", {}):
            assert f'"{group}"' in rules


def test_every_rule_is_local_or_says_what_it_asks_for():
    for path in [ROOT / "workflow" / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]:
        for rule in re.split(r"^ *rule\b(?=[^\n]*:$)", path.read_text(), flags=re.MULTILINE)[1:]:
            assert "localrule: True" in rule or ("mem_mb=" in rule and "runtime=" in rule), (
                f"{path.name}: {rule.splitlines()[0]}"
            )


def test_a_larger_task_and_a_second_try_ask_for_more():
    names: dict = {
        "TASKS": load_tasks(ROOT / "config" / "tasks.yaml"),
        "SEARCHES": {"paper": preset("paper"), "small": preset("paper", generations=50)},
        "config": {"epochs": {"F0": 1}},
    }
    exec((ROOT / "workflow" / "rules" / "resources.smk").read_text(), names)  # plain Python

    def asked(rule, task, attempt=1, preset="paper"):
        return names[rule](SimpleNamespace(task=task, preset=preset), attempt)

    for rule in ("mem_mb", "minutes_of_training", "minutes_of_search"):
        assert asked(rule, "K0") < asked(rule, "F5") < asked(rule, "P1")
        assert asked(rule, "K0", attempt=3) == 3 * asked(rule, "K0")
        assert isinstance(asked(rule, "F5"), int)
    assert asked("minutes_of_search", "F5", preset="small") < asked("minutes_of_search", "F5")
    assert asked("minutes_of_training", "F0") < asked("minutes_of_training", "F1")


@pytest.fixture(params=["lsf", "generic"])
def cluster(request, tmp_path):
    """A folder with the tiny workflow, the command that runs it, its environment, and the jobs of
    the stub."""
    commands = stub_scheduler.install(tmp_path / "bin")
    state = tmp_path / "stub"
    state.mkdir()
    (tmp_path / "Snakefile").write_text(TINY.format(cancel=CANCEL[request.param], hang=HANG))
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(
            [str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "STUB_SCHEDULER": str(state),
    }
    command = [sys.executable, "-m", "snakemake", "--profile", str(PROFILES / request.param)]
    yield (
        {
            "command": [*command, "--seconds-between-status-checks", "1"],
            "cwd": tmp_path,
            "env": environment,
        },
        lambda: stub_scheduler.jobs(state),
    )
    for job in stub_scheduler.jobs(state):
        stub_scheduler._cancel(job)


@pytest.mark.slow
def test_a_tiny_workflow_completes_though_jobs_are_cancelled_and_fail(cluster):
    where, submitted = cluster
    run = subprocess.run(
        where.pop("command"), **where, capture_output=True, text=True, check=False, timeout=HANG
    )
    assert run.returncode == 0, run.stdout + run.stderr
    jobs = submitted()
    assert [stub_scheduler.memory(job) for job in jobs] == [
        700,
        1400,
        600,
        1200,
    ]  # the memory of one run, more at the second try
    assert [stub_scheduler.minutes(job) for job in jobs] == [
        10,
        20,
        21,
        42,
    ]  # the sum of the three searches
    assert sorted(path.name for path in (where["cwd"] / "T" / "p").iterdir()) == [
        "1.txt",
        "2.txt",
        "3.txt",
    ]


@pytest.mark.slow
def test_an_interrupt_cancels_the_jobs(cluster):
    where, submitted = cluster
    log = where["cwd"] / "driver.log"
    with open(log, "w") as file:
        # the tests may run in the background, where a shell has its children ignore Ctrl-C
        heeding = {
            "start_new_session": True,
            "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        }
        driver = subprocess.Popen(
            [*where.pop("command"), "--seconds-between-status-checks", "5", "long.txt"],
            **(where | heeding),
            stdout=file,
            stderr=file,
        )
    try:
        # while Snakemake 9.27 asks for the states of jobs, it forgets them, and cancels none
        wait_for(
            lambda: any(map(stub_scheduler.is_watched, submitted())), "a job's state", log.read_text
        )
        threads = Path(f"/proc/{driver.pid}/task")
        wait_for(
            lambda: not any(each.read_text() for each in threads.glob("*/children")),
            "the check to end",
            log.read_text,
        )
        time.sleep(1)
        driver.send_signal(signal.SIGINT)
        driver.wait(timeout=HANG)
    finally:
        driver.kill()
    [job] = submitted()
    assert driver.returncode != 0, log.read_text()
    assert not stub_scheduler.alive(job), log.read_text()
