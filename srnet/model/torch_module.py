"""The torch module of a model: a module of its own, since it needs torch at import and pickle finds
a class by its module."""

import operator
from functools import partial
from typing import Any

import torch
from torch import fx

from srnet.cgp import torch_functions
from srnet.cgp.primitives import by_name
from srnet.model.numbers import numbers_of, replace_numbers
from srnet.model.srnet import SRNet
from srnet.typing import Floats


class SymbolicNetwork(torch.nn.Module):
    """What :func:`srnet.model.export.to_torch` returns."""

    def __init__(self, model: SRNet, trainable: bool = False) -> None:
        super().__init__()
        self.source = model
        self.inputs = model.inputs
        self.formulas = _formulas(model, trainable)
        # its type follows that of the numbers, whose names depend on the model
        self.register_buffer("like", torch.empty(0, dtype=torch.float64), persistent=False)
        self.like: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, n × k, at the rows of x, n × k₀."""
        is_traced = torch.jit.is_tracing()  # a trace holds no decision
        if not is_traced and (x.ndim != 2 or x.shape[1] != self.inputs):
            raise ValueError(f"x has shape {x.shape}; rows × {self.inputs} columns are needed")
        if not x.is_floating_point():
            # float16 cannot hold a large integer, as 70000
            x = x.to(torch.promote_types(self.like.dtype, torch.float32))
        return self.formulas(x)

    def to_model(self) -> SRNet:
        """The formulas as data, with the constants and weights that the module has now.

        Raises
        ------
        UserError
            If a weight is not finite.
        """
        return replace_numbers(self.source, self._numbers())

    def __repr__(self) -> str:
        numbers = {} if self.like.is_meta else self._numbers()
        constants = {name: each for name, each in numbers.items() if name.startswith("constants")}
        shown = replace_numbers(self.source, constants)
        lines = [f"  {text}" for layer in shown.formula_texts() for text in layer]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])

    def _numbers(self) -> dict[str, Floats]:
        """The numbers of the module by their names."""
        state = self.formulas.state_dict()
        copied = {name: value.to("cpu", torch.float64, copy=True) for name, value in state.items()}
        return {name: value.numpy() for name, value in copied.items()}


def _formulas(model: SRNet, trainable: bool) -> fx.GraphModule:
    """The formulas as straight code, which TorchScript can read."""
    graph, numbers = fx.Graph(), torch.nn.Module()
    tracer = fx.proxy.GraphAppendingTracer(graph)
    x: Any = fx.Proxy(graph.placeholder("x"), tracer)
    rows, values_of = x.size(0), numbers_of(model)

    def known(name: str) -> Any:
        tensor = torch.tensor(values_of[name])
        if trainable:
            numbers.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            numbers.register_buffer(name, tensor)
        return fx.Proxy(graph.get_attr(name), tracer).to(x)

    values = x
    for i, programs in enumerate(model.programs):
        vector = known(f"constants{i}")
        count = values_of[f"constants{i}"].size
        given = iter([vector[j].expand(rows) for j in range(count)])
        columns = values.unbind(1)
        inputs = [columns[j] for j in range(programs[0].inputs)]
        scalars = [program.fold(inputs, partial(next, given), _apply) for program in programs]
        if model.reads == "scalars" and i + 1 < model.depth:
            values = torch.stack(scalars, dim=1)
            continue
        matrix, shift = known(f"weights{i}"), known(f"biases{i}")
        terms = [z[:, None] * matrix[j] for j, z in enumerate(scalars)]
        values = sum(terms[1:], terms[0]) + shift
    if model.loss == "cross_entropy":
        values = torch.softmax(values, dim=1)
    graph.output(values.node)
    for node in graph.nodes:  # TorchScript knows no abs of Python
        node.target = torch.abs if node.target is operator.abs else node.target
    graph.eliminate_dead_code()
    return fx.GraphModule(numbers, graph, "Formulas")


def _apply(name: str, *operands: fx.Proxy) -> fx.Proxy:
    return by_name(name).value(torch_functions, *operands)
