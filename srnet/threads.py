"""One thread for linear algebra, whose last digits depend on the number of its threads."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def single_thread() -> AbstractContextManager[object]:
    """Let NumPy's and SciPy's libraries compute with one thread."""
    context: AbstractContextManager[object] = _find_libraries().limit(limits=1)
    return context


@cache
def _find_libraries() -> ThreadpoolController:
    """The loaded libraries. It takes milliseconds to find them, so they are looked for once."""
    import scipy.linalg  # noqa: F401  what is loaded later is not found

    return ThreadpoolController()
