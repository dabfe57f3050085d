"""Inputs on a line: formulas that are affine functions of one scalar fit alike and tie.

All inputs of a layer after the first are affine functions of one scalar, the formula of the layer
before, and a good part of the offspring are again no more than that: h0 + h1, or c·h2. An affine
function of a scalar fits what the scalar fits. Each is therefore replaced by one and the same
input: they tie exactly, the lowest number wins, and one evaluation answers for all. Without this
float32's rounding would decide, so it is part of the definition of a result.
"""

from typing import NamedTuple

import numpy as np

from srnet.cgp.compiling import borrowing
from srnet.cgp.primitives import OPCODES
from srnet.typing import Floats

_ADD, _SUB, _MUL, _DIV = OPCODES["add"], OPCODES["sub"], OPCODES["mul"], OPCODES["div"]
_HALF_ULP = 2.0**-24
# An affine function is taken for its scalar where rounding moves it by less than this share of its
# deviation.
_LOST = 2.0**-16


class Line(NamedTuple):
    """Values slope·τ + centre of one scalar τ.

    Attributes
    ----------
    slopes, centres, errors
        By address: of inputs and constants, with a bound of the rounding error; behind them, of the
        nodes, scratch.
    deviation, largest
        Root mean square of τ over the rows, and the largest |τ|; 0 where inputs are on no line.
    widest
        The input with the largest slope.
    """

    slopes: Floats
    centres: Floats
    errors: Floats
    deviation: float
    largest: float
    widest: int

    @classmethod
    def none(cls) -> "Line":
        """Of the first layer, whose inputs are several."""
        return cls(np.empty(0), np.empty(0), np.empty(0), 0.0, 0.0, 0)

    @classmethod
    def draw(
        cls,
        tau: Floats,
        slopes: Floats,
        centres: Floats,
        constants: Floats,
        nodes: int,
    ) -> "Line":
        """Of inputs slopes[j]·τ + centres[j], for formulas with these constants and so many
        nodes."""
        largest = float(np.abs(tau).max())
        addresses = slopes.size + constants.size + nodes
        table = np.zeros((3, addresses))
        table[0, : slopes.size] = slopes
        table[1, : slopes.size] = centres
        table[1, slopes.size : slopes.size + constants.size] = constants
        table[2, : slopes.size] = _HALF_ULP * (np.abs(centres) + np.abs(slopes) * largest)
        deviation = float(np.sqrt(np.square(tau).mean()))
        return cls(table[0], table[1], table[2], deviation, largest, int(np.argmax(np.abs(slopes))))


@borrowing()
def replace_affine(layer, line, population, size):  # type: ignore[no-untyped-def]
    """Make offspring that are affine functions of the scalar the widest input."""
    if line.deviation > 0.0:
        for offspring in range(size):
            count, output = population.counts[offspring], population.outputs[offspring]
            if is_affine(population.programs[offspring], count, output, layer.terminals, line):
                population.counts[offspring], population.outputs[offspring] = 0, line.widest


@borrowing()
def is_affine(program, count, output, terminals, line):  # type: ignore[no-untyped-def]
    """Whether a program is an affine function of the scalar, and float32 loses nothing of it."""
    slopes, centres, errors, largest = line.slopes, line.centres, line.errors, line.largest
    for node in range(count):
        opcode, a, b = program[node, 0], program[node, 1], program[node, 2]
        size_a = abs(centres[a]) + abs(slopes[a]) * largest
        size_b = abs(centres[b]) + abs(slopes[b]) * largest
        if opcode in (_ADD, _SUB):
            sign = 1.0 if opcode == _ADD else -1.0
            slope, centre = slopes[a] + sign * slopes[b], centres[a] + sign * centres[b]
            error = errors[a] + errors[b]
        elif opcode == _MUL and (slopes[a] == 0.0 or slopes[b] == 0.0):
            slope = slopes[a] * centres[b] + slopes[b] * centres[a]
            centre = centres[a] * centres[b]
            error = errors[a] * size_b + errors[b] * size_a
        elif opcode == _DIV and slopes[b] == 0.0 and abs(centres[b]) > 2.0 * errors[b]:
            slope, centre = slopes[a] / centres[b], centres[a] / centres[b]
            size = abs(centre) + abs(slope) * largest
            error = (errors[a] + 2.0 * errors[b] * size) / abs(centres[b])
        else:
            return False
        at = terminals + node
        slopes[at], centres[at] = slope, centre
        errors[at] = error + _HALF_ULP * (abs(centre) + abs(slope) * largest)
    return errors[output] < _LOST * abs(slopes[output]) * line.deviation
