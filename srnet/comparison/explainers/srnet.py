"""SRNet as an explainer: the formulas of a run, the same at every point."""

from srnet.comparison.explainers.interface import Explanations
from srnet.model.srnet import SRNet
from srnet.typing import Floats


class Symbolic:
    """The formulas of one run.

    Parameters
    ----------
    model
        The run's formulas.
    """

    def __init__(self, model: SRNet) -> None:
        self.model = model

    def explain(self, points: Floats) -> Explanations:
        """Explain points, m × d; outputs may be infinite or NaN where a formula is undefined."""
        return Explanations(points, self.model.predict, float(self.model.complexity))
