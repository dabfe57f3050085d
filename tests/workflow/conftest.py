import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ROOT

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Run Snakemake in a folder, with the package that lies in it."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        commands = str(Path(sys.executable).parent)
        environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": os.pathsep.join([commands, os.environ["PATH"]])}
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)

    return run


@pytest.fixture(scope="session")
def copy_tree() -> Callable[[Path], Path]:
    """Copy what Snakemake needs of the repository."""

    def copy(folder: Path) -> Path:
        for name in ("config", "srnet", "workflow"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        return folder

    return copy


@pytest.fixture(scope="session")
def jobs() -> Callable[[subprocess.CompletedProcess[str]], dict[str, int]]:
    """The jobs of a dry run, by rule."""

    def count(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
        assert run.returncode == 0, run.stdout + run.stderr
        found = re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, flags=re.MULTILINE)
        return {name: int(number) for name, number in found if name != "total"}

    return count
