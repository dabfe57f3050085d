"""What is known of the losses of active graphs met before.

In most generations the best chromosome of a layer is one that won before, so the layer above reads
what it has read before, and the offspring, of a few active nodes each, are often graphs that were
evaluated on the very same inputs. What was found out about them then, the loss or a bound that it
exceeds, is still true. Nothing is looked up by a hash alone: an entry holds its whole graph.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import njit
from srnet.cgp.genome import mix

MOST_NODES = 8  # larger graphs hardly come again
SLOTS = 2**17
# A node is packed in 32 bits: its opcode and two operands.
_OPCODE_BITS, _ADDRESS_BITS = 4, 14
MOST_ADDRESSES = 2**_ADDRESS_BITS

_VERSION, _OUTPUT, _COUNT, _NODES = 0, 1, 2, 3


class Memory(NamedTuple):
    """One entry per slot; a graph that falls on another's slot takes its place.

    Attributes
    ----------
    graphs
        Version of the inputs (0: an empty slot), output, number of nodes, and the packed nodes.
    losses
        The sum of squares, or a lower bound of it; infinite where f is not finite.
    exact
        Whether it is the loss itself.
    """

    graphs: NDArray[np.uint32]  # slots × (3 + MOST_NODES)
    losses: NDArray[np.float64]
    exact: NDArray[np.bool_]

    @classmethod
    def empty(cls, addresses: int) -> "Memory":
        """Of graphs with so many terminals and nodes; without a slot where they do not fit into an
        entry."""
        slots = SLOTS if addresses <= MOST_ADDRESSES else 0
        return cls(
            np.zeros((slots, _NODES + MOST_NODES), np.uint32),
            np.zeros(slots),
            np.zeros(slots, np.bool_),
        )


@njit(cache=True, nogil=True, forceinline=True)
def _packed(program: Any, node: Any) -> Any:
    operands = uint64(program[node, 1]) << uint64(_OPCODE_BITS) | uint64(
        program[node, 2]
    ) << uint64(_OPCODE_BITS + _ADDRESS_BITS)
    return np.uint32(uint64(program[node, 0]) | operands)


@njit(cache=True, nogil=True, forceinline=True)
def slot_of(memory: Any, version: Any, digest: Any, count: Any) -> Any:
    """Where a graph with this hash belongs; -1: nowhere."""
    slots = memory.losses.size
    return (
        np.int64(mix(digest ^ uint64(version)) & uint64(slots - 1))
        if slots > 0 and count <= MOST_NODES
        else -1
    )


@njit(cache=True, nogil=True, forceinline=True)
def is_known(memory: Any, slot: Any, version: Any, program: Any, count: Any, output: Any) -> Any:
    """Whether a slot is about this graph on these inputs."""
    graphs = memory.graphs
    if (
        graphs[slot, _VERSION] != version
        or graphs[slot, _OUTPUT] != output
        or graphs[slot, _COUNT] != count
    ):
        return False
    for node in range(count):  # noqa: SIM110 (Numba has no generators)
        if graphs[slot, _NODES + node] != _packed(program, node):
            return False
    return True


@njit(cache=True, nogil=True, forceinline=True)
def remember(
    memory: Any,
    slot: Any,
    version: Any,
    program: Any,
    count: Any,
    output: Any,
    loss: Any,
    exact: Any,
) -> None:
    """Note the loss of a graph, or a bound that it exceeds."""
    graphs = memory.graphs
    graphs[slot, _VERSION], graphs[slot, _OUTPUT], graphs[slot, _COUNT] = version, output, count
    for node in range(count):
        graphs[slot, _NODES + node] = _packed(program, node)
    memory.losses[slot], memory.exact[slot] = loss, exact
