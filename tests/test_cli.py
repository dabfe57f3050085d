"""The command line as a user meets it: processes, exit codes, one sentence on stderr, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from srnet.cgp.compiling import cache_folder
from srnet.cli import main
from srnet.layers import Layers

SMALL = ["--seed", "1", "--population", "20", "--generations", "5", "--quiet"]


@pytest.fixture
def layers_file(tmp_path: Path, layers: Layers) -> Path:
    layers.save(tmp_path / "layers.npz")
    return tmp_path / "layers.npz"


def srnet(*arguments: object) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def command(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    words = [sys.executable, "-m", "srnet.cli", *(str(argument) for argument in arguments)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"} | environment
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def content(path: Path) -> dict[str, Any]:
    return {key: value for key, value in json.loads(path.read_text()).items() if key != "seconds"}


def sentence(result: Result, *words: str) -> None:
    """One sentence on stderr, exit code 2, no traceback."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("srnet: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


# --- evolve ----------------------------------------------------------------------------------------------------------------------


def test_evolve_predict_show(tmp_path: Path, layers_file: Path, layers: Layers) -> None:
    run = tmp_path / "out" / "run.json"
    result = srnet("evolve", layers_file, *SMALL, "--out", run, "--task", "mine")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    assert os.listdir(run.parent) == ["run.json"]
    record = json.loads(run.read_text())
    assert (record["task"], record["seed"], record["preset"], record["generations"]) == ("mine", 1, "paper", 5)
    np.savez(tmp_path / "x.npz", x=layers.splits["valid"][0])
    assert srnet("predict", run, tmp_path / "x.npz", "--out", tmp_path / "y.csv").exit_code == 0
    y = np.loadtxt(tmp_path / "y.csv", skiprows=1, ndmin=2, delimiter=",")
    assert y.shape == (12, 1)
    shown = srnet("show", run)
    assert shown.exit_code == 0
    for text in (*record["expressions"], *record["network_expressions"], repr(record["fitness"])):
        assert text in shown.output


def test_evolve_tells_what_it_did(tmp_path: Path, layers_file: Path) -> None:
    result = srnet("evolve", layers_file, *SMALL[:-1], "--out", tmp_path / "run.json")
    assert "after 5 generations, 300 evaluations" in result.stdout


def test_threads_do_not_change_the_file(tmp_path: Path, layers_file: Path) -> None:
    for threads in (1, 2):
        assert srnet("evolve", layers_file, *SMALL, "--threads", threads, "--out", tmp_path / f"{threads}.json").exit_code == 0
    assert content(tmp_path / "1.json") == content(tmp_path / "2.json")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seed", "0"], "'seed' is 0"),
        (["--seed", "-1"], "'seed' is -1"),
        (["--population", "0"], "'population' is 0"),
        (["--generations", "0"], "'generations' is 0"),
        (["--threads", "0"], "'threads' is 0"),
        (["--preset", "papre"], "unknown preset 'papre'; known are paper, joint"),
        (["--out", "/dev/null/run.json"], "/dev/null/run.json: cannot be written"),
        (["--checkpoint", "/dev/null/c"], "/dev/null/c: cannot be written"),
    ],
)
def test_bad_options_are_a_sentence(tmp_path: Path, layers_file: Path, options: list[str], words: str) -> None:
    sentence(srnet("evolve", layers_file, *SMALL, "--out", tmp_path / "run.json", *options), words)
    assert os.listdir(tmp_path) == ["layers.npz"]


def test_folders_in_the_place_of_files_are_a_sentence(tmp_path: Path, layers_file: Path) -> None:
    (tmp_path / "folder").mkdir()
    for option in ("--out", "--checkpoint"):
        sentence(
            srnet("evolve", layers_file, *SMALL, "--out", tmp_path / "run.json", option, tmp_path / "folder"),
            "folder: cannot be written",
        )
    assert sorted(os.listdir(tmp_path)) == ["folder", "layers.npz"]


@pytest.mark.parametrize("options", [["--seed", "one"], ["--loss", "hinge"], ["--colour"], []])
def test_what_click_refuses_has_the_same_exit_code(tmp_path: Path, layers_file: Path, options: list[str]) -> None:
    result = srnet("evolve", layers_file, "--out", tmp_path / "run.json", *options)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert os.listdir(tmp_path) == ["layers.npz"]


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "text", "truncated", "one row", "no output", "mismatched", "not finite", "pickle"]
)
def test_bad_layers_are_a_sentence(tmp_path: Path, layers_file: Path, kind: str) -> None:
    with np.load(layers_file) as file:
        arrays: dict[str, Any] = dict(file)
    if kind == "missing":
        layers_file.unlink()
    elif kind in ("empty", "text", "truncated"):
        layers_file.write_bytes({"empty": b"", "text": b"hello", "truncated": layers_file.read_bytes()[:700]}[kind])
    else:
        changes: dict[str, dict[str, Any]] = {
            "one row": {key: value[:1] for key, value in arrays.items()},
            "no output": {key: value for key, value in arrays.items() if key != "train_y"},
            "mismatched": arrays | {"train_h1": arrays["train_h1"][1:]},
            "not finite": arrays | {"train_h1": arrays["train_h1"] * np.nan},
            "pickle": arrays | {"train_h1": arrays["train_h1"].astype(object)},
        }
        np.savez(layers_file, **changes[kind])
    before = sorted(os.listdir(tmp_path))
    sentence(srnet("evolve", layers_file, *SMALL, "--out", tmp_path / "run.json"), str(layers_file))
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("words", [["predict", "RUN", "x.csv", "--out", "y.csv"], ["show", "RUN"]])
@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"programs": [], "weights": [], "biases": []}', '{"programs": [{}], "weights": [[1]]']
)
def test_a_bad_run_is_a_sentence(tmp_path: Path, words: list[str], text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a\n1\n")
    if text is not None:
        (tmp_path / "RUN").write_text(text)
    sentence(srnet(*words), "RUN: ")
    assert not (tmp_path / "y.csv").exists()


def test_help_and_version() -> None:
    assert srnet("--version").exit_code == 0
    for words in ([], ["evolve"], ["predict"], ["show"]):
        result = srnet(*words, "--help")
        assert result.exit_code == 0
        assert "Usage: " in result.output


# --- processes -------------------------------------------------------------------------------------------------------------------


def test_a_users_mistake_in_a_process(tmp_path: Path) -> None:
    code, out, err = finish(command("evolve", tmp_path / "none.npz", *SMALL, "--out", tmp_path / "run.json"))
    assert (code, out) == (2, "")
    assert err == f"srnet: {tmp_path}/none.npz: cannot be read (No such file or directory)\n"


def test_a_kill_loses_nothing(tmp_path: Path, layers_file: Path) -> None:
    """SIGKILL after the first checkpoint; the second start goes on from there and ends with the same file."""
    arguments = ["evolve", layers_file, "--seed", "3", "--population", "100", "--generations", "4000", "--quiet"]
    killed = command(*arguments, "--out", tmp_path / "a.json", "--checkpoint-interval", "0.02")
    checkpoint = tmp_path / "a.json.checkpoint"
    deadline = time.monotonic() + 100
    while not checkpoint.exists() and time.monotonic() < deadline and killed.poll() is None:
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert finish(killed)[0] == -signal.SIGKILL, "the run ended before it could be killed"
    assert not (tmp_path / "a.json").exists()
    generation = json.loads(checkpoint.read_text())["state"]["generation"]
    assert 0 < generation < 4000
    assert finish(command(*arguments, "--out", tmp_path / "a.json")) == (0, "", "")
    assert finish(command(*arguments, "--out", tmp_path / "b.json", "--threads", "2")) == (0, "", "")
    assert content(tmp_path / "a.json") == content(tmp_path / "b.json")
    assert not checkpoint.exists()


def test_a_damaged_checkpoint_is_a_warning_in_one_line(tmp_path: Path, layers_file: Path) -> None:
    (tmp_path / "run.json.checkpoint").write_bytes(b"{")
    code, _, err = finish(command("evolve", layers_file, *SMALL, "--out", tmp_path / "run.json"))
    assert code == 0
    assert err.startswith(f"srnet: {tmp_path}/run.json.checkpoint: is not plain JSON")
    assert err.endswith("set aside as run.json.checkpoint.rejected, the run starts over\n")
    assert err.count("\n") == 1


def test_starting_imports_neither_torch_nor_sympy(tmp_path: Path, layers_file: Path) -> None:
    """They take seconds; nothing in a search needs them."""
    heavy = ("torch", "sympy", "sklearn", "pandas", "matplotlib")
    script = (
        "import sys\nfrom srnet.cli import main\n"
        "assert 'numpy' not in sys.modules and 'numba' not in sys.modules\n"
        f"main({['evolve', str(layers_file), *SMALL, '--out', str(tmp_path / 'run.json')]!r}, standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


def test_concurrent_first_starts_and_a_read_only_home(tmp_path: Path, layers_file: Path) -> None:
    """Two processes compile into one empty cache; a third, that has no home, finds it in the temporary folder."""
    cache = tmp_path / f"srnet-{os.getuid()}"
    first = [
        command("evolve", layers_file, *SMALL, "--out", tmp_path / f"{i}.json", NUMBA_CACHE_DIR=str(cache)) for i in range(2)
    ]
    for process in first:
        assert finish(process) == (0, "", "")
    assert content(tmp_path / "0.json") == content(tmp_path / "1.json")
    compiled = sorted(cache.rglob("*.nbc"))
    assert compiled
    nowhere = {"HOME": "/dev/null/x", "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "/dev/null/y", "TMPDIR": str(tmp_path)}
    assert finish(command("evolve", layers_file, *SMALL, "--out", tmp_path / "2.json", **nowhere)) == (0, "", "")
    assert content(tmp_path / "2.json") == content(tmp_path / "0.json")
    assert sorted(cache.rglob("*.nbc")) == compiled


def test_a_cache_that_others_could_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folder = cache_folder()
    assert folder.parent == tmp_path
    assert cache_folder() == folder
    folder.chmod(0o777)
    assert cache_folder().parent != tmp_path


def test_published_network_runs(tmp_path: Path, reference: Path) -> None:
    result = srnet("evolve", reference / "K0.npz", *SMALL, "--out", tmp_path / "run.json")
    assert result.exit_code == 0
    assert json.loads((tmp_path / "run.json").read_text())["task"] == "K0"
