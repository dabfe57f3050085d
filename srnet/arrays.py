"""Arrays of what a user gives: NumPy arrays, frames, lists and torch tensors. torch itself is not
imported."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor of torch."""
    return hasattr(value, "detach") and hasattr(value, "cpu")


def detach(value: Any) -> Any:
    """A tensor as one that NumPy reads: without its gradient, on the processor, and of 16-bit
    floats, for NumPy has no bfloat16, as float32. Anything else as it is."""
    if not is_tensor(value):
        return value
    value = value.detach().cpu()
    return value.float() if "float16" in str(value.dtype) else value


def check_unmasked(value: Any, name: str) -> None:
    """UserError if a cell of a masked array is masked: NumPy would read what lies behind the
    mask."""
    if np.ma.is_masked(value):
        place = np.argwhere(np.ma.getmaskarray(value))[0].tolist()
        raise UserError(
            f"{name} has a masked value at {place}; every cell needs a value (filled(…))"
        )


def real_array(value: Any, name: str, needed: str) -> NDArray[Any]:
    """A value as an array of real numbers or truth values, of any shape.

    Parameters
    ----------
    name, needed
        What errors call the value, and what they ask for.

    Raises
    ------
    UserError
        If it is none, or a cell is masked.
    """
    check_unmasked(value, name)
    try:
        array = np.asarray(detach(value))
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except Exception as error:  # of lists, tensors and others' __array__
        raise UserError(f"{name} is not an array of numbers ({error}); {needed}") from error
    if array.dtype.kind not in "fiub":
        raise UserError(f"{name} holds {array.dtype}; real numbers are needed")
    return array
