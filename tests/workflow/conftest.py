import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.fakes import ROOT
from helpers.snakemake_fork import run_snakemake

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that runs Snakemake is slow."""
    for item in items:
        if "snakemake" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Run Snakemake in a folder, with the package that lies in it, or that of this checkout."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        commands = str(Path(sys.executable).parent)
        modules = [folder, ROOT]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, modules)),
            "PYTHONWARNINGS": "error::RuntimeWarning",  # none of NumPy's reaches a log
            "PATH": os.pathsep.join([commands, os.environ["PATH"]]),
        }
        return run_snakemake(folder, arguments, environment, modules)

    return run


@pytest.fixture(scope="session")
def copy_tree() -> Callable[[Path], Path]:
    """Copy what Snakemake needs of the repository."""

    def copy(folder: Path) -> Path:
        for name in ("config", "srnet", "workflow"):
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
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


@dataclass(frozen=True)
class Tiny:
    """A complete small configuration in a folder of its own.

    Attributes
    ----------
    options
        Of Snakemake: the workflow of the repository, with its package, whose compiled kernels are
        cached.
    """

    tree: Path
    options: tuple[str, ...] = (
        "--snakefile",
        str(ROOT / "workflow" / "Snakefile"),
        "--configfile",
        "tiny.yaml",
    )


TINY = """
name: tiny
tasks: [K0]
seeds: 2
epochs: {K0: 50}
evolution:
  paper: {population: 10, generations: 5}
formulas: {time_limit: 5}
explainers: {seeds: 1, points: 20, samples: 100}
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, snakemake: Snakemake) -> Tiny:
    """The whole workflow on a tiny configuration, with the real commands: every figure and table is
    there."""
    tiny = Tiny(tmp_path_factory.mktemp("tiny"))
    shutil.copytree(ROOT / "config", tiny.tree / "config")
    (tiny.tree / "tiny.yaml").write_text(TINY)
    run = snakemake(tiny.tree, *tiny.options, "--cores", "2")
    assert run.returncode == 0, run.stdout + run.stderr
    return tiny
