"""The JAX function of a model: a module of its own, since it needs JAX at import."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from srnet.cgp.primitives import by_name
from srnet.errors import UserError
from srnet.model.numbers import check_numbers, numbers_of, replace_numbers
from srnet.model.srnet import SRNet
from srnet.typing import Floats

# Of one type or of another: parameters, or what has their shapes.
Parameters = Mapping[str, Any]


class SymbolicFunction:
    """What :func:`srnet.model.export.to_jax` returns.

    Attributes
    ----------
    parameters
        The constants, weights and biases by their names: a pytree of float64 NumPy arrays.
    """

    def __init__(self, model: SRNet) -> None:
        self.source = model
        self.parameters: dict[str, Floats] = numbers_of(model)

    def __call__(self, x: Any, parameters: Parameters | None = None) -> jax.Array:
        """The outputs, n × k, at the rows of x, n × k₀, with other parameters in the place of those
        of their names.

        Raises
        ------
        UserError
            If a parameter has another name or shape, or x another shape.
        """
        if parameters is not None:
            check_numbers(self.parameters, parameters)
        x = jnp.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.source.inputs:
            raise UserError(
                f"x has shape {x.shape}; rows × {self.source.inputs} columns are needed"
            )
        if not jnp.issubdtype(x.dtype, jnp.floating):
            x = x.astype(float)
        given = self.parameters | dict(parameters or {})
        numbers = {name: jnp.asarray(value, x.dtype) for name, value in given.items()}
        return _evaluate(self.source, x, numbers)

    def to_model(self, parameters: Parameters) -> SRNet:
        """The formulas as data, with these parameters.

        Raises
        ------
        UserError
            If a name or a shape is another, or a weight is not finite.
        """
        return replace_numbers(self.source, jax.device_get(parameters))

    def __repr__(self) -> str:
        lines = [f"  {text}" for layer in self.source.formula_texts() for text in layer]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


def _evaluate(model: SRNet, x: jax.Array, numbers: Mapping[str, jax.Array]) -> jax.Array:
    values = x
    for i, programs in enumerate(model.programs):
        constants = iter(numbers[f"constants{i}"])
        columns = list(values.T)
        scalars = [
            jnp.broadcast_to(program.fold(columns, partial(next, constants), _apply), len(x))
            for program in programs
        ]
        if model.reads == "scalars" and i + 1 < model.depth:
            values = jnp.stack(scalars, axis=1)
            continue
        weights = numbers[f"weights{i}"]
        terms = [z[:, None] * weights[j] for j, z in enumerate(scalars)]
        values = sum(terms[1:], terms[0]) + numbers[f"biases{i}"]
    return jax.nn.softmax(values, axis=1) if model.loss == "cross_entropy" else values


def _apply(name: str, *operands: Any) -> Any:
    return by_name(name).value(jnp, *operands)
