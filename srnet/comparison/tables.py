"""Scores, answers and curves of single tasks, methods and seeds, put under one another."""

from collections.abc import Iterable, Sequence

from srnet.errors import UserError
from srnet.io.frames import join_tables, write_table
from srnet.typing import StrPath


def write_joined(
    tables: Iterable[StrPath],
    out: StrPath,
    columns: Sequence[str] | None = None,
    max_seed: int | None = None,
) -> None:
    """Write tables of the same columns as one (the command ``srnet gather comparisons``).

    Parameters
    ----------
    columns
        To be kept; all of them if not given.
    max_seed
        Rows of a higher seed are left out: SRNet has more runs than others have seeds.

    Raises
    ------
    UserError
        Names every file that cannot be used, and one that lacks a column or has another.
    """
    table = join_tables(tables, columns)
    if max_seed is not None:
        if "seed" not in table:
            raise UserError(
                f"the tables have no column 'seed'; they have {', '.join(map(str, table))}"
            )
        table = table[table["seed"] <= max_seed]
    write_table(table, out)
