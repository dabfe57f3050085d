"""An evaluator that several methods share, so that no set of superpixels is evaluated twice."""

import time
from typing import Any

import numpy as np

from srnet.images.search.evaluator import Evaluator, Genomes
from srnet.typing import Floats


class SharedEvaluator(Evaluator):
    """An :class:`Evaluator` that remembers the model's outputs.

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
        self.seconds_saved = 0.0
        self._seconds, self._evaluated = 0.0, 0
        self._known: dict[bytes, Floats] = {}
        super().__init__(*arguments, **options)
        # The first passes plan the network's memory. They are no method's, so they go untimed.
        self._evaluate(np.random.default_rng(0).random((8, self.superpixels)) < 0.5)
        self._seconds, self._evaluated = 0.0, 0
        self._known.clear()

    def _evaluate(self, genomes: Genomes) -> Floats:
        genomes = np.asarray(genomes, dtype=bool)
        keys = [row.tobytes() for row in genomes]
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        if new:
            started = time.perf_counter()
            rows = super()._evaluate(genomes[sorted(new.values())])
            self._seconds += time.perf_counter() - started
            self._evaluated += len(new)
            self._known.update(zip(sorted(new, key=new.__getitem__), rows, strict=True))
        remembered = len(keys) - len(new)
        if remembered:
            self.passes += remembered
            self.seconds_saved += remembered * self._seconds / self._evaluated
        known = [self._known[key] for key in keys]
        return np.stack(known) if known else super()._evaluate(genomes)
