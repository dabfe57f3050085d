"""What ``srnet predict`` and ``srnet show`` do: outputs of a run's formulas on new rows, and the formulas as text."""

import csv
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.files import read_json, writing
from srnet.layers import read_arrays
from srnet.model import SRNet, written
from srnet.tasks import Data


def write_predictions(
    run_file: str | os.PathLike[str],
    data_file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    standardise: str | os.PathLike[str] | None = None,
) -> None:
    """Write the outputs y0, y1, … for every row of ``data_file`` as CSV; probabilities of the classes where a classifier is explained.

    Parameters
    ----------
    standardise
        The ``data.npz`` of the run's task, where the run's formulas read standardised inputs and the rows are in their own units.

    Raises
    ------
    UserError
        If a file cannot be read or the data is not rows × the network's inputs.
    """
    model = SRNet.load(run_file)
    inputs = model.programs[0].inputs
    x = read_rows(data_file, inputs)
    if standardise is not None:
        data = Data.load(standardise)
        if len(data.inputs) != inputs:
            raise UserError(
                f"{standardise}: has {len(data.inputs)} input(s), but {run_file} has {inputs}; take the data of its task"
            )
        x = data.standardised(x)
    y = model.predict(x)
    with writing(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f"y{i}" for i in range(y.shape[1])])
        writer.writerows([repr(float(value)) for value in row] for row in y)


def read_rows(path: str | os.PathLike[str], columns: int) -> NDArray[np.float64]:
    """The rows of a CSV with a header or of the array ``x`` of an npz file, n × ``columns``.

    Raises
    ------
    UserError
        If a cell is not a number, or the number of columns is wrong.
    """
    path = Path(path)
    if path.suffix == ".npz":
        arrays = read_arrays(path)
        if "x" not in arrays:
            raise UserError(f"{path}: lacks the array 'x'; it has {', '.join(sorted(arrays)) or 'none'}")
        x = np.asarray(arrays["x"])
        if x.dtype.kind not in "fiu":
            raise UserError(f"{path}: 'x' holds {x.dtype}; numbers are needed")
        x = x.astype(np.float64)
    else:
        x = _read_csv(path)
    if x.ndim != 2 or x.shape[1] != columns:
        raise UserError(f"{path}: the data has shape {x.shape}; rows × {columns} columns are needed")
    return x


def read_header(path: str | os.PathLike[str]) -> list[str] | None:
    """The names of the columns of a CSV; None for an npz file, which has none."""
    if Path(path).suffix == ".npz":
        return None
    with open(path, newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def _read_csv(path: Path) -> NDArray[np.float64]:
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is not a CSV text ({error})") from error
    if len(rows) < 2:
        raise UserError(f"{path}: has {len(rows)} line(s); a header and at least one row are needed")
    for i, row in enumerate(rows[1:]):  # before there is room for as many numbers as a header claims
        if len(row) != len(rows[0]):
            raise UserError(f"{path}: line {i + 2} has {len(row)} cells; the header has {len(rows[0])}")
    values = np.empty((len(rows) - 1, len(rows[0])))
    for i, row in enumerate(rows[1:]):
        for j, cell in enumerate(row):
            try:
                values[i, j] = float(cell)
            except ValueError:
                raise UserError(f"{path}: line {i + 2}, column '{rows[0][j]}' is {cell!r}; a number is needed") from None
    return values


def summary(model: SRNet, run_file: str | os.PathLike[str]) -> str:
    """The formulas of a run, layer by layer and composed, with their losses, for a terminal."""
    run = read_json(run_file)
    lines = [f"task {model.task}, preset {run.get('preset')}, seed {run.get('seed')}, fitness {run.get('fitness')}"]
    losses = run.get("layer_losses")
    losses = losses if isinstance(losses, list) and len(losses) == len(model.programs) else [None] * len(model.programs)
    try:
        expressions = model.expressions()
    except UserError as error:
        raise UserError(f"{run_file}: {error}") from error
    for i, (expression, loss) in enumerate(zip(expressions, losses, strict=True)):
        name = "y" if i + 1 == len(model.programs) else f"h{i + 1}"
        measure = "cross-entropy" if name == "y" and model.loss == "cross_entropy" else "MSE"
        lines.append(f"{name}: f = {expression}, {measure} {loss}")
    output = "logit of y" if model.loss == "cross_entropy" else "y"
    lines += [f"{output}{i} = {expression}" for i, expression in enumerate(written(model))]
    return "\n".join(lines)
