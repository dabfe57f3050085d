"""PhaseWin: a greedy search that mostly looks at a window of the superpixels."""

from contextlib import suppress

import numpy as np

from srnet.images.comparison.baselines.attribution import Attribution, measure_cost, score_ranking
from srnet.images.comparison.baselines.objectives import Objective
from srnet.images.search.evaluator import Evaluator
from srnet.validation import Integer, Number


def phasewin(
    evaluator: Evaluator,
    objective: str = "contrast",
    passes: int | None = None,
    window: int = 16,
    prune: float = 0.3,
    admit: float = 0.8,
    accept: float = 0.9,
) -> Attribution:
    """Rank superpixels in phases (PhaseWin: Gu et al. 2025, arXiv 2511.10914 and 2606.18008).

    From the papers: a phase screens all superpixels that are left and keeps the best; screens again
    and prunes those of little gain; then adds superpixels from a window of the most promising ones,
    evaluating only the window, until none there gains enough. The pruned come last. The defaults
    and the rule that accepts several superpixels at once are those of the authors' public code
    (github.com/Qihuai27/phasewin-va). Its early end of a phase by second differences and its random
    deferral of candidates, which it calls annealing, are left out. We choose that a window's first
    gains are those of the screening, and what happens at the limit of passes: the superpixels keep
    the order of their last gains.

    Parameters
    ----------
    evaluator
        The network.
    objective
        See :class:`~srnet.images.comparison.baselines.objectives.Objective`. The gain of a
        superpixel is what it adds to the objective.
    passes
        The most passes; None for no limit.
    window
        Number of superpixels evaluated at a time.
    prune, admit
        Shares, from 0 to 1, of the screening's largest gain G: superpixels that gain less than
        ``prune`` G are pruned; the window admits and accepts those that gain at least ``admit`` G.
    accept
        Share, from 0 to 1, of the window's largest gain: superpixels that gain as much are accepted
        together. With 1 it is only the best.

    With a window of all superpixels, ``prune=0``, ``admit=0`` and ``accept=1``, this is the greedy
    search of an objective that no superpixel lowers.

    Raises
    ------
    UserError
        If a setting is out of range, there is no such objective, or the passes do not suffice for
        the first screening.
    """
    window = Integer(1).check("window", window)
    for name, share in (("prune", prune), ("admit", admit), ("accept", accept)):
        Number(at_least=0, at_most=1).check(name, share)
    with measure_cost(evaluator) as cost:
        search = _Search(Objective(evaluator, objective, passes))
        with suppress(_PassLimit):
            while search.left:
                gain = search.measure(search.left)
                if search.ranking and gain <= 0:
                    break
                search.add(search.sort(search.left)[:1])
                gain = search.measure(search.left)
                if gain <= 0:
                    break
                search.prune(prune * gain)
                promising = [
                    each for each in search.sort(search.left) if search.gains[each] >= admit * gain
                ]
                while promising:
                    largest = search.gains[promising[:window]].max()
                    least = max(admit * gain, accept * largest)
                    accepted = [each for each in promising[:window] if search.gains[each] >= least]
                    if not accepted:
                        break
                    search.add(search.sort(accepted))
                    promising = [each for each in promising if each not in accepted]
                    search.measure(promising[:window])
            search.measure(search.pruned)
    ranking = [*search.ranking, *search.sort(search.left), *search.sort(search.pruned)]
    return score_ranking(ranking, cost)


class _PassLimit(Exception):
    """The limit does not allow the next evaluation."""


class _Search:
    """The superpixels ranked, left and pruned, and what each gained when last evaluated."""

    def __init__(self, objective: Objective) -> None:
        n = objective.evaluator.superpixels
        self.ranking: list[int] = []
        self.left = list(range(n))
        self.pruned: list[int] = []
        self.gains = np.full(n, -np.inf)
        self._objective = objective
        self._shown = np.zeros(n, dtype=bool)
        # The value of the set shown; None where it must be evaluated. That of no superpixel is not
        # needed: the first one is the best, whatever it gains.
        self._value: float | None = 0.0

    def measure(self, superpixels: list[int]) -> float:
        """Evaluate what superpixels gain now; the largest gain, or 0 of none."""
        if not superpixels:
            return 0.0
        if not self._objective.affords(len(superpixels) + (self._value is None)):
            raise _PassLimit
        if self._value is None:
            self._value = float(self._objective.values(self._shown[None])[0])
        values = self._objective.extensions(self._shown, np.array(superpixels))
        self.gains[superpixels] = values - self._value
        return float(self.gains[superpixels].max())

    def sort(self, superpixels: list[int]) -> list[int]:
        """The superpixels by their last gains, the largest first."""
        return sorted(superpixels, key=lambda each: -self.gains[each])

    def add(self, superpixels: list[int]) -> None:
        """Rank superpixels next. Their gains must be measured for the set shown."""
        self.ranking += superpixels
        self._shown[superpixels] = True
        self.left = [each for each in self.left if each not in superpixels]
        if self._value is not None and len(superpixels) == 1:
            self._value += float(self.gains[superpixels[0]])
        else:
            self._value = None

    def prune(self, least: float) -> None:
        """Set superpixels aside that gain less than ``least``."""
        self.pruned += [each for each in self.left if self.gains[each] < least]
        self.left = [each for each in self.left if self.gains[each] >= least]
