"""A model in other languages: a differentiable torch module."""

from typing import TYPE_CHECKING

from srnet.cgp.primitives import by_name
from srnet.model import SRNet

if TYPE_CHECKING:
    import torch


def to_torch(model: SRNet) -> "torch.nn.Module":
    """The model as a torch module that maps x (n × k₀) to the network's output (n × k), differentiable in x.

    Weights, biases and constants are float64 buffers: nothing is trained, ``state_dict`` holds them all, ``to`` moves and
    casts them. The output has the dtype and the device of x, whatever those of the buffers; an x of integers is computed in the
    buffers' dtype.
    """
    import torch

    class SymbolicNetwork(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for i, program in enumerate(model.programs):
                self.register_buffer(f"weights{i}", torch.tensor(model.weights[i], dtype=torch.float64))
                self.register_buffer(f"biases{i}", torch.tensor(model.biases[i], dtype=torch.float64))
                self.register_buffer(f"constants{i}", torch.tensor(program.constants, dtype=torch.float64))

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            if x.ndim != 2 or x.shape[1] != model.programs[0].inputs:
                raise ValueError(f"x has shape {tuple(x.shape)}; rows × {model.programs[0].inputs} columns are needed")
            values = x if x.is_floating_point() else x.to(self.get_buffer("weights0").dtype)
            for i, program in enumerate(model.programs):
                weights, biases, constants = (
                    self.get_buffer(f"{name}{i}").to(values) for name in ("weights", "biases", "constants")
                )
                columns = [*values.unbind(1), *(constant.expand(values.shape[0]) for constant in constants)]
                for name, operands in program.nodes:
                    columns.append(by_name(name).torch(torch, *(columns[operand] for operand in operands)))
                values = columns[program.output][:, None] * weights + biases
            return values

        def extra_repr(self) -> str:
            return "\n".join(model.expressions())

    return SymbolicNetwork()
