"""Tasks: where the rows of a network come from.

A tasks file (``config/tasks.yaml``, or one of your own) has an entry per task; its schema is
``srnet/schemas/tasks.schema.yaml``. The rows are sampled from a formula, read from a CSV table, or taken from a data
set that comes with scikit-learn.
"""

import importlib.resources
import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from srnet.arithmetic import CONSTANTS, FUNCTIONS, evaluate
from srnet.config import check
from srnet.errors import UserError
from srnet.files import writing
from srnet.layers import read_arrays
from srnet.tables import load_sklearn, read_csv

Floats = NDArray[np.float64]
Kind = Literal["regression", "classification"]
Box = tuple[tuple[float, float], ...]  # the low and high of every input

SOURCES = ("formula", "csv", "sklearn")
TEST_POINTS = 1000
WIDEN = {
    "valid": 1.2,
    "test": 2.0,
}  # the columns of a table are correlated: the corners of a much wider box are far from every row


@dataclass(frozen=True)
class Training:
    """The network of a task and how it is trained.

    Attributes
    ----------
    hidden
        Neurons of each hidden layer.
    batch
        Rows of a batch.
    standardise
        Whether the network reads inputs of mean 0 and standard deviation 1 (over its training rows).
    """

    hidden: tuple[int, ...]
    optimiser: Literal["sgd", "adam"]
    lr: float
    epochs: int
    batch: int
    standardise: bool


@dataclass(frozen=True)
class Formula:
    """Rows sampled from a formula; ``boxes[split]`` has the low and high of every input."""

    text: str
    inputs: tuple[str, ...]
    boxes: Mapping[str, Box]
    rows: int
    sampling: Literal["uniform", "diagonal"]


@dataclass(frozen=True)
class Csv:
    """Rows of a comma-separated table with a header line."""

    path: Path
    target: str
    widen: Mapping[str, float]


@dataclass(frozen=True)
class Sklearn:
    """Rows of a data set that comes with scikit-learn."""

    dataset: str
    widen: Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """One entry of a tasks file."""

    name: str
    family: str
    label: str
    kind: Kind
    source: Formula | Csv | Sklearn
    network: Training
    seed: int

    def truth(self, x: Floats) -> Floats | None:
        """The formula's value (n × 1) at the rows of x (n × d); None if the task is a table."""
        if not isinstance(self.source, Formula):
            return None
        columns = dict(zip(self.source.inputs, x.T, strict=True))
        return np.broadcast_to(evaluate(self.source.text, columns, where=f"task '{self.name}'"), len(x)).reshape(-1, 1)


def load_tasks(path: str | os.PathLike[str]) -> dict[str, Task]:
    """The tasks of a tasks file, by name.

    Raises
    ------
    UserError
        If the file is missing, is not YAML, breaks the schema, has a box with low ≥ high, or a formula with an unknown name.
    """
    path = Path(path)
    entries = _read_yaml(path)
    _check(entries, path)
    return {name: _task(name, entry, path) for name, entry in entries.items()}


def load_task(name: str, path: str | os.PathLike[str]) -> Task:
    """One task of a tasks file; UserError if it has none of that name."""
    tasks = load_tasks(path)
    if name not in tasks:
        raise UserError(f"{path}: has no task '{name}'; its tasks are {', '.join(tasks)}")
    return tasks[name]


def _task(name: str, entry: dict[str, Any], path: Path) -> Task:
    where = f"{path}: {name}"
    source: Formula | Csv | Sklearn
    kind: Kind = "regression"
    if "formula" in entry:
        source = _formula(entry, where)
    elif "csv" in entry:
        source = Csv(path.parent / entry["csv"], entry["target"], entry.get("widen", WIDEN))
        kind = entry["kind"]
    else:
        source = Sklearn(entry["sklearn"], entry.get("widen", WIDEN))
        kind = "regression" if source.dataset == "diabetes" else "classification"
    settings = entry["network"]
    network = Training(
        hidden=tuple(int(width) for width in settings["hidden"]),
        optimiser=settings["optimiser"],
        lr=float(settings["lr"]),
        epochs=int(settings["epochs"]),
        batch=int(settings["batch"]),
        standardise=settings.get("standardise", not isinstance(source, Formula)),
    )
    return Task(name, entry.get("family", "Own"), entry.get("label", name), kind, source, network, int(entry["seed"]))


def _formula(entry: dict[str, Any], where: str) -> Formula:
    for name, intervals in entry["inputs"].items():
        if name in FUNCTIONS or name in CONSTANTS:
            raise UserError(f"{where}.inputs: '{name}' is the name of a function or constant; choose another name for the input")
        for split, (low, high) in intervals.items():
            if not low < high:
                raise UserError(f"{where}.inputs.{name}.{split} is [{low}, {high}]; its low must be less than its high")
    inputs = tuple(entry["inputs"])
    evaluate(entry["formula"], {name: np.float64(1) for name in inputs}, where=f"{where}.formula")  # a wrong name is found now
    boxes = {
        split: tuple((float(low), float(high)) for low, high in (entry["inputs"][name][split] for name in inputs))
        for split in ("train", "valid", "test")
    }
    return Formula(entry["formula"], inputs, boxes, int(entry["rows"]), entry.get("sampling", "uniform"))


@dataclass(frozen=True)
class Data:
    """The rows of one task (``data.npz``), float64, rows first.

    Attributes
    ----------
    train_x, train_y, holdout_x, holdout_y
        The rows that train the network (80 %) and those that test it; y is n × 1, a number or the position of the row's
        class in ``classes``.
    valid_x, test_x
        Points of the validation box (30 % as many as rows, at least 10) and of the test box (1000); the network labels them.
    inputs
        The names of x's columns.
    classes
        The names of the classes; empty for regression.
    """

    train_x: Floats
    train_y: Floats
    holdout_x: Floats
    holdout_y: Floats
    valid_x: Floats
    test_x: Floats
    inputs: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def x(self) -> Floats:
        """All rows, those that SRNet is fitted to: the training rows first."""
        return np.concatenate([self.train_x, self.holdout_x])

    @property
    def y(self) -> Floats:
        """The targets of all rows."""
        return np.concatenate([self.train_y, self.holdout_y])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``data.npz``, whole or not at all."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        with writing(path, "wb") as file:
            np.savez_compressed(
                file, inputs=np.array(self.inputs, dtype=str), classes=np.array(self.classes, dtype=str), **arrays
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Data":
        """Read ``data.npz``.

        Raises
        ------
        UserError
            If the file is missing or damaged, lacks an array, or has shapes that do not fit or values that are not finite.
        """
        arrays = read_arrays(path)
        wanted = (*_ARRAYS, "inputs", "classes")
        for name in wanted:
            if name not in arrays:
                raise UserError(f"{path}: lacks the array '{name}'; needed are {', '.join(wanted)}")
        inputs, classes = (tuple(str(value) for value in arrays[name].ravel()) for name in ("inputs", "classes"))
        for name in _ARRAYS:
            values = arrays[name]
            columns = 1 if name.endswith("_y") else len(inputs)
            rows = len(arrays[name[:-1] + "x"]) if arrays[name[:-1] + "x"].ndim else 0
            if values.ndim != 2 or values.shape != (rows, columns) or rows < 1:
                raise UserError(f"{path}: '{name}' has shape {values.shape}; {max(rows, 1)} rows × {columns} columns are needed")
            if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
                raise UserError(f"{path}: '{name}' has a value that is not a finite number; every value must be")
            if classes and name.endswith("_y") and not np.isin(values, range(len(classes))).all():
                raise UserError(
                    f"{path}: '{name}' has a value that is not the number of a class; allowed are 0 … {len(classes) - 1}"
                )
        return cls(**{name: np.asarray(arrays[name], float) for name in _ARRAYS}, inputs=inputs, classes=classes)


_ARRAYS = ("train_x", "train_y", "holdout_x", "holdout_y", "valid_x", "test_x")


def make_data(task: Task, seed: int | None = None) -> Data:
    """The rows of a task, a pure function of (task, seed).

    A formula's rows are uniform in its training box (or evenly spaced on its diagonal), in the order of sampling; a table's
    rows are shuffled first, since tables are often sorted. The first 80 % train the network, as in the paper's experiments.

    Parameters
    ----------
    task
        An entry of a tasks file.
    seed
        In place of the task's own.

    Raises
    ------
    UserError
        If the table has missing or non-numeric cells, one column, too few rows or a constant target; or if the formula is
        not finite on a row.
    """
    seed = task.seed if seed is None else seed
    if seed < 0:
        raise UserError(f"the seed is {seed}; it must be 0 or more")
    # One stream for each set of points, so that more rows do not move the test points.
    rows_rng, valid_rng, test_rng = np.random.default_rng(seed).spawn(3)
    classes: tuple[str, ...] = ()
    if isinstance(task.source, Formula):
        x, y = _sample(task, task.source, rows_rng)
        inputs = task.source.inputs
        boxes = task.source.boxes
    else:
        source = task.source
        table = read_csv(source.path, source.target, task.kind) if isinstance(source, Csv) else load_sklearn(source.dataset)
        order = rows_rng.permutation(len(table.x))
        x, y, inputs, classes = table.x[order], table.y[order], table.inputs, table.classes
        boxes = {split: _widened(x, source.widen[split]) for split in ("valid", "test")}
    rows = len(x)
    cut = max(1, rows * 8 // 10)
    return Data(
        train_x=x[:cut],
        train_y=y[:cut],
        holdout_x=x[cut:],
        holdout_y=y[cut:],
        valid_x=_uniform(boxes["valid"], max(10, rows * 3 // 10), valid_rng),
        test_x=_uniform(boxes["test"], TEST_POINTS, test_rng),
        inputs=inputs,
        classes=classes,
    )


def write_data(task_name: str, tasks_file: str | os.PathLike[str], out: str | os.PathLike[str], seed: int | None = None) -> None:
    """Make the rows of a task and write ``data.npz`` (the command ``srnet data``)."""
    make_data(load_task(task_name, tasks_file), seed).save(out)


def _sample(task: Task, source: Formula, rng: np.random.Generator) -> tuple[Floats, Floats]:
    box = source.boxes["train"]
    low, high = np.transpose(box)
    x = np.linspace(low, high, source.rows) if source.sampling == "diagonal" else _uniform(box, source.rows, rng)
    y = cast(Floats, task.truth(x))
    if not np.isfinite(y).all():
        row = int(np.argmin(np.isfinite(y[:, 0])))
        point = ", ".join(f"{name} = {value:.6g}" for name, value in zip(source.inputs, x[row], strict=True))
        raise UserError(f"task '{task.name}': its formula '{source.text}' is not finite at {point}; choose a box where it is")
    return x, y


def _uniform(box: Box, rows: int, rng: np.random.Generator) -> Floats:
    low, high = np.transpose(box)
    return rng.uniform(low, high, (rows, len(box)))


def _widened(x: Floats, factor: float) -> Box:
    """The box of the rows, wider by a factor about its middle."""
    low, high = x.min(axis=0), x.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    return tuple(zip((middle - factor * half).tolist(), (middle + factor * half).tolist(), strict=True))


def schema_path() -> Path:
    """The JSON schema of a tasks file; part of the package, so that an installed library checks what the workflow checks."""
    return Path(str(importlib.resources.files("srnet") / "schemas" / "tasks.schema.yaml"))


def _read_yaml(path: Path) -> Any:
    """Plain YAML, as strict as JSON: a key is text and occurs once, a number is finite; 1e-3 is a number."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            mapping = super().construct_mapping(node, deep)
            for key, count in Counter(key.value for key, _ in node.value).items():
                if count > 1:
                    raise UserError(
                        f"{path}: line {node.start_mark.line + 1}: the key '{key}' occurs {count} times; it may occur once"
                    )
            for key in mapping:
                if not isinstance(key, str):
                    raise UserError(f"{path}: line {node.start_mark.line + 1}: the key {key} is not text; put it in quotes")
            return mapping

        def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
            number = float(super().construct_yaml_float(node))
            if not math.isfinite(number):
                raise UserError(f"{path}: line {node.start_mark.line + 1}: '{node.value}' is not a finite number")
            return number

    Loader.add_constructor("tag:yaml.org,2002:float", Loader.construct_yaml_float)
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789"))
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.load(file, Loader)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: is not plain YAML ({' '.join(str(error).split())})") from error


def _check(entries: Any, path: Path) -> None:
    import yaml

    # First, because the schema could only say what one of the three lacks.
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        sources = [key for key in SOURCES if isinstance(entry, dict) and key in entry]
        if isinstance(entry, dict) and len(sources) != 1:
            found = " and ".join(sources) or "none"
            raise UserError(f"{path}: '{name}' needs one source of rows, one of the keys {', '.join(SOURCES)}; it has {found}")
    check(entries, yaml.safe_load(schema_path().read_text(encoding="utf-8")), str(path))
