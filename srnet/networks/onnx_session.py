"""A session of ONNX Runtime as a function of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError

# Numbers of NumPy for ONNX's.
_TYPES: dict[str, Any] = {
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
}
_TYPES |= {f"tensor(int{bits})": np.dtype(f"i{bits // 8}").type for bits in (8, 16, 32, 64)}


def is_session(model: Any) -> bool:
    """Whether a model is one, known by its methods."""
    return hasattr(model, "get_inputs") and hasattr(model, "run")


@dataclass(frozen=True)
class Session:
    """The only output of a session, or its outputs by name.

    Inputs are found by their names, or else in their order. A model that is made for a number of
    rows gets so many at a time.

    Attributes
    ----------
    named
        Whether an only output has its name too.
    """

    session: Any
    named: bool = False

    @property
    def is_single(self) -> bool:
        """Whether an input is read in float32, or in fewer digits."""
        types = {each.type for each in self.session.get_inputs()}
        return not types.isdisjoint({"tensor(float)", "tensor(float16)"})

    def __call__(self, X: Any) -> Any:
        feed = self._feed(X)
        rows = len(next(iter(feed.values())))
        shape = self.session.get_inputs()[0].shape
        size = shape[0] if shape and isinstance(shape[0], int) else rows
        parts = []
        for first in range(0, rows, max(size, 1)):
            batch = {
                name: _padded(array[first : first + size], size) for name, array in feed.items()
            }
            left = min(size, rows - first)
            parts.append([value[:left] for value in self.session.run(None, batch)])
        joined: list[Any] = [
            np.concatenate(each) if hasattr(each[0], "shape") else sum(each, [])
            for each in zip(*parts, strict=True)
        ]
        if len(joined) == 1 and not self.named:
            return joined[0]
        names = [each.name for each in self.session.get_outputs()]
        return dict(zip(names, joined, strict=True))

    def _feed(self, X: Any) -> dict[str, NDArray[Any]]:
        """The arrays of the inputs by name."""
        wanted = list(self.session.get_inputs())
        if isinstance(X, Mapping):
            arrays = dict(X)
        elif isinstance(X, tuple | list):
            arrays = {each.name: value for each, value in zip(wanted, X, strict=False)}
        elif len(wanted) > 1 and hasattr(X, "columns"):
            arrays = {str(name): np.asarray(X[name])[:, None] for name in X.columns}
        else:
            arrays = {wanted[0].name: X}
        missing = [each.name for each in wanted if each.name not in arrays]
        if missing:
            names = ", ".join(f"{each.name!r}: …" for each in wanted)
            raise UserError(
                f"X lacks the model's input '{missing[0]}'; give its inputs by name: X={{{names}}}"
            )
        return {
            each.name: np.asarray(arrays[each.name], dtype=_TYPES.get(each.type)) for each in wanted
        }


def _padded(rows: NDArray[Any], count: int) -> NDArray[Any]:
    return rows if len(rows) == count else np.resize(rows, (count, *rows.shape[1:]))
