"""A network in which formulas stand in the place of a hidden layer: a module of its own, since it
needs torch at import and pickle finds a class by its module."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from srnet.errors import UserError
from srnet.explanation.classifier import Classifier
from srnet.model.srnet import SRNet
from srnet.model.torch_module import SymbolicNetwork
from srnet.networks.adapters import INPUT, BlackBox, TorchBox
from srnet.networks.checks import difference
from srnet.networks.layers import Layers
from srnet.networks.modules import torch_module

_ROWS = 256  # on which a model is compared with the one that was explained


class ReplacedLayer(torch.nn.Module):
    """What :meth:`srnet.explanation.result.Explanation.replace` returns.

    Attributes
    ----------
    formula
        The layer's units, n × k, of the inputs, n × d; its numbers are parameters.
    network
        A copy of the network, which reads these units in the place of its own.
    """

    def __init__(self, network: torch.nn.Module, formula: SymbolicNetwork, layer: str) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self.formula = formula
        name, number = _call(layer)
        inner = self.network.get_submodule(name.removesuffix(INPUT))
        place = _Place(inner, name, number)
        paths = self.network.named_modules(remove_duplicate=False)
        for path in [path for path, module in paths if module is inner]:
            parent, _, child = path.rpartition(".")
            self.network.get_submodule(parent).register_module(child, place)
        own = self._own()
        if own is not None:
            self.formula.to(own.device)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the network gives for its inputs, n rows each; the formula reads them side by
        side."""
        columns = [each.reshape(len(each), -1) for each in inputs]
        units = self.formula(torch.cat(columns, dim=1).to(self.formula.like.dtype))
        own = self._own()
        place = next(part for part in self.network.modules() if isinstance(part, _Place))
        place.units, place.calls = units if own is None else units.to(own.dtype), 0
        try:
            output = self.network(*inputs)
        finally:
            place.units = None
        if place.calls < place.number:
            raise UserError(
                f"the layer '{place.name}' is called {place.calls} time(s), and not "
                f"{place.number}: the formulas are in no place"
            )
        return output

    def _own(self) -> torch.Tensor | None:
        """A tensor of the network's type and device."""
        values = [*self.network.parameters(), *self.network.buffers()]
        return next((value for value in values if value.is_floating_point()), None)


class _Place(torch.nn.Module):
    """A module of which one call gives the units of the formulas, or reads them, by its name."""

    def __init__(self, module: torch.nn.Module, name: str, number: int) -> None:
        super().__init__()
        self.module, self.name, self.number = module, name, number
        self.units: torch.Tensor | None = None
        self.calls = 0

    def forward(self, *args: Any, **named: Any) -> Any:
        self.calls += 1
        if self.calls != self.number:
            return self.module(*args, **named)
        if not self.name.endswith(INPUT):
            return self.units
        return self.module(self.units, *args[1:], **named)


def replace_layer(
    formulas: SRNet,
    position: int,
    layer: str,
    model: Any,
    network: BlackBox | None = None,
    layers: Layers | None = None,
) -> ReplacedLayer:
    """A copy of a torch module in which formulas stand in the place of a layer.

    Parameters
    ----------
    formulas, position
        The formulas of all layers, and the number of this one, 0 …, by which they are cut.
    layer
        Its name, as ``named_modules`` has it; with ``.input`` behind for what a module reads, and
        ``#2`` for its second call.
    network, layers
        The network that was explained, and its values, to compare the model with; None where they
        are not known.

    Raises
    ------
    UserError
        If the model is no torch module, has no such layer, or gives other values there.
    """
    module = torch_module(model)
    if module is None:
        raise UserError(
            f"a {type(model).__name__} has no layers that can be replaced; a torch.nn.Module is "
            f"needed"
        )
    box = TorchBox(module, (_call(layer)[0],))  # refuses an unknown layer
    network = network.box if isinstance(network, Classifier) else network
    if isinstance(network, TorchBox) and layers is not None:
        box = replace(network, module=module, names=box.names)
        x, expected = (layers.splits["train"][i][:_ROWS] for i in (0, position + 1))
        given = dict(zip(*box.layers(x), strict=True)).get(layer)
        eps = float(np.finfo(np.float32).eps)
        if (
            given is None
            or given.shape != expected.shape
            or difference(given, expected, eps) is not None
        ):
            raise UserError(
                f"the model gives other values at the layer '{layer}' than the network that was "
                f"explained; that network is needed"
            )
    end = position + 1
    below = replace(
        formulas,
        programs=formulas.programs[:end],
        weights=formulas.weights[:end],
        biases=formulas.biases[:end],
        loss="mse",
    )
    return ReplacedLayer(module, SymbolicNetwork(below, trainable=True), layer)


def _call(layer: str) -> tuple[str, int]:
    """The name of a layer without the number of its call, and this number, from 1."""
    name, _, number = layer.partition("#")
    return name, int(number or 1)
