"""Any network by its layers: rows in, the values of every layer out.

``adapt`` takes a torch module, a scikit-learn MLP, or a :class:`srnet.networks.mlp.Network`. It
imports torch or scikit-learn only if the model is theirs.
"""

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from srnet.errors import UserError
from srnet.networks.mlp import ACTIVATIONS, Network
from srnet.typing import Floats

if TYPE_CHECKING:
    import torch

Arrays = list[NDArray[Any]]
Scaler = tuple[Floats, Floats]  # mean and std of the inputs
OUTPUT = "output"
BATCH = 8192  # rows that a network reads at a time

# By scikit-learn's names, the outputs' included.
SKLEARN_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    **{name: ACTIVATIONS[name] for name in ("tanh", "relu", "identity")},
    "logistic": ACTIVATIONS["sigmoid"],
    "softmax": partial(softmax, axis=1),
    "exp": np.exp,
}


class BlackBox(Protocol):
    """A network that gives the values of its layers."""

    @property
    def scaler(self) -> Scaler | None:
        """mean and std of the inputs, where the first layer reads (x - mean) / std and the formulas
        are to read it too."""
        ...

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values (n × k) of the explained layers, the output last, at the rows of x
        (n × d) in their own units."""
        ...


def adapt(model: Any, layers: Sequence[str] | None = None) -> BlackBox:
    """The black box of a model.

    Parameters
    ----------
    layers
        Names of the layers that are explained beside the output; of every activation if left out.

    Raises
    ------
    UserError
        If the model is none that can be explained, or has no such layers.
    """
    if layers is not None:
        _check_names(layers)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchBox(model, None if layers is None else tuple(layers))
    if isinstance(model, Network):
        scaler = None if model.mean is None or model.std is None else (model.mean, model.std)
        return NetworkBox(model, scaler, _positions(len(model.weights), layers))
    if "sklearn" in sys.modules:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.pipeline import Pipeline

        before, mlp = None, model
        if isinstance(model, Pipeline) and len(model) > 1:
            before, mlp = model[:-1], model[-1]
        if isinstance(mlp, MLPRegressor | MLPClassifier):
            if not hasattr(mlp, "coefs_"):
                raise UserError(
                    f"the {type(model).__name__} is not fitted; fit it before it is explained"
                )
            scaler = _scaler(before[0]) if before is not None and len(before) == 1 else None
            return SklearnBox(mlp, scaler, _positions(len(mlp.coefs_), layers), before, model)
    raise UserError(
        f"a {type(model).__module__}.{type(model).__qualname__} cannot be explained; "
        "a torch.nn.Module, or scikit-learn's MLPRegressor or MLPClassifier, alone or at the end "
        "of a Pipeline, is needed"
    )


def _check_names(layers: Any) -> None:
    if isinstance(layers, str) or not all(isinstance(name, str) for name in layers):
        raise UserError(f"'layers' is {layers!r}; a list of names of layers is needed")
    if not layers:
        raise UserError(
            "'layers' is empty; name at least one layer, or leave it out to explain every "
            "activation and the output"
        )
    if len(set(layers)) < len(layers):
        raise UserError(f"'layers' is {list(layers)}; each layer can be named once")


def _scaler(transformer: Any) -> Scaler | None:
    """What one of scikit-learn's scalers subtracts from its inputs and divides them by; None of
    other transformers.

    The search may use these units; what the network reads is computed by the transformer itself.
    """
    kind = type(transformer).__name__
    if not type(transformer).__module__.startswith("sklearn.preprocessing."):
        return None
    if kind == "StandardScaler":  # has a mean_ also where it does not subtract it
        mean, std = transformer.mean_ if transformer.with_mean else None, transformer.scale_
    elif kind == "RobustScaler":
        mean, std = transformer.center_, transformer.scale_
    elif kind == "MaxAbsScaler":
        mean, std = None, transformer.scale_
    elif kind == "MinMaxScaler":
        mean, std = -transformer.min_ / transformer.scale_, 1 / transformer.scale_
    else:
        return None
    inputs = transformer.n_features_in_
    return (
        np.zeros(inputs) if mean is None else np.asarray(mean, dtype=np.float64),
        np.ones(inputs) if std is None else np.asarray(std, dtype=np.float64),
    )


def _positions(depth: int, layers: Sequence[str] | None) -> tuple[int, ...]:
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
    scaler: Scaler | None
    positions: tuple[int, ...]

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        check_width(x, self.network.sizes[0])
        values = [
            np.vstack(parts)
            for parts in zip(*(self.network.layers(rows) for rows in _batches(x)), strict=True)
        ][1:]
        return _select(values, self.positions)


@dataclass(frozen=True)
class SklearnBox:
    """scikit-learn's MLPRegressor or MLPClassifier; the output of a classifier is its
    probabilities, one column for two classes.

    Attributes
    ----------
    before
        The Pipeline of the steps before it, if there are any.
    whole
        The estimator that was taken apart.
    """

    mlp: Any
    scaler: Scaler | None
    positions: tuple[int, ...]
    before: Any = None
    whole: Any = None

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        first: Any = self.mlp if self.before is None else self.before
        if hasattr(first, "n_features_in_"):  # a step that passes all through has none
            check_width(x, first.n_features_in_)
        values = np.asarray(x, dtype=np.float64)
        if self.before is not None:
            values = self.before.transform(with_names(self.before, values))
            values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
        layers = []
        functions = [self.mlp.activation] * (len(self.mlp.coefs_) - 1) + [self.mlp.out_activation_]
        with np.errstate(over="ignore", invalid="ignore"):
            for weights, bias, function in zip(
                self.mlp.coefs_, self.mlp.intercepts_, functions, strict=True
            ):
                values = SKLEARN_ACTIVATIONS[function](values @ weights + bias)
                layers.append(values)
        return _select(layers, self.positions)


def with_names(estimator: Any, x: NDArray[Any]) -> Any:
    """Rows as an estimator of scikit-learn was fitted on: a DataFrame where its columns had
    names."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return x
    import pandas as pd

    return pd.DataFrame(x, columns=names)


def _select(values: Arrays, positions: tuple[int, ...]) -> tuple[list[str], Arrays]:
    """Names and values of the layers at these positions."""
    last = len(values) - 1
    names = [OUTPUT if i == last else f"hidden{i + 1}" for i in positions]
    return names, [values[i] for i in positions]


def check_width(x: NDArray[Any], width: int, name: str = "X") -> None:
    """UserError, which calls x by its name, unless x is rows × width."""
    if x.ndim != 2 or x.shape[1] != width:
        raise UserError(
            f"{name} has the shape {x.shape}, but the network reads {width} input(s); rows × "
            f"{width} columns are needed"
        )


def _batches(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(x), BATCH):
        yield x[first : first + BATCH]


@dataclass(frozen=True)
class TorchBox:
    """A torch module, read through hooks and left as it was: mode, hooks, gradients, buffers."""

    module: "torch.nn.Module"
    names: tuple[str, ...] | None
    scaler: None = None

    def __post_init__(self) -> None:
        modules = dict(self.module.named_modules())
        if self.names is None:
            for name, module in modules.items():
                if _is_unsupported(module):
                    raise UserError(
                        f"the layer {_describe(name, module)} is convolutional, recurrent or "
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
                    f"the layer {_describe(name, modules[name])} is convolutional, recurrent or "
                    f"attention; name fully connected layers"
                )
        for name, module in modules.items():
            if module.training and _is_random(module):
                raise UserError(
                    f"the model is in training mode and its output varies with the layer "
                    f"{_describe(name, module)}; call model.eval() first"
                )

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        import torch

        names: list[str] = []
        parts: list[Arrays] = []
        for rows in _batches(x):
            names, values = self.layer_tensors(rows)
            parts.append([value.to("cpu", torch.float64).numpy() for value in values])
        return names, [np.vstack(values) for values in zip(*parts, strict=True)]

    def layer_tensors(
        self,
        x: NDArray[Any],
        instead: Mapping[int, "torch.Tensor"] | None = None,
        *,
        evaluation: bool = True,
    ) -> tuple[list[str], list["torch.Tensor"]]:
        """Names and values of the layers at a batch of rows, in the order of their calls, the
        output last.

        Parameters
        ----------
        instead
            Values that take the place of those of a layer, by its position.
        evaluation
            Whether in evaluation mode; otherwise in the model's own.
        """
        import torch

        batch = self._as_tensor(x)
        mode = _evaluation_mode(self.module) if evaluation else contextlib.nullcontext()
        with mode, torch.no_grad():
            return self._layer_tensors(batch, instead or {})

    def as_read(self, x: NDArray[Any]) -> NDArray[Any]:
        """Rows in as many digits as the module reads."""
        import torch

        return self._as_tensor(x).to("cpu", torch.float64).numpy()

    def _as_tensor(self, x: NDArray[Any]) -> "torch.Tensor":
        """Rows, copied, on the module's device and of its floating type; of their own type where it
        has neither parameters nor buffers."""
        import torch

        own = itertools.chain(self.module.parameters(), self.module.buffers())
        reference = next((each for each in own if each.is_floating_point()), None)
        return torch.tensor(x) if reference is None else torch.tensor(x).to(reference)

    def _layer_tensors(
        self, x: "torch.Tensor", instead: Mapping[int, "torch.Tensor"]
    ) -> tuple[list[str], list["torch.Tensor"]]:
        """Names and values of the layers in the order of their calls, the output last."""
        import torch

        calls, output = self._record(x, instead)
        if isinstance(output, torch.Tensor) and output.ndim == 1 and len(output) == len(x):
            output = output[:, None]
        counts: dict[str, int] = {}
        layers = []
        for name, value in calls:
            counts[name] = counts.get(name, 0) + 1
            layers.append((name if counts[name] == 1 else f"{name}#{counts[name]}", value))
        for name in self.names or ():
            if name != OUTPUT and name not in counts:
                raise UserError(
                    f"the layer '{name}' is not used when the model is called; name layers that are"
                )
        if layers and _are_equal(layers[-1][1], output):
            layers.pop()
        layers.append((OUTPUT, output))
        for name, value in layers:
            is_tensor = isinstance(value, torch.Tensor)
            if not is_tensor or value.ndim != 2 or len(value) != len(x) or not value.shape[1]:
                shape = tuple(value.shape) if is_tensor else type(value).__name__
                raise UserError(
                    f"the layer '{name}' gives {shape} for {len(x)} rows; explain layers that "
                    f"give rows × units (choose them with layers=)"
                )
            if value.is_complex():
                raise UserError(f"the layer '{name}' gives complex numbers; real ones are needed")
        return [name for name, _ in layers], [value for _, value in layers]

    def _record(
        self, x: "torch.Tensor", instead: Mapping[int, "torch.Tensor"]
    ) -> tuple[list[tuple[str, Any]], Any]:
        """The outputs of the explained modules in the order of their calls, and the model's."""
        import torch

        calls: list[tuple[str, Any]] = []

        def recorder(name: str) -> Any:
            def record(module: Any, inputs: Any, output: Any) -> Any:
                output = instead.get(len(calls), output)
                # a copy: a later module may work in place
                calls.append((name, output.clone() if isinstance(output, torch.Tensor) else output))
                return output

            return record

        handles = []
        try:
            for name, module in self.module.named_modules():
                if name in self.names if self.names is not None else _is_activation(module):
                    handles.append(module.register_forward_hook(recorder(name)))
            return calls, self._call(x)
        finally:
            for handle in handles:
                handle.remove()

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
def _evaluation_mode(module: "torch.nn.Module") -> Iterator[None]:
    """In eval mode, and afterwards each module in its own again."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def _are_equal(a: Any, b: Any) -> bool:
    """Whether both are tensors of the same values, NaN equal to NaN."""
    import torch

    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return False
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


def _describe(name: str, module: "torch.nn.Module") -> str:
    return f"'{name}' ({type(module).__name__})" if name else f"{type(module).__name__}"
