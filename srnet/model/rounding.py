"""A model with constants of few digits, so that every rendering of it computes what it says."""

from dataclasses import replace

import numpy as np

from srnet.model.fitting import fit, output_cost
from srnet.model.losses import SQUARED, RowLoss
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.typing import Floats

# A layer's loss may rise by this share of itself and this share of its units' mean square.
_RISE, _NOISE = 1e-3, 1e-9
# Digits that are tried; with the last, nothing is rounded.
_DIGITS = range(4, 17)


def round_constants(
    model: SRNet, layers: Layers, output_loss: RowLoss = SQUARED
) -> tuple[SRNet, int]:
    """The model with its constants, weights and biases rounded to as few significant digits as
    leave the losses as they are, and their number; 17, which is all of float64, where none do.

    Weights and biases are fitted again to the formulas with rounded constants. ``output_loss`` is
    that of the output, whose squared typical error counts.
    """
    before = _losses(model, layers, output_loss)
    sizes = [float(np.mean(np.square(layers.values(i + 1)))) for i in range(model.depth)]
    if output_loss is not SQUARED:
        sizes[-1] = output_loss.typical_square(output_loss.mean(layers.values(-1)))
    for digits in _DIGITS:
        programs = [
            [
                replace(
                    program,
                    constants=tuple(_rounded(np.array(program.constants), digits).tolist()),
                )
                for program in layer
            ]
            for layer in model.programs
        ]
        kind = model.task, model.loss, model.reads, model.targets
        fitted = fit(programs, layers, *kind, output_loss)
        if fitted is None:
            continue
        rounded = replace(
            fitted,
            weights=tuple(_rounded(weights, digits) for weights in fitted.weights),
            biases=tuple(_rounded(biases, digits) for biases in fitted.biases),
            costs=model.costs,
        )
        after = _losses(rounded, layers, output_loss)
        if all(
            new <= old * (1 + _RISE) + _NOISE * size
            for new, old, size in zip(after, before, sizes, strict=True)
        ):
            return rounded, digits
    return model, 17


def _losses(model: SRNet, layers: Layers, output_loss: RowLoss) -> list[float]:
    losses = model.losses(layers)
    if output_loss is not SQUARED:
        losses[-1] = output_loss.typical_square(output_cost(model, layers, output_loss))
    return losses


def _rounded(values: Floats, digits: int) -> Floats:
    """Numbers to so many significant digits."""
    shown = [float(f"{value:.{digits}g}") for value in values.ravel()]
    return np.array(shown, dtype=np.float64).reshape(values.shape)
