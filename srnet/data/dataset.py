"""The rows of a task: sampled from a formula or read from a table, split, and kept in
``data.npz``."""

import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from srnet.data.pmlb import read_pmlb
from srnet.data.tables import Table, load_sklearn, read_csv
from srnet.data.tasks import Csv, Formula, Pmlb, Sklearn, Task, load_task
from srnet.errors import UserError
from srnet.io.files import writing
from srnet.io.npz import read_arrays
from srnet.typing import Floats, Kind, StrPath
from srnet.validation import Integer

TEST_POINTS = 1000
BOXES = ("train", "valid", "test")


@dataclass(frozen=True)
class Data:
    """The rows of one task (``data.npz``), float64, rows first.

    Attributes
    ----------
    train_x, train_y, holdout_x, holdout_y
        The rows that train the network (80 %, of a classification 75 %) and those that test it; y
        is n × 1, a number or the position of the row's class in ``classes``.
    valid_x, test_x
        Points of the validation box (30 % as many as rows, at least 10) and of the test box (1000);
        the network labels them. Of a classification, none.
    inputs
        The names of x's columns.
    classes
        The names of the classes; empty for regression.
    dropped
        Rows of the table that were left out because a cell was missing.
    """

    train_x: Floats
    train_y: Floats
    holdout_x: Floats
    holdout_y: Floats
    valid_x: Floats
    test_x: Floats
    inputs: tuple[str, ...]
    classes: tuple[str, ...] = ()
    dropped: int = 0

    @property
    def x(self) -> Floats:
        """All rows: the training rows first. Those that SRNet is fitted to in a regression."""
        return np.concatenate([self.train_x, self.holdout_x])

    @property
    def y(self) -> Floats:
        """The targets of all rows."""
        return np.concatenate([self.train_y, self.holdout_y])

    @property
    def scaler(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation (d each) of the training rows; of an input that is constant
        there, 1 for the deviation."""
        std = self.train_x.std(axis=0)
        return self.train_x.mean(axis=0), np.where(
            (std == 0) | (np.ptp(self.train_x, axis=0) == 0), 1.0, std
        )

    def standardised(self, x: Floats) -> Floats:
        """Inputs (n × d) in their own units, of mean 0 and deviation 1 over the training rows.

        It is what the formulas of a classification read (x in its ``layers.npz``), and those of a
        network with ``standardise``.
        """
        mean, std = self.scaler
        return (x - mean) / std

    @property
    def constant_inputs(self) -> tuple[str, ...]:
        """The names of the inputs that are the same in every row."""
        return tuple(
            name
            for name, spread in zip(self.inputs, np.ptp(self.x, axis=0), strict=True)
            if spread == 0
        )

    def save(self, path: StrPath) -> None:
        """Write ``data.npz``, whole or not at all."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in (*_ARRAYS, "dropped")}
        with writing(path, "wb") as file:
            np.savez_compressed(
                file,
                inputs=np.array(self.inputs, dtype=str),
                classes=np.array(self.classes, dtype=str),
                **arrays,
            )

    @classmethod
    def load(cls, path: StrPath) -> "Data":
        """Read ``data.npz``.

        Raises
        ------
        UserError
            If the file is missing or damaged, lacks an array, or has shapes that do not fit or
            values that are not finite.
        """
        arrays = read_arrays(path)
        arrays.setdefault("dropped", np.array(0))  # files of version 0.1 have none
        wanted = (*_ARRAYS, "inputs", "classes")
        for name in wanted:
            if name not in arrays:
                raise UserError(f"{path}: lacks the array '{name}'; needed are {', '.join(wanted)}")
        inputs, classes = (
            tuple(str(value) for value in arrays[name].ravel()) for name in ("inputs", "classes")
        )
        if not inputs:
            raise UserError(f"{path}: names no inputs; at least one is needed")
        for name in _ARRAYS:
            values = arrays[name]
            columns = 1 if name.endswith("_y") else len(inputs)
            rows = len(arrays[name[:-1] + "x"]) if arrays[name[:-1] + "x"].ndim else 0
            fewest = 0 if classes and name in ("valid_x", "test_x") else 1
            if values.ndim != 2 or values.shape != (rows, columns) or rows < fewest:
                raise UserError(
                    f"{path}: '{name}' has shape {values.shape}; {max(rows, fewest)} rows × "
                    f"{columns} columns are needed"
                )
            if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
                raise UserError(
                    f"{path}: '{name}' has a value that is not a finite number; every value must be"
                )
            if classes and name.endswith("_y") and not np.isin(values, range(len(classes))).all():
                raise UserError(
                    f"{path}: '{name}' has a value that is not the number of a class; allowed are "
                    f"0 … {len(classes) - 1}"
                )
        if arrays["dropped"].shape != () or arrays["dropped"].dtype.kind not in "iu":
            raise UserError(
                f"{path}: 'dropped' has shape {arrays['dropped'].shape}; one whole number is needed"
            )
        numbers = {name: np.asarray(arrays[name], float) for name in _ARRAYS}
        return cls(**numbers, inputs=inputs, classes=classes, dropped=int(arrays["dropped"]))


def load_data(path: StrPath, task: Task) -> Data:
    """Read the ``data.npz`` of a task.

    Raises
    ------
    UserError
        If the file cannot be read, or its inputs are not the task's.
    """
    data = Data.load(path)
    inputs = getattr(task.source, "inputs", data.inputs)
    if data.inputs != inputs:
        raise UserError(
            f"{path}: has the inputs {', '.join(data.inputs)} but task '{task.name}' has "
            f"{', '.join(inputs)}; make its data again"
        )
    return data


_ARRAYS = ("train_x", "train_y", "holdout_x", "holdout_y", "valid_x", "test_x")


def make_data(task: Task, seed: int | None = None, pmlb_cache: StrPath | None = None) -> Data:
    """The rows of a task, a pure function of (task, seed).

    A formula's rows are uniform in its training box (or evenly spaced on its diagonal), in the
    order of sampling; a table's rows are shuffled first, since tables are often sorted. The first
    80 % train the network, of a classification 75 %, as in the paper's experiments.

    Parameters
    ----------
    task
        An entry of a tasks file.
    seed
        In place of the task's own.
    pmlb_cache
        The folder of the PMLB data sets, as ``srnet.data.pmlb.cache_folder`` takes it.

    Raises
    ------
    UserError
        If the table has missing or non-numeric cells, one column, too few rows, a constant target
        or a class with one row; if the data set cannot be had; or if the formula is not finite on a
        row.
    """
    seed = task.seed if seed is None else Integer(0).check("seed", seed)
    # One stream for each set of points, so that more rows do not move the test points.
    rows_rng, valid_rng, test_rng = np.random.default_rng(seed).spawn(3)
    source = task.source
    if isinstance(source, Formula):
        x, y = _sample(task, source, rows_rng)
        table = Table(x, y, source.inputs)
    else:
        table = _read(source, task.kind, pmlb_cache)
        order = rows_rng.permutation(len(table.x))
        x, y = table.x[order], table.y[order]
    rows = len(x)
    regression = task.kind == "regression"
    boxes = task_boxes(task, x)
    cut = max(1, rows * 8 // 10 if regression else rows * 3 // 4)
    return Data(
        train_x=x[:cut],
        train_y=y[:cut],
        holdout_x=x[cut:],
        holdout_y=y[cut:],
        valid_x=_uniform(boxes["valid"], max(10, rows * 3 // 10) if regression else 0, valid_rng),
        test_x=_uniform(boxes["test"], TEST_POINTS if regression else 0, test_rng),
        inputs=table.inputs,
        classes=table.classes,
        dropped=table.dropped,
    )


def _read(source: Csv | Sklearn | Pmlb, kind: Kind, pmlb_cache: StrPath | None) -> Table:
    if isinstance(source, Csv):
        return read_csv(source.path, source.target, kind)
    if isinstance(source, Pmlb):
        return read_pmlb(source.dataset, kind, pmlb_cache, source.sha256)
    return load_sklearn(source.dataset)


def write_data(
    task_name: str,
    tasks_file: StrPath,
    out: StrPath,
    seed: int | None = None,
    pmlb_cache: StrPath | None = None,
) -> None:
    """Make the rows of a task and write ``data.npz`` (the command ``srnet data``); warn of dropped
    rows and constant inputs."""
    data = make_data(load_task(task_name, tasks_file), seed, pmlb_cache)
    if data.dropped:
        warnings.warn(
            f"task '{task_name}': {data.dropped} row(s) with a missing cell were left out",
            stacklevel=2,
        )
    for name in data.constant_inputs:
        warnings.warn(
            f"task '{task_name}': the input '{name}' is the same in every row; it is kept",
            stacklevel=2,
        )
    data.save(out)


def _sample(task: Task, source: Formula, rng: np.random.Generator) -> tuple[Floats, Floats]:
    low, high = np.transpose(source.boxes["train"])
    x = (
        np.linspace(low, high, source.rows)
        if source.sampling == "diagonal"
        else _uniform((low, high), source.rows, rng)
    )
    y = cast(Floats, task.truth(x))
    if not np.isfinite(y).all():
        row = int(np.argmin(np.isfinite(y[:, 0])))
        point = ", ".join(
            f"{name} = {value:.6g}" for name, value in zip(source.inputs, x[row], strict=True)
        )
        raise UserError(
            f"task '{task.name}': its formula '{source.text}' is not finite at {point}; choose a "
            f"box where it is"
        )
    return x, y


def _uniform(box: tuple[Floats, Floats], rows: int, rng: np.random.Generator) -> Floats:
    low, high = box
    return rng.uniform(low, high, (rows, len(low)))


def task_boxes(task: Task, x: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Low and high (d each) of the training, validation and test box of a regression, in the
    inputs' own units: the formula's boxes, or that of a table's rows x (n × d) and wider ones."""
    if isinstance(task.source, Formula):
        low_and_high = {split: np.transpose(task.source.boxes[split]) for split in BOXES}
        return {split: (low, high) for split, (low, high) in low_and_high.items()}
    factors = {"train": 1.0, **task.source.widen}
    return {split: widen_box(x, factors[split]) for split in BOXES}


def widen_box(x: Floats, factor: float) -> tuple[Floats, Floats]:
    """Low and high (d each) of the box of the rows x (n × d), wider by a factor about its
    middle."""
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    middle, half = low / 2 + high / 2, high / 2 - low / 2  # their sum or difference may overflow
    return middle - factor * half, middle + factor * half
