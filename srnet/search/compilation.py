"""The compiled code of the searches: loaded before a run, compiled where the cache lacks it.

Numba compiles one function at a time, so a second process compiles parts of the search meanwhile,
into the same cache.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from filelock import FileLock, Timeout
from numba.core.dispatcher import Dispatcher

from srnet.cgp.compiling import FOLDER
from srnet.cgp.costs import cost_table
from srnet.cgp.genome import Grid
from srnet.cgp.nesting import nesting_limits
from srnet.io.software import count_cores
from srnet.networks.layers import Layers
from srnet.search.joint import JointSearch
from srnet.search.kernels.climbing import improve
from srnet.search.kernels.composite_kernel import evaluate_from
from srnet.search.kernels.composites import Climber, Composite, Problem, Scratch
from srnet.search.kernels.normal_equations import normal_equations
from srnet.search.kernels.variation import vary_layer
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.pursuit import inner_settings
from srnet.search.settings import JointSettings, RankSettings, Settings, preset

# Seconds for which a process waits for one that compiles: far longer than that takes.
_LONGEST_WAIT = 600


def is_compiled(settings: Settings) -> bool:
    """Whether the code of a search was compiled on this machine before, whatever its layers."""
    return _mark(settings).exists()


def _mark(settings: Settings) -> Path:
    """The file that says so."""
    search = _compiled_search(settings)
    processor = llvmlite.binding.get_host_cpu_name()  # of a cluster's nodes, each kind compiles
    return FOLDER / f"{type(search).__name__}-{search.loss}-{processor}.complete"


def _compiled_search(settings: Settings) -> Settings:
    """The search whose compiled code runs: that of rank r is made of joint searches."""
    return inner_settings(settings) if isinstance(settings, RankSettings) else settings


def load_kernels(settings: Settings, progress: Callable[[int, int], None] | None = None) -> float:
    """Load the compiled code of a search, whatever its layers; what the cache lacks is compiled.

    Of several processes that start together, one compiles while the others wait for it.

    Parameters
    ----------
    progress
        Called after each part that is compiled, with the number of parts so far and of all.

    Returns
    -------
    The seconds that it took: where all is compiled, once on a machine, about half a minute, or
    minutes on a busy one.
    """
    start = time.monotonic()
    lock = FileLock(FOLDER / "compiling.lock")
    if not is_compiled(settings):
        with contextlib.suppress(Timeout, OSError, NotImplementedError):  # then each for itself
            lock.acquire(timeout=_LONGEST_WAIT)
    try:
        if not is_compiled(settings):
            _compile_in_parallel(settings, progress or (lambda done, parts: None))
        time_evaluation(_tiny_layers(_compiled_search(settings).loss), settings)
        with contextlib.suppress(OSError):
            _mark(settings).touch()
    finally:
        lock.release()
    return time.monotonic() - start


def time_evaluation(layers: Layers, settings: Settings) -> float:
    """The seconds of a chromosome evaluation, in a tiny run."""
    tiny = replace(_compiled_search(settings), population=4, generations=40, stop=0.0)
    start = time.monotonic()
    search = (
        JointSearch(layers, tiny, 1)
        if isinstance(tiny, JointSettings)
        else LayerwiseSearch(layers, tiny, 1)
    )
    while not search.finished:
        search.step()
    return (time.monotonic() - start) / search.evaluations


def _tiny_layers(loss: str) -> Layers:
    """Of a network with two layers, on a few rows."""
    x = np.random.default_rng(0).uniform(size=(20, 2)).astype(np.float32)
    y = x[:, :1]
    values = [x, x, np.hstack([y, 1 - y]) if loss == "cross_entropy" else y]
    return Layers({"train": values, "valid": values})


# --- The joint search, by two processes -----------------------------------------------------------
#
# `improve` calls all the rest: its two largest parts first, side by side (the scoring, which is the
# smaller one, with the variation), then itself beside the published search, with which a joint
# search begins.


def _compile_in_parallel(settings: Settings, progress: Callable[[int, int], None]) -> None:
    """Compile a joint search with a second process, where there is a second core."""
    search = _compiled_search(settings)
    if not isinstance(search, JointSettings) or count_cores() < 2:
        return
    with _second_process(search.loss) as wait:
        own = (partial(part, search.loss) for part in (_compile_scoring, _compile_climbing))
        steps = [step for part in own for step in (part, wait)]
        for i, step in enumerate(steps):
            if step() != b"":  # else the second process has failed
                progress(i + 1, len(steps))


@contextlib.contextmanager
def _second_process(loss: str) -> Iterator[Callable[[], bytes]]:
    """A process that compiles the derivatives and the published search. What is yielded waits for
    the next of them and gives a line, or nothing where the process fails: the caller then compiles
    it."""
    package = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    }
    # -P: no module is taken from the folder in which the user happens to be
    command = [sys.executable, "-P", "-m", "srnet.search.compilation", loss]
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        process = subprocess.Popen(command, env=environment, stdin=null, stdout=pipe, stderr=null)
    except OSError:
        yield lambda: b""
        return
    assert process.stdout is not None
    with process:
        try:
            yield process.stdout.readline
        finally:
            process.kill()


def main(loss: str) -> None:
    """What the second process does; a line says what is done."""
    for part in (_compile_derivatives, _compile_layerwise):
        part(loss)
        print(part.__name__, flush=True)


def _compile_scoring(loss: str) -> None:
    problem, composite, scratch = _arguments(loss)
    genes, constants = composite.genes, composite.constants
    _compile(evaluate_from, 0, genes, constants, problem, composite, np.inf, scratch)
    random = Climber.empty(problem, 1).random
    _compile(vary_layer, 0, genes, constants, problem.layout, scratch.graph, random)


def _compile_derivatives(loss: str) -> None:
    problem, composite, scratch = _arguments(loss)
    fit = scratch.fit
    count = fit.gradient.size
    products = fit.products[: count * count].reshape(count, count)
    _compile(normal_equations, problem, composite, scratch, products, fit.gradient)


def _compile_climbing(loss: str) -> None:
    problem, composite, scratch = _arguments(loss)
    climber = Climber.empty(problem, 1)._replace(composite=composite)
    _compile(improve, 0, 0.0, 0, problem, climber, scratch)


def _compile_layerwise(loss: str) -> None:
    settings = preset("joint", loss=loss)
    tiny = replace(settings, population=4, generations=2)
    LayerwiseSearch(_tiny_layers(loss), tiny, 1).step()


def _compile(kernel: Any, *arguments: object) -> None:
    if isinstance(kernel, Dispatcher):  # it is a function under NUMBA_DISABLE_JIT
        kernel.compile(tuple(map(numba.typeof, arguments)))


def _arguments(loss: str) -> tuple[Problem, Composite, Scratch]:
    """What the kernels of the joint search are called with."""
    layers, settings = _tiny_layers(loss), preset("joint", loss=loss)
    grids = [
        Grid(width, settings.n_eph, settings.rows, settings.cols, settings.functions)
        for width in layers.widths[: layers.depth]
    ]
    train, valid = layers.splits["train"], layers.splits["valid"]
    limits, costs = nesting_limits(()), cost_table(())
    problem = Problem.build(grids, train, valid, loss, 1, 1, limits, costs)
    return problem, Composite.empty(problem), Scratch.empty(problem)


if __name__ == "__main__":
    main(sys.argv[1])
