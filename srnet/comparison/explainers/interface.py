"""The interface of explainers: for each point, a function that approximates the network near it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from srnet.typing import Floats

Function = Callable[[Floats], Floats]  # rows n × d to outputs n × k


@dataclass(frozen=True)
class Explanations:
    """The explanations of m points, one function each.

    Attributes
    ----------
    points
        The explained points, m × d.
    predict
        From m other points (m × d) to outputs (m × k, probabilities of a classifier); row i is
        explained by the explanation of point i. An explanation holds only near its point, except
        that SRNet's formulas are the same everywhere.
    terms
        Size of one explanation: its coefficients with the intercept, or the active nodes of its
        formulas.
    support
        Effective number of rows or samples behind each explanation, m values: (Σw)²/Σw² of their
        weights w (Kish's effective sample size); None if there are no weights. Near 1, the
        explanation repeats the network's value at its point and says nothing about other points.
    """

    points: Floats
    predict: Function
    terms: float
    support: Floats | None = None

    @property
    def outputs(self) -> Floats:
        """Outputs of the explanations at their own points, m × k."""
        return self.predict(self.points)

    def slopes(self, steps: Floats) -> Floats:
        """Derivatives of outputs by inputs at the points, m × k × d, by central differences.

        Parameters
        ----------
        steps
            Step of each input, d values. Any steps are exact for a linear explanation.
        """
        differences = [
            (self.predict(self.points + step) - self.predict(self.points - step))
            for step in np.diag(steps)
        ]
        return np.stack(differences, axis=2) / (2 * steps)


class Explainer(Protocol):
    """Anything that explains points."""

    def explain(self, points: Floats) -> Explanations:
        """Explain points, m × d."""
        ...


def local_linear(points: Floats, outputs: Floats, slopes: Floats) -> Function:
    """A linear model for each point, as a function.

    Parameters
    ----------
    points, outputs, slopes
        Points, m × d; outputs there, m × k; slopes, m × k × d.
    """

    def predict(x: Floats) -> Floats:
        return outputs + np.einsum("mkd,md->mk", slopes, x - points)

    return predict
