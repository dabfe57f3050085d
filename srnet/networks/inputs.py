"""What a model reads, and the table of numbers that stands for it.

The search reads rows × columns of numbers. A model may read something else: a DataFrame with
columns of text, whole numbers for an embedding, several arrays. :func:`tabulate` makes the table,
and :class:`Inputs` turns rows of a table into what the model reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srnet.arrays import check_unmasked, detach, is_tensor
from srnet.errors import UserError
from srnet.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

BATCH = 8192  # rows that a model reads at a time
# A column of more texts than these is no kind but a name; a formula of as many inputs is none.
_MOST_TEXTS = 30

Texts = Mapping[str, Sequence[str]]  # the texts that a column holds, by its name


def batches(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The rows, so many at a time."""
    for first in range(0, len(rows), BATCH):
        yield rows[first : first + BATCH]


def tabulate(X: Any, texts: Texts) -> Any:
    """X as one table of numbers, n × d.

    Several inputs (a tuple of arrays, or arrays by name) stand side by side. A column with
    ``texts`` becomes 0 or 1 for each of them, ``colour=red``; one with two texts becomes 0 or 1
    for the second. What is a table of numbers already stays as it is.

    Raises
    ------
    UserError
        If the inputs have different numbers of rows, a column has a text beyond its own, or values
        are masked or whole numbers that float64 does not hold.
    """
    if are_several(X):
        return _side_by_side([(name, tabulate(part, texts)) for name, part in _named_parts(X)])
    _check_held(X)
    return _with_indicators(_as_frame(X), texts) if texts and _is_frame(X) else X


@dataclass(frozen=True, eq=False)
class Inputs:
    """How a table of numbers, n × d, stands for what a model reads.

    Attributes
    ----------
    texts
        The texts of the columns that hold text, in order.
    """

    parts: tuple["_Array | _Frame", ...]
    keys: tuple[str, ...] | None  # of inputs by name
    are_several: bool
    texts: Texts
    whole: NDArray[np.bool_]  # columns of the table that hold whole numbers, d
    low: Floats  # the least and the largest number of every column, d
    high: Floats
    kinds: tuple[slice, ...]  # columns of which one is 1

    @classmethod
    def of(cls, X: Any) -> "Inputs":
        """Of rows in the form in which the model reads them.

        Raises
        ------
        UserError
            If X has more than two dimensions, or a column holds too many texts.
        """
        several = are_several(X)
        named = list(_named_parts(X)) if several else [("", X)]
        texts: dict[str, list[str]] = {}
        parts: list[_Array | _Frame] = []
        whole: list[NDArray[np.bool_]] = []
        kinds: list[slice] = []
        tables = []
        for _, value in named:
            if _is_frame(value):
                frame = _as_frame(value)
                part = _Frame.of(frame)
                texts |= part.texts
                first = sum(len(flags) for flags in whole)
                kinds += [slice(first + kind.start, first + kind.stop) for kind in part.kinds]
                parts.append(part)
                table = _numbers(_with_indicators(frame, part.texts))
            else:
                parts.append(_Array.of(value))
                table = _numbers(value)
            whole.append(parts[-1].whole)
            # what holds no numbers is refused where X is read
            fits = table.shape[1] == parts[-1].width
            tables.append(table if fits else np.empty((0, parts[-1].width)))
        low, high = np.hstack([_range(table) for table in tables])
        are_whole = np.hstack([(table == np.rint(table)).all(axis=0) for table in tables])
        return cls(
            tuple(parts),
            tuple(name for name, _ in named) if isinstance(X, Mapping) else None,
            several,
            texts,
            np.concatenate(whole) | are_whole,
            low,
            high,
            tuple(kinds),
        )

    def admissible(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows that a model can read nearest to rows of any numbers, n × d: whole numbers that
        are among those of X, and one text of every column of texts."""
        if self.whole.shape != rows.shape[1:]:
            return rows
        rows = rows.copy()
        for kind in self.kinds:
            chosen = rows[:, kind].argmax(axis=1)
            rows[:, kind] = np.arange(kind.stop - kind.start) == chosen[:, None]
        flags = self.whole
        rows[:, flags] = np.clip(np.rint(rows[:, flags]), self.low[flags], self.high[flags])
        return rows

    def check_numbers(self) -> None:
        """UserError if a column holds text."""
        for name in self.texts:
            raise UserError(
                f"the column '{name}' of X holds text, which the model does not read; give X in "
                f"numbers, or the whole pipeline with what makes numbers of it"
            )

    def pieces(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        """Rows of the table as an array for each input; whole numbers are of their own type."""
        return [
            part.array(piece) for part, piece in zip(self.parts, self._split(rows), strict=True)
        ]

    def restored(self, rows: NDArray[Any]) -> list[Any]:
        """Rows of the table as what the model reads, an item for each input."""
        return [
            part.restored(piece) for part, piece in zip(self.parts, self._split(rows), strict=True)
        ]

    def arguments(self, values: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """A value for each input as the positional and the named arguments of a call."""
        if self.keys is None:
            return list(values), {}
        return [], dict(zip(self.keys, values, strict=True))

    def _split(self, rows: NDArray[Any]) -> list[NDArray[Any]]:
        ends = np.cumsum([part.width for part in self.parts])
        if rows.ndim != 2 or rows.shape[1] != ends[-1]:
            if self.are_several or self.texts:
                raise UserError(
                    f"X has the shape {rows.shape}, but the model was explained with "
                    f"{ends[-1]} column(s)"
                )
            return [rows]
        return np.split(rows, ends[:-1], axis=1)


@dataclass(frozen=True, eq=False)
class _Array:
    """An array of NumPy or a tensor of torch, n × k, or n of one dimension."""

    width: int
    is_flat: bool
    dtype: np.dtype[Any]
    tensor: tuple[Any, Any] | None  # torch's dtype and device

    @classmethod
    def of(cls, value: Any) -> "_Array":
        tensor = (value.dtype, value.device) if is_tensor(value) else None
        array = _plain(value)
        if array.ndim > 2:
            shape = ", ".join(str(length) for length in array.shape[1:])
            raise UserError(
                f"X has the shape {array.shape}; rows × columns are needed: "
                f"srnet.explain(lambda rows: model(rows.reshape(-1, {shape})), "
                f"X.reshape(len(X), -1))"
            )
        width = array.shape[1] if array.ndim == 2 else 1
        return cls(width, array.ndim == 1, array.dtype, tensor)

    @property
    def whole(self) -> NDArray[np.bool_]:
        return np.full(self.width, self.dtype.kind in "iub")

    def array(self, rows: NDArray[Any]) -> NDArray[Any]:
        if self.dtype.kind in "iub":
            rows = _as_whole(rows, self.dtype)
        return rows[:, 0] if self.is_flat else rows

    def restored(self, rows: NDArray[Any]) -> Any:
        values = self.array(rows)
        if self.dtype.kind == "f":
            values = values.astype(self.dtype)
        if self.tensor is None:
            return values
        import torch

        dtype, device = self.tensor
        if values.dtype.kind == "f" and self.dtype.kind != "f":
            dtype = torch.get_default_dtype()
        return torch.tensor(values).to(device=device, dtype=dtype)


@dataclass(frozen=True, eq=False)
class _Frame:
    """A DataFrame, with the types of its columns and the texts of those that hold text."""

    columns: tuple[tuple[Any, Any], ...]  # names and types
    texts: dict[str, list[str]]
    originals: dict[str, dict[str, Any]]  # what a text was: a category may be a number

    @classmethod
    def of(cls, frame: "pd.DataFrame") -> "_Frame":
        texts, originals = {}, {}
        for position, name in enumerate(frame.columns):
            column = frame.iloc[:, position]
            if _holds_text(column):
                values = column.unique()
                found = {str(value): value for value in values}
                _check_texts(str(name), column, found)
                if twins := [value for value in values if found[str(value)] != value]:
                    raise UserError(
                        f"the column '{name}' of X has {twins[0]!r} and {found[str(twins[0])]!r}, "
                        f"which are one text; values of one type are needed"
                    )
                texts[str(name)] = sorted(found)
                originals[str(name)] = found
        types = zip(frame.columns, frame.dtypes, strict=True)
        return cls(tuple(types), texts, originals)

    @property
    def widths(self) -> list[int]:
        """Columns of the table for each column of the frame."""
        counts = [
            len(self.texts[str(name)]) if str(name) in self.texts else 2 for name, _ in self.columns
        ]
        return [count if count > 2 else count - 1 for count in counts]

    @property
    def width(self) -> int:
        return sum(self.widths)

    @property
    def whole(self) -> NDArray[np.bool_]:
        flags = [
            str(name) in self.texts or getattr(dtype, "kind", "O") in "iub"
            for name, dtype in self.columns
        ]
        return np.repeat(np.array(flags, dtype=bool), self.widths)

    @property
    def kinds(self) -> list[slice]:
        ends = np.cumsum(self.widths).tolist()
        return [
            slice(end - width, end)
            for end, width in zip(ends, self.widths, strict=True)
            if width > 1
        ]

    def array(self, rows: NDArray[Any]) -> NDArray[Any]:
        return _as_whole(rows, np.dtype(np.int64)) if self.whole.all() else rows

    def restored(self, rows: NDArray[Any]) -> "pd.DataFrame":
        import pandas as pd

        pieces = np.split(rows, np.cumsum(self.widths)[:-1], axis=1)
        columns = []
        for (name, dtype), piece in zip(self.columns, pieces, strict=True):
            texts = self.texts.get(str(name))
            if texts is not None:
                found = self.originals[str(name)]
                codes = piece.argmax(axis=1) if len(texts) > 2 else (piece >= 0.5).sum(axis=1)
                values: Any = [found[texts[code]] for code in codes]
            elif getattr(dtype, "kind", "O") in "iub":
                values = _as_whole(piece[:, 0], np.dtype(getattr(dtype, "numpy_dtype", dtype)))
                if values.dtype.kind == "f":  # as they are given
                    dtype = values.dtype
            else:
                values = piece[:, 0]
            columns.append(pd.Series(values).astype(dtype))
        frame = pd.concat(columns, axis=1)
        frame.columns = pd.Index([name for name, _ in self.columns])
        return frame


def are_several(X: Any) -> bool:
    """Whether X is several inputs: a tuple of arrays, or arrays by name."""
    if isinstance(X, Mapping):
        return bool(X) and all(hasattr(value, "shape") for value in X.values())
    return isinstance(X, tuple) and bool(X) and all(hasattr(value, "shape") for value in X)


def _named_parts(X: Any) -> Iterator[tuple[str, Any]]:
    yield from (
        ((str(k), v) for k, v in X.items()) if isinstance(X, Mapping) else (("", v) for v in X)
    )


def _side_by_side(parts: list[tuple[str, Any]]) -> Any:
    """The tables of several inputs as one, whose columns have names if the inputs have any."""
    import pandas as pd

    counts = sorted({len(table) for _, table in parts})
    if len(counts) > 1:
        raise UserError(f"the inputs of X have {' and '.join(map(str, counts))} rows; as many each")
    arrays = [_numbers(table) for _, table in parts]
    names: list[str] = []
    for (name, table), array in zip(parts, arrays, strict=True):
        if hasattr(table, "columns"):
            names += [str(column) for column in table.columns]
        elif name:
            width = array.shape[1]
            names += [name] if width == 1 else [f"{name}{i}" for i in range(width)]
    joined = np.hstack(arrays)
    return pd.DataFrame(joined, columns=names) if len(names) == joined.shape[1] else joined


def _with_indicators(frame: "pd.DataFrame", texts: Texts) -> "pd.DataFrame":
    """The frame with numbers in the place of texts."""
    import pandas as pd

    names: list[str] = []  # two the same are refused where the table is read
    columns: list[Any] = []
    for position, name in enumerate(map(str, frame.columns)):
        column = frame.iloc[:, position]
        known = texts.get(name)
        if known is None:
            names.append(name)
            columns.append(column)
            continue
        cells = column.map(str)
        if not cells.isin(known).all():
            row = int(np.flatnonzero(~cells.isin(known))[0])
            raise UserError(
                f"the column '{name}' of X has the text '{cells.iloc[row]}' in row {row}; the "
                f"model was explained with {', '.join(known)}"
            )
        for text in known[1:] if len(known) <= 2 else known:
            names.append(f"{name}={text}")
            columns.append((cells == text).astype(float))
    table = pd.DataFrame({i: np.asarray(column) for i, column in enumerate(columns)})
    return table.set_axis(names, axis=1)


def _check_held(X: Any) -> None:
    """UserError if a cell of X is masked, or float64 merges its whole numbers, as of keys."""
    check_unmasked(X, "X")
    is_frame = _is_frame(X) and hasattr(X, "iloc")
    parts = (X.iloc[:, i] for i in range(X.shape[1])) if is_frame else [X]
    for part in parts:
        if getattr(getattr(part, "dtype", None), "kind", "i") not in "iu":
            continue
        array = _plain(part)
        if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or not array.size:
            continue
        if _rounded(array).any():
            name = f"the column '{part.name}' of X" if hasattr(part, "name") else "X"
            raise UserError(
                f"{name} has whole numbers beyond 2^53, which float64 rounds; subtract a number of "
                f"their size, divide times, or leave out what is a key"
            )


def _rounded(whole: NDArray[Any]) -> NDArray[np.bool_]:
    """Which whole numbers float64 does not hold."""
    beyond = (whole > 2**53) | (whole < -(2**53))
    beyond[beyond] = [int(float(value)) != int(value) for value in whole[beyond]]
    return beyond


def _check_texts(name: str, column: Any, found: Mapping[str, Any]) -> None:
    """UserError unless a column's texts can be inputs of a formula."""
    if column.isna().any():
        row = int(np.flatnonzero(column.isna())[0])
        raise UserError(
            f"the column '{name}' of X has no value in row {row}; give one, as by "
            f"X.fillna({{{name!r}: 'missing'}})"
        )
    if len(found) > _MOST_TEXTS:
        raise UserError(
            f"the column '{name}' of X holds {len(found)} different texts; at most {_MOST_TEXTS} "
            f"can be inputs of a formula: leave it out, as by srnet.explain(lambda rows: "
            f"model.predict(rows.assign({name}=…)), X.drop(columns={name!r}))"
        )


def _holds_text(column: Any) -> bool:
    import pandas as pd

    dtype = column.dtype
    if pd.api.types.is_numeric_dtype(dtype) or getattr(dtype, "kind", "O") in "mM":
        return False
    are_objects = isinstance(dtype, np.dtype) and dtype.kind == "O"
    return not are_objects or not all(isinstance(value, Real) for value in column)


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "shape")


def _as_frame(X: Any) -> "pd.DataFrame":
    """A table with named columns as one of pandas."""
    import pandas as pd

    if isinstance(X, pd.DataFrame):
        return X
    return pd.DataFrame({str(name): np.asarray(X[name]) for name in X.columns})


def _plain(value: Any) -> NDArray[Any]:
    """An array of a value that may be a tensor; of what is no array of numbers an empty one, which
    is refused where X is read."""
    try:
        array = np.asarray(detach(value))
        array = array.astype(np.float64) if array.dtype.kind == "O" else array
    except (TypeError, ValueError):
        return np.empty((0, 0))
    return array if array.ndim else np.empty((0, 0))


def _as_whole(rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Rows in a type of whole numbers or truth values; as they are if it does not hold them, as of
    fractions where the columns were whole before."""
    with np.errstate(invalid="ignore"):
        whole = rows.astype(dtype)
    return whole if (whole == rows).all() else rows


def _range(table: Floats) -> Floats:
    """The least and the largest number of every column, 2 × d; 0 where there is no row."""
    if not len(table):
        return np.zeros((2, table.shape[1]))
    return np.stack([table.min(axis=0), table.max(axis=0)])


def _numbers(value: Any) -> Floats:
    """A table as float64, n × d; not finite where a cell is no number."""
    array = _plain(value)
    array = array[:, None] if array.ndim == 1 else array
    if array.dtype.kind not in "fiub":
        return np.full(array.shape, np.nan)
    return array.astype(np.float64)
