"""The layers of a user's network on the rows that are searched and on validation rows."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from srnet.data.dataset import widen_box
from srnet.data.tasks import WIDEN
from srnet.errors import UserError
from srnet.explanation.rows import as_rows
from srnet.networks.adapters import BlackBox, check_width
from srnet.networks.inputs import Inputs
from srnet.networks.layers import Layers
from srnet.networks.mlp import CONSTANT_SPREAD

# Of more rows a sample is searched: a formula of a few constants needs no more.
MOST_ROWS = 10_000
MOST_VALIDATION_ROWS = 1000
# Of more rows than the second number the first share is held out; fewer are recombined, to so many
# new rows for validation. Recombined rows have the last share of their components from others.
_HELD_OUT, _FEW_ROWS, _NEW, _RECOMBINED = 0.2, 1000, 400, 0.5
# An input of no more values than these is taken for a kind or a count.
_FEW_VALUES = 10


@dataclass(frozen=True)
class LayerSample:
    """A network's layers in their own units, on rows for the search and on validation rows.

    Attributes
    ----------
    names
        Of the layers, the output last.
    output_scale
        Standard deviation of the output; 1 where it is constant.
    """

    layers: Layers
    names: list[str]
    output_scale: float


def sample_layers(
    network: BlackBox,
    rows: NDArray[Any],
    seed: int = 0,
    validation: Any = None,
    task: str = "network",
    *,
    hold_out: bool = False,
    inputs: Inputs | None = None,
) -> LayerSample:
    """The layers of a network on (a sample of) the rows, n × d, and on validation rows.

    Parameters
    ----------
    validation
        The validation rows. By default points of the rows' box, widened as in the workflow.
    hold_out
        Whether by default a fifth of the rows themselves are held out for validation. Fewer than
        1000 rows are all fitted, and recombined ones are added; the validation rows are recombined
        ones too. Half of their principal components come from other rows, so that they are rows on
        which the network was not trained: what it has learned by heart does not hold for others.
    inputs
        What the model reads; rows that are made up are then some that it can read.

    Raises
    ------
    UserError
        If there are fewer than 2 rows, or a layer's value is not finite.

    Warns
    -----
    UserWarning
        If the output is nearly constant.
    """
    if len(rows) < 2:
        raise UserError(
            f"X has {len(rows)} row(s); at least 2 are needed, and a hundred or more for a "
            f"formula to be trusted"
        )
    rng = np.random.default_rng([seed, 9])
    if len(rows) > MOST_ROWS:
        rows = rows[np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))]
    if validation is None and hold_out:
        rows, valid = _hold_out(rows, rng)
    elif validation is None:
        count = min(max(10, len(rows) * 3 // 10), MOST_VALIDATION_ROWS)
        low, high = widen_box(rows, WIDEN["valid"])
        valid = rng.uniform(low, high, (count, rows.shape[1])).astype(rows.dtype)
    else:
        valid = as_rows(validation, "'validation'")[0]
        least = 2 if hold_out else 1  # of one row there is no R²
        if len(valid) < least:
            raise UserError(f"'validation' has {len(valid)} row(s); at least {least} are needed")
        check_width(valid, rows.shape[1], "'validation'")
    if inputs is not None:
        rows = inputs.admissible(rows)
        valid = inputs.admissible(valid) if validation is None else valid
    names, train_values = _evaluate(network, rows, "X")
    _, valid_values = _evaluate(network, valid, "the validation rows")
    layers = Layers({"train": train_values, "valid": valid_values}, name=task, source="network")
    output = layers.values(-1)
    scale = float(np.sqrt(np.mean(np.square(output - output.mean(axis=0)))))
    if scale <= CONSTANT_SPREAD * float(np.sqrt(np.mean(np.square(output)))):
        warnings.warn(
            f"the network's output is nearly constant (standard deviation {scale:.3g}); is it "
            f"trained?",
            stacklevel=4,
        )
    return LayerSample(layers, names, scale if scale > 1e-30 else 1.0)


def _hold_out(rows: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows to fit, and validation rows: of many rows a fifth; of few none, but recombined ones, as
    they are added to those that are fitted, two for each that is missing."""
    missing = _FEW_ROWS - len(rows)
    if missing > 0:
        fitted, new = np.split(_recombine(rows, 2 * missing + _NEW, rng), [2 * missing])
        fitted = np.vstack([rows, fitted])
        known = {row.tobytes() for row in fitted}
        unseen = np.array([row.tobytes() not in known for row in new])
        return fitted, new[unseen] if unseen.any() else new
    order = rng.permutation(len(rows))
    count = int(_HELD_OUT * len(rows))
    return rows[np.sort(order[count:])], rows[np.sort(order[:count])]


def _recombine(rows: NDArray[Any], count: int, rng: np.random.Generator) -> NDArray[Any]:
    """So many recombined rows: with half of their principal components each from some other row, so
    that the inputs stay correlated as they are.

    They spread a little further than the rows, as far as more of their kind would; an input of few
    values keeps to them.
    """
    spread = 1 + 2 / np.sqrt(len(rows))
    mean, std = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    std[std == 0] = 1.0
    scaled = (rows - mean) / std
    with threadpool_limits(1):  # or the rows would depend on their number
        directions = np.linalg.eigh(np.einsum("ni,nj->ij", scaled, scaled))[1]
    scores = np.einsum("ni,ij->nj", scaled, directions)
    inputs = np.arange(rows.shape[1])
    drawn = scores[rng.integers(len(rows), size=(count, len(inputs))), inputs]
    taken = rng.random((count, len(inputs))) < _RECOMBINED
    scores = np.where(taken, drawn, scores[rng.integers(len(rows), size=count)])
    made = np.einsum("nj,ij->ni", scores, directions) * (spread * std) + mean
    low, high = widen_box(rows, spread)
    made = np.clip(made, low, high).astype(rows.dtype)
    for i, column in enumerate(rows.T):
        values = np.unique(column)
        if len(values) <= _FEW_VALUES:
            nearest = np.abs(made[:, i, None] - values).argmin(axis=1)
            made[:, i] = values[nearest]
    return made


def _evaluate(
    network: BlackBox, x: NDArray[Any], where: str
) -> tuple[list[str], list[NDArray[np.float32]]]:
    """Names of the layers, and the rows and the layers' values in float32; ``where`` is what
    errors call the rows."""
    names, values = network.layers(x)
    with np.errstate(over="ignore"):
        plain = [np.asarray(value, dtype=np.float32) for value in (x, *values)]
    for name, value in zip(names, plain[1:], strict=True):
        bad = np.flatnonzero(~np.isfinite(value).all(axis=1))
        if bad.size:
            raise UserError(
                f"the layer '{name}' gives a value that is not finite (in float32) at row "
                f"{bad[0]} of {where}; a network that is finite is needed"
            )
    if not np.isfinite(plain[0]).all():
        raise UserError(f"{where} has a value beyond the range of float32; scale it")
    return names, plain
