"""A real Slurm of one node on this machine, for the tests: installed if need be, started, and
always stopped.

All of it lies in one temporary folder but for /etc/slurm/slurm.conf, since Slurm takes SLURM_CONF
away from the environment of a job; a file that was there is put back. By hand, in tests/:
``python -m helpers.one_node_slurm COMMAND …`` runs a command beside it.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.waiting import HANG, wait_for

CONFIGURATION = Path("/etc/slurm/slurm.conf")
KEPT = CONFIGURATION.with_name("slurm.conf.before-srnet-tests")
OURS = "# One node, made by SRNet's tests; taken away at their end."
DAEMONS = ("munged", "slurmctld", "slurmd")
CPUS = 2


class Unavailable(Exception):
    """Why there can be no Slurm on this machine."""


class Slurm:
    """A running Slurm.

    Attributes
    ----------
    folder
        Where it lies, logs included.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def finished(self) -> list[dict[str, str]]:
        """The jobs that have ended, from the log that slurmctld writes: JobId, Name, JobState,
        NodeList, NodeCnt, …"""
        log = self.folder / "finished_jobs.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]

    def running(self, comment: str = "") -> list[str]:
        """The numbers of jobs that wait or run and whose comment, by Snakemake the rule or group,
        holds a text; oldest first."""
        rows = [
            line.split(" ", 1)
            for line in _said("squeue", "--noheader", "--format=%i %k").splitlines()
        ]
        return sorted((number for number, said in rows if comment in said), key=int)

    def preempt(self) -> None:
        """Run a job of the partition `urgent` on the whole node: those that run are preempted."""
        options = ("--partition=urgent", "--exclusive", "--output=/dev/null")
        _said("sbatch", "--wait", *options, "--wrap=true")

    def start_requeued(self) -> None:
        """Let jobs begin that Slurm makes wait for two minutes, since they were requeued."""
        for number in _said("squeue", "--noheader", "--format=%i", "--states=PENDING").split():
            _said("scontrol", "update", f"JobId={number}", "StartTime=now", check=False)

    def describe(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job that has not ended: Restarts, JobState, …"""
        line = _said("scontrol", "show", "job", "--oneliner", number)
        return dict(re.findall(r"(\w+)=(\S*)", line))


@contextmanager
def one_node_slurm() -> Iterator[Slurm]:
    """Start, and at the end stop, a Slurm.

    Raises
    ------
    Unavailable
        If this is no Debian as root, the packages cannot be installed, or the machine has a Slurm
        of its own.
    """
    _may_run_here()
    _install()
    # Not in pytest's folder, which is root's alone: munged runs under its own user.
    folder = Path(tempfile.mkdtemp(prefix="srnet-slurm-"))
    folder.chmod(0o755)
    try:
        _start(folder)
        yield Slurm(folder)
    finally:
        _stop(folder)
        shutil.rmtree(folder)


def _may_run_here() -> None:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable("a Slurm for the test needs a Debian machine and root")
    ours = CONFIGURATION.exists() and CONFIGURATION.read_text().startswith(OURS)
    if ours:  # of a test that was killed
        _stop(Path(re.findall(r"StateSaveLocation=(.*)/state", CONFIGURATION.read_text())[0]))
    running = {
        path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm") if path.exists()
    }
    if running & {"slurmctld", "slurmd"}:
        raise Unavailable("this machine has a Slurm of its own")
    if CONFIGURATION.exists() and shutil.which("scontrol"):
        names = re.findall(
            r"^\s*(?:SlurmctldHost|ControlMachine)=([^(\s]+)",
            CONFIGURATION.read_text(),
            re.MULTILINE | re.IGNORECASE,
        )
        if set(names) - {"localhost", socket.gethostname(), socket.gethostname().split(".")[0]}:
            raise Unavailable(f"this machine belongs to a cluster, says {CONFIGURATION}")


def _install() -> None:
    if all(shutil.which(name, path="/usr/sbin:/usr/bin") for name in (*DAEMONS, "sbatch", "srun")):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [
        "apt-get",
        "install",
        "--yes",
        "-qq",
        "--no-install-recommends",
        "slurm-wlm",
        "munge",
    ]
    for command in (["apt-get", "update", "-qq"], install):
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=HANG
        )
    if run.returncode != 0:
        raise Unavailable(
            f"slurm-wlm cannot be installed: "
            f"{(run.stderr.strip() or run.stdout.strip()).splitlines()[-1]}"
        )


def _start(folder: Path) -> None:
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir()
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    for path in (key.parent, key):
        shutil.chown(path, "munge", "munge")
    key.parent.chmod(0o711)  # everyone reaches the socket, nobody lists the folder
    files = {name: folder / "munge" / name for name in ("socket", "key", "log", "seed")}
    options = [
        f"--{option}={files[name]}"
        for option, name in {
            "socket": "socket",
            "key-file": "key",
            "log-file": "log",
            "seed-file": "seed",
        }.items()
    ]
    as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "--"]
    _said(*as_munge, "/usr/sbin/munged", *options, f"--pid-file={folder / 'munge' / 'munged.pid'}")

    CONFIGURATION.parent.mkdir(exist_ok=True)
    if CONFIGURATION.exists():
        CONFIGURATION.rename(KEPT)
    CONFIGURATION.write_text(_configuration(folder))
    _said("/usr/sbin/slurmctld")
    _said("/usr/sbin/slurmd")
    wait_for(
        lambda: "idle" in _said("sinfo", "--noheader", "--format=%T", check=False),
        "an idle node",
    )


def _configuration(folder: Path) -> str:
    host = socket.gethostname().split(".")[0]
    ports = _free_ports(2)
    return f"""{OURS}
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished_jobs.txt
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MinJobAge=300
ReturnToService=2
SchedulerParameters=batch_sched_delay=0
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory=6000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=urgent Nodes={host} PriorityTier=2 MaxTime=INFINITE State=UP
"""


def _stop(folder: Path) -> None:
    """Stop what runs, by its pid file, and put the configuration back as it was."""
    with suppress(FileNotFoundError):
        if _pid(folder / "slurmctld.pid"):
            _said("scancel", "--full", "--user=root", check=False)
            with suppress(TimeoutError):
                wait_for(lambda: not _said("squeue", "--noheader", check=False), "the jobs to end")
    for file in (folder / "slurmd.pid", folder / "slurmctld.pid", folder / "munge" / "munged.pid"):
        if pid := _pid(file):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            with suppress(TimeoutError):
                wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists(), f"{file.name} to end")
    if CONFIGURATION.exists() and CONFIGURATION.read_text().startswith(OURS):
        CONFIGURATION.unlink()
        if KEPT.exists():
            KEPT.rename(CONFIGURATION)


def _pid(file: Path) -> int | None:
    """The process that a pid file names, if it is still that daemon."""
    try:
        pid = int(file.read_text())
        return pid if Path(f"/proc/{pid}/comm").read_text().strip() == file.stem else None
    except (OSError, ValueError):
        return None


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


def _said(*command: str, check: bool = True) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG)
    if check and run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {run.stderr.strip()}")
    return run.stdout.strip()


if __name__ == "__main__":
    with one_node_slurm() as running:
        subprocess.run(sys.argv[1:], check=False)
        for job in running.finished():
            print(job)
