"""What is known of the loss of active graphs that earlier generations met, in compiled code.

While a parent survives, its offspring repeat those of earlier generations. Where the inputs are the
same the bounds hold, so such a graph is not evaluated again, and a search finds the same as
without.

The table has one place for a graph's hash, where the last graph stays. A graph and its inputs are
told from others by 127 bits, which no two of a run's graphs will ever share by chance.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing, njit
from srnet.cgp.graph import hash_graph
from srnet.typing import Floats

PLACES = 1 << 16  # a power of two
# Graphs of fewer rows are evaluated sooner than found in the table.
FEWEST_ROWS = 512


class Memory(NamedTuple):
    """The table of one layer in one thread.

    Attributes
    ----------
    names
        By place: two hashes of a graph and its inputs; 0 where the place is free.
    bounds, exact
        By place: a lower bound of the loss, and whether it is the loss.
    current
        By offspring: those of its graph.
    """

    names: NDArray[np.uint64]
    bounds: Floats
    exact: NDArray[np.bool_]
    current: NDArray[np.uint64]

    @classmethod
    def empty(cls, offspring: int, places: int = PLACES) -> "Memory":
        """For so many offspring; without a place nothing is remembered."""
        return cls(
            np.zeros((places, 2), np.uint64),
            np.zeros(places),
            np.zeros(places, np.bool_),
            np.zeros((offspring, 2), np.uint64),
        )


@borrowing()
def name_graph(memory: Any, offspring: Any, inputs: Any, population: Any) -> None:
    """Note which graph an offspring has; ``inputs`` numbers what its layer reads."""
    program, count = population.programs[offspring], population.counts[offspring]
    output, name = population.outputs[offspring], memory.current[offspring]
    second = mix(mix(uint64(0x9E3779B97F4A7C15), inputs), output)
    for node in range(count):
        for column in range(3):
            second = mix(second, program[node, column])
    name[0] = hash_graph(program, count, output)
    name[1] = second | uint64(1)  # a free place has the name 0


@njit(cache=True, nogil=True, forceinline=True)
def mix(state, value):  # type: ignore[no-untyped-def]
    """Continue a hash whose high bits reach the low ones."""
    product = (state + uint64(value)) * uint64(0xD6E8FEB86659FD93)
    return product ^ (product >> uint64(32))


@borrowing()
def place_of(memory: Any, offspring: Any) -> Any:
    """Where what is known of an offspring's graph stands, or would."""
    # of both: the first does not tell inputs apart, and the last bit of the second is set
    name = memory.current[offspring]
    return (name[0] ^ (name[1] >> uint64(1))) & uint64(memory.names.shape[0] - 1)


@borrowing()
def is_known(memory: Any, offspring: Any) -> Any:
    """Whether something is known of an offspring's graph."""
    name, current = memory.names[place_of(memory, offspring)], memory.current[offspring]
    return name[0] == current[0] and name[1] == current[1]


@borrowing()
def remember(memory: Any, offspring: Any, bound: Any, exact: Any) -> None:
    """Keep a bound of the loss of an offspring's graph, unless it is known exactly."""
    place = place_of(memory, offspring)
    if is_known(memory, offspring):
        if memory.exact[place]:
            return
    else:
        memory.names[place, 0] = memory.current[offspring, 0]
        memory.names[place, 1] = memory.current[offspring, 1]
    memory.bounds[place], memory.exact[place] = bound, exact
