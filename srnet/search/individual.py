"""An MNNCGP: a composite of one chromosome per layer, judged in float64 by the formulas that will
be reported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srnet.cgp.genome import Genes
from srnet.cgp.program import Program
from srnet.model.fitting import fit_and_measure, fitness
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers


@dataclass(frozen=True)
class Individual:
    """Genes by layer, the fitted model, the loss of every layer and the fitness, all in float64 on
    every row."""

    genes: tuple[Genes, ...]
    model: SRNet
    losses: tuple[float, ...]
    fitness: float

    def to_json(self) -> dict[str, Any]:
        """What RUN.json tells of an individual that is not the best; ``SRNet.from_run`` reads it
        too."""
        return {
            "fitness": self.fitness,
            "loss": self.model.loss,
            "layer_losses": list(self.losses),
            "complexity": self.model.complexity,
            "expressions": self.model.expressions(),
            "genes": [genes.tolist() for genes in self.genes],
            "constants": [list(program.constants) for program in self.model.programs],
            "programs": [program.to_json() for program in self.model.programs],
            "weights": [weights.tolist() for weights in self.model.weights],
            "biases": [biases.tolist() for biases in self.model.biases],
        }


def judge(
    genes: Sequence[Genes], programs: Sequence[Program], layers: Layers, loss: str = "mse"
) -> Individual | None:
    """Fit a composite's formulas and measure them; None where one is not finite on every row."""
    fitted = fit_and_measure(programs, layers, layers.name, loss)
    if fitted is None:
        return None
    model, losses = fitted
    total = fitness(losses)
    return Individual(tuple(genes), model, tuple(losses), total) if np.isfinite(total) else None
