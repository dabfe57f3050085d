"""The cells of a comma-separated file, and the numbers in them."""

import csv
import math
from pathlib import Path

from srnet.errors import UserError
from srnet.io.files import check_readable

Cells = tuple[list[str], list[tuple[int, list[str]]]]  # a header, and rows with their line numbers


def csv_cells(path: Path) -> Cells:
    """The header, and the rows that are not blank with their line numbers.

    Raises
    ------
    UserError
        If the file cannot be read, is not comma-separated text in UTF-8, or is empty.
    """
    check_readable(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [
                (reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells
            ]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (csv.Error, ValueError) as error:
        raise UserError(f"{path}: is not comma-separated text in UTF-8 ({error})") from error
    if not rows:
        raise UserError(f"{path}: is empty; a header line and rows are needed")
    return rows[0][1], rows[1:]


def cell_number(path: Path, line: int, column: str, cell: str, numeric: bool = True) -> float:
    """The number in a cell; NaN where the column is not ``numeric`` but names classes.

    Raises
    ------
    UserError
        If the cell is empty, or holds no finite number in a numeric column.
    """
    if not cell:
        raise UserError(
            f"{path}: line {line}, column '{column}' is empty; every cell needs a value"
        )
    number = as_number(cell) if numeric else math.nan
    if number is None:
        raise UserError(
            f"{path}: line {line}, column '{column}' is '{cell}'; a finite number is needed"
        )
    return number


def as_number(cell: str) -> float | None:
    """The finite number in a cell, if there is one."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
