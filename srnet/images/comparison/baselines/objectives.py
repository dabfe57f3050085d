"""What a search over sets of superpixels maximises, and what that costs."""

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.images.search.evaluator import Evaluator, Genomes
from srnet.typing import Floats
from srnet.validation import Choice, Integer

OBJECTIVES = ("probability", "contrast", "smdl", "lima")

# Weights of consistency, collaboration and confidence that LiMA's authors publish for classifiers
# (github.com/RuoyuChen10/LIMA).
CONSISTENCY, COLLABORATION, CONFIDENCE = 20.0, 5.0, 0.01


class Objective:
    """The value of a set S of superpixels, within a limit of passes.

    ``probability``
        p(S); one pass.
    ``contrast``
        p(S) - p(all but S); two passes.
    ``smdl``
        The sum of the four scores of "Less is More" (Chen et al., ICLR 2024, arXiv 2402.09164),
        each with the weight 1; two passes, and one for every superpixel alone. The paper compares
        features of the network and takes the confidence from a second, evidential network. Here the
        class probabilities suffice: consistency is p(S), collaboration 1 - p(all but S), confidence
        1 - H(S) / ln K with the entropy H of the probabilities of K classes (as LiMA's authors have
        it), and effectiveness the sum over the superpixels of S of the smallest distance to another
        one of S, by the cosine of their probabilities when shown alone.
    ``lima``
        LiMA's for classifiers: 20 consistency + 5 collaboration + 0.01 confidence; two passes.

    Parameters
    ----------
    evaluator
        The network.
    name
        One of ``OBJECTIVES``.
    limit
        The most passes; None for no limit.

    Raises
    ------
    UserError
        If there is no such objective, or the limit does not suffice for every superpixel alone.
    """

    def __init__(self, evaluator: Evaluator, name: str, limit: int | None = None) -> None:
        self.evaluator = evaluator
        self.name = Choice(OBJECTIVES).check("objective", name)
        self._passes_per_set = 1 if name == "probability" else 2
        self._end = np.inf
        if limit is not None:
            self._end = evaluator.passes + Integer(1).check("passes", limit)
        self._distances = np.zeros(0)
        n = evaluator.superpixels
        needed = self._passes_per_set * n + (n if name == "smdl" else 0)
        if evaluator.passes + needed > self._end:
            raise UserError(
                f"'passes' is {limit}; the objective '{name}' needs at least {needed} for the {n} "
                f"superpixels of this image"
            )
        if name == "smdl":
            self._distances = self._compare_superpixels()

    def affords(self, sets: int) -> bool:
        """Whether the limit allows to evaluate so many sets."""
        return self.evaluator.passes + sets * self._passes_per_set <= self._end

    def values(self, genomes: Genomes) -> Floats:
        """Values (m,) of sets (m, n)."""
        if self.name == "probability":
            return self.evaluator.probabilities(genomes)
        both, m = np.concatenate([genomes, ~genomes]), len(genomes)
        if self.name == "contrast":
            probability = self.evaluator.probabilities(both)
            return probability[:m] - probability[m:]
        classes = self.evaluator.all_probabilities(both)
        consistency, collaboration = np.split(classes[:, self.evaluator.label], 2)
        collaboration = 1 - collaboration
        confidence = 1 - _entropy(classes[:m]) / np.log(classes.shape[1])
        if self.name == "lima":
            return (
                CONSISTENCY * consistency + COLLABORATION * collaboration + CONFIDENCE * confidence
            )
        effectiveness = np.array([self._effectiveness(genome) for genome in genomes])
        return consistency + collaboration + confidence + effectiveness

    def extensions(self, shown: NDArray[np.bool_], added: NDArray[np.integer]) -> Floats:
        """Values (m,) of the set ``shown`` (n,) with each of the superpixels ``added`` (m,)."""
        return self.values(shown | np.eye(len(shown), dtype=bool)[added])

    def _compare_superpixels(self) -> Floats:
        """Distances of the superpixels, (n, n), infinite to themselves."""
        alone = self.evaluator.all_probabilities(np.eye(self.evaluator.superpixels, dtype=bool))
        unit = alone / np.linalg.norm(alone, axis=1, keepdims=True)
        distances = 1 - unit @ unit.T
        np.fill_diagonal(distances, np.inf)
        return distances

    def _effectiveness(self, genome: NDArray[np.bool_]) -> float:
        if genome.sum() < 2:
            return 0.0
        return float(self._distances[np.ix_(genome, genome)].min(axis=1).sum())


def _entropy(probabilities: Floats) -> Floats:
    return -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=1)
