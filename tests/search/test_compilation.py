"""The compiled code of the searches: what is loaded, by whom it is compiled."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock
from helpers.fakes import ROOT
from helpers.waiting import HANG, wait_for

from srnet.search.compilation import is_compiled, load_kernels
from srnet.search.settings import preset

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)


# What each search runs of the compiled code before and after it was loaded.
LOADED = """
import gc
from numba.core.registry import CPUDispatcher
from helpers import made_up
from srnet.search.compilation import load_kernels
from srnet.search.run import evolve
from srnet.search.settings import preset

def loaded():
    functions = [each for each in gc.get_objects() if isinstance(each, CPUDispatcher)]
    return {f"{each} {types}" for each in functions for types in each.overloads}

for name, loss in (
    *(("paper", "mse"), ("paper", "cross_entropy"), ("joint", "mse")),
    *(("joint", "cross_entropy"), ("rank2", "mse"), ("rank", "mse"), ("rank3", "cross_entropy")),
):
    load_kernels(preset(name, loss=loss))
    before = loaded()
    assert before
    for widths in ((3, 3), (2, 3, 3, 2), (1, 4, 2, 3, 2)):
        layers = made_up.layers(widths) if loss == "mse" else made_up.classifier(widths)
        evolve(layers, preset(name, loss=loss, population=10, generations=60, stop=0.0), 1)
    assert loaded() == before, (name, loss, loaded() - before)
"""


@pytest.mark.slow
def test_what_is_loaded_before_a_run_is_all_that_it_needs() -> None:
    """So no run compiles within its seconds, and one rule of the workflow compiles for all."""
    run = python("-c", LOADED)
    assert run.returncode == 0, run.stderr


# What worker processes of joblib load of the compiled code, and what they compile.
WORKERS = """
import gc
import numpy as np
from joblib import Parallel, delayed
from numba.core.registry import CPUDispatcher
from srnet import SRNetRegressor
from srnet.cgp import compiling
from srnet.search.compilation import load_kernels
from srnet.search.settings import preset

def fit(seed):
    x = np.random.default_rng(seed).uniform(-1, 1, (50, 2))
    SRNetRegressor((4,), max_iter=50, budget=500, random_state=seed).fit(x, x[:, 0] * x[:, 1])
    stats = [each.stats for each in gc.get_objects() if isinstance(each, CPUDispatcher)]
    loaded = sum(sum(each.cache_hits.values()) for each in stats)
    return compiling.FOLDER, loaded, sum(sum(each.cache_misses.values()) for each in stats)

load_kernels(preset("rank"))
for folder, loaded, compiled in Parallel(2)(delayed(fit)(seed) for seed in range(2)):
    assert (folder, loaded > 0, compiled) == (compiling.FOLDER, True, 0), (folder, compiled)
"""


@pytest.mark.slow
def test_worker_processes_compile_nothing_that_is_compiled() -> None:
    run = python("-c", WORKERS)
    assert run.returncode == 0, run.stderr


# What the parts compile is what a search calls: it compiles no more of them.
PARTS = """
from srnet.search import compilation
from srnet.search.compilation import evaluate_from, improve, normal_equations
from srnet.search.settings import preset

for loss in ("mse", "cross_entropy"):
    compilation._compile_scoring(loss)
    compilation._compile_derivatives(loss)
    compilation._compile_climbing(loss)
    parts = [set(part.overloads) for part in (evaluate_from, improve, normal_equations)]
    assert all(parts), parts
    compilation.time_evaluation(compilation._tiny_layers(loss), preset("joint", loss=loss))
    assert parts == [set(part.overloads) for part in (evaluate_from, improve, normal_equations)]
"""


@pytest.mark.slow
def test_the_parts_are_what_a_search_calls() -> None:
    run = python("-c", PARTS)
    assert run.returncode == 0, run.stderr


def test_the_second_process_says_what_is_done() -> None:
    run = python("-P", "-m", "srnet.search.compilation", "mse")
    assert (run.returncode, run.stdout.split()) == (
        0,
        ["_compile_derivatives", "_compile_layerwise"],
    ), run.stderr


@pytest.mark.parametrize(
    ("executable", "parts"),
    [(sys.executable, [1, 2, 3, 4]), ("/bin/false", [1, 3]), ("/no/such/python", [1, 3])],
)
def test_all_is_compiled_also_without_a_second_process(
    executable: str, parts: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr("srnet.search.compilation.FOLDER", tmp_path)
    monkeypatch.setattr("srnet.search.compilation.count_cores", lambda: 2)
    monkeypatch.setattr("sys.executable", executable)
    settings = preset("joint")
    assert not is_compiled(settings)
    assert load_kernels(settings, lambda *each: told.append(each)) > 0
    assert is_compiled(settings)
    assert told == [(part, 4) for part in parts]


def test_one_process_compiles_and_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended, finish = [], [], threading.Event()

    def compile_slowly(*_: object) -> float:
        begun.append(threading.get_ident())
        assert finish.wait(HANG)
        ended.append(threading.get_ident())
        return 1.0

    monkeypatch.setattr("srnet.search.compilation.FOLDER", tmp_path)
    monkeypatch.setattr("srnet.search.compilation.time_evaluation", compile_slowly)
    assert not is_compiled(preset("paper"))
    processes = [threading.Thread(target=load_kernels, args=[preset("paper")]) for _ in range(3)]
    for process in processes:
        process.start()
    wait_for(lambda: begun, "the first")
    time.sleep(0.2)
    assert len(begun) == 1
    finish.set()
    for process in processes:
        process.join()
    assert len(ended) == 3
    assert is_compiled(preset("paper"))
    assert not is_compiled(preset("paper", loss="cross_entropy"))
    finish.clear()
    with FileLock(tmp_path / "compiling.lock"):  # nobody waits for what is compiled
        again = threading.Thread(target=load_kernels, args=[preset("paper")])
        again.start()
        wait_for(lambda: len(begun) == 4, "what is compiled")
    finish.set()
    again.join()
