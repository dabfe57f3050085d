"""Every genome that was evaluated, once, with the classifier's answer; the whole image is the
first."""

import numpy as np
from numpy.typing import NDArray

from srnet.images.search.evaluator import Evaluator, Genomes
from srnet.typing import Floats


class Archive:
    """Genomes and answers in the order of their evaluation.

    Parameters
    ----------
    evaluator
        Asked for what is not known yet.
    limit
        Most passes of the evaluator, those before the archive included; None for no limit.

    Attributes
    ----------
    evaluator
        As given.
    limit
        As given; may be changed.
    genomes
        (m, n) evaluated so far.
    probability, log_odds
        (m,) of the explained class.
    """

    def __init__(self, evaluator: Evaluator, limit: int | None = None) -> None:
        self.evaluator = evaluator
        self.limit = limit
        self.genomes: Genomes = np.ones((1, evaluator.superpixels), dtype=bool)
        self.probability, self.log_odds = evaluator.whole
        self._places = {key: place for place, key in enumerate(_keys(self.genomes))}

    def __len__(self) -> int:
        return len(self.genomes)

    @property
    def passes(self) -> int:
        """Passes spent so far."""
        return self.evaluator.passes

    @property
    def left(self) -> float:
        """Passes that may still be spent."""
        return np.inf if self.limit is None else max(self.limit - self.evaluator.passes, 0)

    def knows(self, genomes: Genomes) -> NDArray[np.bool_]:
        """(m,) whether a genome was evaluated before."""
        return np.array([key in self._places for key in _keys(genomes)], dtype=bool)

    def places(self, genomes: Genomes) -> NDArray[np.intp]:
        """(m,) where genomes (m, n) are in the archive; what is new is evaluated, each genome once.

        A genome for which no passes are left has the place -1.
        """
        keys = _keys(genomes)
        new: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in self._places and key not in new and len(new) < self.left:
                new[key] = row
        if new:
            fresh = genomes[list(new.values())]
            answers = self.evaluator.answers(fresh)
            self._places.update((key, len(self) + order) for order, key in enumerate(new))
            self.genomes = np.concatenate([self.genomes, fresh])
            self.probability = np.concatenate([self.probability, answers.probability])
            self.log_odds = np.concatenate([self.log_odds, answers.log_odds])
        return np.array([self._places.get(key, -1) for key in keys], dtype=np.intp)

    def probabilities(self, genomes: Genomes) -> Floats:
        """Probability of the explained class, (m,), for genomes (m, n), of which what is new is
        evaluated; without a limit."""
        places = self.places(genomes)  # before the archive is read, for it grows
        return self.probability[places]


def _keys(genomes: Genomes) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(genomes, axis=1)]
