"""Tasks: where the rows of a network come from.

A tasks file (``config/tasks.yaml``, or one of your own) has an entry per task; its schema is
``srnet/schemas/tasks.schema.yaml``. The rows are sampled from a formula, read from a CSV table, or
taken from a data set of PMLB or one that comes with scikit-learn.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from srnet.data.expressions import CONSTANTS, FUNCTIONS, evaluate
from srnet.errors import UserError
from srnet.io.files import read_yaml
from srnet.io.schema import check, package_schema
from srnet.typing import Floats, Kind, StrPath

Box = tuple[tuple[float, float], ...]  # the low and high of every input

SOURCES = ("formula", "csv", "sklearn", "pmlb")
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
        Rows of a batch, or the share of the training rows where it is less than 1.
    standardise
        Whether the network reads inputs of mean 0 and standard deviation 1 (over its training
        rows).
    """

    hidden: tuple[int, ...]
    optimiser: Literal["sgd", "adam"]
    lr: float
    epochs: int
    batch: float
    standardise: bool

    def batch_rows(self, rows: int) -> int:
        """Rows of a batch; of a share, rounded up: 0.5 makes two batches of an odd number of rows,
        not three."""
        return int(self.batch) if self.batch >= 1 else math.ceil(self.batch * rows)


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
class Pmlb:
    """Rows of a data set of the Penn Machine Learning Benchmarks; its checksum where it is
    known."""

    dataset: str
    widen: Mapping[str, float]
    sha256: str | None = None


@dataclass(frozen=True)
class Task:
    """One entry of a tasks file."""

    name: str
    family: str
    label: str
    kind: Kind
    source: Formula | Csv | Sklearn | Pmlb
    network: Training
    seed: int

    def truth(self, x: Floats) -> Floats | None:
        """The formula's value (n × 1) at the rows of x (n × d); None if the task is a table."""
        if not isinstance(self.source, Formula):
            return None
        columns = dict(zip(self.source.inputs, x.T, strict=True))
        return np.broadcast_to(
            evaluate(self.source.text, columns, where=f"task '{self.name}'"), len(x)
        ).reshape(-1, 1)


def load_tasks(path: StrPath) -> dict[str, Task]:
    """The tasks of a tasks file, by name.

    Raises
    ------
    UserError
        If the file is missing, is not YAML, breaks the schema, has a box with low ≥ high, a formula
        with an unknown name, or boxes for a classification.
    """
    path = Path(path)
    entries = read_yaml(path)
    _check(entries, path)
    return {name: _task(name, entry, path) for name, entry in entries.items()}


def load_task(name: str, path: StrPath) -> Task:
    """One task of a tasks file; UserError if it has none of that name."""
    tasks = load_tasks(path)
    if name not in tasks:
        raise UserError(f"{path}: has no task '{name}'; its tasks are {', '.join(tasks)}")
    return tasks[name]


def number_by_task(
    value: int | Mapping[str, int], tasks: Iterable[str], key: str
) -> dict[str, int]:
    """What a key of a configuration says of each task: one number for all of them, or numbers by
    task with a ``default`` for the others.

    Raises
    ------
    UserError
        If a task has no number and there is no default.
    """
    if isinstance(value, int):
        return dict.fromkeys(tasks, value)
    numbers = {}
    for task in tasks:
        number = value.get(task, value.get("default"))
        if number is None:
            raise UserError(
                f"configuration: '{key}' has no number for the task '{task}'; add it or 'default'"
            )
        numbers[task] = number
    return numbers


def count_runs(config: Mapping[str, Any], task: str, preset: str) -> int:
    """The runs of a task and preset that a configuration asks for: the number of seeds of the task,
    or of the preset where that is smaller."""
    count = number_by_task(config["seeds"], [task], "seeds")[task]
    return min(count, config["evolution"].get(preset, {}).get("seeds", count))


def _task(name: str, entry: dict[str, Any], path: Path) -> Task:
    where = f"{path}: {name}"
    source: Formula | Csv | Sklearn | Pmlb
    kind: Kind = "regression"
    if "formula" in entry:
        source = _formula(entry, where)
    elif "csv" in entry:
        source = Csv(path.parent / entry["csv"], entry["target"], entry.get("widen", WIDEN))
        kind = entry["kind"]
    elif "pmlb" in entry:
        source = Pmlb(entry["pmlb"], entry.get("widen", WIDEN), entry.get("sha256"))
        kind = entry["kind"]
    else:
        source = Sklearn(entry["sklearn"], entry.get("widen", WIDEN))
        kind = "regression" if source.dataset == "diabetes" else "classification"
    if kind == "classification" and "widen" in entry:
        raise UserError(
            f"{where}: has the key 'widen', but a classification has no wider boxes; only "
            f"regressions have"
        )
    settings = entry["network"]
    network = Training(
        hidden=tuple(int(width) for width in settings["hidden"]),
        optimiser=settings["optimiser"],
        lr=float(settings["lr"]),
        epochs=int(settings["epochs"]),
        batch=settings["batch"],
        standardise=settings.get("standardise", not isinstance(source, Formula)),
    )
    return Task(
        name,
        entry.get("family", "Own"),
        entry.get("label", name),
        kind,
        source,
        network,
        int(entry["seed"]),
    )


def _formula(entry: dict[str, Any], where: str) -> Formula:
    for name, intervals in entry["inputs"].items():
        if name in FUNCTIONS or name in CONSTANTS:
            raise UserError(
                f"{where}.inputs: '{name}' is the name of a function or constant; choose another "
                f"name for the input"
            )
        for split, (low, high) in intervals.items():
            if not low < high:
                raise UserError(
                    f"{where}.inputs.{name}.{split} is [{low}, {high}]; its low must be less than "
                    f"its high"
                )
            if not math.isfinite(high - low):
                raise UserError(
                    f"{where}.inputs.{name}.{split} is [{low}, {high}]; its width must be a "
                    f"finite number"
                )
    inputs = tuple(entry["inputs"])
    evaluate(
        entry["formula"], {name: np.float64(1) for name in inputs}, where=f"{where}.formula"
    )  # a wrong name is found now
    boxes = {
        split: tuple(
            (float(low), float(high))
            for low, high in (entry["inputs"][name][split] for name in inputs)
        )
        for split in ("train", "valid", "test")
    }
    return Formula(
        entry["formula"], inputs, boxes, int(entry["rows"]), entry.get("sampling", "uniform")
    )


def _check(entries: Any, path: Path) -> None:
    # First, because the schema could only say what one kind of task lacks.
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        sources = [key for key in SOURCES if isinstance(entry, dict) and key in entry]
        if isinstance(entry, dict) and len(sources) != 1:
            raise UserError(
                f"{path}: '{name}' needs one source of rows, one of the keys "
                f"{', '.join(SOURCES)}; it has {' and '.join(sources) or 'none'}"
            )
    check(entries, package_schema("tasks"), str(path))
