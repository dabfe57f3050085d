"""One run: layers, preset and seed in, RUN.json out; resumed from its checkpoint where there is
one."""

import itertools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from srnet._version import __version__
from srnet.errors import UserError
from srnet.io.files import check_writable, finite_or_none, is_stream, write_json
from srnet.io.fingerprint import fingerprint
from srnet.io.schema import arrange
from srnet.io.software import software
from srnet.model.fitting import quality
from srnet.model.logistic import are_probabilities
from srnet.networks.layers import Layers
from srnet.search.checkpoints import INTERVAL, Checkpoint
from srnet.search.compilation import load_kernels, time_evaluation
from srnet.search.individual import Individual
from srnet.search.joint import JointSearch
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.rank import RankSearch
from srnet.search.settings import SEED, JointSettings, RankSettings, Settings, small_population
from srnet.typing import StrPath
from srnet.validation import SECONDS, check_threads

# Share of a time limit kept for what follows the last step.
_CONCLUSION = 0.03


class Search(Protocol):
    """A search that advances by steps and whose state is plain JSON."""

    history: list[float]
    # Where a clock ends the run and not a number of generations: the share of the steps' time that
    # has passed, and when the run is to be over (as time.monotonic()).
    elapsed: float | None
    until: float | None

    @property
    def generation(self) -> int: ...
    @property
    def best(self) -> Individual | None: ...
    @property
    def fitness(self) -> float: ...
    @property
    def finished(self) -> bool: ...
    @property
    def evaluations(self) -> int: ...
    def step(self) -> None: ...
    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...
    def conclude(self) -> None: ...
    def archive(self) -> dict[str, Any]: ...


def make_search(layers: Layers, settings: Settings, seed: int, **options: Any) -> Search:
    """The search that a preset names.

    Raises
    ------
    UserError
        If the layers have no validation rows, and the loss is the mean squared error or these rows
        would choose the formulas; if they have one output, and the loss is cross-entropy; if they
        are another number than the settings have; or if outputs that are to be explained as
        probabilities are none; or if rows have weights and the preset is not ``rank``.
    """
    chooses = isinstance(settings, RankSettings) and settings.hold_out
    if layers.weights and not chooses:
        raise UserError(
            f"{layers.source}: its rows have weights, which the preset rank takes; the preset is "
            f"{settings.preset}"
        )
    if settings.loss == "mse" and not layers.rows("valid"):
        raise UserError(
            f"{layers.source}: 'valid_x' has no row; at least 1 is needed with the loss mse (a "
            f"classifier: cross_entropy)"
        )
    if chooses and not layers.rows("valid"):
        raise UserError(
            f"{layers.source}: 'valid_x' has no row; at least 1 is needed by the preset "
            f"{settings.preset}, which chooses formulas by these rows (rank2 and rank3 need none)"
        )
    if settings.loss == "cross_entropy" and layers.widths[-1] < 2:
        raise UserError(
            f"{layers.source}: 'train_y' has 1 column; one per class, at least 2, are needed with "
            f"the loss cross_entropy"
        )
    if chooses and settings.loss == "cross_entropy" and not are_probabilities(layers.values(-1)):
        raise UserError(
            f"{layers.source}: 'train_y' and 'valid_y' are no probabilities, at least 0 and of the "
            f"sum 1 in every row; the preset {settings.preset} needs them with the loss "
            f"cross_entropy"
        )
    if isinstance(settings, RankSettings):
        if isinstance(settings.formulas, tuple) and len(settings.formulas) != layers.depth:
            raise UserError(
                f"'formulas' has {len(settings.formulas)} numbers, the network has {layers.depth} "
                f"layers; one for each is needed"
            )
        return RankSearch(layers, settings, seed, **options)
    if isinstance(settings, JointSettings):
        return JointSearch(layers, settings, seed, **options)
    return LayerwiseSearch(layers, settings, seed, **options)


def evolve(
    layers: Layers,
    settings: Settings,
    seed: int,
    *,
    threads: int = 1,
    checkpoint: StrPath | None = None,
    checkpoint_interval: float = INTERVAL,
    progress: Callable[[Search], None] | None = None,
    compilation_progress: Callable[[int, int], None] | None = None,
    time_limit: float | None = None,
    stop: Callable[[], bool] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run one search to its end and return the content of RUN.json.

    The result is a function of (layers, settings, seed) alone but for its three times: the same for
    any number of threads, interrupted or not. A run with a time limit depends on the speed of the
    machine, one that ``stop`` ends on the moment.

    Parameters
    ----------
    checkpoint
        File for the state of the unfinished run; None keeps none.
    progress
        Called after every step.
    compilation_progress
        As ``progress`` of :func:`srnet.search.compilation.load_kernels`.
    time_limit
        Seconds of the run, in the place of the settings' generations. The search's schedule follows
        the clock. Loading the compiled search (:func:`srnet.search.compilation.load_kernels`) is
        not counted.
    stop
        Called after every step; where it is true, the run ends with the best so far.

    Raises
    ------
    UserError
        If the seed is not positive, a file cannot be written, the checkpoint's file holds something
        else, the layers do not fit the loss, or no formula was finite on every row.
    """
    seed = SEED.check("seed", seed)
    threads = check_threads(threads)
    if time_limit is not None:
        time_limit = SECONDS.check("time_limit", time_limit)
        if checkpoint is not None:
            raise UserError("a run with a time limit keeps no checkpoint; give one of the two")
    compile_seconds = load_kernels(settings, compilation_progress)  # before the clocks start
    clock = None
    if time_limit is not None:
        clock = _Clock(time_limit)
        settings = _settings_in_time(layers, settings, time_limit)
    search = make_search(layers, settings, seed, threads=threads, **options)
    search.until = clock.end if clock is not None else None
    file = None
    before = dict.fromkeys(("seconds", "processor_seconds"), 0.0)
    if checkpoint is not None:
        identity = partial(_identity, layers, settings, seed)
        file = Checkpoint(checkpoint, identity, checkpoint_interval)
        if (content := file.load()) is not None:
            try:
                search.restore(content["state"])
                before = {key: float(content.get(key, 0.0)) for key in before}
            except (UserError, TypeError, ValueError) as error:
                file.reject(error)
                search = make_search(layers, settings, seed, threads=threads, **options)
    start, start_of_work = time.monotonic(), time.process_time()

    def times() -> dict[str, float]:
        return {
            "seconds": before["seconds"] + time.monotonic() - start,
            "processor_seconds": before["processor_seconds"] + time.process_time() - start_of_work,
        }

    while not search.finished:
        search.elapsed = clock.elapsed if clock is not None else None
        search.step()
        if progress is not None:
            progress(search)
        if (clock is not None and clock.elapsed >= 1.0) or (stop is not None and stop()):
            search.conclude()
            break
        if file is not None:
            file.save_if_due(lambda: {**times(), "state": search.state()})
    if clock is not None:
        settings = replace(settings, generations=search.generation)
    return record(search, layers, settings, seed, times() | {"compile_seconds": compile_seconds})


class _Clock:
    """The time of a run that has a limit in seconds."""

    def __init__(self, seconds: float) -> None:
        self._start = time.monotonic()
        self._steps = seconds * (1 - _CONCLUSION)
        self.end = self._start + seconds

    @property
    def elapsed(self) -> float:
        """The share of the steps' time that has passed; the rest of the limit is for the
        conclusion."""
        return (time.monotonic() - self._start) / self._steps


def _settings_in_time(layers: Layers, settings: Settings, seconds: float) -> Settings:
    """The settings with any number of generations, each short against the limit."""
    affordable = seconds / time_evaluation(layers, settings)
    return replace(
        settings,
        population=small_population(settings, affordable, layers.depth),
        generations=2**31 - 1,
    )


def evolve_file(
    layers_file: StrPath,
    out: StrPath,
    settings: Settings,
    seed: int,
    *,
    task: str | None = None,
    checkpoint: StrPath | None = None,
    **options: Any,
) -> dict[str, Any]:
    """``srnet evolve``: read layers.npz, write RUN.json, whole or not at all.

    The checkpoint lies beside ``out`` as ``OUT.checkpoint`` unless named; it goes when the run is
    written. Beside a device or a pipe there is none.

    Raises
    ------
    UserError
        As by :func:`evolve`, or if two of layers file, ``out`` and checkpoint are one file.
    """
    SEED.check("seed", seed)
    if checkpoint is None and not is_stream(out):
        checkpoint = f"{os.fspath(out)}.checkpoint"
    written = {"the result": out} | ({"the checkpoint": checkpoint} if checkpoint else {})
    files = {"the layers": layers_file} | written
    for (first, path), (second, other) in itertools.combinations(files.items(), 2):
        if os.path.realpath(path) == os.path.realpath(other):
            raise UserError(
                f"{os.fspath(other)}: is given for {first} and for {second}; each needs a file of "
                f"its own"
            )
    layers = Layers.load(layers_file, task)
    for path in written.values():
        check_writable(path)
    run = evolve(layers, settings, seed, checkpoint=checkpoint, **options)
    write_json(out, run)
    if checkpoint is not None:
        Path(checkpoint).resolve().unlink(missing_ok=True)
    return run


def record(
    search: Search, layers: Layers, settings: Settings, seed: int, times: Mapping[str, float]
) -> dict[str, Any]:
    """The content of RUN.json; every number in it is recomputed from the formulas in float64."""
    best = search.best
    if best is None:
        raise UserError(
            f"{layers.source}: no formula of {search.evaluations} was finite on every row; more "
            f"generations or other primitives are needed"
        )
    content = {
        "seed": seed,
        "preset": settings.preset,
        "fitness": best.fitness,
        "layer_losses": list(best.losses),
        **({"genes": [genes.tolist() for genes in best.genes]} if best.genes else {}),
        "generations": search.generation,
        "evaluations": search.evaluations,
        **times,
        "history": [finite_or_none(value) for value in search.history],
        "version": __version__,
        "software": software("numpy", "scipy", "numba", "llvmlite"),
        "rows": {split: layers.rows(split) for split in ("train", "valid")},
        "settings": settings.to_json(),
        "layers_fingerprint": layers.fingerprint(),
        **best.model.to_run(),
        **quality(best.model, best.losses, layers),
        **search.archive(),
    }
    return arrange(content, "run", "content")


def _identity(layers: Layers, settings: Settings, seed: int) -> dict[str, Any]:
    return {
        "layers": layers.fingerprint(),
        "preset": settings.preset,
        "settings": settings.to_json(),
        "seed": seed,
        "version": __version__,
        # a search that has changed in between would end with a result that neither makes
        "code": fingerprint("search/run.py"),
    }
