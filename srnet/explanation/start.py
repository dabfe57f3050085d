"""What the command line says a search starts from."""

import os
from collections.abc import Sequence

from srnet.errors import UserError
from srnet.explanation.result import Explanation
from srnet.io.files import check_readable


def read_start(values: Sequence[str]) -> list[str] | Explanation | None:
    """The argument ``start`` of :func:`srnet.explain`: formulas as they are given and those of text
    files, one a line; or the explanation of a RUN.json. None where there is nothing.

    Raises
    ------
    UserError
        If a file cannot be read or holds no formula, or a RUN.json is not alone.
    """
    formulas: list[str] = []
    for value in values:
        if value.lower().endswith(".json"):
            if len(values) > 1:
                raise UserError(
                    f"'start' has {value} and {len(values) - 1} more; a RUN.json stands alone"
                )
            return Explanation.load(value)
        formulas += _read_lines(value) if os.path.isfile(value) else [value]
    return formulas or None


def _read_lines(path: str) -> list[str]:
    check_readable(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = [line.strip() for line in file]
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no text of UTF-8 ({error.reason})") from error
    formulas = [line for line in lines if line]
    if not formulas:
        raise UserError(f"{path}: holds no formula; one a line is needed, as sin(x0)*x1")
    return formulas
