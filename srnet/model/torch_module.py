"""The torch module of a model: a module of its own, since it needs torch at import and pickle finds
a class by its module."""

from functools import partial

import torch

from srnet.cgp.primitives import by_name
from srnet.model.srnet import SRNet


class SymbolicNetwork(torch.nn.Module):
    """What :func:`srnet.model.export.to_torch` returns."""

    def __init__(self, model: SRNet) -> None:
        super().__init__()
        self.model = model
        for i, (weights, biases) in enumerate(zip(model.weights, model.biases, strict=True)):
            self.register_buffer(f"weights{i}", torch.tensor(weights, dtype=torch.float64))
            self.register_buffer(f"biases{i}", torch.tensor(biases, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        programs = self.model.programs
        if x.ndim != 2 or x.shape[1] != programs[0].inputs:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; rows × {programs[0].inputs} columns are needed"
            )
        values = x if x.is_floating_point() else x.to(self.get_buffer("weights0").dtype)
        for i, program in enumerate(programs):
            weights, biases = (
                self.get_buffer(f"weights{i}").to(values),
                self.get_buffer(f"biases{i}").to(values),
            )
            rows = values.shape[:1]
            formula = program.fold(values.unbind(1), partial(values.new_full, rows), _apply)
            values = formula[:, None] * weights + biases
        return torch.softmax(values, dim=1) if self.model.loss == "cross_entropy" else values

    def extra_repr(self) -> str:
        return "\n".join(self.model.expressions())


def _apply(name: str, *operands: torch.Tensor) -> torch.Tensor:
    return by_name(name).value(torch, *operands)
