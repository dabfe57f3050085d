"""What a user gives as an array: NumPy arrays, torch tensors, Pillow images and lists."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.arrays import check_unmasked, detach
from srnet.errors import UserError


def as_array(values: Any, name: str) -> NDArray[Any]:
    """The values as an array.

    Parameters
    ----------
    name
        The argument, for the error.

    Raises
    ------
    UserError
        If they are none, such as a list of lists of different lengths, or a value is masked.
    """
    check_unmasked(values, name)
    try:
        return np.asarray(detach(values))
    except Exception as error:  # of lists, tensors and others' __array__
        raise UserError(
            f"{name}: a {type(values).__name__} found of which no array can be made "
            f"({type(error).__name__}: {error}); an array of numbers is needed"
        ) from error
