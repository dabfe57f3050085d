"""Any model by its layers: rows in, the values of every layer out.

``adapt`` shows the layers of a torch module, a scikit-learn MLP, or a
:class:`srnet.networks.mlp.Network`, and the output of any other model. It imports torch or
scikit-learn only if the model is theirs.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from srnet.errors import UserError
from srnet.networks.functions import black_box
from srnet.networks.inputs import Inputs, batches
from srnet.networks.mlp import ACTIVATIONS, Network
from srnet.networks.modules import (
    check_values,
    evaluation_mode,
    keep_buffers,
    own_device,
    own_type,
    torch_module,
)
from srnet.networks.outputs import (
    OUTPUT,
    Selector,
    as_matrix,
    check_choice,
    choose,
    first_line,
    not_rows,
)
from srnet.typing import Floats

if TYPE_CHECKING:
    import torch

Arrays = list[NDArray[Any]]
Scaler = tuple[Floats, Floats]  # mean and std of the inputs
INPUT = ".input"  # behind a module's name: what it reads

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


def adapt(
    model: Any,
    layers: Sequence[str] | None = None,
    output: Selector = None,
    inputs: Inputs | None = None,
) -> BlackBox:
    """The black box of a model.

    Parameters
    ----------
    layers
        Names of the layers that are explained beside the output; of every activation if left out.
    output
        Which of the model's outputs is explained (:func:`srnet.networks.outputs.choose`).
    inputs
        What the model reads in the place of rows of numbers.

    Raises
    ------
    UserError
        If the model is none that can be explained, or has no such layers.
    """
    if layers is not None:
        _check_names(layers)
    output = check_choice(output)
    module = torch_module(model)
    if module is not None:
        return TorchBox(module, None if layers is None else tuple(layers), output, inputs)
    if output is not None:  # of what the whole model gives
        return black_box(model, layers, output, inputs)
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
            positions = _positions(len(mlp.coefs_), layers)
            return SklearnBox(mlp, scaler, positions, before, model, inputs)
    return black_box(model, layers, None, inputs)


def _check_names(layers: Any) -> None:
    is_list = isinstance(layers, Iterable) and not isinstance(layers, str)
    if not is_list or not all(isinstance(name, str) for name in layers):
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
            for parts in zip(*(self.network.layers(rows) for rows in batches(x)), strict=True)
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
    inputs
        What it reads in the place of rows of numbers.
    """

    mlp: Any
    scaler: Scaler | None
    positions: tuple[int, ...]
    before: Any = None
    whole: Any = None
    inputs: Inputs | None = None

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        first: Any = self.mlp if self.before is None else self.before
        values = np.asarray(x, dtype=np.float64)
        if not self.reads_text and hasattr(first, "n_features_in_"):
            check_width(x, first.n_features_in_)  # a step that passes all through has none
        if self.before is not None:
            values = self.before.transform(self.as_fitted(self.before, values))
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

    @property
    def reads_text(self) -> bool:
        """Whether a column of what it reads holds text."""
        return self.inputs is not None and bool(self.inputs.texts)

    def as_fitted(self, estimator: Any, x: NDArray[Any]) -> Any:
        """Rows of numbers as an estimator was fitted on."""
        if self.inputs is not None and self.reads_text:
            return self.inputs.restored(x)[0]
        return with_names(estimator, x)


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


@dataclass(frozen=True)
class TorchBox:
    """A torch module, read through hooks and left as it was: mode, hooks, gradients, buffers.

    A layer is the output of a module, or what a module reads (``fc2.input``): the activation
    before it, also where that is a function. Whole numbers stay whole, for an embedding; where the
    module does not read them so they are turned into its floating type.
    """

    module: "torch.nn.Module"
    names: tuple[str, ...] | None
    output: Selector = None
    inputs: Inputs | None = None
    scaler: None = None

    def __post_init__(self) -> None:
        modules = dict(self.module.named_modules())
        hidden = [name for name in self.names or () if name != OUTPUT]
        if hidden and _is_script(self.module):
            raise UserError(
                f"a TorchScript module shows its output alone, no layer '{hidden[0]}'; explain the "
                f"module that it was made of"
            )
        if self.names is None:
            for name, module in modules.items():
                if _is_unsupported(module):
                    raise UserError(
                        f"the layer {_describe(name, module)} is convolutional, recurrent or "
                        f"attention; explain the part behind it "
                        "(a feature extractor gives X), or name fully connected layers with layers="
                    )
        for name in hidden:
            name = name if name in modules else name.removesuffix(INPUT)
            if name not in modules or not name:
                raise UserError(
                    f"the model has no layer '{name}'; it has "
                    f"{', '.join([*filter(None, modules), OUTPUT])}, and what one of them reads, "
                    f"as '{_last_name(modules)}{INPUT}'"
                )
            if _is_unsupported(modules[name]):
                raise UserError(
                    f"the layer {_describe(name, modules[name])} is convolutional, recurrent or "
                    f"attention; name fully connected layers"
                )
        for name, module in modules.items():
            if getattr(module, "training", False) and _is_random(module):
                raise UserError(
                    f"the model is in training mode and its output varies with the layer "
                    f"{_describe(name, module)}; call model.eval() first"
                )
        check_values(self.module)

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        import torch

        names: list[str] = []
        parts: list[Arrays] = []
        for rows in batches(x):
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

        mode = evaluation_mode if evaluation else keep_buffers
        with mode(self.module), torch.no_grad():
            return self._layer_tensors(x, instead or {})

    def as_read(self, x: NDArray[Any]) -> NDArray[Any]:
        """Rows in as many digits as the module reads."""
        import torch

        with evaluation_mode(self.module), torch.no_grad():
            read = self._record(x, {})[2]
        tensors = [each.to("cpu", torch.float64) for each in read]
        return np.hstack([each.reshape(len(x), -1).numpy() for each in tensors])

    def _forms(self, x: NDArray[Any]) -> "Iterator[list[torch.Tensor]]":
        """Rows as tensors, one for each input: in the types of X, real numbers in the module's
        own; then all of them real; or, if they are whole numbers in a real type, as integers."""
        import torch

        pieces = [x] if self.inputs is None else self.inputs.pieces(x)
        own, device = own_type(self.module), own_device(self.module)
        given = [torch.tensor(piece).to(device) for piece in pieces]
        # without values of its own the module takes what X has
        real = [own if own is not None else (each * 1.0).dtype for each in given]
        pairs = list(zip(given, real, strict=True))
        yield [each.to(dtype) if each.is_floating_point() else each for each, dtype in pairs]
        if not all(each.is_floating_point() for each in given):
            yield [each.to(dtype) for each, dtype in pairs]
        elif own is None and any(each.dtype == torch.float64 for each in given):
            yield [each.to(torch.get_default_dtype()) for each in given]
        if all(bool((each == each.round()).all()) for each in given if each.is_floating_point()):
            yield [each.long() for each in given]

    def _layer_tensors(
        self, x: NDArray[Any], instead: Mapping[int, "torch.Tensor"]
    ) -> tuple[list[str], list["torch.Tensor"]]:
        """Names and values of the layers in the order of their calls, the output last."""
        import torch

        calls, given, _ = self._record(x, instead)
        output = choose(given, self.output, len(x))
        if not isinstance(output, torch.Tensor):
            output = torch.from_numpy(as_matrix(output, len(x)))
        if output.ndim < 2 and output.numel() == len(x):
            output = output.reshape(-1, 1)
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
                if name == OUTPUT:
                    raise not_rows(value, len(x))
                shape = tuple(value.shape) if is_tensor else type(value).__name__
                raise UserError(
                    f"the layer '{name}' gives {shape} for {len(x)} rows; explain layers that "
                    f"give rows × units (choose them with layers=)"
                )
            if value.is_complex():
                raise UserError(f"the layer '{name}' gives complex numbers; real ones are needed")
        return [name for name, _ in layers], [value for _, value in layers]

    def _record(
        self, x: NDArray[Any], instead: Mapping[int, "torch.Tensor"]
    ) -> tuple[list[tuple[str, Any]], Any, list["torch.Tensor"]]:
        """The layers that are explained in the order of their calls, what the model gives for the
        rows in the first form that it can read, and these."""
        first: UserError | None = None
        for tensors in self._forms(x):
            try:
                calls, given = self._call(tensors, instead)
                if self.names is None and not calls:  # activations that are no modules
                    calls, given = self._call(tensors, instead, reading=True)
            except UserError as error:
                first = first or error
            else:
                return calls, given, tensors
        assert first is not None
        raise first

    def _call(
        self,
        tensors: list["torch.Tensor"],
        instead: Mapping[int, "torch.Tensor"],
        reading: bool = False,
    ) -> tuple[list[tuple[str, Any]], Any]:
        """What the layers are and what the module gives for its inputs. Without names the layers
        are the activations or, if ``reading``, what the linear modules read but those inputs."""
        import torch

        calls: list[tuple[str, Any]] = []

        def note(name: str, value: Any) -> Any:
            value = instead.get(len(calls), value)
            # a copy: a later module may work in place
            calls.append((name, value.clone() if isinstance(value, torch.Tensor) else value))
            return value

        def write_down(name: str) -> Any:
            return lambda module, inputs, output: note(name, output)

        def read_off(name: str) -> Any:
            def read(module: Any, inputs: Any) -> Any:
                value = inputs[0] if inputs else None
                if self.names or not any(_are_equal(value, tensor) for tensor in tensors):
                    return (note(name, value), *inputs[1:])
                return None

            return read

        handles = []
        args, named = (tensors, {}) if self.inputs is None else self.inputs.arguments(tensors)
        try:
            for name, module in self.module.named_modules():
                if _is_script(module):
                    continue
                written, read = name in (self.names or ()), name + INPUT in (self.names or ())
                if self.names is None:
                    written = not reading and _is_activation(module)
                    read = reading and _is_linear(module)
                if written:
                    handles.append(module.register_forward_hook(write_down(name)))
                if read:
                    handles.append(module.register_forward_pre_hook(read_off(name + INPUT)))
            return calls, self.module(*args, **named)
        except (UserError, MemoryError):
            raise
        except Exception as error:
            raise _not_callable(error, tensors) from error
        finally:
            for handle in handles:
                handle.remove()


def _not_callable(error: Exception, tensors: list["torch.Tensor"]) -> UserError:
    """Why a module cannot be called, with a call that would work where that is known."""
    reason = first_line(error)
    shape = tuple(tensors[0].shape)
    product = re.search(r"shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x", str(error))
    if (
        product
        and len(tensors) == 1
        and product[1] == str(shape[0])
        and product[2] == str(shape[-1])
    ):
        width = product[3]
        return UserError(
            f"X has {shape[-1]} column(s), but the network reads {width} input(s); rows × {width} "
            f"columns are needed"
        )
    shown = ", ".join(f"{tuple(each.shape)} of {each.dtype}" for each in tensors)
    hint = ""
    if isinstance(error, TypeError) and "missing" in reason and "argument" in reason:
        hint = "; several inputs are given as X=(a, b), or by name as X={'a': a, 'b': b}"
    elif "indices" in reason and "Long" in reason:
        hint = (
            "; an embedding reads integers: give X of whole numbers, or several inputs as X=(a, b)"
        )
    elif "does not require grad" in reason:
        hint = (
            "; it computes derivatives: give X as a tensor and explain a function, "
            "srnet.explain(lambda x: model(x.requires_grad_()), X)"
        )
    elif "Guard failed" in str(error) or "dynamic" in str(error):
        hint = "; export it with dynamic_shapes=({0: torch.export.Dim.AUTO},)"
    return UserError(
        f"the model cannot be called with X of the shape {shown} ({type(error).__name__}: "
        f"{reason}){hint}"
    )


def _are_equal(a: Any, b: Any) -> bool:
    """Whether both are tensors of the same values, NaN equal to NaN."""
    import torch

    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return False
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _is_script(module: "torch.nn.Module") -> bool:
    import torch

    return isinstance(module, torch.jit.ScriptModule)


def _is_linear(module: "torch.nn.Module") -> bool:
    return hasattr(module, "in_features")


def _last_name(modules: Mapping[str, "torch.nn.Module"]) -> str:
    """The name of the last linear module, or the last module."""
    linear = [name for name, module in modules.items() if name and _is_linear(module)]
    return (linear or [*modules])[-1]


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
    kind = _kind(module)
    return "Dropout" in kind or "BatchNorm" in kind


def _describe(name: str, module: "torch.nn.Module") -> str:
    return f"'{name}' ({_kind(module)})" if name else _kind(module)


def _kind(module: "torch.nn.Module") -> str:
    """What a module is; one of TorchScript keeps the name of its class."""
    return str(getattr(module, "original_name", type(module).__name__))
