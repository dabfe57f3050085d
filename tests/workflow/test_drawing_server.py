"""The process that draws for all scripts of a Snakemake: forks, exit statuses, its end."""

import os
import socket
import subprocess
import sys

import pytest
from helpers.fakes import ROOT

SCRIPTS = ROOT / "workflow" / "scripts"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="there is no server on this system"),
]
# Says whether seaborn was there before the script asked for it.
SCRIPT = f"""
import sys
sys.path.append({str(SCRIPTS)!r})
from drawing_server import hand_over
hand_over()
print("seaborn" in sys.modules)
"""


@pytest.fixture
def owner():
    """A process in the place of Snakemake."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture
def run(tmp_path, owner):
    """Run a script in a folder with ``.snakemake``."""
    (tmp_path / ".snakemake").mkdir()

    def run(text, **variables):
        (tmp_path / "script.py").write_text(SCRIPT + text)
        environment = {**os.environ, "SRNET_SNAKEMAKE": str(owner.pid), **variables}
        environment["PYTHONPATH"] = str(ROOT)
        return subprocess.run(
            [sys.executable, "script.py"],
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )

    return run


def bind(folder, owner):
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    try:
        os.chdir(folder)  # the path of a socket must be short
        listener.bind(f".snakemake/drawing-{owner.pid}.socket")
    finally:
        os.chdir(here)
    return listener


def test_a_script_runs_in_a_fork_and_its_exit_status_is_told(run):
    ended = run("import os; os.environ['LEFT'] = '1'; sys.exit(3)")
    assert (ended.returncode, ended.stdout) == (3, "True\n")
    ended = run("import os; print(os.environ.get('LEFT'))")
    assert (ended.returncode, ended.stdout) == (0, "True\nNone\n")
    failed = run("raise ValueError('an error')")
    assert failed.returncode == 1
    assert failed.stderr.endswith("ValueError: an error\n")
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").returncode == 1


def test_the_server_ends_with_its_owner(run, owner, tmp_path):
    with bind(tmp_path, owner) as listener:
        listener.listen()
        command = [
            sys.executable,
            str(SCRIPTS / "drawing_server.py"),
            str(listener.fileno()),
            str(owner.pid),
        ]
        server = subprocess.Popen(
            command,
            cwd=tmp_path,
            pass_fds=[listener.fileno()],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert run("").stdout == "True\n"
    owner.kill()
    assert server.wait() == 0
    assert not list((tmp_path / ".snakemake").iterdir())


def test_without_a_server_a_script_goes_on_itself(run, owner, tmp_path):
    bind(tmp_path, owner).close()  # of a server that was killed
    assert run("").stdout == "False\n"
    assert run("", SRNET_SNAKEMAKE="0").stdout == "False\n"  # no process
