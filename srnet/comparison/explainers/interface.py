"""What every explainer gives: of each point a function that says what the network does near it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from srnet.typing import Floats

Function = Callable[[Floats], Floats]  # rows n × d to outputs n × k


@dataclass(frozen=True)
class Explanations:
    """The explanations of m points.

    Attributes
    ----------
    points
        m × d.
    at
        Outputs (m × k, probabilities where the network classifies) at another place (m × d), row i
        by the explanation of point i. An explanation is worth something near its point only;
        SRNet's formulas are the same everywhere.
    terms
        The size of one explanation: coefficients with the intercept, or the active nodes of
        formulas.
    support
        Rows or samples that the explanation of each point rests on, m values: (Σw)²/Σw² of their
        weights w (Kish's effective sample size); None where there are no weights. Near 1, the
        explanation repeats the network's value at the point and says nothing of its surroundings.
    """

    points: Floats
    at: Function
    terms: float
    support: Floats | None = None

    @property
    def outputs(self) -> Floats:
        """What the explanations say at their own points, m × k."""
        return self.at(self.points)

    def slopes(self, steps: Floats) -> Floats:
        """The derivative of every output by every input at the points, m × k × d, from central
        differences.

        Parameters
        ----------
        steps
            Of every input, d values: exact for a linear explanation whatever they are.
        """
        moved = [
            (self.at(self.points + step) - self.at(self.points - step)) for step in np.diag(steps)
        ]
        return np.stack(moved, axis=2) / (2 * steps)


class Explainer(Protocol):
    """Anything that explains points."""

    def explain(self, points: Floats) -> Explanations:
        """The explanations of points, m × d."""
        ...


def local_linear(points: Floats, outputs: Floats, slopes: Floats) -> Function:
    """The function of a linear model per point; outputs m × k at the points, slopes m × k × d."""

    def at(x: Floats) -> Floats:
        return outputs + np.einsum("mkd,md->mk", slopes, x - points)

    return at
