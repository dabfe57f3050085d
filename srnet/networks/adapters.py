"""Somebody's network as SRNet sees it: rows in, the values of every layer out.

``of`` finds the form of a model: a torch module, a scikit-learn MLP, or a
:class:`srnet.networks.mlp.Network`. Nothing of torch or scikit-learn is imported unless the model
is theirs.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.networks.mlp import ACTIVATIONS, Network

if TYPE_CHECKING:
    import torch

Arrays = list[NDArray[Any]]
OUTPUT = "output"
BATCH = 8192


class BlackBox(Protocol):
    """A network that can be asked for its layers."""

    @property
    def scaler(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """mean and std of the inputs, where the first layer reads (x - mean) / std and the search
        shall too."""
        ...

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values (n × k) of the explained layers, the output last, at rows of x (n × d)
        in their own units."""
        ...


def of(model: Any, layers: Sequence[str] | None = None) -> BlackBox:
    """The black box of a model; ``layers`` names those of its layers that are explained beside the
    output.

    Raises
    ------
    UserError
        If the model is none that can be explained, or has no such layers.
    """
    if layers is not None:
        if isinstance(layers, str) or not all(isinstance(name, str) for name in layers):
            raise UserError(f"'layers' is {layers!r}; a list of names of layers is needed")
        if not layers:
            raise UserError(
                "'layers' is empty; name at least one layer, or leave it out to explain every "
                "activation and the output"
            )
        if len(set(layers)) < len(layers):
            raise UserError(f"'layers' is {list(layers)}; each layer can be named once")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchBox(model, None if layers is None else tuple(layers))
    if isinstance(model, Network):
        scaler = (
            (model.mean, model.std) if model.mean is not None and model.std is not None else None
        )
        return NetworkBox(model, scaler, _chosen(len(model.weights), layers))
    if "sklearn" in sys.modules:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        scaler = None
        if isinstance(model, Pipeline) and len(model) == 2 and isinstance(model[0], StandardScaler):
            if not hasattr(model[0], "n_features_in_"):
                raise UserError("the Pipeline is not fitted; fit it before it is explained")
            width = model[0].n_features_in_
            scaler = (
                np.zeros(width)
                if model[0].mean_ is None
                else np.asarray(model[0].mean_, dtype=np.float64),
                np.ones(width)
                if model[0].scale_ is None
                else np.asarray(model[0].scale_, dtype=np.float64),
            )
            model = model[1]
        if isinstance(model, MLPRegressor | MLPClassifier):
            if not hasattr(model, "coefs_"):
                raise UserError(
                    f"the {type(model).__name__} is not fitted; fit it before it is explained"
                )
            return SklearnBox(model, scaler, _chosen(len(model.coefs_), layers))
    raise UserError(
        f"a {type(model).__module__}.{type(model).__qualname__} cannot be explained; "
        "a torch.nn.Module, or scikit-learn's MLPRegressor or MLPClassifier, alone or behind a "
        "StandardScaler, is needed"
    )


def _chosen(depth: int, layers: Sequence[str] | None) -> tuple[int, ...]:
    """The positions of the named layers of a multilayer perceptron, the output last."""
    known = [*(f"hidden{i}" for i in range(1, depth)), OUTPUT]
    for name in layers or []:
        if name not in known:
            raise UserError(f"the network has no layer '{name}'; it has {', '.join(known)}")
    return tuple(
        i for i, name in enumerate(known) if layers is None or name in layers or name == OUTPUT
    )


@dataclass(frozen=True)
class NetworkBox:
    """A network of this project."""

    network: Network
    scaler: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    chosen: tuple[int, ...]

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        check_width(x, self.network.sizes[0])
        values = [
            np.vstack(parts)
            for parts in zip(*(self.network.layers(rows) for rows in _batches(x)), strict=True)
        ][1:]
        return _picked(values, self.chosen)


@dataclass(frozen=True)
class SklearnBox:
    """scikit-learn's MLPRegressor or MLPClassifier; the output of a classifier is its
    probabilities, one column for two classes."""

    mlp: Any
    scaler: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    chosen: tuple[int, ...]

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        check_width(x, self.mlp.coefs_[0].shape[0])
        values = np.asarray(x, dtype=np.float64)
        if self.scaler is not None:
            values = (values - self.scaler[0]) / self.scaler[1]
        found = []
        hidden = ACTIVATIONS[
            "sigmoid" if self.mlp.activation == "logistic" else self.mlp.activation
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            for i, (weights, bias) in enumerate(
                zip(self.mlp.coefs_, self.mlp.intercepts_, strict=True)
            ):
                z = values @ weights + bias
                values = (
                    hidden(z)
                    if i + 1 < len(self.mlp.coefs_)
                    else _sklearn_output(self.mlp.out_activation_, z)
                )
                found.append(values)
        return _picked(found, self.chosen)


def _sklearn_output(activation: str, z: NDArray[Any]) -> NDArray[Any]:
    if activation == "exp":
        return np.asarray(np.exp(z))
    if activation == "softmax":
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return np.asarray(ACTIVATIONS["sigmoid" if activation == "logistic" else activation](z))


def _picked(values: Arrays, chosen: tuple[int, ...]) -> tuple[list[str], Arrays]:
    last = len(values) - 1
    return [OUTPUT if i == last else f"hidden{i + 1}" for i in chosen], [values[i] for i in chosen]


def check_width(x: NDArray[Any], width: int, what: str = "X") -> None:
    """UserError unless x is rows × width."""
    if x.ndim != 2 or x.shape[1] != width:
        raise UserError(
            f"{what} has the shape {x.shape}, but the network reads {width} input(s); rows × "
            f"{width} columns are needed"
        )


def _batches(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(x), BATCH):
        yield x[first : first + BATCH]


@dataclass(frozen=True)
class TorchBox:
    """A torch module, asked through hooks and left as it was: mode, hooks, gradients, buffers."""

    module: "torch.nn.Module"
    names: tuple[str, ...] | None
    scaler: None = None

    def __post_init__(self) -> None:
        modules = dict(self.module.named_modules())
        if self.names is None:
            for name, module in modules.items():
                if _is_unsupported(module):
                    raise UserError(
                        f"the layer {_shown(name, module)} is convolutional, recurrent or "
                        f"attention; explain the part behind it "
                        "(a feature extractor gives X), or name fully connected layers with layers="
                    )
        for name in self.names or ():
            if name != OUTPUT and (name not in modules or not name):
                raise UserError(
                    f"the model has no layer '{name}'; it has "
                    f"{', '.join([*filter(None, modules), OUTPUT])}"
                )
            if name in modules and _is_unsupported(modules[name]):
                raise UserError(
                    f"the layer {_shown(name, modules[name])} is convolutional, recurrent or "
                    f"attention; name fully connected layers"
                )
        for name, module in modules.items():
            if module.training and _is_random(module):
                raise UserError(
                    f"the model is in training mode and has the layer {_shown(name, module)}, so "
                    f"that its output is not fixed; "
                    "call model.eval() first"
                )

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        import torch

        like = next((p for p in self.module.parameters() if p.is_floating_point()), torch.zeros(0))
        names: list[str] = []
        parts: list[Arrays] = []
        with _evaluating(self.module), torch.no_grad():
            for rows in _batches(x):
                batch = torch.tensor(rows).to(device=like.device, dtype=like.dtype)
                names, values = self._ask(batch)
                parts.append([value.detach().to("cpu", torch.float64).numpy() for value in values])
        return names, [np.vstack(values) for values in zip(*parts, strict=True)]

    def _ask(self, x: "torch.Tensor") -> tuple[list[str], list["torch.Tensor"]]:
        """Names and values of the chosen layers in the order of their calls, the output last."""
        import torch

        seen: list[tuple[str, Any]] = []

        def keep(name: str) -> Any:
            # a copy: a later module may work in place
            return lambda module, inputs, output: seen.append(
                (name, output.clone() if isinstance(output, torch.Tensor) else output)
            )

        handles = []
        last: list[Any] = []
        try:
            for name, module in self.module.named_modules():
                if name in self.names if self.names is not None else _is_activation(module):
                    handles.append(module.register_forward_hook(keep(name)))
            last.append(self._call(x))
        finally:
            for handle in handles:
                handle.remove()
        output = last[0]
        if isinstance(output, torch.Tensor) and output.ndim == 1 and len(output) == len(x):
            output = output[:, None]
        calls: dict[str, int] = {}
        named = []
        for name, value in seen:
            calls[name] = calls.get(name, 0) + 1
            named.append((name if calls[name] == 1 else f"{name}#{calls[name]}", value))
        if self.names is not None:
            for name in self.names:
                if name != OUTPUT and name not in calls:
                    raise UserError(
                        f"the layer '{name}' is not used when the model is called; name layers "
                        f"that are"
                    )
        if (
            named
            and isinstance(output, torch.Tensor)
            and isinstance(named[-1][1], torch.Tensor)
            and _same(named[-1][1], output)
        ):
            named.pop()
        named.append((OUTPUT, output))
        for name, value in named:
            if (
                not isinstance(value, torch.Tensor)
                or value.ndim != 2
                or len(value) != len(x)
                or not (value.shape[1])
            ):
                shape = (
                    tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
                )
                raise UserError(
                    f"the layer '{name}' gives {shape} for {len(x)} rows; explain layers that "
                    f"give rows × units (choose them with layers=)"
                )
            if value.is_complex():
                raise UserError(f"the layer '{name}' gives complex numbers; real ones are needed")
        return [name for name, _ in named], [value for _, value in named]

    def _call(self, x: "torch.Tensor") -> Any:
        first = next(
            (module for module in self.module.modules() if hasattr(module, "in_features")), None
        )
        try:
            return self.module(x)
        except Exception as error:
            if isinstance(error, UserError):
                raise
            if (
                first is not None
                and x.shape[1] != first.in_features
                and isinstance(error, RuntimeError)
            ):
                width = first.in_features
                raise UserError(
                    f"X has {x.shape[1]} column(s), but the network reads {width} input(s); rows "
                    f"× {width} columns are needed"
                ) from error
            reason = (str(error).splitlines() or [""])[0]
            raise UserError(
                f"the model cannot be called with X of the shape {tuple(x.shape)} "
                f"({type(error).__name__}: {reason})"
            ) from error


@contextlib.contextmanager
def _evaluating(module: "torch.nn.Module") -> Iterator[None]:
    """In eval mode, and afterwards each module in its own again."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def _same(a: "torch.Tensor", b: "torch.Tensor") -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _is_activation(module: "torch.nn.Module") -> bool:
    import torch

    return type(module).__module__ == torch.nn.ReLU.__module__ and not isinstance(
        module, torch.nn.MultiheadAttention
    )


def _is_unsupported(module: "torch.nn.Module") -> bool:
    import torch

    convolution = torch.nn.Conv1d.__mro__[1]  # torch's own base class of all convolutions
    attention = (
        torch.nn.MultiheadAttention,
        torch.nn.Transformer,
        torch.nn.TransformerEncoderLayer,
        torch.nn.TransformerDecoderLayer,
    )
    return isinstance(module, (convolution, torch.nn.RNNBase, torch.nn.RNNCellBase, *attention))


def _is_random(module: "torch.nn.Module") -> bool:
    """Whether training mode makes its output random or dependent on the batch."""
    kind = type(module).__name__
    return "Dropout" in kind or "BatchNorm" in kind


def _shown(name: str, module: "torch.nn.Module") -> str:
    return f"'{name}' ({type(module).__name__})" if name else f"{type(module).__name__}"
