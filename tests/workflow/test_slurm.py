"""The real workflow on a real Slurm, through its profile: a job fails, others are preempted, one is
cancelled, the driver dies, and the runs are those of one machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.fakes import ROOT
from helpers.one_node_slurm import Slurm, Unavailable, one_node_slurm
from helpers.waiting import HANG, wait_for

from srnet.io.files import write_json

pytestmark = pytest.mark.slow

SMALL = {
    "name": "small",
    "tasks": ["K0"],
    "presets": ["paper", "joint"],
    "seeds": 2,
    "epochs": {"K0": 50},
    "evolution": {
        "paper": {"population": 10, "generations": 20},
        "joint": {"population": 50, "generations": 1000},
    },
    "formulas": {"time_limit": 1},
}
TARGETS = ["results/small/tables/runs.csv", "results/small/tables/formulas.csv"]
SEARCHES = "results/small/K0/srnet"
# Stands before the real command: writes down what ran where and what the job's preamble has set,
# lets the first `paper` search fail, and has one `joint` search halt at its first checkpoint; one
# alone, for Snakemake does not begin with the same of the two that share a job at every try.
SRNET = """#!/bin/bash
if [ "$1" = evolve ]; then
    if [[ "$*" == *"--preset paper"* ]] && [ ! -e {record}/failed ]; then
        echo "$SLURM_JOB_ID" > {record}/failed; exit 1
    fi
fi
command={srnet}
if [[ "$*" == evolve*"--preset joint --seed 1 "* ]] && [ ! -e {record}/calm ]; then
    command="{python} {record}/halting.py"
    set -- "$@" --checkpoint-interval 0
fi
echo "$SLURM_JOB_ID begins $*" >> {record}/commands
echo "$SLURM_JOB_ID,$PREAMBLE" >> {record}/preambles
$command "$@"
status=$?
echo "$SLURM_JOB_ID $status $*" >> {record}/commands
exit $status
"""
# The command, whose search stops itself where it is once it has written a checkpoint: however fast
# the machine, it is still to be interrupted.
HALTING = """
import os
import signal

from srnet.cli import main
from srnet.search.checkpoints import Checkpoint

save = Checkpoint.save


def save_and_halt(self, content):
    save(self, content)
    os.kill(os.getpid(), signal.SIGSTOP)


Checkpoint.save = save_and_halt
main()
"""
# What a job runs first, as on a cluster it loads modules.
PREAMBLE = 'export PREAMBLE="of $SLURM_JOB_ID"'
# How the page for users of a cluster says to end the jobs of a driver that died.
CANCEL = (
    "squeue --me --noheader --format='%i %j' | awk '$2 ~ /^srnet_/ {print $1}' | xargs "
    "--no-run-if-empty scancel"
)
MARK = 1000.0


class Snakemake:
    """The workflow in a folder of its own, by the installed package, whose compiled kernels are
    cached; and what Snakemake said."""

    def __init__(self, folder: Path, commands: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        shutil.copytree(ROOT / "config", folder / "config")
        (folder / "small.yaml").write_text(json.dumps(SMALL))
        python = str(Path(sys.executable).parent)
        path = os.pathsep.join([str(commands), python, os.environ["PATH"]])
        self.environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}

    def start(self) -> "subprocess.Popen[str]":
        return self._popen(*self.options, "--configfile", "small.yaml", "--", *TARGETS)

    def unlock(self) -> int:
        return self._popen("--configfile", "small.yaml", "--cores", "1", "--unlock").wait()

    def said(self) -> str:
        return (self.folder / "said.txt").read_text()

    def _popen(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--snakefile",
            str(ROOT / "workflow" / "Snakefile"),
            *arguments,
        ]
        with open(self.folder / "said.txt", "a") as said:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )


@dataclass
class Story:
    """What happened: the numbers of jobs, the search that was interrupted, and the folders of both
    results."""

    cluster: Path
    local: Path
    finished: dict[str, dict[str, str]]
    commands: list[tuple[str, str, str]]
    preambles: set[str]
    failed: str
    preempted: dict[str, str]
    cancelled: str
    orphan: str
    orphan_lived: bool
    resumed: Path
    exit: int
    said: str


@pytest.fixture(scope="module")
def slurm():
    try:
        with one_node_slurm() as running:
            yield running
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def story(slurm: Slurm, tmp_path_factory) -> Story:
    """One reproduction that goes through all of it, beside the same on this machine alone."""
    record = tmp_path_factory.mktemp("record")
    (record / "srnet").write_text(
        SRNET.format(
            record=record, srnet=Path(sys.executable).parent / "srnet", python=sys.executable
        )
    )
    (record / "halting.py").write_text(HALTING)
    (record / "srnet").chmod(0o755)
    (record / "preamble").write_text(PREAMBLE)
    profile = str(ROOT / "workflow" / "profiles" / "slurm")
    local = Snakemake(
        tmp_path_factory.mktemp("local"), tmp_path_factory.mktemp("none"), "--cores", "1"
    )
    options = ("--profile", profile, "--precommand", f". {record / 'preamble'}")
    cluster = Snakemake(tmp_path_factory.mktemp("cluster"), record, *options)

    checkpoint = cluster.folder / SEARCHES / "joint" / "1.json.checkpoint"

    def seconds() -> float:
        with suppress(FileNotFoundError):
            return json.loads(checkpoint.read_text())["seconds"]
        return 0.0

    def commands() -> list[tuple[str, str, str]]:
        lines = (
            (record / "commands").read_text().splitlines() if (record / "commands").exists() else []
        )
        return [tuple(line.split(" ", 2)) for line in lines]

    def searched(preset: str) -> list[str]:
        return [number for number, _, command in commands() if f"--preset {preset} " in command]

    at_home = local.start()
    driver = cluster.start()
    try:
        # one job fails by itself; another is in the middle of a search, and is preempted
        wait_for(checkpoint.exists, "a search to be interrupted", cluster.said)
        wait_for((record / "failed").exists, "a search to fail", cluster.said)
        wait_for(lambda: not slurm.running("paper"), "its job to end", cluster.said)
        slurm.preempt()
        before = seconds()

        def goes_on() -> bool:
            slurm.start_requeued()
            return seconds() > before

        wait_for(goes_on, "the preempted search to go on from its checkpoint", cluster.said)
        [cancelled] = slurm.running("joint")
        preempted = slurm.describe(cancelled)

        # then it is cancelled from outside
        subprocess.run(["scancel", cancelled], check=True)
        wait_for(
            lambda: cancelled not in slurm.running(),
            "the job and its processes to end",
            cluster.said,
        )
        content = json.loads(checkpoint.read_text())
        content["seconds"] += MARK
        write_json(checkpoint, content)

        # both are tried again; in the middle of the second the driver is killed
        [orphan] = wait_for(
            lambda: set(slurm.running("joint")) - {cancelled},
            "the cancelled job to be tried again",
            cluster.said,
        )
        wait_for(
            lambda: seconds() > content["seconds"],
            "the search to go on from its checkpoint",
            cluster.said,
        )
        wait_for(lambda: searched("paper"), "the failed job to be tried again", cluster.said)
        driver.kill()
        driver.wait()
        time.sleep(1)
        orphan_lived = slurm.running("joint") == [orphan]

        # recovery, as documented
        (record / "calm").touch()
        subprocess.run(CANCEL, shell=True, check=True)
        wait_for(lambda: not slurm.running(), "the jobs to be cancelled", cluster.said)
        assert cluster.unlock() == 0
        driver = cluster.start()
        code = driver.wait(timeout=HANG)
        assert at_home.wait(timeout=HANG) == 0, local.said()
    finally:
        for process in (driver, at_home):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return Story(
        cluster=cluster.folder,
        local=local.folder,
        finished={job["JobId"]: job for job in slurm.finished()},
        commands=commands(),
        preambles=set((record / "preambles").read_text().splitlines()),
        failed=(record / "failed").read_text().strip(),
        preempted=preempted,
        cancelled=cancelled,
        orphan=orphan,
        orphan_lived=orphan_lived,
        resumed=checkpoint.with_suffix(""),
        exit=code,
        said=cluster.said(),
    )


def memory(job: dict[str, str]) -> int:
    """MB that a job has had, as Slurm writes it: ``cpu=1,mem=1200M,…``."""
    return int(job["Tres"].split("mem=")[1].split("M")[0])


def test_it_completes(story):
    assert story.exit == 0, story.said
    for target in TARGETS:
        assert (story.cluster / target).stat().st_size > 0


def test_slurm_ran_the_searches_and_says_so(story):
    done = [(number, command) for number, status, command in story.commands if status == "0"]
    for name in ("train", "layers", "evolve", "formulas"):
        numbers = {number for number, command in done if command.startswith(f"{name} ")}
        assert numbers, name
        for number in numbers:
            job = story.finished[number]
            assert (job["NodeCnt"], job["UserId"], job["Name"][:6]) == ("1", "root(0)", "srnet_"), (
                job
            )
    # rows are made and files gathered where Snakemake runs, all else in jobs
    assert {command.split()[0] for number, command in done if not number} <= {
        *("data", "best", "gather"),
    }
    completed = {number for number, job in story.finished.items() if job["JobState"] == "COMPLETED"}
    assert set([number for number, _ in done if number][-2:]) <= completed


def test_a_job_runs_its_preamble_first(story):
    numbers = {number for number, _, _ in story.commands if number}
    assert story.preambles == {",", *(f"{number},of {number}" for number in numbers)}


def test_several_runs_share_a_job(story):
    assert (
        story.finished[story.failed]["TimeLimit"] == "22"
    )  # minutes: it asks for the time of two runs, 11 each


def test_the_runs_are_those_of_one_machine_bit_by_bit(story):
    def runs(folder: Path) -> dict[str, Any]:
        files = sorted((folder / SEARCHES).glob("*/[0-9].json"))
        contents = {str(file.relative_to(folder)): json.loads(file.read_text()) for file in files}
        return {
            name: json.dumps({key: content[key] for key in content if not key.endswith("seconds")})
            for name, content in contents.items()
        }

    assert len(runs(story.local)) == 4
    assert runs(story.cluster) == runs(story.local)


def test_a_job_that_failed_is_tried_again_with_more_memory(story):
    assert story.finished[story.failed]["JobState"] == "FAILED"
    again = next(number for number, _, command in story.commands if "--preset paper" in command)
    assert memory(story.finished[again]) == 2 * memory(story.finished[story.failed])


def test_a_job_that_was_preempted_goes_on_under_its_number_and_is_no_failed_try(story):
    assert story.preempted["JobId"] == story.cancelled
    assert story.preempted["Restarts"] == "1"
    # the memory of the first try
    assert memory(story.finished[story.cancelled]) == memory(story.finished[story.failed])


def test_a_job_that_was_cancelled_is_tried_again_from_its_checkpoint(story):
    assert story.finished[story.cancelled]["JobState"] == "CANCELLED"
    assert memory(story.finished[story.orphan]) == 2 * memory(story.finished[story.cancelled])
    assert (
        json.loads(story.resumed.read_text())["seconds"] > MARK
    )  # the time in its checkpoint, which the test put up, counts


def test_the_jobs_of_a_killed_driver_live_on_until_they_are_cancelled(story):
    assert story.orphan_lived
    assert story.finished[story.orphan]["JobState"] == "CANCELLED"


def test_nothing_is_left_behind(story):
    assert not [
        *story.cluster.glob("results/**/*.checkpoint"),
        *story.cluster.glob("results/**/*.rejected"),
    ]


def test_the_page_for_clusters_says_how_to_recover():
    page = (ROOT / "docs" / "cluster.md").read_text()
    assert CANCEL in page
    assert "--unlock" in page
