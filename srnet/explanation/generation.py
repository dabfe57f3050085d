"""What a callback is told after each generation of a search."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srnet.explanation.result import Explanation


@dataclass(frozen=True)
class Generation:
    """A search after a generation.

    Attributes
    ----------
    number
        Generations so far.
    evaluations
        Chromosome evaluations so far.
    fitness
        Of the best model so far, the lower the better; infinite where there is none.
    elapsed
        The share of the time or of the generations that has passed; a search may end before.
    """

    number: int
    evaluations: int
    fitness: float
    elapsed: float
    _explain: "Callable[[], Explanation]"

    def explanation(self) -> "Explanation":
        """The best model so far, whose measures are computed now.

        Raises
        ------
        UserError
            If there is none yet.
        """
        return self._explain()


# Called after each generation; where it returns a true value, the search ends with the best so far.
Callback = Callable[[Generation], object]
