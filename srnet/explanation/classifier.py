"""A network that classifies, whose output is the probability of every class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.model.logistic import are_probabilities, softmax
from srnet.networks.adapters import BlackBox, Scaler
from srnet.typing import Floats


@dataclass(frozen=True)
class Classifier:
    """A black box that gives probabilities for its output, n × classes, at least two.

    Attributes
    ----------
    logits
        Whether the network's own outputs are logits (or logarithms of probabilities).
    """

    box: BlackBox
    logits: bool

    @classmethod
    def from_rows(cls, box: BlackBox, rows: NDArray[Any]) -> "Classifier":
        """Tell from rows, n × d, what the outputs are: probabilities if all of them are in 0 … 1
        and, where there are several columns, every row has the sum 1; otherwise logits."""
        return cls(box, not _look_like_probabilities(box.layers(rows)[1][-1]))

    @property
    def kind(self) -> str:
        """What the network's own outputs are."""
        return "logits" if self.logits else "probabilities"

    @property
    def scaler(self) -> Scaler | None:
        """The network's."""
        return self.box.scaler

    def layers(self, x: NDArray[Any]) -> tuple[list[str], list[NDArray[Any]]]:
        """Names and values of the layers."""
        names, values = self.box.layers(x)
        return names, [*values[:-1], _probabilities(values[-1], self.logits)]


def class_probabilities(outputs: NDArray[Any], kind: str | None = None) -> Floats:
    """The probabilities of two or more classes, from outputs, n × k, that are probabilities or
    logits; a single column is that of the second of two classes.

    Parameters
    ----------
    kind
        ``logits`` or ``probabilities``: what the network gives, and so a single column is. By
        default values of 0 … 1 are probabilities.
    """
    if outputs.shape[1] == 1 and kind is not None:
        return _probabilities(outputs, kind == "logits")
    return _probabilities(outputs, not _look_like_probabilities(outputs))


def _look_like_probabilities(outputs: NDArray[Any]) -> bool:
    if outputs.shape[1] == 1:
        return bool(((outputs >= 0) & (outputs <= 1)).all())
    return are_probabilities(outputs)


def _probabilities(outputs: NDArray[Any], logits: bool) -> Floats:
    values = np.asarray(outputs, dtype=np.float64)
    if values.shape[1] == 1:
        values = np.hstack([np.zeros_like(values) if logits else 1 - values, values])
    return softmax(values) if logits else values
