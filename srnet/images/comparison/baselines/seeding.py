"""Seeds of packages that draw from NumPy's global generator."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seed_numpy(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, and restore it afterwards."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
