"""The layers of a user's network on the rows that are searched and on validation rows."""

import itertools
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.data.dataset import widen_box
from srnet.errors import UserError
from srnet.explanation.weights import Weights
from srnet.metrics import column_means, mean_over_rows
from srnet.model.losses import robust_moments
from srnet.networks.adapters import BlackBox, check_width
from srnet.networks.inputs import Inputs
from srnet.networks.layers import Layers, too_coarse
from srnet.networks.mlp import CONSTANT_SPREAD
from srnet.search.sampling import proportional_sample
from srnet.threads import single_thread
from srnet.typing import Floats

Rows = NDArray[np.int64]
# Of more rows a sample is searched: a formula of a few constants needs no more.
MOST_ROWS = 10_000
MOST_VALIDATION_ROWS = 1000
# This share of the rows is held out, of at least so many rows. With fewer than the third number
# those left are recombined, to so many new rows for validation. Recombined rows have the last share
# of their components from others.
_HELD_OUT, _LEAST, _FEW_ROWS, _NEW, _RECOMBINED = 0.2, 10, 1000, 400, 0.5
# Outputs whose deviations differ by no more than this factor share a scale.
_SCALE_RATIO = 10
# Of an output, largest less smallest value; float32, in which constants are fitted and rounded,
# ends at 1e-38, and losses are squares.
_SMALLEST_SPREAD = 1e-28
# An input whose values repeat, no more of them than these, is taken for a kind.
_FEW_VALUES = 10


@dataclass(frozen=True)
class LayerSample:
    """A network's layers in their own units: on rows for the search, on validation rows, and where
    these are made up on rows that are held out of both (``test``).

    Attributes
    ----------
    names
        Of the layers, the output last.
    output_scale
        Standard deviation of the output; 1 where it is constant. Of outputs of very different
        deviations that of each, (k,).
    validation
        What the validation rows are: ``given``; ``held out`` of the rows; ``made up``; or
        ``fitted`` rows, where there are too few others.
    """

    layers: Layers
    names: list[str]
    output_scale: float | Floats
    validation: str = "given"


def sample_layers(
    network: BlackBox,
    rows: NDArray[Any],
    seed: int = 0,
    validation: NDArray[Any] | None = None,
    task: str = "network",
    *,
    hold_out: bool = False,
    inputs: Inputs | None = None,
    weights: Weights | None = None,
    robust: bool = False,
    by_output: bool = False,
) -> LayerSample:
    """The layers of a network on (a sample of) the rows, n × d, and on validation rows.

    A fifth of 10 rows or more is held out: what is said of the result is measured there.

    Parameters
    ----------
    validation
        The validation rows. Those of the rows that are among them are not fitted, and no others are
        held out. By default they are made up of the rows that are left.
    hold_out
        Whether by default the rows that are held out are the validation rows. Of fewer than 1000
        rows all that are left are fitted, and recombined ones are added; the validation rows are
        recombined ones too. Half of their principal components come from other rows, so that they
        are rows on which the network was not trained: what it has learned by heart does not hold
        for others.
    inputs
        What the model reads; rows that are made up are then some that it can read.
    weights
        What the rows count; None where all count alike. Rows that are made up are made of rows in
        proportion to their weights, and count like the mean row.
    robust
        Whether the output's scale is one that a few rows far off do not change.
    by_output
        Whether outputs of very different scales have one each.

    Raises
    ------
    UserError
        If there are fewer than 2 rows, or a layer's value is not finite.

    Warns
    -----
    UserWarning
        If the output is nearly constant, or the rows are so many that some are drawn.
    """
    if len(rows) < 2:
        raise UserError(
            f"X has {len(rows)} row(s); at least 2 are needed, and a hundred or more for a "
            f"formula to be trusted"
        )
    rng = np.random.default_rng([seed, 9])
    if validation is not None:
        least = 2 if hold_out else 1  # of one row there is no R²
        if len(validation) < least:
            raise UserError(
                f"'validation' has {len(validation)} row(s); at least {least} are needed"
            )
        check_width(validation, rows.shape[1], "'validation'")
    own_weights = np.ones(len(rows)) if weights is None else weights.rows
    splits, weights_of, kind = _splits(rows, own_weights, validation, hold_out, rng)
    if weights is None:
        weights_of = {}
    elif weights.validation is not None:
        weights_of["valid"] = weights.validation
    if len(splits["train"]) < len(rows) > MOST_ROWS:
        warnings.warn(
            f"X has {len(rows)} rows; the formulas are fitted to {len(splits['train'])} of them, "
            f"drawn at random",
            stacklevel=4,
        )
    if inputs is not None:
        for split in splits:
            if split != "valid" or validation is None:
                splits[split] = inputs.admissible(splits[split])
    names: list[str] = []
    own: dict[str, list[NDArray[Any]]] = {}
    for split, x in splits.items():
        is_given = split == "valid" and validation is not None
        given, what = (validation, "'validation'") if is_given else (rows, "X")
        names, own[split] = _evaluate(network, x, given, what)
    _check_widths(names, own)
    _check_spread(own["train"][-1])
    wide = [i for i in (0, -1) if too_coarse(own["train"][i]).any()]
    values = {split: [value.astype(np.float32) for value in each] for split, each in own.items()}
    for split, i in itertools.product(own, wide):
        values[split][i] = own[split][i].astype(np.float64)
    layers = Layers(values, name=task, source="network", weights=weights_of)
    output, rows_weights = layers.values(-1), layers.row_weights("train", "valid")
    centred = output - column_means(output, rows_weights)
    scale = float(np.sqrt(mean_over_rows(np.square(centred), rows_weights)))
    if scale <= CONSTANT_SPREAD * float(np.sqrt(np.mean(np.square(output)))):
        warnings.warn(
            f"the network's output is nearly constant on these rows (standard deviation "
            f"{scale:.3g}); is it trained?",
            stacklevel=4,
        )
    scale = scale if scale > 1e-30 else 1.0
    if not (robust or by_output):
        return LayerSample(layers, names, scale, kind)
    each = np.sqrt(column_means(np.square(centred), rows_weights))
    if robust:
        each = robust_moments(output, rows_weights)[1]
        scale = float(np.sqrt(np.mean(np.square(each)))) or 1.0
    varying = each > CONSTANT_SPREAD * np.abs(output).max(axis=0)
    if by_output and varying.any() and each[varying].max() > _SCALE_RATIO * each[varying].min():
        # a constant output has the largest scale, for its rounding is not to be explained
        return LayerSample(layers, names, np.where(varying, each, each.max()), kind)
    return LayerSample(layers, names, scale, kind)


def _splits(
    rows: NDArray[Any],
    weights: Floats,
    validation: NDArray[Any] | None,
    hold_out: bool,
    rng: np.random.Generator,
) -> tuple[dict[str, NDArray[Any]], dict[str, Floats], str]:
    """Rows and their weights by split, and what the validation rows are."""

    def take(places: dict[str, Rows], kind: str) -> tuple[Any, Any, str]:
        return (
            {split: rows[chosen] for split, chosen in places.items()},
            {split: weights[chosen] for split, chosen in places.items()},
            kind,
        )

    all_rows = np.arange(len(rows))
    if validation is not None:
        known = {row.tobytes() for row in validation.astype(rows.dtype)}
        others = np.array([row.tobytes() not in known for row in rows])
        kind = "given" if others.sum() >= 2 else "fitted"
        fitted = np.flatnonzero(others) if kind == "given" else all_rows
        splits, counts, kind = take({"train": _sample(fitted, MOST_ROWS, rng)[0]}, kind)
        return splits | {"valid": validation}, counts | {"valid": np.ones(len(validation))}, kind
    if hold_out and len(rows) >= _FEW_ROWS:
        kept = _sample(all_rows, MOST_ROWS, rng)[0]
        train, valid = _sample(kept, len(kept) - int(_HELD_OUT * len(kept)), rng)
        return take({"train": train, "valid": valid}, "held out")
    held = int(_HELD_OUT * len(rows)) if len(rows) >= _LEAST else 0
    held = min(held, MOST_VALIDATION_ROWS)
    rest, test = _sample(all_rows, len(rows) - held, rng)
    train = _sample(rest, MOST_ROWS, rng)[0]
    if are_kinds(rows[train]).all():  # nothing new can be made of them
        if not held:
            return take({"train": train, "valid": train}, "fitted")
        return take({"train": train, "valid": test}, "held out")
    # the validation rows are to come
    places = {"train": train, "valid": train[:0], **({"test": test} if held else {})}
    splits, counts, kind = take(places, "made up")
    missing = _FEW_ROWS - len(train) if hold_out else 0
    count = _NEW if hold_out else min(max(10, len(rows) * 3 // 10), MOST_VALIDATION_ROWS)
    # with weights that are all 1 these are the rows themselves
    donors = splits["train"][proportional_sample(counts["train"], len(train))]
    made = _recombine(donors, 2 * missing + count, len(rows), rng)
    added, valid = np.split(made, [2 * missing])
    if hold_out:
        splits["train"] = np.vstack([splits["train"], added])
        counts["train"] = np.concatenate([counts["train"], np.ones(len(added))])
        known = {row.tobytes() for row in splits["train"]}
        unseen = np.array([row.tobytes() not in known for row in valid])
        valid = valid[unseen] if unseen.any() else valid
    return splits | {"valid": valid}, counts | {"valid": np.ones(len(valid))}, kind


def _sample(rows: Rows, most: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """At most so many of the rows, by their numbers, and the others, both in their order."""
    if len(rows) <= most:
        return rows, rows[:0]
    order = rng.permutation(len(rows))
    return rows[np.sort(order[:most])], rows[np.sort(order[most:])]


def are_kinds(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """The columns that tell kinds: a few values, which repeat."""
    most = min(_FEW_VALUES, len(rows) / 2)
    return np.array([len(np.unique(column)) <= most for column in rows.T])


def _recombine(
    rows: NDArray[Any], count: int, known: int, rng: np.random.Generator
) -> NDArray[Any]:
    """So many recombined rows, as they could be, of some of the rows that are ``known``: with half
    of their principal components each from some other row, so that the inputs stay correlated.

    They spread a little further than the rows, as far as more of their kind would. Columns that
    tell kinds are those of one row together, so that no two exclude each other. Other columns whose
    values repeat, codes or counts, keep to these values; whole numbers stay whole; what is nowhere
    negative does not become so, and what has one sign and no 0 keeps that: it takes the value of
    the rows that is nearest to 0.
    """
    spread = 1 + 2 / np.sqrt(known)
    mean, std = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    std[std == 0] = 1.0
    scaled = (rows - mean) / std
    with single_thread():  # or the rows would depend on their number
        directions = np.linalg.eigh(np.einsum("ni,nj->ij", scaled, scaled))[1]
    scores = np.einsum("ni,ij->nj", scaled, directions)
    inputs = np.arange(rows.shape[1])
    drawn = scores[rng.integers(len(rows), size=(count, len(inputs))), inputs]
    taken = rng.random((count, len(inputs))) < _RECOMBINED
    own = rng.integers(len(rows), size=count)
    scores = np.where(taken, drawn, scores[own])
    made = np.einsum("nj,ij->ni", scores, directions) * (spread * std) + mean
    low, high = widen_box(rows, spread)
    made = np.clip(made, np.where((rows >= 0).all(axis=0), np.maximum(low, 0), low), high)
    made = made.astype(rows.dtype)
    kinds = are_kinds(rows)
    made[:, kinds] = rows[own][:, kinds]
    for i in np.flatnonzero(~kinds):
        values = np.unique(rows[:, i])
        if len(values) <= len(rows) / 2:
            middles = values[:-1] / 2 + values[1:] / 2
            made[:, i] = values[np.searchsorted(middles, made[:, i])]
        elif (values == np.rint(values)).all():
            made[:, i] = np.rint(made[:, i])
    # at 0 and beyond it a logarithm or a quotient of what has one sign has no value
    signs = np.sign(rows[0])
    is_one_sign = (np.sign(rows) == signs).all(axis=0) & (signs != 0)
    nearest = rows[np.abs(rows).argmin(axis=0), inputs]
    return np.where(is_one_sign & (np.sign(made) != signs), nearest, made)


def _evaluate(
    network: BlackBox, x: NDArray[Any], given: Any, what: str
) -> tuple[list[str], list[NDArray[Any]]]:
    """Names of the layers, and the rows and the layers' values, within the range of float32. Errors
    name the place of a row among those that were given, which they call ``what``."""
    names, values = network.layers(x)
    for name, value in zip(names, values, strict=True):
        bad = np.flatnonzero(~_are_in_range(value).all(axis=1))
        if bad.size:
            places = np.flatnonzero((given == x[bad[0]]).all(axis=1))
            where = f"row {places[0]} of {what}" if places.size else "a row made up of those of X"
            advice = "" if places.size else ", or validation=, with which no row is made up"
            raise UserError(
                f"the layer '{name}' gives a value that is not finite (in float32) at {where}; a "
                f"network that is finite is needed{advice}"
            )
    if not _are_in_range(x).all():
        raise UserError(f"{what} has a value beyond the range of float32; scale it")
    return names, [x, *values]


def _check_widths(names: list[str], own: dict[str, list[NDArray[Any]]]) -> None:
    """UserError unless every layer has as many units in every split."""
    first = own["train"]
    for values in own.values():
        for name, a, b in zip(names, first[1:], values[1:], strict=True):
            if a.shape[1] != b.shape[1]:
                raise UserError(
                    f"the layer '{name}' gives {a.shape[1]} columns for {len(a)} rows and "
                    f"{b.shape[1]} for {len(b)}; a function of one row is needed"
                )


def _check_spread(outputs: NDArray[Any]) -> None:
    """UserError if the outputs (n, k) differ by less than the search, in float32, can tell."""
    values = np.asarray(outputs, dtype=np.float64)
    largest = np.abs(values).max(axis=0)
    spread = np.ptp(values, axis=0)
    small = (spread > CONSTANT_SPREAD * largest) & (spread < _SMALLEST_SPREAD)
    if small.any():
        column = int(small.argmax())
        factor = f"1e{min(-math.floor(math.log10(spread[column])), 300)}"
        raise UserError(
            f"the output {column} of the model spans {spread[column]:.3g} on these rows; the "
            f"search needs at least {_SMALLEST_SPREAD:g}, for it computes in float32: explain a "
            f"multiple of the output, as lambda X: {factor} * model(X)"
        )


def _are_in_range(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are finite in float32."""
    with np.errstate(over="ignore"):
        return np.isfinite(values.astype(np.float32))
