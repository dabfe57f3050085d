"""A scheduler for the tests that plays LSF (bsub, bjobs, bkill) and PBS (qsub, qstat, qdel), and
really runs the jobs.

Called by one of those names; its state, a file per job, lies in the folder $STUB_SCHEDULER.
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

COMMANDS = ("bsub", "bjobs", "bkill", "qsub", "qstat", "qdel")


def install(folder: Path) -> Path:
    """A folder of the commands, for the PATH."""
    folder.mkdir()
    for name in COMMANDS:
        (folder / name).write_text(
            f'#!/bin/sh\nexec {sys.executable} -I -S {Path(__file__).resolve()} {name} "$@"\n'
        )
        (folder / name).chmod(0o755)
    return folder


def jobs(folder: Path) -> list[dict]:
    """What is known of all jobs, in the order of their submission."""
    return [
        json.loads(file.read_text())
        for file in sorted(folder.glob("*.json"), key=lambda file: int(file.stem))
    ]


def alive(job: dict) -> bool:
    """Whether a job still runs."""
    return _status(job) is None and Path(f"/proc/{job['pid']}").exists()


def is_watched(job: dict) -> bool:
    """Whether somebody has asked for the state of a job."""
    return Path(job["exit"]).with_suffix(".asked").exists()


def _submit(kind: str, arguments: list[str]) -> int:
    folder = Path(os.environ["STUB_SCHEDULER"])
    options, script = arguments[:-1], Path(arguments[-1])
    job: dict = {"number": len(jobs(folder)) + 1, "options": " ".join(options)}
    job["exit"] = str(folder / f"{job['number']}.exit")
    environment = {
        **os.environ,
        {"bsub": "LSB_JOBID", "qsub": "PBS_JOBID"}[kind]: str(job["number"]),
    }
    log = open(folder / f"{job['number']}.log", "w")  # noqa: SIM115, the job writes to it
    command = ["sh", "-c", f"sh '{script}'; echo $? > {job['exit']}"]
    job["pid"] = subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ).pid
    (folder / f"{job['number']}.json").write_text(json.dumps(job))
    return job["number"]


def _status(job: dict) -> int | None:
    """The exit status of a job that has ended."""
    with suppress(FileNotFoundError, ValueError):
        return int(Path(job["exit"]).read_text())
    return None


def _cancel(job: dict) -> None:
    if _status(job) is None:
        Path(job["exit"]).write_text("143")
        with suppress(ProcessLookupError):
            os.killpg(job["pid"], signal.SIGKILL)


def _main(name: str, *arguments: str) -> None:
    known = {str(job["number"]): job for job in jobs(Path(os.environ["STUB_SCHEDULER"]))}
    named = [known[argument] for argument in arguments if argument in known]
    if name in ("bjobs", "qstat"):
        for job in named:
            Path(job["exit"]).with_suffix(".asked").touch()
    if name == "bsub":
        print(f"Job <{_submit(name, list(arguments))}> is submitted to default queue <normal>.")
    elif name == "qsub":
        print(_submit(name, list(arguments)))
    elif name in ("bkill", "qdel"):
        for job in named:
            _cancel(job)
    elif not named:
        sys.exit(
            {
                "bjobs": f"Job <{arguments[-1]}> is not found",
                "qstat": f"qstat: Unknown Job Id {arguments[-1]}",
            }[name]
        )
    elif name == "bjobs":
        print({None: "RUN", 0: "DONE"}.get(_status(named[0]), "EXIT"))
    else:
        status = _status(named[0])
        print(f"Job Id: {named[0]['number']}\n    job_state = {'R' if status is None else 'F'}")
        if status is not None:
            print(f"    Exit_status = {status}")


def memory(job: dict) -> int:
    """MB that a job asks for."""
    return int(re.findall(r"mem=(\d+)MB", job["options"], flags=re.IGNORECASE)[0])


def minutes(job: dict) -> int:
    """Minutes that a job asks for."""
    return int(re.findall(r"(?:-W |walltime=)(\d+)", job["options"])[0])


if __name__ == "__main__":
    _main(*sys.argv[1:])
