"""Any model as a function of rows: what has ``predict_proba`` or ``predict``, an ONNX Runtime
session, or whatever can be called.

Nothing is imported for it: a model is known by its methods.
"""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.networks.inputs import Inputs, batches
from srnet.networks.onnx_session import Session, is_session
from srnet.networks.outputs import OUTPUT, Selector, as_matrix, choose, first_line
from srnet.typing import Floats

_METHODS = ("predict_proba", "decision_function", "predict")  # the first that a model has


@dataclass(frozen=True)
class FunctionBox:
    """A model of which only the outputs can be seen.

    Attributes
    ----------
    function
        What is called, with one argument or, if it ``spreads``, one for each of several inputs.
    inputs
        What it reads; rows of numbers as they are if left out.
    """

    function: Callable[..., Any]
    spreads: bool = True
    inputs: Inputs | None = None
    output: Selector = None
    scaler: None = None

    def layers(self, x: NDArray[Any]) -> tuple[list[str], list[NDArray[Any]]]:
        """The name and the values of the output."""
        parts = [self._outputs(rows) for rows in batches(x)]
        if len({part.shape[1] for part in parts}) > 1:
            widths = " and ".join(str(part.shape[1]) for part in parts)
            raise UserError(
                f"the layer '{OUTPUT}' gives {widths} columns for some of the rows; a function of "
                f"one row is needed"
            )
        return [OUTPUT], [np.vstack(parts)]

    def _outputs(self, rows: NDArray[Any]) -> Floats:
        given = choose(self._call(rows), self.output, len(rows))
        return as_matrix(given, len(rows))

    def _call(self, rows: NDArray[Any]) -> Any:
        """What the model gives for rows in the form of X. A function that cannot read that form
        gets the plain array; a model does not, for it may refuse X for its columns."""
        if self.inputs is None:
            return self._try([rows], {})
        values = self.inputs.restored(rows)
        args, named = self.inputs.arguments(values)
        if not self.spreads and self.inputs.are_several:
            args, named = [named or args], {}
        try:
            return self._try(args, named)
        except UserError as error:
            is_plain = len(values) > 1 or isinstance(values[0], np.ndarray) or self.inputs.texts
            if is_plain or not self.spreads or isinstance(error.__cause__, ValueError):
                raise
            try:
                return self._try([rows], {})
            except UserError:
                raise error from error.__cause__

    def _try(self, args: list[Any], named: dict[str, Any]) -> Any:
        try:
            return self.function(*args, **named)
        except (UserError, MemoryError):
            raise
        except Exception as error:
            if type(error).__name__ == "NotFittedError":
                raise UserError(
                    f"the {_owner(self.function)} is not fitted; fit it before it is explained"
                ) from error
            shown = ", ".join(map(_describe, [*args, *named.values()]))
            reason = first_line(error)
            raise UserError(
                f"the model cannot be called with {shown} ({type(error).__name__}: {reason}); "
                f"{_hint(reason)}"
            ) from error


def black_box(
    model: Any, layers: Sequence[str] | None, output: Selector, inputs: Inputs | None
) -> FunctionBox:
    """The black box of a model of which only the outputs can be seen.

    Raises
    ------
    UserError
        If the model is none, or hidden layers are named.
    """
    kind = type(model).__name__
    if isinstance(model, type):
        raise UserError(f"the class {model.__name__} cannot be explained; give a fitted model")
    if isinstance(model, str | os.PathLike):
        raise UserError(
            f"'{model}' is a path; load the model first, or use the command line: srnet explain "
            f"{model} DATA.csv --out DIR"
        )
    if isinstance(model, Mapping):
        raise UserError(
            f"a {kind} cannot be explained; a state dict holds weights alone: load it into its "
            f"module by module.load_state_dict(…) and explain the module"
        )
    function, spreads = _function(model, output)
    hidden = [name for name in layers or () if name != OUTPUT]
    if hidden:
        raise UserError(f"the {kind} shows its output alone, no layer '{hidden[0]}'{_inner(model)}")
    return FunctionBox(function, spreads, inputs, output)


def _function(model: Any, output: Selector) -> tuple[Callable[..., Any], bool]:
    """What gives the outputs of a model, and whether several inputs are several arguments."""
    if is_session(model):
        return Session(model, named=isinstance(output, str)), False
    for name in _METHODS:
        method = getattr(model, name, None)
        if callable(method):
            quiet = {"verbose": 0} if "verbose" in _parameters(method) else {}
            return _Method(model, name, quiet, chosen=output is not None), False
    if callable(model):
        return model, True
    if hasattr(model, "transform"):
        raise UserError(
            f"a {type(model).__name__} has no predict; explain what it makes of X: "
            f"srnet.explain(model.transform, X)"
        )
    raise UserError(
        f"a {type(model).__module__}.{type(model).__qualname__} cannot be explained; a "
        f"torch.nn.Module, a model with predict, or a function is needed: "
        f"srnet.explain(lambda rows: …, X)"
    )


@dataclass(frozen=True)
class _Method:
    """A method of a fitted model as a function of its rows.

    Of a classifier the probabilities are explained; where it predicts classes alone, 1 for the
    class of a row and 0 for the others. Of two classes it is the second, unless the user has
    ``chosen`` among them.
    """

    model: Any
    name: str
    options: Mapping[str, Any]
    chosen: bool

    def __call__(self, rows: Any) -> Any:
        fitted_without_names = hasattr(self.model, "n_features_in_") and not hasattr(
            self.model, "feature_names_in_"
        )
        if fitted_without_names and hasattr(rows, "to_numpy"):
            rows = rows.to_numpy()
        given = getattr(self.model, self.name)(rows, **self.options)
        if self.name == "predict" and np.ndim(given) == 1:
            classes = np.asarray(getattr(self.model, "classes_", ()))  # CatBoost: none
            if not classes.size:
                return given
            given = (np.asarray(given)[:, None] == classes).astype(float)
        elif self.name != "predict_proba":
            return given
        return given if self.chosen else _second_of_two(given)


def _second_of_two(probabilities: Any) -> Any:
    """The probability of the second of two classes, which tells both; other values as they are."""
    if getattr(probabilities, "shape", ())[1:] != (2,):
        return probabilities
    values = np.asarray(probabilities)
    return values[:, 1:] if np.allclose(values.sum(axis=1), 1, atol=1e-5) else probabilities


def _hint(reason: str) -> str:
    """The form of X that a model may need, by what it says of the one that it got."""
    words = reason.lower()
    if "tensor" in words and "ndarray" in words:
        return "give it X as a tensor, torch.tensor(X)"
    if "double" in words and "float" in words:
        return "give it X in float32, X.astype('float32')"
    return (
        "it gets X in the form in which you give it; for another, srnet.explain(lambda rows: "
        "model(…), X)"
    )


def _inner(model: Any) -> str:
    """How the hidden layers of a known kind of model can be explained, if it has any."""
    if hasattr(model, "coefs_"):
        return " where output= is given; leave it out"
    if hasattr(model, "steps") and hasattr(model, "named_steps") and _has_layers(model[-1]):
        return (
            "; explain its last step on what that reads: srnet.explain(model[-1], "
            "model[:-1].transform(X), layers=…)"
        )
    for name in ("best_estimator_", "regressor_", "module_"):
        if _has_layers(getattr(model, name, None)):
            return f"; explain the model inside: srnet.explain(model.{name}, X, layers=…)"
    if hasattr(model, "get_layer"):
        return (
            "; explain a part of it: srnet.explain(keras.Model(model.inputs, "
            "model.get_layer(NAME).output), X)"
        )
    return ""


def _has_layers(model: Any) -> bool:
    """Whether a model is a perceptron of scikit-learn, a module of torch, or a Pipeline."""
    return any(hasattr(model, name) for name in ("coefs_", "named_modules", "named_steps"))


def _parameters(function: Any) -> Mapping[str, Any]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _owner(function: Any) -> str:
    owner = getattr(function, "model", None) or getattr(function, "__self__", function)
    return type(owner).__name__


def _describe(value: Any) -> str:
    kind = f"{type(value).__module__.split('.')[0]}.{type(value).__name__}"
    shape = getattr(value, "shape", None)
    dtype = getattr(value, "dtype", None)
    return (
        kind + (f" {tuple(shape)}" if shape is not None else "") + (f" of {dtype}" if dtype else "")
    )
