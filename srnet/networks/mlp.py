"""The network that is explained, a multilayer perceptron, and its file ``network.pt``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from srnet.errors import UserError
from srnet.io.files import writing
from srnet.io.state_dict import as_state_dict, read_torch_file
from srnet.networks.layers import Values
from srnet.typing import Floats, Kind, StrPath
from srnet.validation import Choice

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, np.float32(0)),
    "identity": lambda z: z,
}

# Of the networks that ``train`` makes and ``Network.save`` writes.
_OWN_ACTIVATION = "sigmoid"

# A network whose output spreads no more than this, relative to what it is compared with, is called
# constant.
CONSTANT_SPREAD = 1e-3


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron: hidden layers, then a linear output (regression) or a softmax
    (classification).

    Attributes
    ----------
    weights, biases
        Of every layer, output layer last: float32, k_i × k_(i-1) and k_i.
    kind
        regression or classification.
    mean, std
        Of every input, if the first layer reads (x - mean) / std; else None.
    activation
        Of the hidden layers, one of ``ACTIVATIONS``; ``train`` makes sigmoid networks.
    """

    weights: tuple[Values, ...]
    biases: tuple[Values, ...]
    kind: Kind
    mean: Floats | None = None
    std: Floats | None = None
    activation: str = _OWN_ACTIVATION

    @property
    def sizes(self) -> list[int]:
        """Number of inputs, neurons of each hidden layer, number of outputs."""
        return [self.weights[0].shape[1], *(len(bias) for bias in self.biases)]

    def layers(self, x: NDArray[np.floating[Any]]) -> list[Values]:
        """``[x, h1, …, hL, y]``, float32, rows first, of inputs in their own units (n × d).

        The x returned is what the first layer reads: standardised if the network standardises. y is
        n × k, probabilities if it classifies.
        """
        values = [self._first_values(x)]
        with np.errstate(over="ignore"):  # exp(-z) may overflow: the sigmoid is then 0
            for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
                values.append(ACTIVATIONS[self.activation](values[-1] @ weight.T + bias))
        y = values[-1] @ self.weights[-1].T + self.biases[-1]
        values.append(softmax(y, axis=1) if self.kind == "classification" else y)
        return values

    def predict(self, x: NDArray[np.floating[Any]]) -> Values:
        """The output (n × k) at inputs in their own units (n × d)."""
        return self.layers(x)[-1]

    def _first_values(self, x: NDArray[np.floating[Any]]) -> Values:
        if x.ndim != 2 or x.shape[1] != self.sizes[0]:
            raise UserError(
                f"the network reads {self.sizes[0]} input(s), but the data has the shape "
                f"{x.shape}; take its own data"
            )
        if self.mean is not None and self.std is not None:
            x = (x - self.mean) / self.std
        return np.asarray(x, np.float32)

    def save(self, path: StrPath) -> None:
        """Write ``network.pt``, whole or not at all: a dict of tensors that ``torch.load(...,
        weights_only=True)`` reads.

        ``layers.{i}.weight`` and ``layers.{i}.bias`` from i = 0; ``scaler.mean`` and ``scaler.std``
        if the inputs are standardised; ``softmax``, whether the network classifies.

        Raises
        ------
        UserError
            If the activation is not the sigmoid function: the file does not tell it.
        """
        import torch

        if self.activation != _OWN_ACTIVATION:
            raise UserError(
                f"{path}: a network file holds networks of the activation {_OWN_ACTIVATION}; this "
                f"one's is {self.activation}"
            )
        state = {}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            state[f"layers.{i}.weight"] = torch.tensor(weight)
            state[f"layers.{i}.bias"] = torch.tensor(bias)
        if self.mean is not None and self.std is not None:
            state["scaler.mean"] = torch.tensor(self.mean)
            state["scaler.std"] = torch.tensor(self.std)
        state["softmax"] = torch.tensor(self.kind == "classification")
        with writing(path, "wb") as file:
            torch.save(state, file)


def load_network(path: StrPath, activation: str | None = None) -> Network:
    """Read ``network.pt``; nothing in it is executed.

    The state dict of a ``torch.nn.Sequential`` of Linear modules and activations is read too: pairs
    of weight and bias, in their order. Such a file does not tell the activation of the hidden
    layers, so ``activation`` must name it.

    Raises
    ------
    UserError
        If the file is missing, is no file of tensors, or has layers whose sizes do not fit or
        values that are not finite; if the activation is missing, or not the file's.
    """
    if activation is not None:
        Choice(tuple(ACTIVATIONS)).check("activation", activation)
    arrays = {
        name: tensor.double().numpy()
        for name, tensor in as_state_dict(read_torch_file(path), path).items()
    }
    mean, std, is_classifier = (
        arrays.pop(key, None) for key in ("scaler.mean", "scaler.std", "softmax")
    )
    weights = tuple(v.astype(np.float32) for key, v in arrays.items() if key.endswith("weight"))
    biases = tuple(v.astype(np.float32) for key, v in arrays.items() if key.endswith("bias"))
    if not weights or not len(weights) == len(biases) == len(arrays) / 2:
        raise UserError(
            f"{path}: has the tensors {', '.join(arrays) or '(none)'}; a weight and a bias of "
            f"every layer are needed"
        )
    _check_layers(weights, biases, path)
    _check_scaler(mean, std, weights[0].shape[1], path)
    if is_classifier is not None and is_classifier.size != 1:
        raise UserError(
            f"{path}: 'softmax' has the shape {is_classifier.shape}; one truth value is needed"
        )
    kind: Kind = "classification" if is_classifier else "regression"
    own = is_classifier is not None  # only a network of this project tells whether it classifies
    if activation is None and not own and len(weights) > 1:
        raise UserError(
            f"{path}: a state dict does not tell the activation of the hidden layers; name it "
            f"(--activation): {', '.join(ACTIVATIONS)}"
        )
    if own and activation not in (None, _OWN_ACTIVATION):
        raise UserError(
            f"{path}: is a network that srnet trained, of the activation {_OWN_ACTIVATION}; "
            f"'activation' is '{activation}'"
        )
    return Network(weights, biases, kind, mean, std, activation or _OWN_ACTIVATION)


def _check_layers(weights: tuple[Values, ...], biases: tuple[Values, ...], path: StrPath) -> None:
    """UserError unless every layer reads what the one below it gives, and all values are finite."""
    width = weights[0].shape[-1] if weights[0].ndim else 0
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if (
            weight.ndim != 2
            or weight.shape[1] != width
            or bias.shape != weight.shape[:1]
            or not weight.size
        ):
            raise UserError(
                f"{path}: layer {i} reads {width} value(s), but its weight is {weight.shape} and "
                f"its bias {bias.shape}"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise UserError(f"{path}: layer {i} has a value that is not finite; every one must be")
        width = len(bias)


def _check_scaler(mean: Floats | None, std: Floats | None, inputs: int, path: StrPath) -> None:
    """UserError unless there is no scaler, or one finite mean and positive deviation per input."""
    if mean is None and std is None:
        return
    if mean is None or std is None or not mean.shape == std.shape == (inputs,):
        raise UserError(
            f"{path}: 'scaler.mean' and 'scaler.std' must both have {inputs} value(s), one for "
            f"each input"
        )
    if not (np.isfinite(mean).all() and np.isfinite(std).all()):
        raise UserError(f"{path}: the scaler has a value that is not finite; every one must be")
    if not (std > 0).all():
        raise UserError(f"{path}: 'scaler.std' has a value that is not positive; every one must be")
