"""The rows around one point, on which a model is explained near it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.explanation.layers import are_kinds
from srnet.explanation.rows import rows_of
from srnet.networks.adapters import check_width
from srnet.networks.inputs import Texts, are_several, tabulate

_ROWS = 1000  # enough to hold a fifth of them out
_SHOWN = 10  # inputs of a point


def read_point(
    x: Any, inputs: int, texts: Texts, columns: Sequence[str] | None, what: str
) -> NDArray[Any]:
    """A point, d: of d numbers, a row of a DataFrame, or a table of one row.

    Parameters
    ----------
    inputs
        d.
    texts, columns
        The texts of the columns that hold text, and the names by which columns are found.

    Raises
    ------
    UserError
        If it is not one point of the inputs; errors call it ``what``.
    """
    if hasattr(x, "to_frame"):
        x = x.to_frame().T
    elif not are_several(x) and np.ndim(x) == 1:
        x = x[None] if hasattr(x, "ndim") else [x]
    rows = rows_of(tabulate(x, texts), columns, what)
    check_width(rows, inputs, what)
    if len(rows) != 1:
        raise UserError(f"{what} has {len(rows)} rows; one point is needed")
    return rows[0]


def describe_point(run: Mapping[str, Any]) -> list[str]:
    """For a reader, a line with the point near which the formulas of a run hold; none where they
    are those of all rows.

    Raises
    ------
    UserError
        If the run's key ``point`` is not what :func:`srnet.explain` writes.
    """
    if "point" not in run:
        return []
    try:
        width = float(run["point"]["width"])
        pairs = [
            f"{name} = {float(value):.6g}"
            for name, value in zip(run["input_names"], run["point"]["x"], strict=True)
        ]
    except (LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"a run has 'point' {run['point']!r}; x, a number for each input, and width are needed"
        ) from error
    shown = ", ".join(pairs[:_SHOWN]) + (", …" if len(pairs) > _SHOWN else "")
    return [f"  near {shown}: up to {width:g} of the way from there to rows of X"]


def draw_neighbours(
    rows: NDArray[Any], point: NDArray[Any], width: float, seed: int
) -> NDArray[Any]:
    """1000 rows on the way from a point, d, to rows, n × d: up to the share ``width`` of it.

    So neighbours are correlated as the rows are, and stay among them. Columns that tell kinds keep
    the point's values or have those of the other row, the more often the farther away.
    """
    rng = np.random.default_rng([seed, 10])
    others = rows[rng.integers(len(rows), size=_ROWS)]
    share = rng.uniform(0, width, size=(_ROWS, 1))
    drawn = point + share * (others - point)
    kinds = are_kinds(rows)
    drawn[:, kinds] = np.where(rng.random((_ROWS, 1)) < share, others, point)[:, kinds]
    return drawn.astype(rows.dtype)
