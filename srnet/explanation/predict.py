"""What ``srnet predict`` and ``srnet show`` do: outputs of a run's formulas on new rows, and the
formulas as text."""

import csv
from pathlib import Path

import numpy as np

from srnet.data.dataset import Data
from srnet.errors import UserError
from srnet.escaping import printable
from srnet.io.csv_cells import as_number, cell_number, csv_cells
from srnet.io.files import read_json, writing
from srnet.io.npz import read_arrays
from srnet.model.names import check_columns, columns_in, in_order, input_names_in
from srnet.model.srnet import SRNet, legend, readable_expressions
from srnet.typing import Floats, StrPath


def write_predictions(
    run_file: StrPath,
    data_file: StrPath,
    out: StrPath,
    standardise: StrPath | None = None,
) -> None:
    """Write the outputs y0, y1, … for every row of ``data_file`` as CSV; probabilities of the
    classes where a classifier is explained.

    The columns of a CSV are found by the names that the columns of the run had, if they had any.

    Parameters
    ----------
    standardise
        The ``data.npz`` of the run's task, where the run's formulas read standardised inputs and
        the rows are in their own units.

    Raises
    ------
    UserError
        If a file cannot be read, or the data is not rows × the network's inputs or has columns of
        other names.
    """
    model = SRNet.load(run_file)
    inputs = model.inputs
    x, header = read_rows(data_file, inputs)
    if header is not None:
        try:
            names = columns_in(read_json(run_file), inputs)
        except UserError as error:
            raise error.in_file(run_file) from error
        try:
            x = in_order(x, header, names)
        except UserError as error:
            raise error.in_file(data_file) from error
    if standardise is not None:
        data = Data.load(standardise)
        if len(data.inputs) != inputs:
            raise UserError(
                f"{standardise}: has {len(data.inputs)} input(s), but {run_file} has {inputs}; "
                f"take the data of its task"
            )
        x = data.standardised(x)
    y = model.predict(x)
    with writing(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f"y{i}" for i in range(y.shape[1])])
        writer.writerows([repr(float(value)) for value in row] for row in y)


def read_rows(path: StrPath, columns: int, array: str = "x") -> tuple[Floats, list[str] | None]:
    """The rows of a CSV with a header or of an array of an npz file, n × ``columns``, and the
    header, which an npz file lacks.

    Raises
    ------
    UserError
        If a cell is not a finite number, the first line is no header, or the number of columns is
        wrong.
    """
    path, header = Path(path), None
    if path.suffix == ".npz":
        arrays = read_arrays(path)
        if array not in arrays:
            raise UserError(
                f"{path}: lacks the array '{array}'; it has {', '.join(sorted(arrays)) or 'none'}"
            )
        x = np.asarray(arrays[array])
        if x.dtype.kind not in "fiu":
            raise UserError(f"{path}: '{array}' holds {x.dtype}; numbers are needed")
        x = x.astype(np.float64)
    else:
        header, x = _read_csv(path)
    if x.ndim != 2 or x.shape[1] != columns:
        raise UserError(
            f"{path}: the data has shape {x.shape}; rows × {columns} columns are needed"
        )
    return x, header


def _read_csv(path: Path) -> tuple[list[str], Floats]:
    header, rows = csv_cells(path)
    check_columns(header, f"{path}:")
    # pandas writes columns without a name as 0, 1, …
    if header != [str(i) for i in range(len(header))] and all(
        as_number(name) is not None for name in header
    ):
        raise UserError(
            f"{path}: its first line holds numbers only ({', '.join(header)}); a header with the "
            f"columns' names is needed"
        )
    if not rows:
        raise UserError(f"{path}: has a header and no row; at least one row is needed")
    for line, cells in rows:  # before there is room for as many numbers as a header claims
        if len(cells) != len(header):
            raise UserError(
                f"{path}: line {line} has {len(cells)} cells; the header has {len(header)}"
            )
    values = np.empty((len(rows), len(header)))
    for i, (line, cells) in enumerate(rows):
        values[i] = [
            cell_number(path, line, name, cell) for name, cell in zip(header, cells, strict=True)
        ]
    return header, values


def summary(model: SRNet, run_file: StrPath) -> str:
    """The formulas of a run, layer by layer and composed, with their losses, for a terminal."""
    run = read_json(run_file)
    lines = [
        f"task {model.task}, preset {run.get('preset')}, seed {run.get('seed')}, fitness "
        f"{run.get('fitness')}"
    ]
    losses = run.get("layer_losses")
    losses = (
        losses if isinstance(losses, list) and len(losses) == model.depth else [None] * model.depth
    )
    try:
        names, columns = input_names_in(run, model.inputs), columns_in(run, model.inputs)
        texts = model.formula_texts(names)
    except UserError as error:
        raise UserError(f"{run_file}: {error}") from error
    for i, (formulas, loss) in enumerate(zip(texts, losses, strict=True)):
        name = "y" if i + 1 == model.depth else f"h{i + 1}"
        measure = model.loss_name if name == "y" else "MSE"
        # as the layer above reads them
        read = model.reads == "scalars" and i + 1 < model.depth
        labels = [f"z{j}" if read else f"f{j + 1}" for j in range(len(formulas))]
        labels = labels if read or len(labels) > 1 else ["f"]
        shown = "; ".join(f"{label} = {text}" for label, text in zip(labels, formulas, strict=True))
        lines.append(f"{name}: {shown}, {measure} {loss}")
    output = "logit of y" if model.loss == "cross_entropy" else "y"
    outputs = readable_expressions(model, names)
    lines += [f"{output}{i} = {text}" for i, text in enumerate(outputs)]
    lines += legend(model, names, columns)
    return "\n".join(map(printable, lines))
