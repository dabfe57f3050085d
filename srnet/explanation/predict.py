"""What ``srnet predict`` and ``srnet show`` do: outputs of a run's formulas on new rows, and the
formulas as text."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from srnet.data.dataset import Data
from srnet.errors import UserError
from srnet.escaping import printable
from srnet.explanation.neighbourhood import describe_point
from srnet.explanation.rows import as_rows
from srnet.io.csv_cells import as_number, cell_number, csv_cells
from srnet.io.files import read_json, writing
from srnet.io.frames import read_table
from srnet.io.npz import read_arrays
from srnet.model.names import (
    check_columns,
    columns_in,
    in_order,
    input_names_in,
    names_in,
    output_name,
    output_numbers_in,
)
from srnet.model.srnet import SRNet, legend, readable_expressions
from srnet.networks.adapters import check_width
from srnet.networks.inputs import Texts, tabulate
from srnet.typing import Floats, StrPath


def write_predictions(
    run_file: StrPath,
    data_file: StrPath,
    out: StrPath,
    standardise: StrPath | None = None,
) -> None:
    """Write the outputs y0, y1, … for every row of ``data_file`` as CSV; probabilities of the
    classes where a classifier is explained. One that was chosen by its number is called so.

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
    texts = read_json(run_file).get("input_texts", {})
    x, header = _read_texts(data_file, inputs, texts) if texts else read_rows(data_file, inputs)
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
        numbers = output_numbers_in(read_json(run_file), y.shape[1])
        writer.writerow(list(map(output_name, numbers)))
        writer.writerows([repr(float(value)) for value in row] for row in y)


def read_rows(
    path: StrPath,
    columns: int | None,
    *,
    array: str = "x",
    chosen: Sequence[str] | None = None,
    left_out: Sequence[str] = (),
    hint: str = "",
) -> tuple[Floats, list[str] | None]:
    """The rows of a CSV with a header or of an array of an npz file, n × ``columns`` (any
    number where it is None), and the header, which an npz file lacks.

    Parameters
    ----------
    chosen, left_out
        The columns of a CSV that are read, in this order, and those that are not; only one of both.
    hint
        What to do if there are too many columns, for the message.

    Raises
    ------
    UserError
        If a cell is not a finite number, the first line is no header, a column is missing, or the
        number of columns is wrong.
    """
    path, header = Path(path), None
    if path.suffix == ".npz":
        if chosen is not None or left_out:
            raise UserError(f"{path}: has no names of columns; choose columns of a CSV")
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
        header, x = _read_csv(path, chosen, left_out)
    if x.ndim != 2 or columns not in (None, x.shape[1]):
        found = f"; it has {', '.join(name or '(no name)' for name in header)}" if header else ""
        more = x.ndim == 2 and columns is not None and x.shape[1] > columns
        raise UserError(
            f"{path}: the data has shape {x.shape}; rows × {columns} columns are needed"
            + (found + hint if more else "")
        )
    return x, header


def read_column(path: StrPath, name: str) -> Floats:
    """One column of a CSV with a header, or the array of an npz file, as it is.

    Raises
    ------
    UserError
        If there is none of this name, or it does not hold numbers.
    """
    if Path(path).suffix != ".npz":
        return read_rows(path, 1, chosen=[name])[0][:, 0]
    arrays = read_arrays(Path(path))
    if name not in arrays:
        raise UserError(f"{path}: lacks the array '{name}'; it has {', '.join(sorted(arrays))}")
    if arrays[name].dtype.kind not in "fiu":
        raise UserError(f"{path}: '{name}' holds {arrays[name].dtype}; numbers are needed")
    return arrays[name].astype(np.float64)


def _read_csv(
    path: Path, chosen: Sequence[str] | None, left_out: Sequence[str]
) -> tuple[list[str], Floats]:
    header, rows = csv_cells(path)
    check_columns(header, f"{path}:")
    if len(header) == 1 and re.search("[;\t]", header[0]):
        raise UserError(
            f"{path}: its first line is {printable(header[0])}, one column; cells that commas "
            f"separate are needed, and numbers with a decimal point"
        )
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
    for name in [*(chosen or ()), *left_out]:
        if name not in header:
            raise UserError(f"{path}: has no column '{name}'; it has {', '.join(header)}")
    names = chosen if chosen is not None else [name for name in header if name not in left_out]
    places = [header.index(name) for name in names] if chosen or left_out else range(len(header))
    values = np.empty((len(rows), len(places)))
    for i, (line, cells) in enumerate(rows):
        values[i] = [cell_number(path, line, header[place], cells[place]) for place in places]
    return [header[place] for place in places], values


def _read_texts(path: StrPath, columns: int, texts: Texts) -> tuple[Floats, list[str] | None]:
    """The rows of a CSV with columns of text as numbers, n × ``columns``, and what these are."""
    try:
        table = tabulate(read_table(path, texts=texts), texts)
        x = as_rows(table)[0].astype(np.float64)
        check_width(x, columns)
    except UserError as error:
        raise error.in_file(path) from error
    return x, list(table.columns)


def formulas(model: SRNet, run_file: StrPath) -> dict[str, Any]:
    """The formulas of a run as data: of every layer with its loss, and composed of every output
    (its logit, where the loss is ``cross_entropy``).

    Raises
    ------
    UserError
        If the run names other inputs or layers than it has.
    """
    run = read_json(run_file)
    try:
        names, columns = input_names_in(run, model.inputs), columns_in(run, model.inputs)
        default = [*(f"h{i}" for i in range(1, model.depth)), "y"]
        layers = names_in(run, "layer_names", default)
        texts = model.formula_texts(names)
    except UserError as error:
        raise error.in_file(run_file) from error
    losses = _losses(run, model.depth)
    return {
        "task": model.task,
        **{key: run.get(key) for key in ("preset", "seed", "fitness", "r2", "valid_r2")},
        "complexity": model.complexity,
        "loss": model.loss,
        "inputs": names,
        "columns": columns,
        "layers": [
            {"name": name, "formulas": list(each), "loss": loss}
            for name, each, loss in zip(layers, texts, losses, strict=True)
        ],
        "outputs": readable_expressions(model, names),
    }


def summary(model: SRNet, run_file: StrPath) -> str:
    """The formulas of a run, layer by layer and composed, with their losses, for a terminal."""
    run = read_json(run_file)
    lines = [
        f"task {model.task}, preset {run.get('preset')}, seed {run.get('seed')}, fitness "
        f"{run.get('fitness')}"
    ]
    robust = run.get("test_robust_r2", run.get("valid_robust_r2"))
    if robust is not None:
        lines[0] += f", robust R² {robust}"
    losses = _losses(run, model.depth)
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
    logit = "logit of " if model.loss == "cross_entropy" else ""
    outputs = readable_expressions(model, names)
    numbers = output_numbers_in(run, len(outputs))
    lines += [
        f"{logit}{output_name(number)} = {text}"
        for number, text in zip(numbers, outputs, strict=True)
    ]
    lines += [*legend(model, names, columns), *describe_point(run)]
    return "\n".join(map(printable, lines))


def _losses(run: dict[str, Any], depth: int) -> list[Any]:
    """The loss of every layer, None where the run does not tell."""
    losses = run.get("layer_losses")
    return losses if isinstance(losses, list) and len(losses) == depth else [None] * depth
