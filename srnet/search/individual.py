"""An individual: formulas for every layer, judged in float64 as they will be reported."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from srnet.cgp.costs import Costs
from srnet.cgp.genome import Genes
from srnet.cgp.program import Program
from srnet.io.schema import arrange
from srnet.model.fitting import FitCache, fit_and_measure, fitness, output_cost
from srnet.model.losses import SQUARED, RowLoss
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers


@dataclass(frozen=True)
class Individual:
    """The fitted model, the loss of every layer and the fitness, all in float64 on every row.

    ``genes`` are the chromosomes by layer of an MNNCGP, a composite of one formula per layer; there
    are none where formulas were changed outside of their chromosomes.
    """

    genes: tuple[Genes, ...]
    model: SRNet
    losses: tuple[float, ...]
    fitness: float

    def to_json(self) -> dict[str, Any]:
        """What RUN.json tells of one of its composites; ``SRNet.from_run`` reads it too."""
        content = {
            "fitness": self.fitness,
            "layer_losses": list(self.losses),
            "expressions": self.model.expressions(),
            **({"genes": [genes.tolist() for genes in self.genes]} if self.genes else {}),
            **self.model.to_run(text=False),
        }
        del content["task"]  # it is the run's
        return arrange(content, "run", "individual")


def judge(
    genes: Sequence[Genes],
    programs: Sequence[Program],
    layers: Layers,
    loss: str = "mse",
    costs: Costs = (),
    cache: FitCache | None = None,
) -> Individual | None:
    """Fit a composite's formulas, one per layer, and measure them; None where one is not finite on
    every row."""
    formulas = [(program,) for program in programs]
    return measure(formulas, layers, loss, genes=genes, costs=costs, cache=cache)


def measure(
    programs: Sequence[Sequence[Program]],
    layers: Layers,
    loss: str = "mse",
    reads: str = "units",
    genes: Sequence[Genes] = (),
    costs: Costs = (),
    targets: str = "classes",
    cache: FitCache | None = None,
    robust: RowLoss = SQUARED,
) -> Individual | None:
    """Fit formulas by layer and measure them; None where one is not finite on every row.
    ``costs`` of operators count in the complexity. With a ``robust`` loss the output's part of the
    fitness is its mean cost."""
    fitted = fit_and_measure(programs, layers, layers.name, loss, reads, targets, cache, robust)
    if fitted is None:
        return None
    model, losses = replace(fitted[0], costs=costs), fitted[1]
    total = fitness(losses)
    if robust.name != "mse":
        total = fitness([*losses[:-1], output_cost(model, layers, robust)])
    return Individual(tuple(genes), model, tuple(losses), total) if np.isfinite(total) else None
