"""Graphs met before: found again only where graph and inputs are the very same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from srnet.search.kernels import memory as module
from srnet.search.kernels.memory import (
    MOST_ADDRESSES,
    MOST_NODES,
    SLOTS,
    Memory,
    is_known,
    remember,
    slot_of,
)

DIGEST = np.uint64(12345)
nodes = st.tuples(
    st.integers(0, 12), st.integers(0, MOST_ADDRESSES - 1), st.integers(0, MOST_ADDRESSES - 1)
)
graphs = st.tuples(st.lists(nodes, max_size=MOST_NODES), st.integers(0, MOST_ADDRESSES - 1))


def program(graph: tuple[list[tuple[int, int, int]], int]) -> tuple[NDArray[np.int32], int, int]:
    found, output = graph
    return np.array(found, np.int32).reshape(-1, 3), len(found), output


@given(graphs, graphs, st.integers(1, 9), st.integers(1, 9))
def test_an_entry_is_of_one_graph_on_one_version_of_the_inputs(
    first: tuple[list[tuple[int, int, int]], int],
    second: tuple[list[tuple[int, int, int]], int],
    version: int,
    other: int,
) -> None:
    memory = small()
    remember(memory, 0, version, *program(first), 2.5, True)
    assert is_known(memory, 0, version, *program(first))
    assert memory.losses[0] == 2.5
    assert memory.exact[0]
    assert is_known(memory, 0, other, *program(second)) is (first == second and version == other)


def small() -> Memory:
    """One slot: every graph falls on it."""
    return Memory(np.zeros((1, 3 + MOST_NODES), np.uint32), np.zeros(1), np.zeros(1, np.bool_))


def test_a_single_gene_of_a_full_entry_makes_another_graph() -> None:
    memory = small()
    graph = np.arange(3 * MOST_NODES, dtype=np.int32).reshape(-1, 3) % 13
    remember(memory, 0, 1, graph, MOST_NODES, 5, 1.0, False)
    for node in range(MOST_NODES):
        for column in range(3):
            changed = graph.copy()
            changed[node, column] += 1
            assert not is_known(memory, 0, 1, changed, MOST_NODES, 5)
    assert not is_known(memory, 0, 1, graph, MOST_NODES, 6)
    assert not is_known(memory, 0, 1, graph, MOST_NODES - 1, 5)


def test_an_empty_memory_knows_nothing() -> None:
    memory = Memory.empty(40)
    assert not is_known(memory, slot_of(memory, 1, DIGEST, 0), 1, np.empty((0, 3), np.int32), 0, 0)


def test_slots_are_spread_and_depend_on_the_version() -> None:
    memory = Memory.empty(40)
    slots = {
        slot_of(memory, version, np.uint64(1000 * digest), 1)
        for version in range(1, 5)
        for digest in range(500)
    }
    assert min(slots) >= 0
    assert max(slots) < SLOTS
    assert len(slots) > 1950


@pytest.mark.parametrize(("addresses", "count"), [(MOST_ADDRESSES + 1, 1), (40, MOST_NODES + 1)])
def test_what_does_not_fit_has_no_slot(addresses: int, count: int) -> None:
    assert slot_of(Memory.empty(addresses), 1, DIGEST, count) == -1


def test_all_opcodes_fit() -> None:
    from srnet.cgp.primitives import PRIMITIVES

    assert len(PRIMITIVES) <= 2**module._OPCODE_BITS
