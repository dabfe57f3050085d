"""The command line as a user meets it: processes, exit codes, one sentence on stderr, nothing
half-written."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from helpers import fakes, made_up
from helpers.any_models import OnnxSession
from helpers.waiting import HANG

from srnet.cgp.compiling import cache_folder
from srnet.cli import main
from srnet.errors import UserError
from srnet.io.files import write_json
from srnet.model.fitting import check_run
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.networks.mlp import load_network

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
    return process("-m", "srnet.cli", *arguments, **environment)


def process(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Python as a process of its own."""
    return subprocess.Popen(
        [sys.executable, *(str(argument) for argument in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        # the tests may run in the background, where a shell has its children ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )


def finish(started: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = started.communicate(timeout=HANG)
    return started.returncode, out, err


def content(path: Path) -> dict[str, Any]:
    return {
        key: value
        for key, value in json.loads(path.read_text()).items()
        if not key.endswith("seconds")
    }


def sentence(result: Result, *words: str) -> None:
    """One sentence on stderr, exit code 2, no traceback."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("srnet: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


# --- evolve ---------------------------------------------------------------------------------------


def test_evolve_predict_show(tmp_path: Path, layers_file: Path, layers: Layers) -> None:
    run = tmp_path / "out" / "run.json"
    result = srnet("evolve", layers_file, *SMALL, "--out", run, "--task", "mine")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    assert os.listdir(run.parent) == ["run.json"]
    record = json.loads(run.read_text())
    assert (record["task"], record["seed"], record["preset"], record["generations"]) == (
        "mine",
        1,
        "paper",
        5,
    )
    np.savez(tmp_path / "x.npz", x=layers.splits["valid"][0])
    assert srnet("predict", run, tmp_path / "x.npz", "--out", tmp_path / "y.csv").exit_code == 0
    y = np.loadtxt(tmp_path / "y.csv", skiprows=1, ndmin=2, delimiter=",")
    assert y.shape == (12, 1)
    shown = srnet("show", run)
    assert shown.exit_code == 0
    for text in (*record["expressions"], *record["network_expressions"], repr(record["fitness"])):
        assert text in shown.output


@pytest.mark.parametrize("preset", ["paper", "joint", "rank2"])
def test_a_classifier_from_evolve_to_formulas(tmp_path: Path, preset: str) -> None:
    layers = made_up.classifier((2, 3, 3), 80)
    layers.save(tmp_path / "layers.npz")
    run, formulas = tmp_path / "run.json", tmp_path / "formulas.json"
    options = [*SMALL, "--loss", "cross_entropy", "--preset", preset]
    assert srnet("evolve", tmp_path / "layers.npz", *options, "--out", run).exit_code == 0
    record = json.loads(run.read_text())
    settings = record["settings"]
    assert (record["loss"], settings["rows"], settings["cols"], settings["stop"]) == (
        "cross_entropy",
        10,
        10,
        1e-6,
    )
    assert {"pdiv", "psqrt", "pln"} < set(settings["functions"])
    result = srnet(
        "formulas", run, "--layers", tmp_path / "layers.npz", "--out", formulas, "--time-limit", 1
    )
    assert result.exit_code == 0, result.output
    content = json.loads(formulas.read_text())
    assert content["loss"] == "cross_entropy"
    losses = [*record["layer_losses"][:-1], None]  # of the layer of each formula
    ranks = SRNet.from_run(record).ranks
    assert [layer["mse"] for layer in content["layers"]] == [
        loss for loss, rank in zip(losses, ranks, strict=True) for _ in range(rank)
    ]
    assert content["layers"][-1]["cross_entropy"] == record["layer_losses"][-1]
    assert [output["raw"] for output in content["network"]] == record["network_expressions"]
    assert "logit of y1 = " in srnet("show", run).output


def test_evolve_tells_what_it_did(tmp_path: Path, layers_file: Path) -> None:
    result = srnet("evolve", layers_file, *SMALL[:-1], "--out", tmp_path / "run.json")
    assert "after 5 generations, 300 evaluations" in result.stdout


def test_a_run_goes_into_a_pipe(tmp_path: Path, layers_file: Path) -> None:
    """Nothing lies beside it: it may be in a folder of devices."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        reader = pool.submit(pipe.read_text)
        assert srnet("evolve", layers_file, *SMALL, "--out", pipe).exit_code == 0
        assert json.loads(reader.result())["generations"] == 5
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "pipe"]


def test_threads_do_not_change_the_file(tmp_path: Path, layers_file: Path) -> None:
    for threads in (1, 2):
        assert (
            srnet(
                "evolve",
                layers_file,
                *SMALL,
                "--threads",
                threads,
                "--out",
                tmp_path / f"{threads}.json",
            ).exit_code
            == 0
        )
    assert content(tmp_path / "1.json") == content(tmp_path / "2.json")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seed", "0"], "'seed' is 0"),
        (["--seed", "-1"], "'seed' is -1"),
        (["--population", "0"], "'population' is 0"),
        (["--generations", "0"], "'generations' is 0"),
        (["--threads", "0"], "'threads' is 0"),
        (["--threads", "1025"], "'threads' is 1025; a whole number from 1 to 1024 is needed"),
        (["--preset", "papre"], "'preset' is 'papre'; allowed are paper, joint"),
        (["--preset", "rank2", "--formulas", "-1"], "'formulas' is -1; a whole number from 0 to"),
        (["--formulas", "2"], "unknown setting 'formulas'"),
        (["--costs", '{"sin": 3}'], "unknown setting 'costs' of the preset paper"),
        (["--preset", "joint", "--costs", '{"sin": 0}'], "'costs.sin' is 0"),
        (["--functions", "add,erf"], "unknown primitive 'erf'"),
        (["--nested-constraints", "{}"], "unknown setting 'nested_constraints'"),
        (["--nested-constraints", "sin"], "--nested-constraints is 'sin', which is not JSON"),
        (["--nested-constraints", "[]"], "--nested-constraints is '[]'; a JSON object is needed"),
        (
            ["--preset", "joint", "--nested-constraints", '{"sin": {"cos": -1}}'],
            "'nested_constraints.sin.cos' is -1",
        ),
        (["--out", "/dev/null/run.json"], "/dev/null/run.json: cannot be written"),
        (["--checkpoint", "/dev/null/c"], "/dev/null/c: cannot be written"),
        (["--checkpoint-interval", "-1"], "'checkpoint_interval' is -1.0"),
        (["--checkpoint-interval", "nan"], "'checkpoint_interval' is nan"),
    ],
)
def test_bad_options_are_a_sentence(
    tmp_path: Path, layers_file: Path, options: list[str], words: str
) -> None:
    sentence(srnet("evolve", layers_file, *SMALL, "--out", tmp_path / "run.json", *options), words)
    assert os.listdir(tmp_path) == ["layers.npz"]


def test_folders_in_the_place_of_files_are_a_sentence(tmp_path: Path, layers_file: Path) -> None:
    (tmp_path / "folder").mkdir()
    for option in ("--out", "--checkpoint"):
        sentence(
            srnet(
                "evolve",
                layers_file,
                *SMALL,
                "--out",
                tmp_path / "run.json",
                option,
                tmp_path / "folder",
            ),
            "folder: cannot be written",
        )
    assert sorted(os.listdir(tmp_path)) == ["folder", "layers.npz"]


def test_layers_result_and_checkpoint_have_files_of_their_own(
    tmp_path: Path, layers_file: Path
) -> None:
    """Neither the layers nor a result, of this run or an earlier one, is moved or overwritten."""
    run, link = tmp_path / "run.json", tmp_path / "link"
    link.symlink_to(layers_file)
    for checkpoint, words in (
        (layers_file, "layers.npz: is given for the layers and for the checkpoint"),
        (link, "link: is given for the layers and for the checkpoint"),
        (tmp_path / "." / "run.json", "run.json: is given for the result and for the checkpoint"),
    ):
        sentence(
            srnet("evolve", layers_file, *SMALL, "--out", run, "--checkpoint", checkpoint), words
        )
    sentence(
        srnet("evolve", layers_file, *SMALL, "--out", layers_file),
        "layers.npz: is given for the layers and for the result",
    )
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "link"]
    assert srnet("evolve", layers_file, *SMALL, "--out", run).exit_code == 0
    before = run.read_bytes()
    other = tmp_path / "other.json"
    sentence(
        srnet("evolve", layers_file, *SMALL, "--out", other, "--checkpoint", run),
        "run.json: does not begin as a checkpoint",
    )
    assert run.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "link", "run.json"]


@pytest.mark.parametrize("options", [["--seed", "one"], ["--loss", "hinge"], ["--colour"], []])
def test_what_click_refuses_has_the_same_exit_code(
    tmp_path: Path, layers_file: Path, options: list[str]
) -> None:
    result = srnet("evolve", layers_file, "--out", tmp_path / "run.json", *options)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert os.listdir(tmp_path) == ["layers.npz"]


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "empty",
        "text",
        "truncated",
        "one row",
        "no output",
        "mismatched",
        "not finite",
        "pickle",
    ],
)
def test_bad_layers_are_a_sentence(tmp_path: Path, layers_file: Path, kind: str) -> None:
    with np.load(layers_file) as file:
        arrays: dict[str, Any] = dict(file)
    if kind == "missing":
        layers_file.unlink()
    elif kind in ("empty", "text", "truncated"):
        layers_file.write_bytes(
            {"empty": b"", "text": b"hello", "truncated": layers_file.read_bytes()[:700]}[kind]
        )
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
    "text",
    [
        None,
        "",
        "[]",
        "{}",
        '{"programs": [], "weights": [], "biases": []}',
        '{"programs": [{}], "weights": [[1]]',
    ],
)
def test_a_bad_run_is_a_sentence(
    tmp_path: Path, words: list[str], text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a\n1\n")
    if text is not None:
        (tmp_path / "RUN").write_text(text)
    sentence(srnet(*words), "RUN: ")
    assert not (tmp_path / "y.csv").exists()


def commands(group: click.Group, *names: str) -> list[list[str]]:
    """The words of every command of a group, those of its groups among them."""
    return [list(names)] + [
        words
        for name, each in group.commands.items()
        for words in (
            commands(each, *names, name) if isinstance(each, click.Group) else [[*names, name]]
        )
    ]


@pytest.mark.parametrize("words", commands(main), ids=" ".join)
def test_every_command_has_its_help(words: list[str]) -> None:
    result = srnet(*words, "--help")
    assert result.exit_code == 0
    assert f"Usage: {' '.join(['main', *words])} [OPTIONS]" in result.output
    assert "..." not in re.sub(r"\S+\.\.\.$", "", result.output, flags=re.MULTILINE)  # cut


def test_the_help_lists_every_command_in_a_section() -> None:
    listed = re.findall(r"^  ([a-z][a-z-]+) {2,}\S", srnet("--help").output, flags=re.MULTILINE)
    assert sorted(listed) == sorted(main.commands)
    assert srnet("--version").exit_code == 0


OUTPUTS = [
    (words, option.opts[0])
    for words in commands(main)
    for option in functools.reduce(lambda group, name: group.commands[name], words, main).params
    if isinstance(option, click.Option) and " to write; - for" in str(option.help)
]
assert len(OUTPUTS) > 10


@pytest.mark.parametrize(("words", "option"), OUTPUTS, ids=lambda value: "".join(value))
def test_a_place_that_cannot_be_written_is_refused_before_all_else(
    words: list[str], option: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    sentence(srnet(*words, option, tmp_path / "file" / "out"), "file/out: cannot be written")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        ValueError("Maximum allowed dimension exceeded"),
    ],
)
def test_a_full_memory_is_a_sentence(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr("srnet.networks.boundary_toy.write_toy", fill)
    sentence(srnet("boundary-toy", "--out", tmp_path / "toy.csv"), "the memory is full")


def test_other_errors_are_no_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr("srnet.networks.boundary_toy.write_toy", fail)
    result = srnet("boundary-toy", "--out", tmp_path / "toy.csv")
    assert isinstance(result.exception, ValueError)


def test_a_population_beyond_the_memory_is_a_sentence(tmp_path: Path, layers_file: Path) -> None:
    for population in (10**15, 10**30):
        words = [*SMALL, "--population", population, "--out", tmp_path / "run.json"]
        sentence(srnet("evolve", layers_file, *words), "the memory is full")
    assert os.listdir(tmp_path) == ["layers.npz"]


# --- processes ------------------------------------------------------------------------------------


def test_a_users_mistake_in_a_process(tmp_path: Path) -> None:
    code, out, err = finish(
        command("evolve", tmp_path / "none.npz", *SMALL, "--out", tmp_path / "run.json")
    )
    assert (code, out) == (2, "")
    assert err == f"srnet: {tmp_path}/none.npz: cannot be read (No such file or directory)\n"


@pytest.mark.slow
def test_a_kill_loses_nothing(tmp_path: Path, layers_file: Path) -> None:
    """SIGKILL after the first checkpoint; the second start goes on from there and ends with the
    same file."""
    arguments = [
        "evolve",
        layers_file,
        "--seed",
        "3",
        "--population",
        "100",
        "--generations",
        "4000",
        "--quiet",
    ]
    script = (
        "import os, signal\nfrom srnet.cli import main\n"
        "from srnet.search.checkpoints import Checkpoint\n"
        "save = Checkpoint.save\n"
        "def killed(self, content):\n    save(self, content)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Checkpoint.save = killed\nmain()"
    )
    words = [*arguments, "--out", tmp_path / "a.json", "--checkpoint-interval", "0.02"]
    checkpoint = tmp_path / "a.json.checkpoint"
    assert finish(process("-c", script, *words)) == (-signal.SIGKILL, "", "")
    assert not (tmp_path / "a.json").exists()
    generation = json.loads(checkpoint.read_text())["state"]["generation"]
    assert 0 < generation < 4000
    assert finish(command(*arguments, "--out", tmp_path / "a.json")) == (0, "", "")
    assert finish(command(*arguments, "--out", tmp_path / "b.json", "--threads", "2")) == (
        0,
        "",
        "",
    )
    assert content(tmp_path / "a.json") == content(tmp_path / "b.json")
    assert not checkpoint.exists()


@pytest.mark.slow
def test_a_damaged_checkpoint_is_a_warning_in_one_line(tmp_path: Path, layers_file: Path) -> None:
    (tmp_path / "run.json.checkpoint").write_bytes(b"{")
    code, _, err = finish(command("evolve", layers_file, *SMALL, "--out", tmp_path / "run.json"))
    assert code == 0
    assert err.startswith(f"srnet: {tmp_path}/run.json.checkpoint: is not plain JSON")
    assert err.endswith("set aside as run.json.checkpoint.rejected, the run starts over\n")
    assert err.count("\n") == 1


@pytest.mark.slow
def test_starting_imports_neither_torch_nor_sympy(tmp_path: Path, layers_file: Path) -> None:
    """They take seconds; nothing in a search needs them."""
    heavy = ("torch", "sympy", "sklearn", "pandas", "matplotlib")
    script = (
        "import sys\nfrom srnet.cli import main\n"
        "assert 'numpy' not in sys.modules and 'numba' not in sys.modules\n"
        f"main({['evolve', str(layers_file), *SMALL, '--out', str(tmp_path / 'run.json')]!r}, "
        f"standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG
    )
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


def test_gathering_imports_what_it_needs(tmp_path: Path) -> None:
    """Not the search, nor what draws: the workflow starts some forty of these commands."""
    run = tmp_path / "1.json"
    write_json(run, fakes.run())
    words = [f"--out-{name}={tmp_path / name}" for name in ("runs", "history", "pareto")]
    heavy = ("torch", "sympy", "sklearn", "scipy", "numba", "matplotlib")
    script = (
        "import sys\nfrom srnet.cli import main\n"
        f"main({['gather', 'runs', str(run), *words]!r}, standalone_mode=False)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG
    )
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr


@pytest.mark.slow
def test_concurrent_first_starts_and_a_read_only_home(tmp_path: Path, layers_file: Path) -> None:
    """Two processes compile into one empty cache; a third, that has no home, finds it in the
    temporary folder."""
    cache = tmp_path / f"srnet-{os.getuid()}"
    first = [
        command(
            "evolve",
            layers_file,
            *SMALL,
            "--out",
            tmp_path / f"{i}.json",
            NUMBA_CACHE_DIR=str(cache),
        )
        for i in range(2)
    ]
    for started in first:
        assert finish(started) == (0, "", "")
    assert content(tmp_path / "0.json") == content(tmp_path / "1.json")
    compiled = sorted(cache.rglob("*.nbc"))
    assert compiled
    nowhere = {
        "HOME": "/dev/null/x",
        "XDG_CACHE_HOME": "",
        "NUMBA_CACHE_DIR": "/dev/null/y",
        "TMPDIR": str(tmp_path),
    }
    assert finish(
        command("evolve", layers_file, *SMALL, "--out", tmp_path / "2.json", **nowhere)
    ) == (0, "", "")
    assert content(tmp_path / "2.json") == content(tmp_path / "0.json")
    assert sorted(cache.rglob("*.nbc")) == compiled


def test_a_cache_that_others_could_write_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


# --- explain --------------------------------------------------------------------------------------


def state_dict(path: Path, *widths: int, **more: Any) -> Path:
    """Linear layers as torch saves them, with weights that are not tiny."""
    import torch

    torch.manual_seed(0)
    state = {}
    for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
        state |= {f"{2 * i}.weight": torch.randn(b, a) * 1.5, f"{2 * i}.bias": torch.randn(b)}
    torch.save(
        state | {key: torch.tensor(value, dtype=torch.float64) for key, value in more.items()}, path
    )
    return path


def table(path: Path, columns: int, rows: int = 40, scale: float = 1.0) -> Path:
    """A CSV with a header; ten units of scale above zero, and one around that, where scale is not
    1."""
    names = ["width", "petal length (cm)", "c", "d"][:columns]
    x = np.random.default_rng(0).uniform(-1, 1, (rows, columns)) * scale + (
        0 if scale == 1.0 else 10 * scale
    )
    np.savetxt(path, x, delimiter=",", header=",".join(names), comments="")
    return path


EXPLAIN = ["--budget", "2000", "--quiet", "--time-limit", "2", "--activation", "sigmoid"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["output"]),
        (["--layers", "hidden2", "--layers", "output"], ["hidden2", "output"]),
        (["--preset", "joint"], ["hidden1", "hidden2", "output"]),
    ],
    ids=["output", "a layer", "joint"],
)
def test_explain_somebodys_network(tmp_path: Path, options: list[str], names: list[str]) -> None:
    """The sizes are those of the state dict; predict and show read what explain has written."""
    network = state_dict(
        tmp_path / "net.pt", 2, 3, 3, 1, **{"scaler.mean": [100.0, 101.0], "scaler.std": [6.0, 5.0]}
    )
    data = table(tmp_path / "data.csv", 2, scale=10)
    result = srnet(
        "explain",
        network,
        data,
        "--out",
        tmp_path / "out",
        *EXPLAIN,
        "--budget",
        "30000",
        "--activation",
        "tanh",
        *options,
    )
    assert (result.exit_code, result.stdout) == (0, "")
    assert sorted(os.listdir(tmp_path / "out")) == [
        "formulas.json",
        "layers.npz",
        "network.c",
        "network.py",
        "run.json",
    ]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (record["task"], record["layer_names"]) == ("net", names)
    assert record["input_names"] == ["width", "petal_length__cm_"]
    # raw rows in: the standardisation is part of the formulas
    assert (
        srnet("predict", tmp_path / "out" / "run.json", data, "--out", tmp_path / "y.csv").exit_code
        == 0
    )
    found = np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1)
    layers = Layers.load(tmp_path / "out" / "layers.npz").splits
    known = {
        row.tobytes(): y
        for split in ("train", "valid", "test")
        for row, y in zip(layers[split][0], layers[split][-1][:, 0], strict=True)
    }
    x = np.loadtxt(data, delimiter=",", skiprows=1).astype(np.float32)
    output = np.array([known[row.tobytes()] for row in x])
    assert 1 - np.mean((found - output) ** 2) / output.var() > 0.3
    source: dict[str, Any] = {}
    exec((tmp_path / "out" / "network.py").read_text(), source)
    np.testing.assert_array_equal(
        source["network"](np.loadtxt(data, delimiter=",", skiprows=1))[:, 0], found
    )
    assert "hidden1" not in srnet("show", tmp_path / "out" / "run.json").output
    files = [
        tmp_path / "out" / "run.json",
        "--layers",
        tmp_path / "out" / "layers.npz",
        "--out",
        tmp_path / "f.json",
    ]
    again = srnet("formulas", *files, "--time-limit", "1")
    assert again.exit_code == 0, again.stderr


def test_explain_tells_what_it_found(tmp_path: Path) -> None:
    words = [
        "explain",
        state_dict(tmp_path / "n.pt", 2, 3, 1),
        table(tmp_path / "d.csv", 2),
        "--out",
        tmp_path / "o",
        "--task",
        "mine",
    ]
    options = ["--budget", "2000", "--time-limit", "2"]
    sentence(srnet(*words, *options), "does not tell the activation")
    quiet = srnet(*words, *options, "--activation", "tanh", "--quiet")
    assert quiet.stderr.startswith("Not checked: ")
    assert not quiet.stdout
    result = srnet(*words, *options, "--activation", "tanh")
    assert result.exit_code == 0
    assert "--outputs FILE" in result.stderr
    assert result.stdout.startswith("mine: complexity ")
    assert "R² of the output on 8 held-out rows " in result.stdout


def test_explain_compares_the_networks_own_outputs(tmp_path: Path) -> None:
    """Another activation or other connections are refused before the search."""
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 3, 1), table(tmp_path / "d.csv", 2)
    rows = np.loadtxt(data, delimiter=",", skiprows=1)
    y = load_network(network, "tanh").predict(rows)
    np.savez(tmp_path / "y.npz", y=y)
    np.savetxt(tmp_path / "y.csv", y, fmt="%.6g", header="y0", comments="")
    np.savetxt(tmp_path / "rounded.csv", y, fmt="%.3f", header="y0", comments="")
    np.savetxt(tmp_path / "residual.csv", y + rows[:, :1], header="y0", comments="")
    words = ["explain", network, data, "--out", tmp_path / "o", *EXPLAIN]
    for file, activation, said in (
        ("y.npz", "relu", r"y.npz: row \d+, output 0 is .* with the activation relu .*, gives"),
        ("rounded.csv", "sigmoid", "rounded.csv: row .*another activation or other connections"),
        ("y.csv", "sigmoid", "y.csv: row .*another activation or other connections"),
        ("residual.csv", "tanh", "residual.csv: row .*other connections"),
        ("d.csv", "tanh", r"d.csv: the data has shape .*× 1 columns"),
    ):
        options = ["--outputs", tmp_path / file, "--activation", activation]
        result = srnet(*words, *options)
        sentence(result, "")
        assert re.search(said, result.stderr)
        assert not (tmp_path / "o").exists()
    for file in ("y.npz", "y.csv", "rounded.csv"):
        result = srnet(*words, "--outputs", tmp_path / file, "--activation", "tanh")
        assert result.exit_code == 0, result.output
        assert "Not checked" not in result.stderr
    np.savez(tmp_path / "y.npz", y=y[:-1])
    options = ["--outputs", tmp_path / "y.npz", "--activation", "tanh"]
    sentence(srnet(*words, *options), f"has {len(rows) - 1} row(s), the data {len(rows)}")


def test_explain_takes_numbers_of_formulas_fidelity_and_nodes(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    options = ["--formulas", 2, "--fidelity", 0.9, "--nodes", 7]
    result = srnet("explain", network, data, "--out", tmp_path / "o", *EXPLAIN, *options)
    assert result.exit_code == 0, result.output
    run = json.loads((tmp_path / "o" / "run.json").read_text())
    settings = run["settings"]
    assert (run["preset"], settings["formulas"]) == ("rank", 2)
    assert (settings["fidelity"], settings["most_nodes"]) == (0.9, 7)
    assert SRNet.from_run(run).ranks[0] <= 2
    words = srnet("explain", network, data, "--out", tmp_path / "p", *EXPLAIN, "--formulas", "auto")
    assert words.exit_code == 0
    assert json.loads((tmp_path / "p" / "run.json").read_text())["settings"]["formulas"] == 0


def test_explain_takes_weights_robust_losses_and_a_size(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 3)
    x = np.loadtxt(data, delimiter=",", skiprows=1)
    weights = 1 + np.abs(x[:, 2])
    np.savez(tmp_path / "d.npz", x=x[:, :2], count=weights)
    np.savetxt(
        tmp_path / "w.csv",
        np.column_stack([x[:, 0], weights, x[:, 1]]),
        delimiter=",",
        header="width,count,length",
        comments="",
    )
    options = ["--loss", "huber", "--delta", 0.3, "--maxsize", 20, "--sample-weight", "count"]
    found = []
    for name in ("d.npz", "w.csv"):
        command = ("explain", network, tmp_path / name, "--out", tmp_path / "o", *EXPLAIN, *options)
        result = srnet(*command)
        assert result.exit_code == 0, result.output
        run = json.loads((tmp_path / "o" / "run.json").read_text())
        settings = run["settings"]
        assert (settings["loss"], settings["delta"], settings["maxsize"]) == ("huber", 0.3, 20)
        assert SRNet.from_run(run).size <= 20
        assert run["test_robust_r2"] is not None
        layers = Layers.load(tmp_path / "o" / "layers.npz")
        assert layers.weights["train"].size == layers.rows("train")
        found.append(run["layers_fingerprint"])
        check_run(run, SRNet.from_run(run), layers)
    assert found[0] == found[1]
    words = ("explain", network, data, "--out", tmp_path / "p", *EXPLAIN, "--sample-weight")
    sentence(srnet(*words, "n"), "d.csv", "n")
    sentence(srnet(*words[:2], tmp_path / "d.npz", *words[3:], "n"), "lacks the array 'n'")
    # the third column has negative numbers
    sentence(srnet(*words, "c"), "d.csv", "'sample_weight' is -")


def test_functions_constraints_and_costs_are_options(tmp_path: Path, layers_file: Path) -> None:
    given: dict[str, Any] = {
        "functions": ["add", "mul", "exp"],
        "nested_constraints": {"sin": {"cos": 1}},
        "costs": {"sin": 3},
    }
    options = ["--nested-constraints", '{"sin": {"cos": 1}}', "--costs", '{"sin": 3}']
    options += ["--functions", "add, mul,exp"]
    run, joint = tmp_path / "run.json", ["--preset", "joint"]
    assert srnet("evolve", layers_file, *SMALL, "--out", run, *joint, *options).exit_code == 0
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    command = ("explain", network, data, "--out", tmp_path / "o", *EXPLAIN, *options)
    assert srnet(*command, "--seeds", "2").exit_code == 0
    explained = json.loads((tmp_path / "o" / "run.json").read_text())
    assert len(explained["consensus"]["runs"]) == 2
    for file in (run, tmp_path / "o" / "run.json"):
        settings = json.loads(file.read_text())["settings"]
        assert {key: settings[key] for key in given} == given


def test_explain_takes_the_loss_of_a_classifier(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 5, 3), table(tmp_path / "d.csv", 2)
    options = ["--loss", "cross_entropy"]
    result = srnet("explain", network, data, "--out", tmp_path / "o", *EXPLAIN, *options)
    assert result.exit_code == 0, result.output
    file = tmp_path / "o" / "run.json"
    run = json.loads(file.read_text())
    assert (run["loss"], run["targets"]) == ("cross_entropy", "probabilities")
    assert run["valid_accuracy"] >= run["linear_accuracy"]
    assert srnet("predict", file, data, "--out", tmp_path / "y.csv").exit_code == 0
    found = np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    source: dict[str, Any] = {}
    exec((tmp_path / "o" / "network.py").read_text(), source)
    rows = np.loadtxt(data, delimiter=",", skiprows=1)
    np.testing.assert_allclose(source["network"](rows), found, rtol=1e-12)
    shown = srnet("show", file).output
    assert f"divergence {run['layer_losses'][-1]}" in shown
    assert "logit of y2 = " in shown
    files = [file, "--layers", tmp_path / "o" / "layers.npz", "--out", tmp_path / "f.json"]
    again = srnet("formulas", *files, "--time-limit", "1")
    assert again.exit_code == 0, again.stderr


def test_evolve_takes_a_number_of_formulas(tmp_path: Path, layers_file: Path) -> None:
    run = tmp_path / "run.json"
    options = ["--preset", "rank2", "--formulas", "3", "--generations", "24"]
    assert srnet("evolve", layers_file, *SMALL, "--out", run, *options).exit_code == 0
    record = json.loads(run.read_text())
    assert (record["preset"], record["settings"]["formulas"]) == ("rank2", 3)
    assert SRNet.from_run(record).ranks[:2] == [3, 3]  # the output has one column
    assert sorted(os.listdir(tmp_path)) == ["layers.npz", "run.json"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--activation", "swish"],
            "'activation' is 'swish'; allowed are sigmoid, tanh, relu, identity",
        ),
        (["--budget", "soon"], "the budget is 'soon'"),
        (["--seed", "-1"], "'seed' is -1"),
        (["--preset", "papre"], "'preset' is 'papre'"),
        (["--threads", "0"], "'threads' is 0"),
        (["--formulas", "many"], "'formulas' is 'many'; auto, a number"),
        (["--formulas", "0"], "'formulas' is 0"),
        (["--formulas", "-1"], "'formulas' is -1; a whole number from 1"),
        (["--formulas", "2", "--preset", "joint"], "'formulas' is 2; the preset joint has one"),
        (["--fidelity", "2"], "'fidelity' is 2.0"),
        (["--fidelity", "nan"], "'fidelity' is nan"),
        (["--nodes", "0"], "nodes' is 0"),
        (["--nodes", "5", "--preset", "paper"], "'nodes' is of the preset rank"),
        (["--layers", "hidden7"], "no layer 'hidden7'"),
        (["--out", "/dev/null/o"], "/dev/null/o"),
    ],
)
def test_bad_options_of_explain_are_a_sentence(
    tmp_path: Path, options: list[str], words: str
) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    sentence(srnet("explain", network, data, "--out", tmp_path / "o", *EXPLAIN, *options), words)
    assert not (tmp_path / "o" / "run.json").exists()


@pytest.mark.parametrize(
    "kind", ["missing", "not a network", "NaN", "other width", "one row", "text"]
)
def test_bad_files_of_explain_are_a_sentence(tmp_path: Path, kind: str) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    if kind == "missing":
        network.unlink()
    elif kind == "not a network":
        network.write_bytes(b"hello")
    elif kind == "NaN":
        state_dict(network, 2, 3, 1, **{"4.weight": [[float("nan")]], "4.bias": [0.0]})
    elif kind == "other width":
        table(data, 3)
    elif kind == "one row":
        table(data, 2, rows=1)
    else:
        data.write_text("a,b\n1,two\n")
    named = data if kind in ("other width", "one row", "text") else network
    sentence(srnet("explain", network, data, "--out", tmp_path / "o", *EXPLAIN), str(named))
    assert not (tmp_path / "o" / "run.json").exists()


def test_the_columns_of_a_table_that_a_network_reads_are_chosen(tmp_path: Path) -> None:
    network, plain = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    lines = plain.read_text().splitlines()
    wide = tmp_path / "wide.csv"
    wide.write_text(
        "\n".join(
            ['name,"y, target",petal length (cm),width']
            + [f"row {i},{i},{b},{a}" for i, (a, b) in enumerate(x.split(",") for x in lines[1:])]
        )
    )
    inputs = ["--columns", "width,petal length (cm)"]
    runs = []
    for i, (data, options) in enumerate(
        [(plain, []), (wide, inputs), (plain, ["--target", "petal length (cm)"])]
    ):
        read = state_dict(tmp_path / "n.pt", 1 if i == 2 else 2, 3, 1)
        result = srnet("explain", read, data, "--out", tmp_path / str(i), *EXPLAIN, *options)
        assert result.exit_code == 0, result.stderr
        runs.append(content(tmp_path / str(i) / "run.json"))
    assert runs[0] == runs[1]
    assert runs[2]["input_names"] == ["width"]
    state_dict(network, 2, 3, 1)
    words = ["explain", network, wide, "--out", tmp_path / "o", *EXPLAIN]
    sentence(srnet(*words, "--columns", "width,depth"), "has no column 'depth'; it has name, y, ")
    sentence(srnet(*words, "--target", "name,z"), "has no column 'z'")
    sentence(srnet(*words, *inputs, "--target", "name"), "'columns' and 'target' are both given")
    sentence(
        srnet(*words, "--target", "name"),
        "(40, 3); rows × 2 columns are needed; it has y, target, petal length (cm), width; choose",
        "by --columns, or leave out others by --target",
    )
    sentence(srnet(*words, "--target", '"y, target",name', "--select", "first"), "'select' is")
    np.savez(tmp_path / "x.npz", x=np.ones((5, 2)))
    sentence(
        srnet("explain", network, tmp_path / "x.npz", "--out", tmp_path / "o", *EXPLAIN, *inputs),
        "x.npz: has no names of columns",
    )
    assert not (tmp_path / "o").exists()
    index = tmp_path / "index.csv"  # with the index that pandas writes
    index.write_text("\n".join(f"{i - 1 if i else ''},{line}" for i, line in enumerate(lines)))
    words = ["explain", network, index, "--out", tmp_path / "o", *EXPLAIN]
    sentence(srnet(*words), "it has (no name), width, petal length (cm); choose them by --columns")
    assert srnet(*words, "--target", "").exit_code == 0


def test_a_model_of_the_front_is_selected(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    for how in ("accuracy", "knee"):
        result = srnet(
            *("explain", network, data, "--out", tmp_path / how, *EXPLAIN, "--select", how)
        )
        assert result.exit_code == 0, result.stderr
    runs = [content(tmp_path / how / "run.json") for how in ("accuracy", "knee")]
    assert runs[0]["selected"] == len(runs[0]["pareto"]) - 1
    assert runs[1]["complexity"] == runs[1]["pareto"][runs[1]["selected"]]["complexity"]
    assert runs[1]["complexity"] <= runs[0]["complexity"]


def test_checkpoints_are_read_or_named(tmp_path: Path) -> None:
    import torch
    from torch import nn

    data, path = table(tmp_path / "d.csv", 2), tmp_path / "n.pt"
    module = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
    words = ["explain", path, data, "--out", tmp_path / "o", *EXPLAIN]
    torch.save({"epoch": 3, "model_state_dict": module.state_dict()}, path)
    assert srnet(*words).exit_code == 0
    torch.save(module, path)
    sentence(srnet(*words), "n.pt: is a whole module", "torch.save(model.state_dict(), FILE)")


def test_an_onnx_file_is_read_where_onnxruntime_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path = table(tmp_path / "d.csv", 2), tmp_path / "n.onnx"
    path.write_bytes(b"a network")
    words = ["explain", path, data, "--out", tmp_path / "o", *EXPLAIN]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # type: ignore[arg-type]
    sentence(srnet(*words), "n.onnx: onnxruntime is needed", "pip install onnxruntime")

    outputs = {"label": lambda feed: feed["x"][:, 0], "y": lambda feed: feed["x"].sum(axis=1)}

    def session(file: bytes, providers: list[str]) -> OnnxSession:
        assert file == b"a network", "broken"
        return OnnxSession(outputs, {"x": "float"})

    runtime = SimpleNamespace(InferenceSession=session)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)  # type: ignore[arg-type]
    sentence(srnet(*words), "a dict of label, y", "output='y'")
    result = srnet(*words, "--output", "y")
    assert result.exit_code == 0, result.stderr
    assert content(tmp_path / "o" / "run.json")["linear_r2"] == pytest.approx(1)
    sentence(srnet(*words, "--output", "z"), "'output' is 'z'", "a dict of label, y, and one of")
    outputs.pop("label")
    result = srnet(*words, "--output", "y")
    assert result.exit_code == 0, result.stderr
    path.write_bytes(b"nothing")
    sentence(srnet(*words), "n.onnx: is no readable ONNX file (broken)")


def paths() -> list[tuple[click.Command, click.Parameter]]:
    """The options and arguments that are files or folders, with their commands."""
    named = re.compile(r"DIR|FILE|FOLDER|IMAGE|RESULTS|PUBLISHED|\.(json|npz|pt|csv|onnx)")
    return [
        (each, param)
        for each in main.commands.values()
        for param in each.params
        if named.search(param.metavar or param.make_metavar(click.Context(each)))
        and not re.search(r"(NAME|FORMULA)\|FILE", str(param.metavar))
    ]


@pytest.mark.parametrize(
    ("each", "param"), paths(), ids=lambda value: getattr(value, "name", "") or ""
)
def test_an_empty_path_is_a_sentence(each: click.Command, param: click.Parameter) -> None:
    """It is no way to say the current folder."""
    words: Any = "" if param.nargs == 1 else [""] * abs(param.nargs)
    with pytest.raises(UserError, match="is ''; a path is needed, . for the current folder"):
        param.type_cast_value(click.Context(each), [words] if param.multiple else words)


def test_an_empty_folder_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    sentence(srnet("explain", network, data, "--out", "", *EXPLAIN), "--out is ''; a path")
    sentence(srnet("show", ""), "RUN.json is ''; a path")
    assert sorted(tmp_path.iterdir()) == before


def test_an_output_is_chosen_by_its_number(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 2), table(tmp_path / "d.csv", 2)
    words = ["explain", network, data, "--out", tmp_path / "o", *EXPLAIN, "--output"]
    for output in (-1, 1):
        assert srnet(*words, output).exit_code == 0
        assert content(tmp_path / "o" / "run.json")["output"] == output
    for output in ("2", "-3", "T", "1.0", ""):
        sentence(srnet(*words, output), "'output' is ", output, "2 columns", "from -2 to 1")


def test_predictions_go_to_the_standard_output(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    assert srnet("explain", network, data, "--out", tmp_path / "o", *EXPLAIN).exit_code == 0
    run = tmp_path / "o" / "run.json"
    assert srnet("predict", run, data, "--out", tmp_path / "y.csv").exit_code == 0
    result = srnet("predict", run, data, "--out", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (tmp_path / "y.csv").read_text()
    assert not Path("-").exists()
    sentence(srnet("explain", network, data, "--out", "-", *EXPLAIN), "'out' is '-'", "a folder")


def test_show_as_data(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    words = ["explain", network, data, "--out", tmp_path / "o", *EXPLAIN, "--layers", "hidden1"]
    assert srnet(*words).exit_code == 0
    run = tmp_path / "o" / "run.json"
    shown, record = json.loads(srnet("show", run, "--json").stdout), content(run)
    assert [layer["name"] for layer in shown["layers"]] == ["hidden1", "output"]
    assert [layer["loss"] for layer in shown["layers"]] == record["layer_losses"]
    assert shown["inputs"] == record["input_names"]
    assert (shown["task"], shown["loss"]) == ("n", "mse")
    assert (shown["complexity"], shown["valid_r2"]) == (record["complexity"], record["valid_r2"])
    text = srnet("show", run).stdout
    for formula in (*shown["outputs"], *shown["layers"][0]["formulas"]):
        assert formula in text


def test_explain_that_fails_late_leaves_the_earlier_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All five are of one explanation, whatever happens to the last of them."""
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 1), table(tmp_path / "d.csv", 2)
    words = ["explain", network, data, *EXPLAIN, "--out"]
    assert srnet(*words, tmp_path / "o").exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "o").iterdir()}

    def fail(*_: object) -> NoReturn:
        raise UserError("no C today")

    monkeypatch.setattr("srnet.model.export.to_c", fail)
    for folder in ("o", "new"):
        sentence(srnet(*words, tmp_path / folder, "--seed", "7"), "no C today")
    assert {path: path.read_bytes() for path in (tmp_path / "o").iterdir()} == before
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_ctrl_c_writes_the_best_so_far(tmp_path: Path) -> None:
    network, data = state_dict(tmp_path / "n.pt", 2, 3, 3, 1), table(tmp_path / "d.csv", 2)
    script = (  # interrupted as soon as the search listens
        "import os, signal, threading, time\nfrom srnet.cli import main\n"
        "def interrupt():\n"
        "    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:\n"
        "        time.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=interrupt, daemon=True).start()\nmain()"
    )
    words = ["explain", network, data, "--out", tmp_path / "o", *EXPLAIN, "--budget", f"{HANG}s"]
    code, _, err = finish(process("-c", script, *words))
    assert code == 0, err
    assert "interrupted: the explanation is the best so far" in err
    assert json.loads((tmp_path / "o" / "run.json").read_text())["pareto"]


# --- make-images ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "no image is requested"),
        (["--named", ","], "no image is requested"),
        (["--named", "cat", "--size", "0"], "'size' is 0"),
        (["--count", "1", "--size", "10"], "'size' is 10"),
        (
            ["--named", "cat", "--size", "100000"],
            "'size' is 100000; a whole number from 32 to 1024",
        ),
        (["--named", "cat", "--seed", "-3000000"], "'seed' is -3000000"),
        (["--count", "1", "--seed", "-1"], "'seed' is -1"),
        (["--named", "cat", "--count", "-1"], "'count' is -1"),
    ],
)
def test_bad_options_of_make_images_are_a_sentence(
    tmp_path: Path, options: list[str], words: str
) -> None:
    sentence(srnet("make-images", tmp_path / "images", *options), words)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gbk", "cp932"])
def test_an_output_that_lacks_a_sign_has_it_escaped(encoding: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "srnet.cli", "explain", "--help"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"R\\xb2" in run.stdout
