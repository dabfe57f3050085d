"""SRNet behind the interface of the explainers: a run's formulas, the same at every point."""

from srnet.comparison.explainers.interface import Explanations
from srnet.model.srnet import SRNet
from srnet.typing import Floats


class Symbolic:
    """The formulas of one run."""

    def __init__(self, model: SRNet) -> None:
        self.model = model

    def explain(self, points: Floats) -> Explanations:
        """The formulas; their outputs may be infinite or NaN where they are not defined."""
        return Explanations(points, self.model.predict, float(self.model.complexity))
