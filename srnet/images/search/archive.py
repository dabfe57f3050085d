"""The archive of evaluated genomes and their predictions; the first is the whole image."""

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.evaluator import Evaluator, Genomes
from srnet.typing import Floats


class Archive:
    """Genomes and predictions in order of evaluation; each genome is evaluated once.

    Parameters
    ----------
    evaluator
        Evaluates new genomes.
    limit
        The most passes of the evaluator, including those before the archive; None for no limit.

    Attributes
    ----------
    evaluator
        The evaluator.
    limit
        The limit; it may be changed.
    genomes
        (m, n) genomes evaluated so far.
    probability, log_odds
        (m,) predictions for the explained class.
    """

    def __init__(self, evaluator: Evaluator, limit: int | None = None) -> None:
        self.evaluator = evaluator
        self.limit = limit
        self.genomes: Genomes = np.ones((1, evaluator.superpixels), dtype=bool)
        self.probability, self.log_odds = evaluator.whole_image
        self._indices = {key: index for index, key in enumerate(_keys(self.genomes))}

    def __len__(self) -> int:
        return len(self.genomes)

    @property
    def passes(self) -> int:
        """Number of passes so far."""
        return self.evaluator.passes

    @property
    def passes_left(self) -> float:
        """Number of passes that the limit still allows."""
        return np.inf if self.limit is None else max(self.limit - self.evaluator.passes, 0)

    def contains(self, genomes: Genomes) -> NDArray[np.bool_]:
        """(m,) bool, whether each genome has been evaluated."""
        return np.array([key in self._indices for key in _keys(genomes)], dtype=bool)

    def evaluate(self, genomes: Genomes) -> NDArray[np.intp]:
        """Evaluate the new ones among genomes (m, n).

        Returns
        -------
        (m,) indices of the genomes in the archive; -1 for those that the limit does not allow.
        """
        keys = _keys(genomes)
        new: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in self._indices and key not in new and len(new) < self.passes_left:
                new[key] = row
        if new:
            added = genomes[list(new.values())]
            predictions = self.evaluator.predict(added)
            self._indices.update((key, len(self) + order) for order, key in enumerate(new))
            self.genomes = np.concatenate([self.genomes, added])
            self.probability = np.concatenate([self.probability, predictions.probability])
            self.log_odds = np.concatenate([self.log_odds, predictions.log_odds])
        return np.array([self._indices.get(key, -1) for key in keys], dtype=np.intp)

    def probabilities(self, genomes: Genomes) -> Floats:
        """Probability of the explained class, (m,), for genomes (m, n); new ones are evaluated.

        The archive must have no limit, or enough passes left.
        """
        indices = self.evaluate(genomes)  # first, because it replaces the arrays
        return self.probability[indices]


def _keys(genomes: Genomes) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(genomes, axis=1)]
