"""What the outputs of a model mean: logits, probabilities or values."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from srnet.errors import UserError
from srnet.typing import Floats
from srnet.validation import Integer

OUTPUTS = ("detect", "logits", "probabilities", "multilabel", "values")

# Resolution of a probability in float32, which bounds the log-odds computed from it.
RESOLUTION = 1e-7

# Log-odds that stand for the value of the whole image; the value of the fill has their negative.
VALUE_LOG_ODDS = 4.0


class Predictions(NamedTuple):
    """Predictions of the explained class for m images.

    Attributes
    ----------
    probability
        (m,) probability p; of ``values``, the share of the way from the value of the fill (0) to
        that of the whole image (1).
    log_odds
        (m,) ln p/(1 - p), computed from the logits if the classifier returns them; of ``values``
        linear in them, from -4 for the fill to 4 for the whole image.
    """

    probability: Floats
    log_odds: Floats


def detect(output: Floats) -> str:
    """Whether a model's first outputs (m, k) are logits or probabilities.

    Raises
    ------
    UserError
        If they could be either, or a single column could be a value too.
    """
    if output.shape[1] == 1:
        raise UserError(
            f"model: gives one output per image, of {output[0, 0]:.4g}; choose "
            f"outputs='probabilities' if it is that of a sigmoid, outputs='logits' if it goes into "
            f"one, or outputs='values' for a regression"
        )
    if output.min() < 0 or output.max() > 1 + 1e-3:
        return "logits"
    if np.abs(output.sum(axis=1) - 1).max() < 1e-3:
        return "probabilities"
    raise UserError(
        "model: gives values in [0, 1] that do not sum to 1; choose outputs='probabilities' if "
        "they are those of one sigmoid per class, outputs='logits', or outputs='values' for a "
        "regression"
    )


def class_columns(output: Floats, outputs: str) -> Floats:
    """Outputs (m, k) as a column for each class: a single one of a classifier, which is that of the
    second of two classes, becomes two.

    Raises
    ------
    UserError
        If probabilities are outside [0, 1].
    """
    if outputs == "probabilities" and (
        output.min(initial=0) < -1e-3 or output.max(initial=0) > 1 + 1e-3
    ):
        raise UserError(
            "model: gives values outside [0, 1] although outputs='probabilities'; use "
            "outputs='logits', or outputs='multilabel' for logits of one sigmoid per class"
        )
    if output.shape[1] > 1 or outputs in ("multilabel", "values"):
        return output
    other = 1 - output if outputs == "probabilities" else np.zeros_like(output)
    return np.hstack([other, output])


def choose_label(label: int | None, whole: Floats, outputs: str) -> int:
    """The column to explain: the one given, or the class of the whole image.

    Raises
    ------
    UserError
        If it is out of range, or one of several values must be chosen.
    """
    if label is not None:
        label = label.tolist() if hasattr(label, "tolist") else label  # such as of an argmax
        return Integer(0, len(whole) - 1).check("label", label)
    if outputs == "values" and len(whole) > 1:
        raise UserError(
            f"label: the model gives {len(whole)} values per image; choose one by its number, from "
            f"label=0 to label={len(whole) - 1}"
        )
    return int(whole.argmax())


def predict_class(output: Floats, outputs: str, label: int) -> Predictions:
    """Predictions of a class from outputs by class (m, classes)."""
    column = output[:, label]
    if outputs == "multilabel":
        return Predictions(expit(column), column)
    if outputs == "probabilities":
        bounded = np.clip(column, RESOLUTION, 1 - RESOLUTION)
        return Predictions(column, np.log(bounded) - np.log1p(-bounded))
    others = np.logaddexp.reduce(np.delete(output, label, axis=1), axis=1)
    return Predictions(np.exp(column - np.logaddexp(column, others)), column - others)


def predict_value(values: Floats, empty: float, whole: float) -> Predictions:
    """Predictions from values (m,) of a regression, by those of the fill and of the whole image."""
    share = (values - empty) / (whole - empty)
    return Predictions(share, VALUE_LOG_ODDS * (2 * share - 1))


def check_change(empty: float, whole: float) -> None:
    """UserError if the fill gives the value of the whole image."""
    if abs(whole - empty) <= 1e-6 * max(abs(whole), abs(empty)):
        raise UserError(
            f"model: gives the image and its fill the same value, {whole:.6g}, so that there is "
            f"nothing to explain; pass another fill, as fill='blur'"
        )


def probabilities_by_class(output: Floats, outputs: str) -> Floats:
    """Probabilities (m, classes) from outputs by class; values as they are."""
    if outputs == "multilabel":
        return expit(output)
    if outputs == "logits":
        return np.exp(output - np.logaddexp.reduce(output, axis=1, keepdims=True))
    return output
