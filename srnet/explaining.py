"""``srnet.explain``: somebody's trained network in, an :class:`~srnet.explanation.Explanation` out."""

import contextlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.blackbox import BlackBox, check_width, of
from srnet.budget import Budget
from srnet.errors import UserError
from srnet.evolution import evolve
from srnet.explanation import Explanation, measured
from srnet.files import check_writable, write_json, writing
from srnet.layers import Layers
from srnet.model import SRNet
from srnet.names import default_names, symbol_names
from srnet.program import Floats
from srnet.progress import Progress
from srnet.settings import preset as settings_of
from srnet.settings import spending

# Rows that are searched; more are sampled, for a formula of a few constants needs no more.
MOST_ROWS = 10_000
# The validation box is wider than the data's by this factor, about its middle: the same as for tables in the workflow.
WIDEN = 1.2
# Of a network's output, relative to its magnitude: below, there is next to nothing to explain.
CONSTANT_SPREAD = 1e-3


def explain(
    model: Any,
    X: Any,
    *,
    layers: Sequence[str] | None = None,
    task: str | None = None,
    preset: str = "joint",
    seed: int = 0,
    budget: str | int | Budget | None = None,
    validation: Any = None,
    progress: bool = True,
    threads: int = 1,
    settings: dict[str, Any] | None = None,
) -> Explanation:
    """Find a formula for every layer of a trained network, and with them one for the whole (Luo et al. 2022).

    The model is only asked for its values: its mode, hooks, gradients and buffers are afterwards as they were. Every output is
    explained by mean squared error, also the logits or probabilities of a classifier.

    Parameters
    ----------
    model
        A ``torch.nn.Module`` that maps rows × inputs to rows × outputs, on any device and of any floating type; scikit-learn's
        ``MLPRegressor`` or ``MLPClassifier``, alone or in a Pipeline behind a ``StandardScaler``; or a
        :class:`srnet.networks.Network`.
    X
        Rows on which it is explained, n × d, at least 2: an array, a DataFrame (whose column names the formulas then use) or a
        tensor. Of more than 10 000 rows, 10 000 are drawn.
    layers
        Names of the layers explained beside the output, as ``named_modules`` has them; ``hidden1``, ``hidden2``, … of
        a scikit-learn network. By default every activation module, in the order of their calls.
    task
        A name for the result.
    preset
        The search: ``joint``, or the published one, ``paper``.
    seed
        0 or more. Runs count their seeds from 1, so RUN.json holds ``seed + 1``.
    budget
        A time (``"60s"``, ``"2min"``), a number of chromosome evaluations, or by default the preset's own 1 000 000
        evaluations per layer, 10 to 20 s for a small network. Only the latter two give the same result every time, bit for bit. A time
        does not count the loading of the compiled search, up to half a minute once on a machine.
    validation
        Rows that are not fitted but count in the fitness: by default 30 % as many as X (at least 10, at most 1000), uniform in X's
        box widened by a fifth and labelled by the network. Give your own where such points make no sense for your data.
    progress
        A bar with the time left on a terminal, a line a minute in a log. Ctrl-C ends the search with the best so far.
    threads
        Threads; a result that does not depend on time does not depend on them.
    settings
        Settings of the search in the place of the preset's, as ``{"cols": 10}``.

    Returns
    -------
    Explanation
        Formulas by layer and composed, of the inputs in their own units.

    Raises
    ------
    UserError
        If the model cannot be explained, X does not fit it, or it gives values that are not finite.

    Warns
    -----
    UserWarning
        If the output is nearly constant, or no hidden layer is explained.
    """
    rows, names = as_rows(X)
    known = getattr(model, "feature_names_in_", None)
    if known is not None and hasattr(X, "columns") and [str(name) for name in X.columns] != [str(name) for name in known]:
        raise UserError(
            f"X has the columns {', '.join(map(str, X.columns))}; the model was fitted on {', '.join(map(str, known))}, in this order"
        )
    found = explain_box(
        of(model, layers), rows, names, task=task, preset=preset, seed=seed, budget=budget, validation=validation, progress=progress,
        threads=threads, settings=settings,
    )  # fmt: skip
    if layers is None and len(found.layers) == 1:
        warnings.warn(
            "only the output is explained, for the model has no activation module; name layers with layers=", stacklevel=2
        )
    return found


def explain_box(
    box: BlackBox,
    rows: NDArray[Any],
    names: list[str],
    *,
    task: str | None = None,
    preset: str = "joint",
    seed: int = 0,
    budget: str | int | Budget | None = None,
    validation: Any = None,
    progress: bool = True,
    threads: int = 1,
    settings: dict[str, Any] | None = None,
) -> Explanation:
    """Explain whatever can be asked for its layers; the arguments are those of :func:`explain`."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed < 2**63 - 1:
        raise UserError(f"'seed' is {seed!r}; a whole number of at least 0 is needed")
    spent = Budget.of(budget)
    if settings is not None and not isinstance(settings, Mapping):
        raise UserError(f"'settings' is {settings!r}; settings by their names are needed, as {{'cols': 10}}")
    search = settings_of(preset, **(settings or {}))
    if search.loss != "mse":
        raise UserError(f"'settings' has the loss {search.loss!r}; mse is needed here, srnet evolve knows the others")
    seen = layers_of(box, rows, int(seed), validation, task or "network")
    if spent.evaluations is not None:
        search = spending(search, spent.evaluations, seen.layers.depth)
    with Progress(quiet=not progress) as bar, _interrupts() as interrupted:
        run = evolve(
            _searched(seen.layers, box, seen.scale), search, int(seed) + 1, threads=threads, progress=bar.show, stop=interrupted,
            time_limit=spent.seconds,
        )  # fmt: skip
    if interrupted():
        warnings.warn("interrupted: the explanation is the best so far", stacklevel=3)
    return Explanation(_in_own_units(run, seen, box, names), layers=seen.layers, network=box)


class Seen:
    """What a network shows: its layers on training and validation rows in their own units, their names, the output's scale."""

    def __init__(self, layers: Layers, names: list[str], scale: float) -> None:
        self.layers, self.names, self.scale = layers, names, scale


def as_rows(X: Any, what: str = "X") -> tuple[NDArray[Any], list[str]]:
    """X as an array of n × d numbers, and the names of its columns (x0, x1, … where it has none); errors call it ``what``.

    Raises
    ------
    UserError
        If it is not rows × columns of finite numbers.
    """
    if hasattr(X, "detach") and hasattr(X, "cpu"):
        X = X.detach().cpu()
        X = X.float() if "float16" in str(X.dtype) else X  # NumPy knows no bfloat16
    if hasattr(X, "tocsr"):
        raise UserError(f"{what} is a sparse matrix; a dense one is needed ({what}.toarray())")
    columns = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    try:
        rows = np.asarray(X)
        if rows.dtype.kind == "O":
            rows = rows.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{what} is not an array of numbers ({error}); rows × columns of numbers are needed") from error
    if rows.dtype.kind not in "fiub":
        raise UserError(f"{what} holds {rows.dtype}; real numbers are needed")
    if rows.ndim != 2 or not rows.shape[1]:
        raise UserError(f"{what} has the shape {rows.shape}; rows × columns are needed")
    # what torch takes: rows of float32 or float64 in this machine's order of bytes, one behind the other
    rows = np.ascontiguousarray(rows, dtype=np.float32 if rows.dtype.kind == "f" and rows.dtype.itemsize == 4 else np.float64)
    if not np.isfinite(rows).all():
        bad = np.argwhere(~np.isfinite(rows))[0]
        raise UserError(f"{what} has a value that is not finite in row {bad[0]}, column {bad[1]}; every value must be finite")
    return rows, symbol_names(columns) if columns else default_names(rows.shape[1])


def layers_of(box: BlackBox, rows: NDArray[Any], seed: int = 0, validation: Any = None, task: str = "network") -> Seen:
    """The values of a network's layers on (a sample of) the rows and on the validation rows.

    Raises
    ------
    UserError
        If there are fewer than 2 rows, or a layer's value is not finite.
    """
    if len(rows) < 2:
        raise UserError(f"X has {len(rows)} row(s); at least 2 are needed, and a hundred or more for a formula to be trusted")
    rng = np.random.default_rng([seed, 9])
    if len(rows) > MOST_ROWS:
        rows = rows[np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))]
    if validation is None:
        low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
        middle, half = low / 2 + high / 2, (high / 2 - low / 2) * WIDEN
        count = min(max(10, len(rows) * 3 // 10), 1000)
        valid = rng.uniform(middle - half, middle + half, (count, rows.shape[1])).astype(rows.dtype)
    else:
        valid = as_rows(validation, "'validation'")[0]
        if not len(valid):
            raise UserError("'validation' has no row; at least 1 is needed")
        check_width(valid, rows.shape[1], "'validation'")
    splits = {}
    names: list[str] = []
    for split, x in (("train", rows), ("valid", valid)):
        names, values = box.layers(x)
        for name, value in zip(names, values, strict=True):
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(value.astype(np.float32)).all(axis=1))
            if bad.size:
                where = "X" if split == "train" else "the validation rows"
                raise UserError(
                    f"the layer '{name}' gives a value that is not finite (in float32) at row {bad[0]} of {where}; a network that is finite is needed"
                )
        with np.errstate(over="ignore"):
            splits[split] = [np.asarray(value, dtype=np.float32) for value in (x, *values)]
        if not np.isfinite(splits[split][0]).all():
            raise UserError("X has a value beyond the range of float32; scale it")
    output = np.vstack([splits["train"][-1], splits["valid"][-1]]).astype(np.float64)
    scale = float(np.sqrt(np.mean(np.square(output - output.mean(axis=0)))))
    if scale <= CONSTANT_SPREAD * float(np.sqrt(np.mean(np.square(output)))):
        warnings.warn(f"the network's output is nearly constant (standard deviation {scale:.3g}); is it trained?", stacklevel=4)
    return Seen(Layers(splits, name=task, source="network"), names, scale if scale > 1e-30 else 1.0)


def _searched(layers: Layers, box: BlackBox, scale: float) -> Layers:
    """The layers as they are searched: inputs as the first layer reads them, the output in units of its standard deviation.

    The fitness then weighs an output of any magnitude against the hidden layers in the same way.
    """
    splits = {}
    for split, (x, *hidden, y) in layers.splits.items():
        if box.scaler is not None:
            x = ((x - box.scaler[0]) / box.scaler[1]).astype(np.float32)
        splits[split] = [x, *hidden, (y / scale).astype(np.float32)]
    return replace(layers, splits=splits)


def _in_own_units(run: dict[str, Any], seen: Seen, box: BlackBox, names: list[str]) -> dict[str, Any]:
    """RUN.json with models of the inputs and outputs in their own units, measured again on the layers themselves."""
    front = []
    for entry in run["pareto"] or [run]:
        model = _rescaled(SRNet.from_run(entry), box, seen.scale)
        front.append({"fitness": entry["fitness"], "genes": entry["genes"], **measured(model, seen.layers)})
    # what scaling adds to a formula may change the order
    front.sort(key=lambda entry: (entry["complexity"], entry["fitness"]))
    best = [entry for i, entry in enumerate(front) if all(entry["fitness"] < other["fitness"] for other in front[:i])]
    return {
        **{key: run[key] for key in run if key != "elites"},
        **best[-1],
        "task": seen.layers.name,
        "pareto": best,
        "layers_fingerprint": seen.layers.fingerprint(),
        "layer_names": seen.names,
        "input_names": names,
        "output_scale": seen.scale,
        "selected": len(best) - 1,
    }


def _rescaled(model: SRNet, box: BlackBox, scale: float) -> SRNet:
    programs = model.programs
    if box.scaler is not None:
        programs = (programs[0].after_scaling(*(values.tolist() for values in box.scaler)), *programs[1:])
    weights: tuple[Floats, ...] = (*model.weights[:-1], model.weights[-1] * scale)
    return SRNet(programs, weights, (*model.biases[:-1], model.biases[-1] * scale), model.task)


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; the second time it interrupts as ever. Elsewhere than in the main thread it is left alone."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        if pressed.is_set() and callable(previous):
            previous(number, frame)
        pressed.set()

    if previous is not signal.default_int_handler:  # the caller has plans of its own
        yield pressed.is_set
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, previous)


def explain_file(
    network_file: str | os.PathLike[str],
    data_file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    activation: str = "sigmoid",
    time_limit: float = 5.0,
    **options: Any,
) -> Explanation:
    """``srnet explain``: a state dict and rows in; ``run.json``, ``layers.npz``, ``formulas.json``, ``network.py`` and ``network.c`` out.

    Parameters
    ----------
    data_file
        A CSV with a header, a column per input in the network's order, or an npz file with the array ``x``; in their own units.
    activation
        Of the hidden layers, which a state dict does not tell.
    time_limit
        Seconds for the simplification of the formulas.

    Raises
    ------
    UserError
        If a file cannot be read or written, or does not fit.
    """
    import pandas as pd

    from srnet.export import to_c, to_numpy
    from srnet.formulas import check_time_limit, describe
    from srnet.networks import load_network
    from srnet.predict import read_rows

    check_time_limit(time_limit)
    network = load_network(network_file, activation)
    x, header = read_rows(data_file, network.sizes[0])
    folder = Path(out)
    for name in ("run.json", "layers.npz", "formulas.json", "network.py", "network.c"):
        check_writable(folder / name)
    try:
        rows = x if header is None else pd.DataFrame(x, columns=header)
        found = explain(network, rows, task=options.pop("task", None) or Path(network_file).stem, **options)
    except UserError as error:
        raise UserError(f"{data_file}: {error}") if str(error).startswith("X ") else error from error
    assert found.network_layers is not None
    found.save(folder / "run.json")
    found.network_layers.save(folder / "layers.npz")
    write_json(folder / "formulas.json", describe(found.run, found.network_layers, time_limit))
    for name, source in (
        ("network.py", to_numpy(found.model, found.input_names)),
        ("network.c", to_c(found.model, found.input_names)),
    ):
        with writing(folder / name) as file:
            file.write(source)
    return found
