"""Models of several formulas per layer, and what they compute, by NumPy alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from helpers.formula_text import FUNCTIONS
from numpy.typing import NDArray

from srnet.cgp.program import Program
from srnet.model.srnet import SRNet

Floats = NDArray[np.float64]

VALUES: dict[str, Any] = {
    **FUNCTIONS,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "square": np.square,
}
# Whose values stay small and whose errors do not grow.
TAME = ("add", "sub", "mul", "sin", "cos")


def program(
    rng: np.random.Generator, inputs: int, functions: Sequence[str] = TAME, size: int = 4
) -> Program:
    """A random formula of at most ``size`` nodes, each of which reads the one before."""
    constants = tuple(rng.normal(size=rng.integers(0, 3)).tolist())
    last, nodes = int(rng.integers(inputs)), []
    for i in range(rng.integers(0, size + 1)):
        name = str(rng.choice(functions))
        other = int(rng.integers(inputs + len(constants) + i))
        nodes.append((name, (last,) if name in ("sin", "cos", "square", "ln") else (last, other)))
        last = inputs + len(constants) + i
    return Program(inputs, constants, tuple(nodes), last)


def model(
    seed: int,
    reads: str = "units",
    widths: Sequence[int] = (2, 4, 3, 2),
    ranks: Sequence[int] = (2, 3, 2),
    loss: str = "mse",
    functions: Sequence[str] = TAME,
) -> SRNet:
    """A random model."""
    rng = np.random.default_rng(seed)
    inputs = [widths[0], *(ranks if reads == "scalars" else widths[1:])]
    return SRNet(
        tuple(
            tuple(program(rng, k, functions) for _ in range(rank))
            for k, rank in zip(inputs, ranks, strict=False)
        ),
        tuple(rng.normal(0, 0.7, shape) for shape in zip(ranks, widths[1:], strict=True)),
        tuple(rng.normal(0, 0.7, width) for width in widths[1:]),
        "ranked",
        loss,
        reads,
    )


def value(program: Program, x: Floats) -> Floats:
    """The formula at the rows of x."""
    known = [*x.T, *(np.full(len(x), constant) for constant in program.constants)]
    for name, operands in program.nodes:
        known.append(VALUES[name](*(known[operand] for operand in operands)))
    return np.asarray(known[program.output])


def values(model: SRNet, x: NDArray[Any]) -> tuple[list[Floats], list[Floats]]:
    """Scalars and units of every layer."""
    scalars: list[Floats] = []
    units: list[Floats] = []
    read = np.asarray(x, dtype=np.float64)
    for programs, weights, biases in zip(model.programs, model.weights, model.biases, strict=True):
        scalars.append(np.column_stack([value(program, read) for program in programs]))
        units.append(scalars[-1] @ weights + biases)
        read = scalars[-1] if model.reads == "scalars" else units[-1]
    return scalars, units
