"""The formulas near one point: value, gradient, curvature, and the linear formula of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.model.names import output_name
from srnet.model.srnet import SRNet
from srnet.typing import Floats

_SHOWN = 10  # entries of the curvature


@dataclass(frozen=True, eq=False)
class LocalExplanation:
    """One output of the formulas near a point, in the inputs' own units.

    Attributes
    ----------
    inputs
        The names of the d inputs, as the formulas have them.
    output
        The number of the output in the model that is explained, 0 …, or from the last on -1 ….
    x
        The point, d.
    value, gradient, curvature
        The output there; its first derivatives by the inputs, d; and the second, d × d. The
        derivatives are exact, by automatic differentiation in float64.
    """

    inputs: tuple[str, ...]
    output: int
    x: Floats
    value: float
    gradient: Floats
    curvature: Floats

    @property
    def formula(self) -> str:
        """The linear formula with this value and gradient, as text that sympy reads."""
        terms = [
            f"({slope!r}) * ({name} - ({place!r}))"
            for name, place, slope in zip(
                self.inputs, self.x.tolist(), self.gradient.tolist(), strict=True
            )
            if slope
        ]
        return " + ".join([repr(self.value), *terms])

    def __str__(self) -> str:
        lines = [f"{output_name(self.output)} = {self.value:.6g}"]
        width = max(map(len, self.inputs))
        for i in np.flatnonzero(self.gradient):
            lines.append(
                f"  {self.inputs[i]:<{width}} = {self.x[i]:<10.6g}  gradient {self.gradient[i]:.4g}"
            )
        first, second = np.nonzero(np.triu(self.curvature))
        order = np.argsort(-np.abs(self.curvature[first, second]), kind="stable")
        for i, j in zip(first[order][:_SHOWN], second[order][:_SHOWN], strict=True):
            pair = f"{self.inputs[i]}, {self.inputs[j]}"
            lines.append(f"  curvature of {pair}: {self.curvature[i, j]:.4g}")
        if len(order) > _SHOWN:
            lines.append(f"  and {len(order) - _SHOWN} smaller ones")
        return "\n".join(map(printable, lines))


def explain_point(
    model: SRNet, x: NDArray[Any], names: Sequence[str], output: int, number: int
) -> LocalExplanation:
    """One output of the formulas near the point x, of k₀ numbers, and its number in the model that
    they explain.

    Raises
    ------
    UserError
        If the formulas have no value or no derivative there.
    """
    import torch

    from srnet.model.export import to_torch

    module = to_torch(model)
    point = torch.tensor(np.asarray(x, dtype=np.float64))

    def value(point: torch.Tensor) -> torch.Tensor:
        return module(point[None])[0, output]

    gradient = torch.autograd.functional.jacobian(value, point)
    curvature = torch.autograd.functional.hessian(value, point)
    found = float(value(point)), gradient.numpy(), curvature.numpy()
    for what, each in zip(("value", "gradient", "curvature"), found, strict=True):
        if not np.isfinite(each).all():
            raise UserError(f"the formulas have no finite {what} at x = {point.tolist()}")
    return LocalExplanation(tuple(names), number, point.numpy(), *found)
