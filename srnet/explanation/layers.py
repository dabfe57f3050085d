"""The values of a network's layers on the rows that are searched and on validation rows."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.explanation.rows import as_rows
from srnet.networks.adapters import BlackBox, check_width
from srnet.networks.layers import Layers
from srnet.networks.mlp import CONSTANT_SPREAD

# Rows that are searched; more are sampled, for a formula of a few constants needs no more.
MOST_ROWS = 10_000


# The validation box is wider than the data's by this factor, about its middle: the same as for
# tables in the workflow.
WIDEN = 1.2


class Seen:
    """What a network shows: its layers on training and validation rows in their own units, their
    names, the output's scale."""

    def __init__(self, layers: Layers, names: list[str], scale: float) -> None:
        self.layers, self.names, self.scale = layers, names, scale


def layers_of(
    box: BlackBox, rows: NDArray[Any], seed: int = 0, validation: Any = None, task: str = "network"
) -> Seen:
    """The values of a network's layers on (a sample of) the rows and on the validation rows.

    Raises
    ------
    UserError
        If there are fewer than 2 rows, or a layer's value is not finite.
    """
    if len(rows) < 2:
        raise UserError(
            f"X has {len(rows)} row(s); at least 2 are needed, and a hundred or more for a "
            f"formula to be trusted"
        )
    rng = np.random.default_rng([seed, 9])
    if len(rows) > MOST_ROWS:
        rows = rows[np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))]
    if validation is None:
        low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
        middle, half = low / 2 + high / 2, (high / 2 - low / 2) * WIDEN
        count = min(max(10, len(rows) * 3 // 10), 1000)
        valid = rng.uniform(middle - half, middle + half, (count, rows.shape[1])).astype(rows.dtype)
    else:
        valid = as_rows(validation, "'validation'")[0]
        if not len(valid):
            raise UserError("'validation' has no row; at least 1 is needed")
        check_width(valid, rows.shape[1], "'validation'")
    splits = {}
    names: list[str] = []
    for split, x in (("train", rows), ("valid", valid)):
        names, values = box.layers(x)
        for name, value in zip(names, values, strict=True):
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(value.astype(np.float32)).all(axis=1))
            if bad.size:
                where = "X" if split == "train" else "the validation rows"
                raise UserError(
                    f"the layer '{name}' gives a value that is not finite (in float32) at row "
                    f"{bad[0]} of {where}; a network that is finite is needed"
                )
        with np.errstate(over="ignore"):
            splits[split] = [np.asarray(value, dtype=np.float32) for value in (x, *values)]
        if not np.isfinite(splits[split][0]).all():
            raise UserError("X has a value beyond the range of float32; scale it")
    output = np.vstack([splits["train"][-1], splits["valid"][-1]]).astype(np.float64)
    scale = float(np.sqrt(np.mean(np.square(output - output.mean(axis=0)))))
    if scale <= CONSTANT_SPREAD * float(np.sqrt(np.mean(np.square(output)))):
        warnings.warn(
            f"the network's output is nearly constant (standard deviation {scale:.3g}); is it "
            f"trained?",
            stacklevel=4,
        )
    return Seen(Layers(splits, name=task, source="network"), names, scale if scale > 1e-30 else 1.0)
