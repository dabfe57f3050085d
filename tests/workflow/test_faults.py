"""One machine under faults: killed, full, read-only, with a clock that jumps. Fifty kills:
``tests/benchmarks/kills.py``."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from helpers import fakes, made_up
from helpers.killing import CONFIGURATION, Workflow, differences, disturbed, group_of
from helpers.waiting import HANG, wait_for
from matplotlib.figure import Figure

from srnet.cli import main
from srnet.drawing.saving import save_figure
from srnet.errors import UserError
from srnet.model.simplify import simplify
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search.run import evolve, evolve_file
from srnet.search.settings import preset

resource = pytest.importorskip("resource", reason="limits of a process are POSIX")
pytestmark = pytest.mark.slow

SMALL = CONFIGURATION | {"tasks": ["K0"], "seeds": 1, "epochs": {"K0": 200}}
TARGETS = ("results/kills/figures/fitness_box.pdf",)


def test_killed_again_and_again_it_ends_with_the_same_files(tmp_path: Path) -> None:
    """All processes, the driver alone, a job: unlocked and started again, nothing is lost and
    nothing differs."""
    calm = Workflow(tmp_path / "undisturbed", SMALL, TARGETS)
    code, said = calm.run()
    assert code == 0, said
    rng = random.Random(5)
    killed = Workflow(tmp_path / "disturbed", SMALL, TARGETS, source=calm.folder)
    kills = disturbed(killed, rng, 3, lambda: rng.uniform(2.0, 4.0), ("all", "driver alone", "job"))
    assert kills, "the workflow ended before it could be killed"
    assert differences(calm.content(), killed.content()) == []
    assert killed.left_over() == []
    assert "Nothing to be done" in killed.run("--dry-run")[1]


def test_a_second_driver_is_refused_with_the_reason(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path / "twice", SMALL, TARGETS)
    first = workflow.start()
    try:
        locks = workflow.folder / ".snakemake" / "locks"
        wait_for(lambda: first.poll() is not None or list(locks.glob("*")), "the lock")
        assert first.poll() is None, (workflow.folder / "said.txt").read_text()
        first.send_signal(signal.SIGSTOP)  # it shall not end before the second has begun
        code, said = workflow.run()
        assert code != 0
        assert "Directory cannot be locked" in said
        assert "--unlock" in said
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()


# SIGTERM while the scheduler of a driver holds its lock, as it does while it chooses jobs: long
# where there are many, as there are figures.
TERMINATED = """
import os, signal, threading, time

include: "{rules}/termination.smk"

def terminate():
    while not (getattr(workflow, "scheduler", None) and workflow.scheduler.running):
        time.sleep(0.01)
    while not workflow.scheduler._lock.locked():
        pass
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=terminate, daemon=True).start()

rule all:
    input:
        expand("{{number}}.txt", number=range(200))

rule file:
    output:
        "{{number}}.txt"
    shell:
        "touch {{output}}"
"""


def test_a_driver_that_is_terminated_ends_after_its_jobs(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(TERMINATED.format(rules=fakes.ROOT / "workflow" / "rules"))
    driver = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "2"],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = driver.communicate(timeout=HANG)
        group = group_of(driver.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)
    assert not group, "a job outlives its driver"
    assert driver.returncode == 1
    assert "Will exit after finishing currently running jobs" in said
    assert 0 < len(list(tmp_path.glob("*.txt"))) < 200


ENDS = """
include: "{rules}/termination.smk"

rule all:
    input:
        expand("{{number}}.txt", number=range(3))

rule file:
    output:
        "{{number}}.txt"
    shell:
        "{command} {{output}}"
"""


@pytest.mark.parametrize(("command", "code"), [("touch", 0), ("ls", 1)])
def test_a_driver_that_has_done_its_jobs_waits_for_no_timer(
    tmp_path: Path, command: str, code: int
) -> None:
    rules = fakes.ROOT / "workflow" / "rules"
    (tmp_path / "Snakefile").write_text(ENDS.format(rules=rules, command=command))
    driver = subprocess.run(
        [*(sys.executable, "-m", "snakemake"), "--cores", "2", "--max-jobs-per-timespan", "9/1d"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
    )
    assert driver.returncode == code, driver.stderr


# --- A full disk ----------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A small file system in memory; skipped in words where this user cannot mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"there is no mount on this machine ({error})")
    if done.returncode:
        pytest.skip(f"this user cannot mount a small disk ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def full_disk(folder: Path, left: int) -> Iterator[None]:
    """A block in which the small disk has so many bytes left."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    filler = folder / "filler"
    filler.write_bytes(bytes(max(free - left, 0)))
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def short_files(folder: Path, left: int) -> Iterator[None]:
    """A block in which no file may grow beyond so many bytes: the system refuses the write
    half-way, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(left, 512), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Full = Callable[[Path, int], contextlib.AbstractContextManager[None]]
FULL = {full_disk: "No space left on device", short_files: "File too large"}


@pytest.fixture(params=FULL, ids=["a small disk", "a limit of files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Full]]:
    """A folder for results, and how its disk becomes full."""
    if request.param is short_files:
        (tmp_path / "disk").mkdir()
        yield tmp_path / "disk", short_files
    else:
        with mounted(tmp_path / "disk") as folder:
            yield folder, full_disk


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "filler"}


def command(*arguments: object) -> str:
    """The sentence of a command that fails for its user."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    network = {"hidden": [3], "optimiser": "adam", "lr": 0.01, "epochs": 2, "batch": 10}
    box = {"train": [-1, 1], "valid": [-2, 2], "test": [-5, 5]}
    path = tmp_path / "tasks.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "T": {
                    "formula": "x**2",
                    "inputs": {"x": box},
                    "rows": 20,
                    "network": network,
                    "seed": 0,
                }
            }
        )
    )
    return path


def test_a_full_disk_at_training(tmp_path: Path, task_file: Path, disk: tuple[Path, Full]) -> None:
    folder, full = disk
    data = tmp_path / "data.npz"
    assert (
        CliRunner()
        .invoke(main, ["data", "T", "--tasks", str(task_file), "--out", str(data)])
        .exit_code
        == 0
    )
    for name in ("network.pt", "network.json"):
        (folder / name).write_text("of an earlier training")
    before = contents(folder)
    with full(folder, 0):
        train = (
            "train",
            data,
            "--task",
            "T",
            "--tasks",
            task_file,
            "--out",
            folder / "network.pt",
            "--report",
            folder / "network.json",
        )
        assert f"network.pt: cannot be written ({FULL[full]})" in command(*train)
        assert contents(folder) == before


def test_a_disk_that_fills_during_the_search(tmp_path: Path, disk: tuple[Path, Full]) -> None:
    """The last good checkpoint stays, and once there is room the run goes on from it to the result
    that it would have had."""
    folder, full = disk
    layers = made_up.layers()
    layers.save(tmp_path / "layers.npz")
    settings = preset("paper", population=10, generations=600)
    whole = evolve(Layers.load(tmp_path / "layers.npz"), settings, 1)

    def search(interval: float = 30.0) -> dict[str, Any]:
        return evolve_file(
            tmp_path / "layers.npz", folder / "run.json", settings, 1, checkpoint_interval=interval
        )

    with full(folder, 12 * 2**10):
        with pytest.raises(UserError, match=r"run\.json\.checkpoint: cannot be written") as caught:
            search(interval=0)
        assert FULL[full] in str(caught.value)
        assert list(contents(folder)) == ["run.json.checkpoint"]
    generation = json.loads((folder / "run.json.checkpoint").read_text())["state"]["generation"]
    assert 0 < generation < 600
    assert whole["history"] == search()["history"]
    assert list(contents(folder)) == ["run.json"]


def test_a_full_disk_at_drawing(disk: tuple[Path, Full]) -> None:
    folder, full = disk
    figure = Figure()
    figure.subplots().plot([0, 1], [1, 0])
    for name in ("a.pdf", "a.png"):
        (folder / name).write_text("an earlier figure")
    before = contents(folder)
    with full(folder, 4096), pytest.raises(UserError, match=r"a\.png: cannot be written") as caught:
        save_figure(figure, str(folder / "a.pdf"), str(folder / "a.png"))
    assert FULL[full] in str(caught.value)
    assert contents(folder) == before


def test_read_only_results(tmp_path: Path) -> None:
    """Found before the work, not after it."""
    made_up.layers().save(tmp_path / "layers.npz")
    with mounted(tmp_path / "disk") as folder:
        (folder / "run.json").write_text("an earlier run")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        said = command(
            "evolve",
            tmp_path / "layers.npz",
            "--seed",
            1,
            "--generations",
            10**9,
            "--out",
            folder / "run.json",
        )
        assert (
            said
            == f"srnet: {folder}/run.json: cannot be written (Read-only file system); choose a "
            f"writable place\n"
        )
        assert (folder / "run.json").read_text() == "an earlier run"
        assert os.listdir(folder) == ["run.json"]


# --- A clock that jumps ---------------------------------------------------------------------------


def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints, the seconds of a run and the time for simplification follow a clock that nobody
    can set."""
    rng = random.Random(1)
    run = {
        "programs": [
            {
                "inputs": 1,
                "constants": [1.0],
                "nodes": [["add", [0, 1]], ["sub", [2, 1]]],
                "output": 3,
            }
        ],
        "weights": [[1.0]],
        "biases": [[0.0]],
    }
    monkeypatch.setattr("time.time", lambda: rng.uniform(-1e9, 1e10))
    checkpoint = tmp_path / "run.checkpoint"
    found = evolve(
        made_up.layers(), preset("paper", population=5, generations=20), 1, checkpoint=checkpoint
    )
    assert 0 <= found["seconds"] < 1e6
    assert not checkpoint.exists()
    assert simplify(SRNet.from_run(run), [[0.5], [2.0]], HANG).layers[0].text == "x0"
