"""Arrays inside compiled code."""

from srnet.cgp.compiling import borrowing


@borrowing()
def copy(source, target):  # type: ignore[no-untyped-def]
    """Copy an array; ``target[:] = source`` would do, but compiling its error message takes longer than all copies of a run."""
    flat, to = source.reshape(source.size), target.reshape(target.size)
    for i in range(flat.size):
        to[i] = flat[i]
