"""The container: rules run in the image of their version under --sdm apptainer, and the Dockerfile
makes that image from the lock."""

import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from helpers.fakes import ROOT

import srnet

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IMAGE = f"docker://ghcr.io/srnet-developers/srnet:{srnet.__version__}"
# Plays Apptainer: notes what it is asked for, and runs a command outside of any container.
APPTAINER = f"""#!{sys.executable}
import json, os, sys

arguments = sys.argv[1:]
with open(os.environ["STUB_APPTAINER"], "a") as log:
    print(json.dumps([arguments, os.environ.get("APPTAINER_BIND", "")]), file=log)
if arguments[0] == "--version":
    print("apptainer version 1.4.5")
elif arguments[0] == "pull":
    open(arguments[arguments.index("--name") + 1], "w").close()
else:
    arguments = arguments[arguments.index("exec") + 1:]
    while arguments[0].startswith("--"):
        arguments = arguments[2:]
    os.execvp(arguments[1], arguments[1:])
"""
FIGURE = "results/paper/figures/undersampling.pdf"


@pytest.fixture
def apptainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list]:
    """A stub of Apptainer in the PATH, and what it was asked for: the arguments, and what else the
    container sees of the machine."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "apptainer"
    command.write_text(APPTAINER)
    command.chmod(0o755)
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setenv("STUB_APPTAINER", str(log))
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    return lambda: [json.loads(line) for line in log.read_text().splitlines()]


def run_in(snakemake, folder: Path, *options: str) -> CompletedProcess[str]:
    """A command and a script of the workflow, in a folder that has none of its files."""
    folder.mkdir()
    snakefile = str(ROOT / "workflow" / "Snakefile")
    options = ("--snakefile", snakefile, "--cores", "1", "--sdm", "apptainer", *options)
    return snakemake(folder, *options, "--", FIGURE)


def test_commands_and_scripts_run_in_the_image_of_this_version(snakemake, apptainer, tmp_path):
    run = run_in(snakemake, tmp_path / "work")
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "work" / FIGURE).read_bytes().startswith(b"%PDF")
    [pull] = [arguments for arguments, _ in apptainer() if arguments[0] == "pull"]
    assert pull[-1] == IMAGE
    executed = [(arguments, binds) for arguments, binds in apptainer() if "exec" in arguments]
    commands = [arguments[-1] for arguments, _ in executed]
    assert len(commands) == 2
    assert "srnet boundary-toy" in commands[0]
    assert ".snakemake/scripts/" in commands[1]
    for arguments, binds in executed:
        assert pull[pull.index("--name") + 1] in shlex.join(arguments)
        assert str(ROOT) in binds.split(",")  # captions and configurations of the package


def test_an_image_of_ones_own(snakemake, apptainer, tmp_path):
    run = run_in(snakemake, tmp_path / "work", "--config", "container=srnet.sif")
    assert run.returncode == 0, run.stdout + run.stderr
    arguments = [arguments for arguments, _ in apptainer()]
    assert not [each for each in arguments if each[0] == "pull"]
    assert all("srnet.sif" in each for each in arguments if "exec" in each)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("conda",), "--sdm has conda and apptainer; either has all software of srnet: give one"),
        (("--config", "container=a b;c"), "configuration: the key 'container' is 'a b;c'"),
    ],
)
def test_what_cannot_be_is_a_sentence(snakemake, tmp_path, options, sentence):
    run = run_in(snakemake, tmp_path / "work", *options)
    assert run.returncode == 2
    assert sentence in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


# --- The Dockerfile -------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_what_runs_in_the_image_is_not_root():
    names = [name for name, _ in instructions()]
    [user] = [argument for name, argument in instructions() if name == "USER"]
    assert user not in ("root", "0")
    [made] = [argument for _, argument in instructions() if "useradd" in argument]
    assert made.endswith(f" {user}")
    assert "RUN" not in names[names.index("USER") :]


def test_every_install_is_of_the_lock_with_hashes_or_of_the_one_pinned_torch():
    installs = [
        part.strip()
        for name, argument in instructions()
        if name == "RUN"
        for part in argument.split("&&")
        if "pip install" in part
    ]
    torch, locked, package = installs
    [pinned] = re.findall(r"^TORCH = (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert torch.endswith(f" {pinned}")
    assert "--require-hashes" in locked
    assert "--constraints requirements.lock" in locked
    assert "--extra compare" in locked  # what config/images.yaml needs
    assert "--no-deps" in package
    assert "requirements.lock" in package  # what builds it


def test_versions_are_those_of_the_project():
    [uv] = set(re.findall(r"astral-sh/uv:([\d.]+)", DOCKERFILE))
    assert f"\nuv=={uv} " in (ROOT / "requirements.lock").read_text()
    [python] = re.findall(r"^FROM python:(3\.\d+)-slim", DOCKERFILE, re.MULTILINE)
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert python in ci["jobs"]["all"]["strategy"]["matrix"]["python"]


def test_what_the_image_is_built_from_is_there_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    named = [line[1:] for line in lines if line.startswith("!")]
    assert all((ROOT / name).exists() for name in named)
    assert set(re.findall(r"source=([\w.]+)", DOCKERFILE)) <= set(named)
