"""The torch module of a model: a module of its own, since it needs torch at import and pickle finds
a class by its module."""

import operator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import fx

from srnet.cgp.primitives import by_name
from srnet.cgp.program import Program
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
            x = x.to(self.like.dtype)
        return self.formulas(x)

    def to_model(self) -> SRNet:
        """The formulas as data, with the constants and weights that the module has now.

        Raises
        ------
        UserError
            If a weight is not finite.
        """
        numbers, depth = self._numbers(), self.source.depth
        weights = [numbers.get(f"weights{i}", self.source.weights[i]) for i in range(depth)]
        biases = [numbers.get(f"biases{i}", self.source.biases[i]) for i in range(depth)]
        programs = self._programs(numbers)
        return replace(self.source, programs=programs, weights=tuple(weights), biases=tuple(biases))

    def __repr__(self) -> str:
        numbers = {} if self.like.is_meta else self._numbers()
        shown = replace(self.source, programs=self._programs(numbers))
        lines = [f"  {text}" for layer in shown.formula_texts() for text in layer]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])

    def _numbers(self) -> dict[str, Floats]:
        """The numbers of the module by their names."""
        state = self.formulas.state_dict()
        copied = {name: value.to("cpu", torch.float64, copy=True) for name, value in state.items()}
        return {name: value.numpy() for name, value in copied.items()}

    def _programs(self, numbers: dict[str, Floats]) -> tuple[tuple[Program, ...], ...]:
        programs = []
        for i, layer in enumerate(self.source.programs):
            if f"constants{i}" in numbers:  # else nothing reads them
                left = iter(numbers[f"constants{i}"].tolist())
                layer = tuple(
                    replace(each, constants=tuple(next(left) for _ in each.constants))
                    for each in layer
                )
            programs.append(layer)
        return tuple(programs)


def _formulas(model: SRNet, trainable: bool) -> fx.GraphModule:
    """The formulas as straight code, which TorchScript can read."""
    graph, numbers = fx.Graph(), torch.nn.Module()
    tracer = fx.proxy.GraphAppendingTracer(graph)
    x: Any = fx.Proxy(graph.placeholder("x"), tracer)
    rows = x.size(0)

    def known(name: str, values: Floats) -> Any:
        tensor = torch.tensor(values, dtype=torch.float64)
        if trainable:
            numbers.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            numbers.register_buffer(name, tensor)
        return fx.Proxy(graph.get_attr(name), tracer).to(x)

    values = x
    for i, (programs, weights, biases) in enumerate(model):
        constants = np.array([value for program in programs for value in program.constants])
        vector = known(f"constants{i}", constants)
        given = iter([vector[j].expand(rows) for j in range(constants.size)])
        columns = values.unbind(1)
        inputs = [columns[j] for j in range(programs[0].inputs)]
        scalars = [program.fold(inputs, partial(next, given), _apply) for program in programs]
        if model.reads == "scalars" and i + 1 < model.depth:
            values = torch.stack(scalars, dim=1)
            continue
        matrix, shift = known(f"weights{i}", weights), known(f"biases{i}", biases)
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
    return by_name(name).value(torch, *operands)
