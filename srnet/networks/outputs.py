"""The outputs of a model, rows × units of numbers, out of whatever it gives."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.arrays import check_unmasked, detach, is_tensor
from srnet.errors import UserError
from srnet.wording import count_text

OUTPUT = "output"  # the name of a model's last layer
Selector = str | int | Callable[[Any], Any] | None


def check_choice(output: Any) -> Selector:
    """The argument ``output``: which of what a model gives is explained."""
    if isinstance(output, Integral) and not isinstance(output, bool):
        return int(output)
    if output is None or isinstance(output, str) or callable(output):
        return output
    raise UserError(
        f"'output' is {output!r}; a name, a number, or a function of what the model gives is needed"
    )


def choose(value: Any, output: Selector, rows: int) -> Any:
    """The array, tensor or list that is explained, of what a model gives for so many rows.

    Parameters
    ----------
    output
        A name of an item or attribute; the number of an item of a tuple or list, or of a column; a
        function of the value. By default the value itself, its ``logits``, or its only item.

    Raises
    ------
    UserError
        If there is no such output, or several to choose from.
    """
    if _are_rows(value, rows) and not callable(output):
        value = as_array(value)
    if callable(output):
        try:
            value = output(value)
        except Exception as error:
            raise UserError(
                f"'output' cannot be called with what the model gives, {_describe(value)} "
                f"({type(error).__name__}: {first_line(error)})"
            ) from error
    elif output is not None:
        # which of more axes are columns, only a function tells
        if _is_array(value) and len(value.shape) not in (1, 2):
            raise not_rows(value, rows)
        value = _pick(value, output)
    return _only(value, rows)


def as_matrix(value: Any, rows: int) -> NDArray[np.float64]:
    """An output of a model as rows × units of float64.

    Raises
    ------
    UserError
        If it is none.
    """
    array = as_array(value)
    if array.dtype.kind == "c":
        raise UserError(f"the layer '{OUTPUT}' gives complex numbers; real ones are needed")
    if array.dtype.kind not in "fiub":
        some = array.ravel()[0] if array.size else None
        if isinstance(some, str):
            raise UserError(
                f"the layer '{OUTPUT}' gives text, as '{some}'; choose numbers by output=, as "
                f"output=lambda labels: labels == '{some}'"
            )
        raise not_rows(value, rows)
    if array.ndim < 2 and array.size == rows:
        array = array.reshape(rows, 1)
    if array.ndim != 2 or len(array) != rows or not array.shape[1]:
        raise not_rows(array, rows)
    return array.astype(np.float64)


def as_array(value: Any) -> NDArray[Any]:
    """A tensor, a frame or a list as an array."""
    check_unmasked(value, f"the layer '{OUTPUT}'")
    value = detach(value)
    if hasattr(value, "toarray"):  # sparse
        value = value.toarray()
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        keys = list(value[0])  # probabilities by class
        if any(list(row) != keys for row in value):
            raise UserError(
                f"the layer '{OUTPUT}' gives dicts whose keys or their order differ by row; choose "
                f"by output=, as output=lambda rows: [row.get({keys[-1]!r}, 0) for row in rows]"
            )
        value = [list(row.values()) for row in value]
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if _are_numbers(array) else array
    except (TypeError, ValueError) as error:
        raise UserError(
            f"the layer '{OUTPUT}' gives {_describe(value)}, no array of numbers "
            f"({first_line(error)}); choose one by output="
        ) from error


def not_rows(value: Any, rows: int) -> UserError:
    """What an output is that is not rows × units, with a choice that would be."""
    found = f"the layer '{OUTPUT}' gives {_describe(value)} for {count_text(rows, 'row')}; "
    items = _items(value)
    if items:
        fit = [name for name, item in items.items() if getattr(item, "shape", ())[:1] == (rows,)]
        return UserError(f"{found}choose one by output=, as output={(fit or [*items])[-1]!r}")
    if isinstance(value, tuple | list):
        return UserError(f"{found}choose one by output=, as output=0")
    if _is_array(value) and len(value.shape) > 2 and value.shape[0] == rows:
        return UserError(
            f"{found}rows × units are needed: choose them by output=, as output=lambda y: "
            f"y.reshape(len(y), -1)"
        )
    return UserError(
        f"{found}rows × units are needed; a function of one row is explained as lambda rows: "
        f"[f(row) for row in rows]"
    )


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    return next((line for line in str(error).splitlines() if line.strip()), "")


def _only(value: Any, rows: int) -> Any:
    """The one array in a value; the value itself where it is one."""
    if _is_array(value):
        return value
    items = {name: item for name, item in _items(value).items() if item is not None}
    if "logits" in items:
        return items["logits"]
    found = list(items.values())
    if _are_rows(value, rows):
        return value
    if isinstance(value, tuple | list):
        found = list(value)
    elif not items:
        return value
    if len(found) != 1 or not _is_array(found[0]):
        raise not_rows(value, rows)
    return found[0]


def _pick(value: Any, output: str | int) -> Any:
    """The item, attribute or column of a name or a number."""
    items = _items(value)
    if str(output) in items:  # in many ONNX files names are numbers
        return items[str(output)]
    if isinstance(output, int):
        count = _count(value)
        if not -count <= output < count:
            raise _no_output(value, output)
        if not _is_array(value):
            return value[output]
        value = value if is_tensor(value) else as_array(value)
        return value.reshape(len(value), -1)[:, [output]]
    if output in getattr(value, "columns", ()):  # of a frame
        return value[output]
    is_held = _is_array(value) or isinstance(value, Mapping)  # an array's own attributes are none
    found = None if is_held else getattr(value, output, None)
    if found is None or callable(found):
        raise _no_output(value, output)
    return found


def _count(value: Any) -> int:
    """How many outputs have a number: columns or items."""
    if _is_array(value):
        return value.shape[1] if len(value.shape) > 1 else 1
    return len(value) if isinstance(value, tuple | list) else 0


def _no_output(value: Any, output: str | int) -> UserError:
    """What a model gives that has no such output, and which it has."""
    count, items = _count(value), _items(value)
    found = count_text(count, "column") if _is_array(value) else _describe(value)
    allowed = [f"a number from {-count} to {count - 1}"] if count else []
    if names := [*map(str, getattr(value, "columns", items if count else ()))]:
        allowed.append(f"one of the names {', '.join(names)}")
    elif items:
        allowed.append("one of these names")
    needed = " or ".join(allowed) or "a function of it"
    return UserError(f"'output' is {output!r}; the model gives {found}, and {needed} is needed")


def _are_rows(value: Any, rows: int) -> bool:
    """Whether a list is one output, an item for each row, and no list of outputs."""
    if not isinstance(value, tuple | list) or len(value) != rows:
        return False
    return not all(_is_array(item) and item.shape[:1] == (rows,) for item in value)


def _items(value: Any) -> dict[str, Any]:
    """What a mapping or an object of several outputs holds, by name."""
    if _is_array(value) or isinstance(value, list | str | bytes | int | float):
        return {}
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if hasattr(value, "_asdict"):  # a named tuple
        return dict(value._asdict())
    return {} if isinstance(value, tuple) else dict(getattr(value, "__dict__", {}))


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape")


def _are_numbers(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "O" and all(
        isinstance(item, int | float | np.number) for item in array.ravel()
    )


def _describe(value: Any) -> str:
    if _is_array(value):
        return str(tuple(value.shape))
    kind = type(value).__name__
    if isinstance(value, tuple | list):
        return f"a {kind} of {len(value)} items"
    items = _items(value)
    return f"a {kind} of {', '.join(items)}" if items else kind
