"""The numbers of a model by their names, as what is trained holds them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.model.srnet import SRNet
from srnet.typing import Floats


def numbers_of(model: SRNet) -> dict[str, Floats]:
    """For layer i, from 0: ``constants{i}`` of all its formulas in succession, ``weights{i}``,
    formulas × units, and ``biases{i}``; float64."""
    numbers = {}
    for i, (programs, weights, biases) in enumerate(model):
        constants = [value for program in programs for value in program.constants]
        numbers[f"constants{i}"] = np.array(constants, dtype=np.float64)
        numbers[f"weights{i}"] = weights.copy()
        numbers[f"biases{i}"] = biases.copy()
    return numbers


def check_numbers(known: Mapping[str, Floats], given: Any) -> None:
    """UserError unless what is given has names that are known, with arrays of the same shapes."""
    if not isinstance(given, Mapping):
        raise UserError(f"'parameters' is {given!r}; arrays by their names are needed")
    for name, value in given.items():
        if name not in known:
            raise UserError(f"'parameters' has {name!r}; known are {', '.join(known)}")
        if np.shape(value) != known[name].shape:
            raise UserError(
                f"'parameters' has {name} of the shape {np.shape(value)}; {known[name].shape} is "
                f"needed"
            )


def replace_numbers(model: SRNet, numbers: Mapping[str, Floats]) -> SRNet:
    """The model with these numbers; those that are not among them stay.

    Raises
    ------
    UserError
        If a name or a shape is another, or a weight or bias is not finite.
    """
    known = numbers_of(model)
    check_numbers(known, numbers)
    numbers = known | dict(numbers)
    layers = range(model.depth)
    return replace(
        model,
        programs=tuple(
            _replace_constants(model.programs[i], numbers[f"constants{i}"]) for i in layers
        ),
        weights=tuple(numbers[f"weights{i}"] for i in layers),
        biases=tuple(numbers[f"biases{i}"] for i in layers),
    )


def _replace_constants(programs: tuple[Program, ...], constants: Floats) -> tuple[Program, ...]:
    left = iter(constants.tolist())
    return tuple(
        replace(program, constants=tuple(next(left) for _ in program.constants))
        for program in programs
    )
