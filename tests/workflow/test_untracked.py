"""`srnet untracked`: files of results that none of the configurations makes."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CONFIGURATIONS = {
    "a": "{name: a, tasks: [K0], seeds: 2, explainers: {seeds: 1}}",
    "b": "{name: b, runs: a, tasks: [K0], presets: [paper, joint], seeds: 1}",
    "wrong": "{tasks: [K77]}",
}
MADE = (
    "results/a/K0/srnet/paper/1.json",
    "results/a/K0/srnet/paper/2.json.checkpoint",
    "results/a/benchmarks/K0/srnet/paper/1.tsv",
    "results/a/logs/K0/srnet/paper/1.log",
    "results/a/report.zip",
    "results/published/a/README.md",
    "results/.cache/file",
)
MADE_OF_B = ("results/a/K0/srnet/joint/1.json", "results/b/tables/runs.csv")
LEFT = ("results/a/K0/srnet/paper/3.json", "results/a/K9/data.npz", "results/a/K9/network.pt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in CONFIGURATIONS.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    for path in (*MADE, *MADE_OF_B, *LEFT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("0123456789")
    return tmp_path


def list_untracked(folder: Path, *configurations: str) -> subprocess.CompletedProcess[str]:
    options = [word for each in configurations for word in ("--config", each)]
    command = [sys.executable, "-m", "srnet.cli", "untracked", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_what_no_configuration_makes_is_listed(folder: Path) -> None:
    run = list_untracked(folder, "a.yaml", "b.yaml")
    assert run.returncode == 1, run.stderr
    assert run.stdout == "10 B\tresults/a/K0/srnet/paper/3.json\n20 B\tresults/a/K9\n"
    assert run.stderr == "2 untracked paths, 30 B\n"
    assert all((folder / path).exists() for path in (*MADE, *MADE_OF_B, *LEFT))


def test_what_another_configuration_makes_is_listed_without_it(folder: Path) -> None:
    run = list_untracked(folder, "a.yaml")
    paths = [line.split("\t")[1] for line in run.stdout.splitlines()]
    assert paths == [
        *("results/a/K0/srnet/joint", "results/a/K0/srnet/paper/3.json", "results/a/K9"),
        "results/b",
    ]


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ("nobody", "--config is 'nobody'; a YAML file or one of "),
        ("wrong.yaml", "configuration: 'tasks' names the unknown task 'K77'; "),
    ],
)
def test_a_mistake_is_a_sentence(folder: Path, configuration: str, sentence: str) -> None:
    run = list_untracked(folder, "a.yaml", configuration)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
