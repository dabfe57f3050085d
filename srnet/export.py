"""A model in other languages: a differentiable torch module."""

from functools import partial
from typing import TYPE_CHECKING

from srnet.cgp.primitives import by_name
from srnet.model import SRNet

if TYPE_CHECKING:
    import torch


def to_torch(model: SRNet) -> "torch.nn.Module":
    """The model as a torch module that maps x (n × k₀) to the network's output (n × k), differentiable in x.

    Weights and biases are float64 buffers: nothing is trained, ``to`` moves and casts them. The output has the dtype and the
    device of x, whatever those of the buffers; integers are computed in the dtype of the buffers. As in torch itself, the
    gradient of a square root at 0 is infinite or NaN.

    Raises
    ------
    ValueError
        By the module, if x is not n × k₀.
    """
    import torch

    class SymbolicNetwork(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for i, (weights, biases) in enumerate(zip(model.weights, model.biases, strict=True)):
                self.register_buffer(f"weights{i}", torch.tensor(weights, dtype=torch.float64))
                self.register_buffer(f"biases{i}", torch.tensor(biases, dtype=torch.float64))

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            if x.ndim != 2 or x.shape[1] != model.programs[0].inputs:
                raise ValueError(f"x has shape {tuple(x.shape)}; rows × {model.programs[0].inputs} columns are needed")
            values = x if x.is_floating_point() else x.to(self.get_buffer("weights0").dtype)
            for i, program in enumerate(model.programs):
                weights, biases = self.get_buffer(f"weights{i}").to(values), self.get_buffer(f"biases{i}").to(values)
                rows = values.shape[:1]
                formula = program.fold(values.unbind(1), partial(values.new_full, rows), apply)
                values = formula[:, None] * weights + biases
            return values

        def extra_repr(self) -> str:
            return "\n".join(model.expressions())

    def apply(name: str, *operands: "torch.Tensor") -> "torch.Tensor":
        return by_name(name).torch(torch, *operands)

    return SymbolicNetwork()
