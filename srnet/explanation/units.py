"""The units of the search and those of the network: inputs as the first layer reads them and an
output of standard deviation 1, against inputs and outputs as the user knows them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.layers import LayerSample
from srnet.metrics import agreement, component_shares, largest_share, r_squared
from srnet.model.fitting import fit_classifier, least_cost, quality
from srnet.model.logistic import softmax
from srnet.model.losses import SQUARED, RowLoss
from srnet.model.names import default_names, symbol_names
from srnet.model.regression import gains
from srnet.model.rounding import round_constants
from srnet.model.srnet import SRNet, join, readable_expressions
from srnet.networks.adapters import Scaler
from srnet.networks.layers import Layers, spreads, too_coarse
from srnet.search.individual import Individual
from srnet.search.pareto import front
from srnet.typing import Floats

# Rows that are not fitted, and with what the keys of a linear model's measures there begin.
_JUDGED = {"valid": "", "test": "test_"}
# A shift pays where a column is so many spreads away from 0; a scale where the spread is of more
# digits than these, before or behind the point.
_FAR, _DIGITS = 10, 9


def search_units(x: NDArray[Any]) -> Scaler | None:
    """What is subtracted from the columns of x, n × d, and what they are then divided by, for a
    search in float32; None where it holds them well enough as they are.

    The numbers are short: they stand in the formulas. A column that float32 holds has 0 and 1.
    """
    coarse = too_coarse(x)
    if not coarse.any():
        return None
    shift, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    for i in np.flatnonzero(coarse):
        spread, middle = float(spreads(x)[i]), float(np.median(x[:, i]))
        digit = math.floor(math.log10(spread))
        if abs(middle) > _FAR * spread:
            shift[i] = float(Decimal(repr(middle)).quantize(Decimal((0, (1,), digit + 1))))
        if not -_DIGITS <= digit <= _DIGITS:
            scale[i] = float(f"1e{digit}")
    return shift, scale


def scale_layers(sample: LayerSample, scaler: Scaler | None) -> Layers:
    """The layers as they are searched, the inputs scaled by mean and std where there is a scaler.

    The fitness then weighs an output of any magnitude against the hidden layers in the same way.
    """
    splits, outputs = {}, _output_shift(sample)
    for split, (x, *hidden, y) in sample.layers.splits.items():
        if scaler is not None:
            x = ((x - scaler[0]) / scaler[1]).astype(np.float32)
        shifted = y if outputs is None else y - outputs
        splits[split] = [x, *hidden, (shifted / sample.output_scale).astype(np.float32)]
    return replace(sample.layers, splits=splits)


def _output_shift(sample: LayerSample) -> Floats | None:
    """What is subtracted from the outputs for the search, where float32 does not hold them."""
    units = search_units(sample.layers.splits["train"][-1])
    return None if units is None else units[0]


def restore_units(
    run: dict[str, Any],
    sample: LayerSample,
    scaler: Scaler | None,
    columns: Sequence[str] | None = None,
) -> dict[str, Any]:
    """RUN.json of a search of scaled layers with models of the inputs and outputs in their own
    units, measured again on the layers themselves.

    The Pareto front is made anew, for what scaling adds to a formula may change the order; a
    model's fitness is still that of the search. The run's own is selected.
    """
    loss = _output_loss(run, sample)
    individuals: list[Individual] = []
    digits: dict[int, int] = {}  # of the models that were rounded, by complexity
    # constants are rounded before inputs and outputs get what was subtracted, which is short
    read = scale_layers(replace(sample, output_scale=1.0), scaler)
    outputs = _output_shift(sample)
    for entry in run["pareto"] or [run]:
        model, rounded = _scale_output(SRNet.from_run(entry), sample.output_scale), None
        if model.reads == "scalars":
            model, rounded = round_constants(model, read, loss)
        if scaler is not None:
            first, *others = model.programs
            unscaled = tuple(_of_unscaled(program, *scaler) for program in first)
            model = replace(model, programs=(unscaled, *others))
        if outputs is not None:
            model = replace(model, biases=(*model.biases[:-1], model.biases[-1] + outputs))
        if rounded is not None:
            digits[model.complexity] = rounded
        individuals.append(
            Individual(
                tuple(np.array(genes, np.int32) for genes in entry.get("genes", ())),
                model,
                tuple(model.losses(sample.layers)),
                entry["fitness"],
            )
        )
    most = run.get("settings", {}).get("maxsize", math.inf)  # what scaling adds may be too much
    fitting = [each for each in individuals if each.model.size <= most]
    if not fitting:
        raise UserError(
            f"'maxsize' is {most}; the smallest formula that was found has the size "
            f"{min(each.model.size for each in individuals)}, with what float32 needs subtracted "
            f"from the inputs"
        )
    chosen = fitting if scaler is None else front(fitting)
    entries = [describe(individual, sample.layers, loss) for individual in chosen]
    for entry in entries:
        if entry["complexity"] in digits:
            entry["digits"] = digits[entry["complexity"]]
    # what scaling adds may have made the run's own one more than another's match
    selected = next(
        (i for i, each in enumerate(chosen) if each.fitness == run["fitness"]), len(chosen) - 1
    )
    return {
        **{key: value for key, value in run.items() if key != "elites"},
        **entries[selected],
        "pareto": entries,
        "layers_fingerprint": sample.layers.fingerprint(),
        "rows": {split: sample.layers.rows(split) for split in sample.layers.splits},
        "validation": sample.validation,
        "layer_names": sample.names,
        **_names(columns, sample.layers.widths[0]),
        "output_scale": np.asarray(sample.output_scale).tolist(),
        **_baselines(sample.layers, SRNet.from_run(run), loss),
        "selected": selected,
    }


def _output_loss(run: dict[str, Any], sample: LayerSample) -> RowLoss:
    """The output's loss in its own units; ``SQUARED`` where it is not robust and there is one scale
    for all outputs."""
    loss = RowLoss.from_settings(run.get("settings", {}), sample.output_scale)
    return loss if loss.name != "mse" or np.ndim(sample.output_scale) else SQUARED


def _names(columns: Sequence[str] | None, inputs: int) -> dict[str, list[str]]:
    """What RUN.json tells of the inputs' names: those in the formulas, and where the columns have
    some their own."""
    if columns is None:
        return {"input_names": default_names(inputs)}
    return {"input_names": symbol_names(columns), "columns": list(columns)}


def describe(
    individual: Individual, layers: Layers, output_loss: RowLoss = SQUARED
) -> dict[str, Any]:
    """An entry of the Pareto front of an explanation: beside what every run tells of it, its
    composed formulas; R² by layer, what each formula adds to it, and its bound by principal
    components; and R² of the output on the validation rows and on those that are held out.

    Rows count by their weights. With an ``output_loss`` that divides outputs by scales of their
    own, all that is told of the output's R² is of the scaled outputs; with a robust one there
    stands the like of R² for it beside.

    Of logits there is no bound, and no part of R² that a formula adds; R² is of the probabilities,
    and beside it stands the share of the rows with the network's class.
    """
    model, losses = individual.model, individual.losses
    units = [layers.values(i) for i in range(1, layers.depth + 1)]
    weights = layers.row_weights("train", "valid")
    r2s = [r_squared(loss, h, weights) for loss, h in zip(losses, units, strict=True)]
    if np.ndim(output_loss.scales):
        units[-1] = units[-1] / output_loss.scales
        scaled = model.predict(layers.values(0)) / output_loss.scales
        r2s[-1] = _r2(scaled, units[-1], RowLoss(weights=weights))
    added = [
        gains(list(scalars.T), h, weights)
        for scalars, h in zip(model.scalars(layers.values(0)), units, strict=True)
    ]
    bounds: list[float | None] = [
        float(component_shares(h, weights)[min(rank, h.shape[1]) - 1])
        for h, rank in zip(units, model.ranks, strict=True)
    ]
    if model.loss == "cross_entropy":
        r2s[-1] = _r2(model.predict(layers.values(0)), units[-1], RowLoss(weights=weights))
        added[-1], bounds[-1] = [], None
    return {
        **individual.to_json(),
        "network_expressions": readable_expressions(model),
        "layer_r2": r2s,
        "layer_gains": added,
        "layer_bounds": bounds,
        **_judge(model, layers, output_loss),
        **quality(model, losses, layers),
    }


def _judge(model: SRNet, layers: Layers, output_loss: RowLoss) -> dict[str, Any]:
    """R² of the output on rows that are not fitted, and of several that of each, which one of large
    numbers hides; of logits also the share with the network's class."""
    told: dict[str, Any] = {}
    for split in _JUDGED:
        if split not in layers.splits:
            continue
        x, *_, expected = layers.splits[split]
        predicted, weights = model.predict(x), layers.row_weights(split)
        loss = RowLoss(weights=weights)
        told |= _measure(f"{split}_", predicted, expected, replace(output_loss, weights=weights))
        if model.loss == "mse" and expected.shape[1] > 1:
            rounding = 4 * np.finfo(expected.dtype).eps
            told[f"{split}_output_r2"] = [
                _r2(a[:, None], b[:, None], loss) if np.ptp(b) > rounding * abs(b).max() else None
                for a, b in zip(predicted.T, expected.T, strict=True)
            ]
        if model.loss == "cross_entropy":
            told[f"{split}_accuracy"] = agreement(expected, predicted, weights)[0]
    return told


def _measure(
    prefix: str, given: Floats, expected: NDArray[np.floating], loss: RowLoss
) -> dict[str, float | None]:
    """R² of outputs, of such as have scales of their own that of the scaled ones, and with a robust
    loss the like of R²."""
    scales = loss.scales if np.ndim(loss.scales) else 1.0
    squared = RowLoss(weights=loss.weights)
    told = {f"{prefix}r2": _r2(given / scales, expected / scales, squared)}
    if loss.name != "mse":
        told[f"{prefix}robust_r2"] = _r2(given, expected, loss)
    return told


def _baselines(layers: Layers, model: SRNet, output_loss: RowLoss) -> dict[str, float | None]:
    """What a linear regression of the output on the inputs, fitted to the training rows, reaches on
    the same rows: R². Where a model's outputs are logits, that of a linear logistic model and its
    share of rows with the network's class, beside the commonest class's."""
    x, *_, y = layers.splits["train"]
    columns, classifies = list(x.T.astype(np.float64)), model.loss == "cross_entropy"
    weights = layers.row_weights("train")
    if classifies:
        fitted = fit_classifier(columns, y, model.targets, weights)
    else:
        fitted = least_cost(columns, y, replace(output_loss, weights=weights))
    told: dict[str, float | None] = {}
    for split, prefix in _JUDGED.items():
        if split not in layers.splits:
            continue
        v, *_, expected = layers.splits[split]
        predicted, weights = join(list(v.T.astype(np.float64)), *fitted), layers.row_weights(split)
        given = softmax(predicted) if classifies else predicted
        loss = replace(output_loss, weights=weights)
        told |= _measure(f"{prefix}linear_", given, expected, loss)
        if classifies:
            told[f"{prefix}linear_accuracy"] = agreement(expected, given, weights)[0]
            told[f"{prefix}majority_share"] = largest_share(expected, weights)
    return told


def _r2(given: Floats, expected: NDArray[np.floating], loss: RowLoss) -> float | None:
    error = loss.mean(given - expected)
    return loss.r_squared(error, expected) if np.isfinite(error) else None


def _scale_output(model: SRNet, output_scale: float | Floats) -> SRNet:
    """The same model of an output in its own units."""
    return replace(
        model,
        weights=(*model.weights[:-1], model.weights[-1] * output_scale),
        biases=(*model.biases[:-1], model.biases[-1] * output_scale),
    )


def _of_unscaled(program: Program, mean: Floats, std: Floats) -> Program:
    """The same formula of inputs that are not yet scaled: (x - mean) / std becomes part of it where
    it is not x itself."""
    constants = list(program.constants)
    nodes: list[tuple[str, tuple[int, ...]]] = []
    first = program.terminals  # then new constants, and new nodes before the program's
    steps = [
        (i, name, float(value))
        for i in program.used_inputs()
        for name, value, nothing in (("sub", mean[i], 0.0), ("div", std[i], 1.0))
        if value != nothing
    ]
    place = {i: i for i in range(first)}
    for j, (i, name, value) in enumerate(steps):
        nodes.append((name, (place[i], first + j)))
        constants.append(value)
        place[i] = first + len(steps) + j
    for j, (name, operands) in enumerate(program.nodes):
        nodes.append((name, tuple(place[operand] for operand in operands)))
        place[first + j] = first + len(steps) + len(steps) + j
    return Program(program.inputs, tuple(constants), tuple(nodes), place[program.output])
