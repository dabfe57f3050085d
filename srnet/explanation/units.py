"""The units of the search and those of the network: inputs as the first layer reads them and an
output of standard deviation 1, against inputs and outputs as the user knows them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.explanation.layers import LayerSample
from srnet.metrics import agreement, component_shares, largest_share, r_squared
from srnet.model.fitting import fit_classifier, least_squares, quality
from srnet.model.logistic import softmax
from srnet.model.regression import gains
from srnet.model.rounding import round_constants
from srnet.model.srnet import SRNet, join, readable_expressions
from srnet.networks.adapters import Scaler
from srnet.networks.layers import Layers
from srnet.search.individual import Individual
from srnet.search.pareto import front
from srnet.typing import Floats


def scale_layers(sample: LayerSample, scaler: Scaler | None) -> Layers:
    """The layers as they are searched, the inputs scaled by mean and std where there is a scaler.

    The fitness then weighs an output of any magnitude against the hidden layers in the same way.
    """
    splits = {}
    for split, (x, *hidden, y) in sample.layers.splits.items():
        if scaler is not None:
            x = ((x - scaler[0]) / scaler[1]).astype(np.float32)
        splits[split] = [x, *hidden, (y / sample.output_scale).astype(np.float32)]
    return replace(sample.layers, splits=splits)


def restore_units(
    run: dict[str, Any], sample: LayerSample, scaler: Scaler | None, input_names: Sequence[str]
) -> dict[str, Any]:
    """RUN.json of a search of scaled layers with models of the inputs and outputs in their own
    units, measured again on the layers themselves.

    The Pareto front is made anew, for what scaling adds to a formula may change the order; a
    model's fitness is still that of the search. The run's own is selected.
    """
    individuals: list[Individual] = []
    digits: dict[int, int] = {}  # of the models that were rounded, by complexity
    for entry in run["pareto"] or [run]:
        model = _unscale(SRNet.from_run(entry), sample.output_scale, scaler)
        if model.reads == "scalars":
            model, digits[model.complexity] = round_constants(model, sample.layers)
        individuals.append(
            Individual(
                tuple(np.array(genes, np.int32) for genes in entry.get("genes", ())),
                model,
                tuple(model.losses(sample.layers)),
                entry["fitness"],
            )
        )
    chosen = individuals if scaler is None else front(individuals)
    entries = [describe(individual, sample.layers) for individual in chosen]
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
        "layer_names": sample.names,
        "input_names": list(input_names),
        "output_scale": sample.output_scale,
        **_baselines(sample.layers, SRNet.from_run(run)),
        "selected": selected,
    }


def describe(individual: Individual, layers: Layers) -> dict[str, Any]:
    """An entry of the Pareto front of an explanation: beside what every run tells of it, its
    composed formulas; R² by layer, what each formula adds to it, and its bound by principal
    components; and R² of the output on the validation rows.

    Of logits there is no bound, and no part of R² that a formula adds; R² is of the probabilities,
    and the validation rows also tell the share with the network's class.
    """
    model, losses = individual.model, individual.losses
    valid = layers.splits["valid"]
    units = [layers.values(i) for i in range(1, layers.depth + 1)]
    r2s = [r_squared(loss, h) for loss, h in zip(losses, units, strict=True)]
    added = [
        gains(list(scalars.T), h)
        for scalars, h in zip(model.scalars(layers.values(0)), units, strict=True)
    ]
    bounds: list[float | None] = [
        float(component_shares(h)[min(rank, h.shape[1]) - 1])
        for h, rank in zip(units, model.ranks, strict=True)
    ]
    predicted = model.predict(valid[0])
    agreed = {}
    if model.loss == "cross_entropy":
        r2s[-1] = _r2(model.predict(layers.values(0)), units[-1])
        added[-1], bounds[-1] = [], None
        agreed["valid_accuracy"] = agreement(valid[-1], predicted)[0]
    return {
        **individual.to_json(),
        "network_expressions": readable_expressions(model),
        "layer_r2": r2s,
        "layer_gains": added,
        "layer_bounds": bounds,
        "valid_r2": _r2(predicted, valid[-1]),
        **agreed,
        **quality(model, losses, layers),
    }


def _baselines(layers: Layers, model: SRNet) -> dict[str, float | None]:
    """What a linear regression of the output on the inputs, fitted to the training rows, reaches on
    the validation rows: R². Where a model's outputs are logits, that of a linear logistic model and
    its share of rows with the network's class, beside the commonest class's."""
    (x, *_, y), (v, *_, expected) = layers.splits["train"], layers.splits["valid"]
    columns, rows = list(x.T.astype(np.float64)), list(v.T.astype(np.float64))
    if model.loss == "mse":
        return {"linear_r2": _r2(join(rows, *least_squares(columns, y)), expected)}
    predicted = softmax(join(rows, *fit_classifier(columns, y, model.targets)))
    return {
        "linear_r2": _r2(predicted, expected),
        "linear_accuracy": agreement(expected, predicted)[0],
        "majority_share": largest_share(expected),
    }


def _r2(given: Floats, expected: NDArray[np.floating]) -> float | None:
    error = float(np.mean(np.square(given - expected)))
    return r_squared(error, expected) if np.isfinite(error) else None


def _unscale(model: SRNet, output_scale: float, scaler: Scaler | None) -> SRNet:
    """The same model of inputs and outputs in their own units."""
    first, *others = model.programs
    if scaler is not None:
        mean, deviation = scaler
        first = tuple(program.after_scaling(mean.tolist(), deviation.tolist()) for program in first)
    *hidden_weights, weights = model.weights
    *hidden_biases, biases = model.biases
    return replace(
        model,
        programs=(first, *others),
        weights=(*hidden_weights, weights * output_scale),
        biases=(*hidden_biases, biases * output_scale),
    )
