"""SRNet near a point: the linear formula that a run's formulas have there.

It is the Taylor polynomial of the first degree of the formulas, by their exact derivatives, as
``Explanation.explain_at`` tells it. Unlike LIME's and MAPLE's it is not fitted to the network
there: at its point it is as near to the network as the formulas are.
"""

from srnet.comparison.explainers.interface import Explanations, local_linear
from srnet.model.srnet import SRNet
from srnet.typing import Floats


class Local:
    """The formulas of one run near each point.

    Parameters
    ----------
    model
        The run's formulas.
    """

    def __init__(self, model: SRNet) -> None:
        from srnet.model.export import to_torch

        self.module = to_torch(model)

    def explain(self, points: Floats) -> Explanations:
        """Explain points, m × d; outputs may be infinite or NaN where a formula or a derivative is
        undefined."""
        import torch

        x = torch.tensor(points, dtype=torch.float64)
        # every output depends on its own point alone
        slopes = torch.autograd.functional.jacobian(lambda x: self.module(x).sum(dim=0), x)
        outputs, gradients = self.module(x).numpy(), slopes.transpose(0, 1).numpy()
        terms = float((points.shape[1] + 1) * outputs.shape[1])
        return Explanations(points, local_linear(points, outputs, gradients), terms)
