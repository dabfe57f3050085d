"""Inputs on a line: affine functions of the scalar are known, tie, and the first wins."""

import math

import numpy as np
import pytest
from helpers.layer_cases import Case, losses, made_up, search

from srnet.cgp.primitives import OPCODES
from srnet.search.kernels.line import Line, is_affine
from srnet.search.layerwise import LayerSearch
from srnet.typing import Floats


def on_a_line(
    slopes: list[float], centres: list[float], scalar: Floats
) -> tuple[Case, LayerSearch]:
    """A layer whose inputs are slopes·τ + centres, as those of every layer after the first."""
    case = made_up(rows=300, valid=77, inputs=len(slopes))
    case.functions = ("add", "sub", "mul", "div", "sin")
    case.x[:] = np.outer(scalar, slopes) + centres
    case.h[:, 0] = (np.sin(3 * scalar) + scalar) / 4
    layer = case.layer(256)
    layer.lines = [
        Line.draw(
            scalar.astype(np.float32).astype(np.float64),
            np.array(slopes),
            np.array(centres),
            layer.constants,
            layer.grid.nodes,
        )
    ]
    return case, layer


SCALAR = np.random.default_rng(5).normal(0, 1, 377)
ADD, SUB, MUL, DIV, SQUARE, SIN = (
    OPCODES[name] for name in ("add", "sub", "mul", "div", "square", "sin")
)


@pytest.mark.parametrize(
    ("nodes", "output", "expected"),
    [
        ([], 0, True),  # an input
        ([], 3, False),  # a constant
        ([(ADD, 0, 1)], 5, True),
        ([(SUB, 0, 0)], 5, False),  # nothing is left
        ([(MUL, 3, 2)], 5, True),  # constant · input
        ([(MUL, 0, 1)], 5, False),
        ([(DIV, 0, 4)], 5, True),
        ([(DIV, 4, 0)], 5, False),
        ([(SQUARE, 3, 0), (MUL, 5, 0)], 6, False),  # only + - · / are followed
        ([(SIN, 0, 0)], 5, False),
        ([(SUB, 0, 0), (ADD, 5, 1)], 6, True),
        ([(MUL, 3, 4), (ADD, 5, 1), (DIV, 6, 3), (SUB, 7, 0)], 8, True),
    ],
)
def test_affine_functions_of_the_scalar_are_known(
    nodes: list[tuple[int, int, int]], output: int, expected: bool
) -> None:
    _, layer = on_a_line([1.0, 0.7, -0.4], [0.1, 0.5, 2.0], SCALAR)
    program = np.array(nodes or [(0, 0, 0)], np.int32)
    assert is_affine(program, len(nodes), output, 5, layer.lines[0]) is expected


def test_an_affine_function_that_float32_drowns_is_no_scalar() -> None:
    """A difference of nearly equal inputs, or an offset of a million, leaves rounding noise."""
    _, layer = on_a_line([1.0, 1.0 + 1e-7, 1.0], [0.0, 0.0, 1e6], SCALAR)
    line = layer.lines[0]
    assert is_affine(np.array([(ADD, 0, 1)], np.int32), 1, 5, 5, line)
    assert not is_affine(np.array([(SUB, 0, 1)], np.int32), 1, 5, 5, line)
    assert not is_affine(np.array([(ADD, 0, 2)], np.int32), 1, 5, 5, line)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_affine_functions_of_a_scalar_tie_and_the_first_wins(rate: float) -> None:
    case, layer = on_a_line([1.0, 0.7, -0.4], [0.1, 0.5, 2.0], SCALAR)
    plain = case.layer(256)  # the same values, no line
    ties = 0
    for number in range(6):
        parent = np.array(case.shape.random(number), np.int32)
        single, apart = losses(layer, parent, rate), losses(plain, parent, rate)
        # the scalar's loss is the formula's own, but for float32 rounding
        np.testing.assert_allclose(single, apart, rtol=1e-5)
        best = int(np.argmin(single))
        expected = (single[best], best) if math.isfinite(single[best]) else (math.inf, -1)
        assert search(layer, parent, shortcuts=False, rate=rate) == expected
        assert search(layer, parent, shortcuts=True, rate=rate) == expected
        ties += len(set(apart)) - len(set(single))
    assert ties > 5
