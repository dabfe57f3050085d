"""Results gathered: the JSON files of runs, networks and formulas become tidy tables, one
observation per row.

A table keeps the order in which its files are given. Every file is read and checked before a table
is made, so that a missing or truncated one is named and never left out in silence.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from srnet.data.tasks import Task
from srnet.errors import UserError
from srnet.io.files import read_json
from srnet.io.frames import read_all
from srnet.io.npz import read_arrays
from srnet.io.schema import check_json
from srnet.io.software import describe_software, warn_of_mixture
from srnet.model.fitting import check_run
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.typing import Floats, StrPath

Run = dict[str, Any]

# How well a network fits its task; which of them there are depends on the task's kind.
NETWORK_MEASURES = (
    *("train_loss", "test_loss", "r2_train", "r2_test"),
    *("accuracy_train", "accuracy_test", "majority_share", "predicted_classes"),
)

# A curve is drawn a few hundred pixels wide: more points than these cost space and show nothing.
CURVE_POINTS = 400


# --- Reading --------------------------------------------------------------------------------------


def read_runs(paths: Iterable[StrPath]) -> list[Run]:
    """The RUN.json files.

    Raises
    ------
    UserError
        Names every file that is missing, truncated or no run; or two files of one task, preset and
        seed.
    """
    paths = list(paths)
    runs = read_all(paths, lambda path: _read(path, "run"), "run")
    first: dict[tuple[str, str, int], StrPath] = {}
    for path, run in zip(paths, runs, strict=True):
        key = (run["task"], run["preset"], run["seed"])
        if key in first:
            raise UserError(
                f"{path}: is of task {key[0]}, preset {key[1]}, seed {key[2]}, as is {first[key]}; "
                f"each run is needed once"
            )
        first[key] = path
    return runs


def best_run(paths: Iterable[StrPath], layers: Layers | None = None) -> Run:
    """The run of the lowest fitness, the first of equals.

    Parameters
    ----------
    layers
        That the runs explain. Where they are given, every run's losses are measured again by its
        formulas; else they are believed.

    Raises
    ------
    UserError
        If a file cannot be used, no run has a finite fitness, or a run tells a fitness that its
        formulas do not have.
    """
    paths = list(paths)
    runs = read_runs(paths)
    if layers is not None:
        for path, run in zip(paths, runs, strict=True):
            # an explanation's fitness is not checked, so that no run may pass for one
            told = {key: value for key, value in run.items() if key != "output_scale"}
            try:
                check_run(told, SRNet.from_run(run), layers)
            except UserError as error:
                raise error.in_file(path) from error
    best = min(runs, key=lambda run: _number(run["fitness"], np.inf))
    if not np.isfinite(_number(best["fitness"])):
        raise UserError(
            f"task {best['task']}, preset {best['preset']}: none of {len(runs)} runs found a "
            f"formula of finite fitness"
        )
    return best


def _read(path: StrPath, schema: str) -> dict[str, Any]:
    content = read_json(path)
    check_json(content, schema, path)
    return content


def _read_network(path: StrPath) -> dict[str, Any]:
    content = _read(path, "network")
    if len(content["history"]) != len(content["history_epochs"]):
        raise UserError(f"{path}: 'history' and 'history_epochs' must be of one length")
    return content


def _number(value: Any, missing: float = np.nan) -> float:
    """JSON has no NaN and no infinity; a value that is not finite is null."""
    return missing if value is None else float(value)


def _numbers(values: Sequence[Any], missing: float = np.nan) -> Floats:
    return np.array([_number(value, missing) for value in values], dtype=np.float64)


# --- Runs -----------------------------------------------------------------------------------------


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run: task, preset, seed, fitness, normalised, r2, accuracy, complexity,
    generations, evaluations, budget, seconds, processor_seconds, software.

    ``normalised`` is the output's MSE over its variance, ``complexity`` the active nodes over all
    layers, ``budget`` how many chromosomes of each layer the search may evaluate; a fitness that is
    not finite is infinite. Of a classifier there is ``accuracy`` in the place of ``normalised`` and
    ``r2``: the share of the rows of the search for which the formulas predict the network's class.
    Warns where not all runs are of the same software and processor.
    """
    table = pd.DataFrame(
        {
            "task": run["task"],
            "preset": run["preset"],
            "seed": run["seed"],
            "fitness": _number(run["fitness"], np.inf),
            "normalised": _number(run.get("normalised")),
            "r2": _number(run.get("r2")),
            "accuracy": _number(run.get("accuracy")),
            "complexity": run["complexity"],
            "generations": run["generations"],
            "evaluations": run["evaluations"],
            "budget": _budget(run.get("settings", {})),
            "seconds": float(run["seconds"]),
            "processor_seconds": _number(run.get("processor_seconds")),
            "software": describe_software(run),
        }
        for run in runs
    )
    warn_of_mixture(table["software"], "runs")
    return table


def _budget(settings: Mapping[str, Any]) -> float:
    """Population × generations; NaN where a run does not tell them."""
    return _number(settings.get("population")) * _number(settings.get("generations"))


def pareto_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per composite of a run's Pareto front: task, preset, seed, complexity (active nodes
    of all layers) and fitness.

    A run without a front gives its best composite; what is not finite is left out.
    """
    rows = [
        (
            run["task"],
            run["preset"],
            run["seed"],
            composite["complexity"],
            _number(composite["fitness"], np.inf),
        )
        for run in runs
        for composite in run.get("pareto") or [run]
    ]
    table = pd.DataFrame(rows, columns=["task", "preset", "seed", "complexity", "fitness"])
    return table[np.isfinite(table["fitness"])].reset_index(drop=True)


def history_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Convergence: one row per task, preset and (thinned) generation, over the seeds.

    Columns task, preset, generation, evaluations (mean), runs, finite (runs that have a finite
    fitness by then), and min, mean, median and max of the best fitness so far. The mean is over the
    finite runs; min, median and max are over all. A run that stopped early keeps its last fitness.
    """
    return pd.concat(
        [_convergence(group) for group in _by_task_and_preset(runs)], ignore_index=True
    )


def _by_task_and_preset(runs: Sequence[Run]) -> Iterable[list[Run]]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run["task"], run["preset"]), []).append(run)
    return groups.values()


def _convergence(runs: Sequence[Run]) -> pd.DataFrame:
    histories = [_numbers(run["history"], np.inf) for run in runs]
    length = max(history.size for history in histories)
    if min(history.size for history in histories) == 0:
        raise UserError(
            f"task {runs[0]['task']}, preset {runs[0]['preset']}: a run has an empty history"
        )
    kept = thin(length)
    # A run that stopped early keeps its last fitness.
    fitness = np.stack([history[np.minimum(kept, history.size - 1)] for history in histories])
    # The budget is spent evenly over a run's generations.
    share = np.stack([np.minimum(kept + 1, history.size) / history.size for history in histories])
    evaluations = share * np.array([[run["evaluations"]] for run in runs])
    finite = np.isfinite(fitness)
    count = finite.sum(axis=0)
    total = np.where(finite, fitness, 0).sum(axis=0)
    ordered = np.sort(fitness, axis=0)
    return pd.DataFrame(
        {
            "task": runs[0]["task"],
            "preset": runs[0]["preset"],
            "generation": kept + 1,
            "evaluations": evaluations.mean(axis=0),
            "runs": len(runs),
            "finite": count,
            "min": ordered[0],
            "mean": np.divide(total, count, out=np.full(kept.size, np.inf), where=count > 0),
            "median": (ordered[(len(runs) - 1) // 2] + ordered[len(runs) // 2]) / 2,
            "max": ordered[-1],
        }
    )


def thin(length: int) -> NDArray[np.int64]:
    """The positions of at most ``CURVE_POINTS`` points of a curve of ``length`` points: even on a
    linear and on a logarithmic axis, both ends included."""
    half = CURVE_POINTS // 2
    even = np.linspace(0, length - 1, half)
    early = np.geomspace(1, length, half) - 1
    return np.unique(np.concatenate([even, early]).round().astype(np.int64))


# --- Networks -------------------------------------------------------------------------------------


def read_networks(paths: Iterable[StrPath]) -> list[dict[str, Any]]:
    """The network.json files; UserError names every file that is missing, truncated or no report of
    a network."""
    return read_all(list(paths), _read_network, "network")


def networks_table(
    networks: Sequence[Mapping[str, Any]], data: Sequence[StrPath], tasks: Sequence[Task]
) -> pd.DataFrame:
    """One row per task: kind, family, rows and inputs of its data, sizes and settings of its
    network, and how well that fits. ``epochs`` is how long it was trained, ``full_epochs`` how long
    its task's entry says.

    Of a classification also the number of classes, that of the classes it predicts on any row, and
    how many rows it predicts to be of each class (``11687 / 37155``). Warns where not all networks
    are of the same software and processor.

    Parameters
    ----------
    networks, data, tasks
        In one order: the reports, the paths of the data.npz, and the entries of the tasks file.
    """
    rows = []
    for network, path, task in zip(networks, data, tasks, strict=True):
        arrays = read_arrays(path)
        for name in ("train_x", "holdout_x"):
            if name not in arrays or arrays[name].ndim != 2:
                raise UserError(f"{path}: has no rows × columns as '{name}'; make the data again")
        settings = network["settings"]
        rows.append(
            {
                "task": network["task"],
                "kind": network.get("kind"),
                "family": task.family,
                "rows": len(arrays["train_x"]) + len(arrays["holdout_x"]),
                "inputs": arrays["train_x"].shape[1],
                "sizes": "-".join(map(str, network["sizes"])),
                "optimiser": settings.get("optimiser"),
                "lr": settings.get("lr"),
                "epochs": settings.get("epochs"),
                "full_epochs": task.network.epochs,
                "batch": settings.get("batch"),
                "standardised": settings.get("standardise"),
                **{key: _number(network.get(key)) for key in NETWORK_MEASURES},
                "classes": len(network["classes"]) if "classes" in network else np.nan,
                "predicted_counts": " / ".join(map(str, network.get("predicted_counts", [])))
                or None,
                "seconds": float(network["seconds"]),
                "warnings": "; ".join(network["warnings"]) or "none",
                "software": describe_software(network),
            }
        )
    warn_of_mixture([row["software"] for row in rows], "networks")
    return pd.DataFrame(rows)


def training_table(networks: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per task and (thinned) epoch: the training loss; infinite where it was not finite."""
    tables = []
    for network in networks:
        loss = _numbers(network["history"], np.inf)
        kept = thin(loss.size)
        epoch = np.array(network["history_epochs"])[kept]
        tables.append(pd.DataFrame({"task": network["task"], "epoch": epoch, "loss": loss[kept]}))
    return pd.concat(tables, ignore_index=True)


# --- Formulas -------------------------------------------------------------------------------------


def formulas_table(runs: Sequence[StrPath], formulas: Sequence[StrPath]) -> pd.DataFrame:
    """One row per formula of each run: ``layer`` is 1 … L for a formula of a layer, ``network`` for
    a composed output.

    Columns task, preset, seed, layer, class (of a classifier's output; else none), formula (text),
    latex, mse, complexity, simplified, note, and the run's fitness, normalised and r2.

    Parameters
    ----------
    runs, formulas
        In one order: the RUN.json, and the formulas.json made of each.
    """
    contents = read_all(formulas, lambda path: _read(path, "formulas"), "formula file")
    rows = []
    for run, content in zip(read_runs(runs), contents, strict=True):
        parts = [
            (str(form.get("layer", i)), form)  # older files have one formula per layer
            for i, form in enumerate(content["layers"], start=1)
        ]
        parts += [("network", form) for form in content["network"]]
        for layer, form in parts:
            rows.append(
                {
                    "task": run["task"],
                    "preset": run["preset"],
                    "seed": run["seed"],
                    "layer": layer,
                    "class": form.get("class"),
                    "formula": form["simplified"],
                    "latex": form["latex"],
                    "mse": _number(form["mse"]),
                    "complexity": run["complexity"] if layer == "network" else form["complexity"],
                    "simplified": form["is_simplified"],
                    "note": form["note"],
                    "fitness": _number(run["fitness"], np.inf),
                    "normalised": _number(run.get("normalised")),
                    "r2": _number(run.get("r2")),
                }
            )
    return pd.DataFrame(rows)
