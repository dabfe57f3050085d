"""A model that is taken apart, compared once with the whole: its output is the model's own, and
every layer reads the one before."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.networks.adapters import BlackBox, NetworkBox, SklearnBox, TorchBox
from srnet.networks.functions import FunctionBox
from srnet.networks.layers import warn_of_merged
from srnet.networks.onnx_session import Session
from srnet.typing import Floats

if TYPE_CHECKING:
    import torch

# Outputs differ that are further apart than this share of their spread and so many roundings. Of a
# function's a larger share, for what is inside may be rounded more than what it gives.
_SHARE, _FUNCTIONS_SHARE, _ROUNDINGS = 1e-3, 1e-2, 32
# A unit of the last decimal that is a larger share of a column's spread is no rounding.
_ROUNDED = 1e-2
# The bits of a float32 that a number of half precision leaves empty, and its rounding.
_HALVES = {16: 2**-8, 13: 2**-11}
# Rows on which a model is asked again.
_ROWS = 256
# Of fewer weights nothing can be told. Rounding moves one by less than this share, and chance moves
# their mean square by fewer standard errors.
_LEAST, _MOVED, _ERRORS = 20, 0.01, 4


def check_parts(network: BlackBox, x: NDArray[Any], columns: Sequence[str] | None = None) -> None:
    """Compare a network that was taken apart with the whole model at rows, n × d, of which it gives
    finite values.

    Raises
    ------
    UserError
        If its output is not the model's own there, or depends on the other rows or on chance; or if
        a layer does not read the layer before it.

    Warns
    -----
    UserWarning
        If a layer also reads what does not pass through the layer before it; or if the network
        reads so few digits of a column that most of its values become equal.
    """
    if isinstance(network, SklearnBox):
        _check_sklearn(network, x)
        _check_function(network, x, _spread_out(len(x)))
    elif isinstance(network, TorchBox):
        warn_of_merged(x, network.as_read(x), "the network reads", columns)
        _check_torch(network, x[_spread_out(len(x))])
    elif isinstance(network, FunctionBox):
        if isinstance(network.function, Session) and network.function.is_single:
            warn_of_merged(x, x.astype(np.float32), "the network reads", columns)
        _check_function(network, x, _spread_out(len(x)))
    elif isinstance(network, NetworkBox) and network.scaler is None:
        warn_of_merged(x, x.astype(np.float32), "the network reads", columns)


def check_trained(network: BlackBox) -> None:
    """Warn of a torch module whose linear layers all are as torch makes them: weights and biases
    drawn evenly from -1/√inputs to 1/√inputs. Training moves some of them beyond.

    Warns
    -----
    UserWarning
        If they are.
    """
    if not isinstance(network, TorchBox):
        return
    import torch

    layers = [each for each in network.module.modules() if type(each) is torch.nn.Linear]
    drawn = [
        (value.detach().to("cpu", torch.float64) * layer.in_features**0.5).numpy().ravel()
        for layer in layers
        for value in layer.parameters()
    ]
    values = np.concatenate(drawn) if drawn else np.empty(0)
    if len(values) < _LEAST or np.abs(values).max() > 1 + _MOVED:
        return
    error = np.sqrt(4 / 45 / len(values))  # of the mean square of evenly drawn numbers, 1/3
    if abs(np.mean(values**2) - 1 / 3) < _ERRORS * error:
        warnings.warn(
            f"the weights of the model's {len(layers)} linear layer(s) are as torch draws them; is "
            f"it trained?",
            stacklevel=4,
        )


def _spread_out(count: int) -> NDArray[np.intp]:
    """Positions of some of so many rows, from the first to the last: they may be sorted."""
    return np.unique(np.linspace(0, count - 1, _ROWS).astype(np.intp))


def difference(
    computed: NDArray[Any],
    given: NDArray[Any],
    eps: float,
    *,
    share: float = _SHARE,
    spread: Floats | None = None,
    unit: float = 0.0,
) -> tuple[int, int] | None:
    """Row and column where two arrays n × k differ most, if they do by more than rounding.

    Parameters
    ----------
    eps
        The rounding of the numbers' type.
    share
        Of a column's spread by which it may differ beside.
    spread
        Standard deviations of the columns, k; by default those of ``given``.
    unit
        Of the last decimal of ``given``, where it is rounded; more than a small part of a column's
        spread tells nothing.
    """
    spread = given.std(axis=0) if spread is None else spread
    allowed = share * spread + np.minimum(unit, _ROUNDED * spread)
    error = np.abs(computed - given)
    excess = error - (allowed + _ROUNDINGS * eps * np.abs(given).max())
    if (excess <= 0).all():
        return None
    row, column = np.unravel_index(int(excess.argmax()), excess.shape)
    return int(row), int(column)


def _check_sklearn(network: SklearnBox, x: NDArray[Any]) -> None:
    computed, model = network.layers(x)[1][-1], network.whole
    classifies = hasattr(network.mlp, "classes_")
    ask = model.predict_proba if classifies else model.predict
    given = np.asarray(ask(network.as_fitted(model, x)), dtype=np.float64)
    given = given[:, None] if given.ndim == 1 else given
    if computed.shape[1] == 1:  # of two classes that of the second
        given = given[:, -1:]
    place = difference(computed, given, float(np.finfo(np.float32).eps))
    if place is not None:
        raise UserError(
            f"the {type(model).__name__} gives {given[place]:.6g} at row {place[0]}, and its "
            f"layers {computed[place]:.6g}: it is more than the multilayer perceptron and the "
            f"steps before it, and cannot be taken apart"
        )


def _check_function(network: BlackBox, x: NDArray[Any], places: NDArray[np.intp]) -> None:
    """Whether a function gives the same at these places of the rows for some of them alone: every
    other one, in another order, and a few."""
    together = network.layers(x[places])[1][-1]
    eps, spread = _rounding(together), together.std(axis=0)
    every = np.arange(len(places))
    for some in (every[::-2], np.unique([0, len(places) // 2, len(places) - 1])):
        rows = places[some]
        alone = network.layers(x[rows])[1][-1]
        place = difference(alone, together[some], eps, share=_FUNCTIONS_SHARE, spread=spread)
        if place is not None:
            raise UserError(
                f"the model's output at row {rows[place[0]]} of X depends on the other rows or on "
                f"chance; a function of one row is needed: call model.eval(), or fix what is random"
            )


def _rounding(values: NDArray[Any]) -> float:
    """That of the type in which values were computed, as far as they tell: of half precision where
    they have no more digits, else of float32. Whole numbers, as of classes, tell nothing."""
    if not (values == np.rint(values)).all():
        with np.errstate(over="ignore"):
            bits = values.astype(np.float32).view(np.uint32)
        for empty, eps in _HALVES.items():
            if (
                not (bits & np.uint32(2**empty - 1)).any()
                and (values == values.astype(np.float32)).all()
            ):
                return eps
    return float(np.finfo(np.float32).eps)


def _check_torch(network: TorchBox, x: NDArray[Any]) -> None:
    import torch

    names, values = network.layer_tensors(x)
    if _differ(network.layer_tensors(x[::-2].copy())[1][-1], values[-1].flip(0)[::2]):
        raise UserError(
            "the model's output at a row depends on the other rows or on chance: asked for some of "
            "the rows alone it gives another; a function of a row is needed"
        )
    if any(part.training for part in network.module.modules()):
        devices = [values[-1].device] if values[-1].is_cuda else []
        with torch.random.fork_rng(devices=devices):  # as of dropout
            trained = network.layer_tensors(x, evaluation=False)[1][-1]
        if _differ(trained, values[-1]):
            raise UserError(
                "the model is in training mode, where its output is another than in evaluation "
                "mode; call model.eval() first"
            )
    for i in range(1, len(values)):
        _check_link(network, x, names, values, i)


def _check_link(
    network: TorchBox,
    x: NDArray[Any],
    names: Sequence[str],
    values: Sequence["torch.Tensor"],
    i: int,
) -> None:
    """Whether the layer i reads the one before it, and nothing beside: rows of one of the two are
    exchanged, that is of the layer before or of the inputs, and the layer is computed again."""
    before, layer = values[i - 1 : i + 1]
    exchanged = before.roll(1, 0)
    if not (_differ(exchanged, before) and _differ(layer.roll(1, 0), layer)):
        return  # of a constant nothing can be told
    if not _differ(network.layer_tensors(x, {i - 1: exchanged})[1][i], layer):
        raise UserError(
            f"the layer '{names[i]}' does not read the layer '{names[i - 1]}', which is called "
            f"before it, and every layer is explained by the formulas of the one before; name "
            f"layers that follow one another, as layers=['{names[i]}']"
        )
    rolled = np.roll(x, 1, axis=0)
    if _differ(network.layer_tensors(rolled, {i - 1: before.clone()})[1][i], layer):
        warnings.warn(
            f"the layer '{names[i]}' also reads what does not pass through '{names[i - 1]}', as a "
            f"branch or a skip connection; its formulas read '{names[i - 1]}' alone",
            stacklevel=6,
        )


def _differ(a: "torch.Tensor", b: "torch.Tensor") -> bool:
    import torch

    first, second = (each.to("cpu", torch.float64).numpy() for each in (a, b))
    return difference(first, second, torch.finfo(a.dtype).eps) is not None
