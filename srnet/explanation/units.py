"""The units of the search and those of the network: inputs as the first layer reads them and an
output of standard deviation 1, against inputs and outputs as the user knows them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from srnet.explanation.layers import LayerSample
from srnet.metrics import r_squared
from srnet.model.fitting import quality
from srnet.model.srnet import SRNet, readable_expressions
from srnet.networks.adapters import Scaler
from srnet.networks.layers import Layers
from srnet.search.individual import Individual
from srnet.search.pareto import front


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
    individuals = []
    for entry in run["pareto"] or [run]:
        model = _unscale(SRNet.from_run(entry), sample.output_scale, scaler)
        individuals.append(
            Individual(
                tuple(np.array(genes, np.int32) for genes in entry.get("genes", ())),
                model,
                tuple(model.losses(sample.layers)),
                entry["fitness"],
            )
        )
    chosen = front(individuals)
    entries = [describe(individual, sample.layers) for individual in chosen]
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
        "selected": selected,
    }


def describe(individual: Individual, layers: Layers) -> dict[str, Any]:
    """An entry of the Pareto front of an explanation: beside what every run tells of it, its
    composed formulas and R² by layer."""
    model, losses = individual.model, individual.losses
    return {
        **individual.to_json(),
        "network_expressions": readable_expressions(model),
        "layer_r2": [r_squared(loss, layers.values(i)) for i, loss in enumerate(losses, start=1)],
        **quality(model, losses, layers),
    }


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
