"""``srnet explain --start`` and ``srnet resume``: searches that go on, by files."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from srnet import Explanation, explain
from srnet.cli import main
from srnet.io.files import read_json, write_json
from srnet.networks.mlp import load_network

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:the formulas are not the")]
LAW = "sin(3*a*b)/(1.5 + c**2)"
SMALL = ("--budget", "500", "--time-limit", "0.2", "--quiet")


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network as a state dict, a table, and an explanation."""
    folder = tmp_path_factory.mktemp("network")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    torch.save(module.state_dict(), folder / "n.pt")
    x = np.random.default_rng(0).uniform(-2, 2, (100, 3))
    rows = "".join(",".join(map(repr, row)) + "\n" for row in x.tolist())
    (folder / "d.csv").write_text("a,b,c\n" + rows)
    done = call(*explaining(folder, folder / "first"))
    assert done.exit_code == 0, done.output
    return folder


def explaining(folder: Path, out: Path, *more: Any) -> list[Any]:
    files = [folder / "n.pt", folder / "d.csv", "--out", out, "--activation", "tanh"]
    return ["explain", *files, *SMALL, *more]


# --- resume ---------------------------------------------------------------------------------------


def test_a_search_goes_on_as_in_the_library(folder: Path, tmp_path: Path) -> None:
    done = call("resume", folder / "first" / "run.json", "--out", tmp_path / "on", *SMALL)
    assert done.exit_code == 0, done.output
    found = read_json(tmp_path / "on" / "run.json")

    table = np.loadtxt(folder / "d.csv", delimiter=",", skiprows=1)
    network = load_network(folder / "n.pt", "tanh")
    options: dict[str, Any] = {"progress": False, "budget": 500}
    alone = explain(network, table, task="n", **options)
    expected = alone.resume(500, progress=False).run
    for key in ("programs", "weights", "biases", "fitness", "evaluations", "resumed", "seed"):
        assert found[key] == expected[key], key
    assert found["columns"] == ["a", "b", "c"]
    names = {path.name for path in (tmp_path / "on").iterdir()}
    assert names == {"run.json", "layers.npz", "formulas.json", "network.py", "network.c"}


def test_it_stands_in_the_place_of_what_it_began_with(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "first", tmp_path / "run")
    for times in (1, 2):
        done = call("resume", tmp_path / "run" / "run.json", *SMALL)
        assert done.exit_code == 0, done.output
        assert read_json(tmp_path / "run" / "run.json")["resumed"] == times
    source = (tmp_path / "run" / "network.py").read_text()
    assert source != (folder / "first" / "network.py").read_text()
    names: dict[str, Any] = {}
    exec(source, names)
    table = np.loadtxt(folder / "d.csv", delimiter=",", skiprows=1)
    found = Explanation.load(tmp_path / "run" / "run.json")
    np.testing.assert_array_equal(names["network"](table), found.predict(table))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": None}, "run.json: lacks 'settings'; a RUN.json that srnet explain has"),
        ({"layers_fingerprint": "0"}, "layers.npz: holds other rows than those on which"),
        ({"preset": "joint", "settings": {}}, "here the preset is joint"),
        ({"preset": "no"}, "'preset' is 'no'"),
        ({"settings": {"cols": -1}}, "run.json: 'cols' is -1"),
        ({"settings": {"colour": 1}}, "run.json: unknown setting 'colour'"),
    ],
)
def test_what_cannot_go_on_is_a_sentence(
    folder: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    shutil.copytree(folder / "first", tmp_path / "run")
    run = read_json(tmp_path / "run" / "run.json") | changes
    write_json(tmp_path / "run" / "run.json", {k: v for k, v in run.items() if v is not None})
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    done = call("resume", tmp_path / "run" / "run.json", *SMALL)
    assert done.exit_code == 2
    assert words in done.output
    assert done.output.count("\n") == 1
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_without_rows_it_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "first" / "run.json", tmp_path)
    done = call("resume", tmp_path / "run.json", *SMALL)
    assert done.exit_code == 2
    assert "layers.npz: cannot be read" in done.output
    done = call(
        "resume", tmp_path / "run.json", "--layers", folder / "first" / "layers.npz", *SMALL
    )
    assert done.exit_code == 0, done.output


# --- start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["formula", "file", "run"])
def test_a_search_starts_from_what_is_given(folder: Path, tmp_path: Path, kind: str) -> None:
    """From a formula it comes back, from all of a run the same one as in the library."""
    if kind == "run":
        start: tuple[Any, ...] = ("--start", folder / "first" / "run.json")
        expected: Any = Explanation.load(folder / "first" / "run.json")
    else:
        expected = ["a*b", LAW]
        (tmp_path / "guesses.txt").write_text(f"\ufeffa*b\n\n  {LAW}\n")  # as Notepad does
        start = ("--start", "a*b", "--start", LAW)
        start = ("--start", tmp_path / "guesses.txt") if kind == "file" else start
    done = call(*explaining(folder, tmp_path / "out", *start))
    assert done.exit_code == 0, done.output
    import pandas as pd

    network = load_network(folder / "n.pt", "tanh")
    options: dict[str, Any] = {"progress": False, "budget": 500, "start": expected}
    found = explain(network, pd.read_csv(folder / "d.csv"), **options)
    assert read_json(tmp_path / "out" / "run.json")["programs"] == found.run["programs"]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (["sin("], "the formula 'sin(' cannot be read"),
        (["q*a"], "the formula 'q*a' has 'q'"),
        (["guesses.txt"], "the formula 'guesses.txt' has"),
        (["no.json"], "no.json: cannot be read"),
        (["no.json", "a"], "'start' has no.json and 1 more; a RUN.json stands alone"),
        (["EMPTY"], "holds no formula; one a line is needed"),
        (["BINARY"], "is no text of UTF-8"),
    ],
)
def test_what_cannot_be_a_start_is_a_sentence(
    folder: Path, tmp_path: Path, start: list[str], words: str
) -> None:
    (tmp_path / "EMPTY").write_text("\n  \n")
    (tmp_path / "BINARY").write_bytes(b"\xff\xfe\x00")
    given = [str(tmp_path / each) if each.isupper() else each for each in start]
    options = [word for each in given for word in ("--start", each)]
    done = call(*explaining(folder, tmp_path / "out", *options))
    assert done.exit_code == 2
    assert words in done.output
    assert not (tmp_path / "out").exists()
