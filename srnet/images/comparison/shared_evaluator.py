"""An evaluator that several methods share, so that no set of superpixels is evaluated twice."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from srnet.images.search.evaluator import Evaluator, Genomes, Predictions
from srnet.typing import Floats


class SharedEvaluator(Evaluator):
    """An :class:`Evaluator` that remembers its predictions.

    A method is charged for what it asks, as if nobody had asked before: for the passes, and for
    the mean seconds of a pass.

    Attributes
    ----------
    passes
        Number of genomes asked for, remembered or not.
    seconds_saved
        What the remembered ones would have taken, in seconds.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.seconds_saved = 0.0
        self._predicted: dict[bytes, Floats] = {}
        self._all: dict[bytes, Floats] = {}
        # The first passes plan the network's memory. They are no method's, so they go untimed.
        masks = np.random.default_rng(0).random((8, self.superpixels)) < 0.5
        super().predict(masks)
        self._seconds, self._evaluated = 0.0, 0

    def predict(self, genomes: Genomes) -> Predictions:
        """Predictions of the explained class, (m,), when superpixels (m, n) are shown."""
        predict = super().predict
        rows = self._look_up(
            self._predicted, genomes, lambda new: np.stack(predict(new), axis=1), width=2
        )
        return Predictions(rows[:, 0], rows[:, 1])

    def all_probabilities(self, genomes: Genomes) -> Floats:
        """Probabilities of all classes, (m, classes), when superpixels (m, n) are shown."""
        return self._look_up(self._all, genomes, super().all_probabilities, width=self.classes)

    def _look_up(
        self,
        known: dict[bytes, Floats],
        genomes: Genomes,
        evaluate: Callable[[Genomes], Floats],
        width: int,
    ) -> Floats:
        genomes = np.asarray(genomes, dtype=bool)
        keys = [row.tobytes() for row in genomes]
        new = {key: row for row, key in enumerate(keys) if key not in known}
        if new:
            started = time.perf_counter()
            rows = evaluate(genomes[sorted(new.values())])
            self._seconds += time.perf_counter() - started
            self._evaluated += len(new)
            known.update(zip(sorted(new, key=new.__getitem__), rows, strict=True))
        remembered = len(keys) - len(new)
        if remembered:
            self.passes += remembered
            self.seconds_saved += remembered * self._seconds / self._evaluated
        return np.array([known[key] for key in keys]).reshape(-1, width)
