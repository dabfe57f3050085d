"""Active graphs in compiled code: their hash, and whether two are equal."""

from numba import uint64

from srnet.cgp.compiling import njit


@njit(cache=True, nogil=True, forceinline=True)
def hash_graph(program, count, output):  # type: ignore[no-untyped-def]
    """FNV-1a of an active graph."""
    state = uint64(0xCBF29CE484222325) ^ uint64(output)
    for node in range(count):
        for column in range(3):
            state = (state ^ uint64(program[node, column])) * uint64(0x100000001B3)
    return state ^ (state >> uint64(29))


@njit(cache=True, nogil=True, forceinline=True)
def same_graph(first, second, count):  # type: ignore[no-untyped-def]
    for node in range(count):
        for column in range(3):
            if first[node, column] != second[node, column]:
                return False
    return True
