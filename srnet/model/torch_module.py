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
        model = self.model
        if x.ndim != 2 or x.shape[1] != model.inputs:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; rows × {model.inputs} columns are needed"
            )
        values = x if x.is_floating_point() else x.to(self.get_buffer("weights0").dtype)
        for i, programs in enumerate(model.programs):
            weights, biases = (
                self.get_buffer(f"weights{i}").to(values),
                self.get_buffer(f"biases{i}").to(values),
            )
            rows = values.shape[:1]
            columns = values.unbind(1)
            scalars = [
                program.fold(columns, partial(values.new_full, rows), _apply)
                for program in programs
            ]
            if model.reads == "scalars" and i + 1 < model.depth:
                values = torch.stack(scalars, dim=1)
            else:
                values = sum(z[:, None] * w for z, w in zip(scalars, weights, strict=True)) + biases
        return torch.softmax(values, dim=1) if self.model.loss == "cross_entropy" else values

    def extra_repr(self) -> str:
        return "\n".join(text for layer in self.model.formula_texts() for text in layer)


def _apply(name: str, *operands: torch.Tensor) -> torch.Tensor:
    return by_name(name).value(torch, *operands)
