"""The best formulas beside the network they explain, as tidy tables: hidden values, R² by number of
formulas, inputs that are read, error by distance."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from srnet.cgp.costs import layer_complexity
from srnet.cgp.program import Program
from srnet.data.dataset import Data
from srnet.errors import UserError
from srnet.io.frames import write_table
from srnet.metrics import component_shares, r_squared
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.networks.mlp import Network, load_network
from srnet.results.gather import read_runs
from srnet.typing import Floats, StrPath

ROWS = 9  # of a heat map, as in the paper
# Half-widths of the training box that a point lies outside of it, in the input that is farthest
# out; 0: inside.
DISTANCES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
POINTS = 500
# In the place of a preset: a layer's principal components. They are told for at least so many.
COMPONENTS, FEWEST = "components", 3


def hidden_values(layers: Layers, models: Mapping[str, SRNet]) -> pd.DataFrame:
    """The values of every hidden layer in nine training rows, the network's and those of each
    preset's formulas.

    Columns task, layer (1 …), source (``network`` or a preset), row (0 … 8, from the lowest to the
    highest first output of the network, evenly by rank), unit, value and normalised: 0 and 1 are
    the network's minimum and maximum in this layer over all training rows; a layer without any
    spread is 0.5.

    Parameters
    ----------
    models
        By preset.

    Raises
    ------
    UserError
        If a model reads other inputs than these layers have, or explains layers of other widths.
    """
    train = layers.splits["train"]
    _check_widths(layers, models)
    order = np.argsort(train[-1][:, 0], kind="stable")
    rows = order[np.linspace(0, len(order) - 1, min(ROWS, len(order))).round().astype(int)]
    symbolic = {preset: model.layers(train[0][rows]) for preset, model in models.items()}
    parts = []
    for layer in range(1, layers.depth):
        low, high = float(train[layer].min()), float(train[layer].max())
        shown = {
            "network": train[layer][rows],
            **{preset: values[layer - 1] for preset, values in symbolic.items()},
        }
        for source, values in shown.items():
            row, unit = np.indices(values.shape)
            flat = values.astype(np.float64).ravel()
            with np.errstate(all="ignore"):
                normalised = (flat - low) / (high - low) if high > low else np.full(flat.size, 0.5)
            columns = {
                "row": row.ravel(),
                "unit": unit.ravel(),
                "value": flat,
                "normalised": normalised,
            }
            parts.append(
                pd.DataFrame({"task": layers.name, "layer": layer, "source": source, **columns})
            )
    return pd.concat(parts, ignore_index=True)


def layer_r2(layers: Layers, models: Mapping[str, SRNet]) -> pd.DataFrame:
    """R² of every layer over training and validation rows beside the number of its formulas: of
    each preset's model, and of the layer's first principal components, the best linear code.

    Columns task, layer (1 …), units, source (a preset or ``components``), formulas (or components),
    r2 (NaN of a constant layer, negative infinity where a formula is not finite), agreement and
    complexity (operations of the layer's formulas and the additions that join them; NaN of
    components). The components are told for every number up to the most formulas of any layer.

    The output of a model whose loss is cross-entropy has no R² and no components, for it is fitted
    to the network's class and not to its probabilities: ``agreement`` is the share of the rows with
    this class, and NaN elsewhere.

    Parameters
    ----------
    models
        By preset.

    Raises
    ------
    UserError
        If a model explains layers of other widths.
    """
    _check_widths(layers, models)
    most = max([FEWEST, *(rank for model in models.values() for rank in model.ranks)])
    losses = {preset: model.losses(layers) for preset, model in models.items()}
    rows: list[tuple[Any, ...]] = []
    for layer in range(1, layers.depth + 1):
        h = layers.values(layer)
        classifiers = [
            preset
            for preset, model in models.items()
            if layer == layers.depth and model.loss == "cross_entropy"
        ]
        if not classifiers and r_squared(0.0, h) is not None:
            shares = np.append(component_shares(h), np.ones(most))[:most]
            rows += [
                (layer, h.shape[1], COMPONENTS, count, share, None, None)
                for count, share in enumerate(shares, start=1)
            ]
        for preset, model in models.items():
            programs = model.programs[layer - 1]
            measures: tuple[float | None, ...] = (r_squared(losses[preset][layer - 1], h), None)
            if preset in classifiers:
                measures = (None, model.accuracy(layers))
            size = layer_complexity(programs, model.costs)
            rows.append((layer, h.shape[1], preset, len(programs), *measures, size))
    measured = ["r2", "agreement", "complexity"]
    table = pd.DataFrame(rows, columns=["layer", "units", "source", "formulas", *measured])
    table.insert(0, "task", layers.name)
    return table.astype(dict.fromkeys(measured, np.float64))


def inputs_used(runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """How many of a task's runs read an input in the formula of a layer.

    Columns task, preset, layer (1 …, the output layer last), input (0 …; of the first layer the
    network's inputs, of the others the units of the layer before or, where a run ``reads`` them,
    its scalars), runs and used, the number of runs of which a formula reads it.

    Raises
    ------
    UserError
        If a run lacks its programs.
    """
    counts: dict[tuple[str, str, int, int], list[int]] = {}
    for run in runs:
        where = f"task {run['task']}, preset {run['preset']}, seed {run['seed']}"
        if not isinstance(run.get("programs"), list):
            raise UserError(f"{where}: lacks the key 'programs', the formulas of its layers")
        for layer, content in enumerate(run["programs"], start=1):
            formulas = content if isinstance(content, list) else [content]
            try:
                programs = [Program.from_json(formula) for formula in formulas]
            except UserError as error:
                raise UserError(f"{where}, layer {layer}: {error}") from error
            read = {i for program in programs for i in program.used_inputs()}
            for i in range(max(program.inputs for program in programs)):
                count = counts.setdefault((run["task"], run["preset"], layer, i), [0, 0])
                count[0] += 1
                count[1] += i in read
    return pd.DataFrame(
        [(*key, *count) for key, count in counts.items()],
        columns=["task", "preset", "layer", "input", "runs", "used"],
    )


def error_by_distance(
    task: str, network: Network, rows: Floats, models: Mapping[str, SRNet], seed: int = 0
) -> pd.DataFrame:
    """How far the formulas' output is from the network's, inside the training box and in shells
    around it.

    Columns task, preset, distance (0: in the box; d: in the shell between the distance before and
    d, in half-widths of the box), points, nonfinite (points where the formula is not finite), and
    over the other points quartiles (q1, median, q3) and root mean square (rms) of the absolute
    error in standard deviations of the network's output over ``rows``; nan where no point is
    finite.

    Parameters
    ----------
    network
        A network for regression; several outputs count as one long vector.
    rows
        The rows that the box is of, n × d, in their own units.
    models
        By preset.
    """
    rng = np.random.default_rng(seed)
    low, high = rows.min(axis=0), rows.max(axis=0)
    spread = float(network.predict(rows).std()) or 1.0
    parts = []
    for before, distance in zip((0.0, *DISTANCES), DISTANCES, strict=False):
        points = _shell(rng, low, high, before, distance)
        expected = network.layers(points)
        for preset, model in models.items():
            error = np.abs(model.predict(expected[0]) - expected[-1]).max(axis=1) / spread
            finite = error[np.isfinite(error)]
            q1, median, q3 = np.quantile(finite, [0.25, 0.5, 0.75]) if finite.size else [np.nan] * 3
            parts.append(
                {
                    "task": task,
                    "preset": preset,
                    "distance": distance,
                    "points": len(points),
                    "nonfinite": len(points) - finite.size,
                    "q1": q1,
                    "median": median,
                    "q3": q3,
                    "rms": float(np.sqrt(np.mean(np.square(finite)))) if finite.size else np.nan,
                }
            )
    return pd.DataFrame(parts)


def _shell(
    rng: np.random.Generator, low: Floats, high: Floats, before: float, distance: float
) -> Floats:
    """Points of the box (distance 0), or on the surfaces of boxes about it, their distances uniform
    between the two."""
    points = rng.uniform(-1, 1, (POINTS, low.size))
    if distance > 0:
        out = rng.integers(0, low.size, POINTS)
        points[np.arange(POINTS), out] = rng.choice([-1.0, 1.0], POINTS)
        points *= 1 + rng.uniform(before, distance, (POINTS, 1))
    return (low + high) / 2 + points * (high - low) / 2


# --- Files ----------------------------------------------------------------------------------------


def write_hidden_values(layers: StrPath, task: str, runs: Iterable[StrPath], out: StrPath) -> None:
    """Write the hidden values of a task as CSV (the command ``srnet gather hidden-values``); runs
    as for ``best_models``."""
    table = hidden_values(Layers.load(layers, task), best_models(read_runs(runs)))
    write_table(table, out)


def write_layer_r2(
    layers: Iterable[tuple[str, StrPath]], runs: Iterable[StrPath], out: StrPath
) -> None:
    """Write R² by layer as CSV (the command ``srnet gather layer-r2``).

    Parameters
    ----------
    layers
        The task and layers.npz of every network.
    runs
        The best run of every task and preset.

    Raises
    ------
    UserError
        If a file cannot be used, or a task has no run.
    """
    contents = read_runs(runs)
    tables = [
        layer_r2(Layers.load(file, task), _models_of(task, contents)) for task, file in layers
    ]
    write_table(pd.concat(tables, ignore_index=True), out)


def write_inputs(runs: Iterable[StrPath], out: StrPath) -> None:
    """Write the inputs that runs read as CSV (the command ``srnet gather inputs``)."""
    write_table(inputs_used(read_runs(runs)), out)


def write_distance(
    networks: Iterable[tuple[str, StrPath, StrPath]], runs: Iterable[StrPath], out: StrPath
) -> None:
    """Write the error by distance as CSV (the command ``srnet gather distance``).

    Parameters
    ----------
    networks
        By regression: the task, network.pt and data.npz.
    runs
        The best run of every task and preset.

    Raises
    ------
    UserError
        If a file cannot be used, or a task has no run.
    """
    contents = read_runs(runs)
    tables = []
    for task, network, data in networks:
        models = _models_of(task, contents)
        tables.append(error_by_distance(task, load_network(network), Data.load(data).x, models))
    write_table(pd.concat(tables, ignore_index=True), out)


def best_models(runs: Sequence[Mapping[str, Any]]) -> dict[str, SRNet]:
    """The models of the best runs of one task, by preset."""
    return {str(run["preset"]): SRNet.from_run(run) for run in runs}


def _models_of(task: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, SRNet]:
    models = best_models([run for run in runs if run["task"] == task])
    if not models:
        raise UserError(f"task {task}: none of the {len(runs)} runs is of this task")
    return models


def _check_widths(layers: Layers, models: Mapping[str, SRNet]) -> None:
    for preset, model in models.items():
        if model.widths != layers.widths:
            raise UserError(
                f"task {layers.name}, preset {preset}: the run explains layers of the widths "
                f"{model.widths}, the layers have {layers.widths}"
            )
