"""Any model by its layers: rows in, the values of every layer out.

``adapt`` shows the layers of a torch module, a scikit-learn MLP, or a
:class:`srnet.networks.mlp.Network`, and the output of any other model. It imports torch or
scikit-learn only if the model is theirs.
"""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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
# Rows whose values are compared with those among other rows, and the share of their range that
# rounding may be, in bfloat16 too.
_COMPARED, _ROUNDING = 16, 0.02

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
    module = _torch_module(model)
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
        from sklearn.preprocessing import StandardScaler

        scaler = None
        if isinstance(model, Pipeline) and len(model) == 2 and isinstance(model[0], StandardScaler):
            scaler = _sklearn_scaler(model[0])
            model = model[1]
        if isinstance(model, MLPRegressor | MLPClassifier):
            if not hasattr(model, "coefs_"):
                raise UserError(
                    f"the {type(model).__name__} is not fitted; fit it before it is explained"
                )
            return SklearnBox(model, scaler, _positions(len(model.coefs_), layers))
    return black_box(model, layers, None, inputs)


def check_repeatable(box: BlackBox, rows: NDArray[Any]) -> None:
    """UserError if a model's values at a row depend on the rows beside it, or on chance."""
    count = min(_COMPARED, len(rows) // 2)
    if not count:
        return
    names, together = box.layers(rows[: 2 * count])
    alone = box.layers(np.ascontiguousarray(rows[:count][::-1]))[1]
    for name, values, others in zip(names, together, alone, strict=True):
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is refused later
            differences = np.abs(values[:count] - others[::-1]).max(axis=1)
            limit = _ROUNDING * (np.ptp(values) + 0.5 * np.abs(values).max())
        row = int(differences.argmax())
        if differences[row] > limit:
            raise UserError(
                f"the layer '{name}' gives different values when row {row} of X is read with "
                f"other rows, or again; a function of one row without chance is needed: call "
                f"model.eval(), or fix what is random"
            )


def _torch_module(model: Any) -> "torch.nn.Module | None":
    """The module whose layers can be seen, if the model is one of torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(model, torch.export.ExportedProgram):
        return model.module()
    # a model of keras that runs on torch is one too, but has its own ways
    if not isinstance(model, torch.nn.Module) or any(
        each.__module__.split(".")[0] == "keras" for each in type(model).__mro__
    ):
        return None
    return getattr(model, "_orig_mod", model)  # what torch.compile has wrapped


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


def _sklearn_scaler(scaler: Any) -> Scaler:
    """Mean and deviation of a StandardScaler, also of one that does not centre or not scale."""
    if not hasattr(scaler, "n_features_in_"):
        raise UserError("the Pipeline is not fitted; fit it before it is explained")
    mean = np.zeros(scaler.n_features_in_) if scaler.mean_ is None else scaler.mean_
    std = np.ones(scaler.n_features_in_) if scaler.scale_ is None else scaler.scale_
    return np.asarray(mean, dtype=np.float64), np.asarray(std, dtype=np.float64)


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
    probabilities, one column for two classes."""

    mlp: Any
    scaler: Scaler | None
    positions: tuple[int, ...]

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        check_width(x, self.mlp.coefs_[0].shape[0])
        values = np.asarray(x, dtype=np.float64)
        if self.scaler is not None:
            values = (values - self.scaler[0]) / self.scaler[1]
        layers = []
        functions = [self.mlp.activation] * (len(self.mlp.coefs_) - 1) + [self.mlp.out_activation_]
        with np.errstate(over="ignore", invalid="ignore"):
            for weights, bias, function in zip(
                self.mlp.coefs_, self.mlp.intercepts_, functions, strict=True
            ):
                values = SKLEARN_ACTIVATIONS[function](values @ weights + bias)
                layers.append(values)
        return _select(layers, self.positions)


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
        from torch.nn.parameter import is_lazy

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
        if any(value.is_meta for value in self._tensors()):
            raise UserError(
                "the model is on the device meta and has no values; load its weights first, as by "
                "model.to_empty(device='cpu').load_state_dict(…)"
            )
        if any(is_lazy(value) for value in self._tensors()):
            raise UserError(
                "the model has a lazy module that was never called and has no values; train the "
                "model, or load its weights first"
            )

    def layers(self, x: NDArray[Any]) -> tuple[list[str], Arrays]:
        """Names and values of the layers."""
        import torch

        names: list[str] = []
        parts: list[Arrays] = []
        with _evaluation_mode(self.module), torch.no_grad():
            for rows in batches(x):
                names, values = self._layer_tensors(rows)
                parts.append([value.detach().to("cpu", torch.float64).numpy() for value in values])
        return names, [np.vstack(values) for values in zip(*parts, strict=True)]

    def _tensors(self) -> list["torch.Tensor"]:
        return [*self.module.parameters(), *self.module.buffers()]

    def _forms(self, x: NDArray[Any]) -> "Iterator[list[torch.Tensor]]":
        """Rows as tensors, one for each input: in the types of X, real numbers in the module's
        own; then all of them real; or, if they are whole numbers in a real type, as integers."""
        import torch

        pieces = [x] if self.inputs is None else self.inputs.pieces(x)
        own = next((value for value in self._tensors() if value.is_floating_point()), None)
        device = next((value.device for value in self._tensors()), torch.device("cpu"))
        given = [torch.tensor(piece).to(device) for piece in pieces]
        # without values of its own the module takes what X has
        real = [own.dtype if own is not None else (each * 1.0).dtype for each in given]
        pairs = list(zip(given, real, strict=True))
        yield [each.to(dtype) if each.is_floating_point() else each for each, dtype in pairs]
        if not all(each.is_floating_point() for each in given):
            yield [each.to(dtype) for each, dtype in pairs]
        elif own is None and any(each.dtype == torch.float64 for each in given):
            yield [each.to(torch.get_default_dtype()) for each in given]
        if all(bool((each == each.round()).all()) for each in given if each.is_floating_point()):
            yield [each.long() for each in given]

    def _layer_tensors(self, x: NDArray[Any]) -> tuple[list[str], list["torch.Tensor"]]:
        """Names and values of the layers in the order of their calls, the output last."""
        import torch

        calls, given = self._record(x)
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

    def _record(self, x: NDArray[Any]) -> tuple[list[tuple[str, Any]], Any]:
        """The layers that are explained in the order of their calls, and what the model gives, for
        the rows in the first form that it can read."""
        first: UserError | None = None
        for tensors in self._forms(x):
            try:
                calls, given = self._call(tensors)
                if self.names is None and not calls:  # activations that are no modules
                    calls, given = self._call(tensors, reading=True)
            except UserError as error:
                first = first or error
            else:
                return calls, given
        assert first is not None
        raise first

    def _call(
        self, tensors: list["torch.Tensor"], reading: bool = False
    ) -> tuple[list[tuple[str, Any]], Any]:
        """What the layers are and what the module gives for its inputs. Without names the layers
        are the activations or, if ``reading``, what the linear modules read but those inputs."""
        import torch

        calls: list[tuple[str, Any]] = []

        def note(name: str, value: Any) -> None:
            # a copy: a later module may work in place
            calls.append((name, value.clone() if isinstance(value, torch.Tensor) else value))

        def write_down(name: str) -> Any:
            return lambda module, inputs, output: note(name, output)

        def read_off(name: str) -> Any:
            def read(module: Any, inputs: Any) -> None:
                value = inputs[0] if inputs else None
                if self.names or not any(_are_equal(value, tensor) for tensor in tensors):
                    note(name, value)

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


@contextlib.contextmanager
def _evaluation_mode(module: "torch.nn.Module") -> Iterator[None]:
    """In eval mode, and afterwards each module in its own again."""
    modes = [(part, part.training) for part in module.modules() if hasattr(part, "training")]
    try:
        with contextlib.suppress(NotImplementedError):  # one of torch.export has one mode alone
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
