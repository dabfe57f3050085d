"""A network that classifies, whose output is the probability of every class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
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
        and, where there are several columns, every row has the sum 1; otherwise logits.

        Raises
        ------
        UserError
            If all of several columns are in 0 … 1, but the rows have other sums.
        """
        return cls(box, not _look_like_probabilities(box.layers(rows)[1][-1], "the model"))

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
        ``logits`` or ``probabilities``: what the network gives, and so a single column is, and
        values of 0 … 1 whose rows have other sums than 1. By default values of 0 … 1 are
        probabilities.

    Raises
    ------
    UserError
        If all of several columns are in 0 … 1, the rows have other sums, and the network gives no
        logits.
    """
    if outputs.shape[1] == 1 and kind is not None:
        return _probabilities(outputs, kind == "logits")
    if kind == "logits":
        return _probabilities(outputs, not are_probabilities(outputs))
    return _probabilities(outputs, not _look_like_probabilities(outputs, "y"))


def _look_like_probabilities(outputs: NDArray[Any], what: str) -> bool:
    """Whether outputs are probabilities and no logits; errors call what gives them ``what``."""
    are_shares = bool(((outputs >= 0) & (outputs <= 1)).all())
    if outputs.shape[1] == 1 or not are_shares or are_probabilities(outputs):
        return are_shares
    sums = outputs.sum(axis=1, dtype=np.float64)
    raise UserError(
        f"{what} gives {outputs.shape[1]} outputs of 0 … 1 with sums of {sums.min():.3g} to "
        f"{sums.max():.3g}, and the loss cross_entropy takes probabilities of the sum 1 or logits; "
        f"of labels that do not exclude one another explain each alone, as output=0, and of logits "
        f"take 1 from each, as output=lambda y: y - 1"
    )


def _probabilities(outputs: NDArray[Any], logits: bool) -> Floats:
    values = np.asarray(outputs, dtype=np.float64)
    if values.shape[1] == 1:
        values = np.hstack([np.zeros_like(values) if logits else 1 - values, values])
    return softmax(values) if logits else values
