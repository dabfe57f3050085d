"""The real workflow, killed at random moments and started again by the documented steps; and what
its results have to agree in."""

import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# A complete run in about half a minute on two cores: every rule of the regression experiments, both
# searches.
CONFIGURATION: dict[str, Any] = {
    "name": "kills",
    "tasks": ["K0", "F3"],
    "presets": ["paper", "joint"],
    "seeds": 2,
    "epochs": {"K0": 2000, "F3": 100},
    "evolution": {
        "paper": {"population": 50, "generations": 1500},
        "joint": {"population": 50, "generations": 300},
    },
    # what sympy makes of a formula depends on its time: here it has none, and every formula keeps
    # its raw form
    "formulas": {"time_limit": 0.001},
    "explainers": {
        "seeds": 1,
        "points": 20,
        "rows": 20,
        "samples": 100,
        "stability_seeds": 2,
        "lines": ["K0"],
    },
}

# A search of seconds would never reach a checkpoint of every 30 s: this stands before the real
# command and asks for more of them.
SHIM = """#!/bin/sh
if [ "$1" = evolve ]; then exec "{command}" "$@" --checkpoint-interval 0.1; fi
exec "{command}" "$@"
"""

# What dies: all of it, as in a power cut; the driver, its jobs being ended by hand or left to
# themselves; one process of a job.
VICTIMS = ("all", "driver", "driver alone", "job")


class Workflow:
    """One results folder and the Snakemake that fills it.

    Parameters
    ----------
    folder
        Gets a copy of what Snakemake needs of the repository, so that a change of the working tree
        does not disturb it.
    source
        Where the copy comes from: the repository, or another workflow's folder, whose results shall
        be the same.
    """

    def __init__(
        self,
        folder: Path,
        configuration: dict[str, Any],
        targets: tuple[str, ...] = (),
        source: Path = ROOT,
    ) -> None:
        self.folder, self.targets = folder, targets
        for name in ("config", "srnet", "workflow"):
            shutil.copytree(
                source / name,
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )
        (folder / "kills.json").write_text(json.dumps(configuration))
        self.results = folder / "results" / configuration["name"]
        commands = Path(sys.executable).parent
        (folder / "bin").mkdir()
        (folder / "bin" / "srnet").write_text(SHIM.format(command=commands / "srnet"))
        (folder / "bin" / "srnet").chmod(0o755)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "OMP_NUM_THREADS": "1",
            "PATH": os.pathsep.join([str(folder / "bin"), str(commands), os.environ["PATH"]]),
        }

    def start(self, *options: str, said: str = "said.txt") -> "subprocess.Popen[str]":
        """Snakemake in a process group of its own; what it says goes to a file."""
        command = [
            sys.executable,
            "-m",
            "snakemake",
            *self.targets,
            "--cores",
            "2",
            "--configfile",
            "kills.json",
            *options,
        ]
        with open(self.folder / said, "w") as file:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                text=True,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def run(self, *options: str) -> tuple[int, str]:
        """Snakemake to its end: exit code, and what it said."""
        code = self.start(*options, said="run.txt").wait()
        return code, (self.folder / "run.txt").read_text()

    def recover(self) -> None:
        """The documented step before the next start."""
        code, said = self.run("--unlock")
        assert code == 0, said

    def clear(self) -> None:
        """Begin anew."""
        for name in ("results", ".snakemake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def kill(self, process: "subprocess.Popen[str]", victim: str, rng: random.Random) -> bool:
        """SIGKILL; False where there was no job to kill before the driver ended."""
        if victim == "job":
            while process.poll() is None:
                jobs = [pid for pid in group_of(process.pid) if pid != process.pid]
                if jobs:
                    with suppress(ProcessLookupError):
                        os.kill(rng.choice(jobs), signal.SIGKILL)
                        return True
                time.sleep(0.01)
            return False
        if victim == "all":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        if victim == "driver":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return True

    def orphans(self, process: "subprocess.Popen[str]") -> list[int]:
        """Processes of a start that is dead."""
        return group_of(process.pid)

    def left_over(self) -> list[str]:
        """Unfinished and rejected files below the results."""
        return sorted(
            str(path.relative_to(self.results))
            for path in self.results.rglob("*")
            if path.name.endswith((".part", ".checkpoint", ".rejected"))
        )

    def content(self) -> dict[str, Any]:
        """By name, what the results have to agree in: all files but logs and benchmarks, without
        what a clock measured."""
        found: dict[str, Any] = {}
        for path in sorted(self.results.rglob("*")):
            name = str(path.relative_to(self.results))
            if path.is_file() and not name.startswith(("logs/", "benchmarks/")):
                found[name] = comparable(path)
        return found


def comparable(path: Path) -> Any:
    """The content of a file without times: keys ``seconds`` of JSON and columns of seconds of CSV;
    what is made of a table that has such a column (TeX, HTML, caption) is only looked at for being
    there."""
    if path.suffix == ".json":
        return without_seconds(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = list(csv.reader(io.StringIO(path.read_text())))
        kept = [i for i, name in enumerate(rows[0]) if not timed(name)]
        return [[row[i] for i in kept] for row in rows]
    beside = path.with_suffix(".csv")
    if (
        path.suffix in (".tex", ".html", ".rst")
        and beside.exists()
        and any(map(timed, beside.read_text().split("\n", 1)[0].split(",")))
    ):
        return path.stat().st_size > 0
    return path.read_bytes()


def timed(column: str) -> bool:
    """Whether a column of a table depends on a clock."""
    return "second" in column


def without_seconds(content: Any) -> Any:
    """JSON without its times."""
    if isinstance(content, dict):
        return {
            key: without_seconds(value)
            for key, value in content.items()
            if not key.endswith("seconds")
        }
    return [without_seconds(value) for value in content] if isinstance(content, list) else content


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Names of files that are missing, superfluous or different."""
    return sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )


def disturbed(
    workflow: Workflow,
    rng: random.Random,
    kills: int,
    moment: Callable[[], float],
    victims: tuple[str, ...] = VICTIMS,
    tell: Callable[[str], None] = lambda line: None,
) -> int:
    """Start, kill and start again until ``kills`` have hit; then run to the end. The number of
    kills, fewer where it ended before."""
    done = 0
    while done < kills:
        victim = rng.choice(victims)
        process = workflow.start()
        begin = time.monotonic()
        wait = moment()
        while process.poll() is None and time.monotonic() - begin < wait:
            time.sleep(0.005)
        if process.poll() is not None:
            break
        hit = workflow.kill(process, victim, rng)
        if not hit:
            break
        done += 1
        tell(f"{victim} after {time.monotonic() - begin:.2f} s")
        if victim == "job":
            process.wait()
        if victim != "driver alone":
            while workflow.orphans(process):
                time.sleep(0.01)
        workflow.recover()
    process.wait()
    for _ in range(2):  # once more where the last start was the one whose job was killed
        code, said = workflow.run()
        if code == 0:
            return done
    raise AssertionError(said)


def group_of(leader: int) -> list[int]:
    """Living processes of a process group, zombies left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, group = entry.joinpath("stat").read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state != "Z":
                found.append(int(entry.name))
    return found
