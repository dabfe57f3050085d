"""The archive of evaluated genomes and their predictions; the first is the whole image."""

import time

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.evaluator import Evaluator, Genomes
from srnet.typing import Floats

LEAST_PASSES = 10  # that time does not cut short, so that there is something to explain with


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
    deadline
        Time by :func:`time.perf_counter` from which no batch is evaluated, once there are ten
        passes; it may be changed.
    genomes
        (m, n) genomes evaluated so far.
    probability, log_odds
        (m,) predictions for the explained class.
    """

    def __init__(self, evaluator: Evaluator, limit: int | None = None) -> None:
        self.evaluator = evaluator
        self.limit = limit
        self.deadline = np.inf
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
        """Number of passes that the limit and the deadline still allow."""
        if self.is_late:
            return 0
        return np.inf if self.limit is None else max(self.limit - self.evaluator.passes, 0)

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() >= self.deadline and self.passes >= LEAST_PASSES

    def contains(self, genomes: Genomes) -> NDArray[np.bool_]:
        """(m,) bool, whether each genome has been evaluated."""
        return np.array([key in self._indices for key in _keys(genomes)], dtype=bool)

    def evaluate(self, genomes: Genomes) -> NDArray[np.intp]:
        """Evaluate the new ones among genomes (m, n).

        Returns
        -------
        (m,) indices of the genomes in the archive; -1 for those that the limit or the deadline does
        not allow.
        """
        keys = _keys(genomes)
        new: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in self._indices and key not in new and len(new) < self.passes_left:
                new[key] = row
        added = genomes[list(new.values())]
        for start in range(0, len(added), self.evaluator.batch):
            if start and self.is_late:
                break
            self._add(added[start : start + self.evaluator.batch])
        return np.array([self._indices.get(key, -1) for key in keys], dtype=np.intp)

    def _add(self, genomes: Genomes) -> None:
        predictions = self.evaluator.predict(genomes)
        self._indices.update((key, len(self) + order) for order, key in enumerate(_keys(genomes)))
        self.genomes = np.concatenate([self.genomes, genomes])
        self.probability = np.concatenate([self.probability, predictions.probability])
        self.log_odds = np.concatenate([self.log_odds, predictions.log_odds])

    def probabilities(self, genomes: Genomes) -> Floats:
        """Probability of the explained class, (m,), for genomes (m, n); new ones are evaluated.

        The archive must have no limit, or enough passes left.
        """
        indices = self.evaluate(genomes)  # first, because it replaces the arrays
        return self.probability[indices]


def _keys(genomes: Genomes) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(genomes, axis=1)]
