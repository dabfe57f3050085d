"""The values of a network's layers, which the search explains (``layers.npz``)."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.io.files import writing
from srnet.io.npz import read_arrays
from srnet.typing import Floats, StrPath

SPLITS = ("train", "valid", "test")
Values = NDArray[np.float32]
# float32 is too coarse for a column that it moves by more than this share of its spread.
_COARSE = 1e-5
# Of fewer of a column's different values a warning tells.
_KEPT = 0.5


@dataclass(frozen=True)
class Layers:
    """The values of every layer of one network, by split.

    Attributes
    ----------
    splits
        For each split (``train``, ``valid`` and perhaps ``test``) the list ``[x, h1, …, hL, y]``
        of float32 arrays, rows first; ``y`` is the network's output, n × k. An ``x`` or ``y`` for
        which float32 is too coarse is of float64.
    name
        The task's name.
    weights
        What the rows of each split count in losses and fits, (n,) float64, above 0; empty where all
        count alike.
    """

    splits: Mapping[str, list[Values]]
    name: str = "network"
    source: str = field(default="layers", compare=False)
    weights: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self.splits, self.source)
        if self.weights:
            _check_weights(self.weights, self.splits, self.source)

    @property
    def widths(self) -> list[int]:
        """Columns of x, h1, …, hL, y."""
        return [values.shape[1] for values in self.splits["train"]]

    @property
    def depth(self) -> int:
        """Number of formulas: hidden layers and the output layer."""
        return len(self.splits["train"]) - 1

    def rows(self, split: str = "train") -> int:
        """Number of rows of a split."""
        return int(self.splits[split][0].shape[0])

    def values(self, layer: int) -> Floats:
        """A layer's values on the training rows and then the validation rows, n × k; 0 is x, -1 the
        output."""
        both = [self.splits[split][layer] for split in ("train", "valid")]
        return np.vstack(both).astype(np.float64)

    def row_weights(self, *splits: str) -> Floats | None:
        """The weights of the rows of one split and then of others, (n,); None where all rows count
        alike."""
        if not self.weights:
            return None
        return np.concatenate([self.weights[split] for split in splits])

    def fingerprint(self) -> str:
        """SHA-256 of the train and valid values, and weights where there are some, by which
        checkpoints know their run."""
        digest = hashlib.sha256()
        for split in ("train", "valid"):
            arrays: list[NDArray[np.floating]] = [*self.splits.get(split, [])]
            if self.weights:
                arrays.append(self.weights[split])
            for values in arrays:
                digest.update(repr(values.shape).encode())
                digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def save(self, path: StrPath) -> None:
        """Write ``layers.npz``, whole or not at all."""
        arrays = {
            f"{split}_{name}": values
            for split, all_values in self.splits.items()
            for name, values in zip(self.names(), all_values, strict=True)
        } | {f"{split}_weight": weights for split, weights in self.weights.items()}
        with writing(path, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    def names(self) -> list[str]:
        """x, h1, …, hL, y."""
        return _layer_names(self.depth - 1)

    @classmethod
    def load(cls, path: StrPath, name: str | None = None) -> "Layers":
        """Read ``layers.npz``.

        Raises
        ------
        UserError
            If the file is missing or damaged, lacks an array, has mismatched rows or widths, or
            values that are not finite.
        """
        path = Path(path)
        arrays = read_arrays(path)
        splits: dict[str, list[Values]] = {}
        layers = _layer_names(_hidden_count(arrays, "train", path))
        for split in SPLITS:
            present = [key for key in arrays if key.startswith(f"{split}_")]
            if not present and split == "test":
                continue
            required = [f"{split}_{layer}" for layer in layers]
            for key in required:
                if key not in arrays:
                    raise UserError(
                        f"{path}: lacks the array '{key}'; needed are {', '.join(required)}"
                    )
            splits[split] = [_float32(arrays[key], key, path) for key in required]
        weights = {
            split: np.asarray(_real(arrays[f"{split}_weight"], f"{split}_weight", path), np.float64)
            for split in splits
            if f"{split}_weight" in arrays
        }
        known = {f"{split}_{layer}" for split in splits for layer in [*layers, "weight"]}
        unknown = sorted(set(arrays) - known)
        if unknown:
            raise UserError(
                f"{path}: has the unknown array '{unknown[0]}'; known are "
                f"{', '.join(sorted(known))}"
            )
        name = printable(name or _task_name(path))
        loaded = cls(splits, name=name, source=str(path), weights=weights)
        for name, place in (("x", 0), ("y", -1)):
            if too_coarse(arrays[f"train_{name}"]).any():
                for split in splits:
                    splits[split][place] = arrays[f"{split}_{name}"].astype(np.float64)
        return loaded


def spreads(x: NDArray[Any]) -> Floats:
    """The spread of every column of x, n × d: between its quartiles, or where these are equal half
    of its range."""
    low, first, third, high = np.quantile(np.asarray(x, np.float64), [0, 0.25, 0.75, 1], axis=0)
    return np.where(third > first, third - first, high / 2 - low / 2)


def too_coarse(x: NDArray[Any]) -> NDArray[np.bool_]:
    """The columns of x, n × d, of which float32 loses too much, as of times since 1970; a constant
    one is none."""
    if not len(x):
        return np.zeros(x.shape[1], dtype=bool)
    with np.errstate(over="ignore", under="ignore"):
        moved = np.abs(x.astype(np.float32).astype(np.float64) - x).max(axis=0)
    if not moved.any():
        return np.zeros(x.shape[1], dtype=bool)
    spread = spreads(x)
    return np.asarray((moved > _COARSE * spread) & (spread > 0))


def warn_of_merged(
    x: NDArray[Any], read: NDArray[Any], who: str, columns: Sequence[str] | None = None
) -> None:
    """Warn of the columns of x, n × d, of whose different values less than half are different as
    they are ``read``; ``who`` reads them, as the subject of the sentence."""
    for i, (column, narrow) in enumerate(zip(x.T, read.T, strict=True)):
        values, left = len(np.unique(column)), len(np.unique(narrow))
        if left < _KEPT * values:
            name = f"x{i}" if columns is None else columns[i]
            warnings.warn(
                f"{who} the column {name} in too few digits: of its {values} different values "
                f"{left} are left; subtract a number of their size from it before",
                stacklevel=5,
            )


def _layer_names(hidden: int) -> list[str]:
    return ["x", *(f"h{i}" for i in range(1, hidden + 1)), "y"]


def _task_name(path: Path) -> str:
    """``K0`` for K0.npz and for K0/layers.npz."""
    return path.resolve().parent.name if path.stem == "layers" else path.stem


def _real(values: NDArray[np.generic], key: str, path: Path) -> NDArray[np.generic]:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        kind = values.dtype if isinstance(values, np.ndarray) else "no array"
        raise UserError(f"{path}: '{key}' holds {kind}; real numbers are needed")
    return values


def _float32(values: NDArray[np.generic], key: str, path: Path) -> Values:
    values = _real(values, key, path)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite and refused as such
        return np.asarray(values, dtype=np.float32)


def _hidden_count(arrays: Mapping[str, NDArray[np.generic]], split: str, path: Path) -> int:
    count = 0
    while f"{split}_h{count + 1}" in arrays:
        count += 1
    beyond = [
        key for key in arrays if key.startswith(f"{split}_h") and key[len(split) + 2 :].isdigit()
    ]
    if len(beyond) != count:
        raise UserError(
            f"{path}: the arrays {', '.join(sorted(beyond))} are not numbered {split}_h1, "
            f"{split}_h2, … without a gap"
        )
    return count


def _check(splits: Mapping[str, list[Values]], source: str) -> None:
    for split in ("train", "valid"):
        if split not in splits:
            raise UserError(f"{source}: lacks the arrays '{split}_x' … '{split}_y'")
    names = _layer_names(len(splits["train"]) - 2)
    for split, all_values in splits.items():
        rows = all_values[0].shape[:1]
        minimum = {"train": 2, "valid": 0}.get(split, 1)  # only regressions have validation rows
        for name, values, reference in zip(names, all_values, splits["train"], strict=True):
            key = f"{split}_{name}"
            if values.ndim != 2 or values.shape[1] < 1:
                raise UserError(
                    f"{source}: '{key}' has shape {values.shape}; rows × columns with at least "
                    f"one column are needed"
                )
            if values.shape[0] < minimum:
                raise UserError(
                    f"{source}: '{key}' has {values.shape[0]} row(s); at least {minimum} are needed"
                )
            if values.shape[:1] != rows:
                raise UserError(
                    f"{source}: '{key}' has {values.shape[0]} rows but '{split}_x' has {rows[0]}; "
                    f"they must be equal"
                )
            if values.shape[1] != reference.shape[1]:
                raise UserError(
                    f"{source}: '{key}' has {values.shape[1]} columns but 'train_{name}' has "
                    f"{reference.shape[1]}; they must be equal"
                )
            if not np.isfinite(values).all():
                bad = int(np.argwhere(~np.isfinite(values))[0][0])
                raise UserError(
                    f"{source}: '{key}' has a value that is not finite in row {bad}; every value "
                    f"must be finite"
                )


def _check_weights(
    weights: Mapping[str, Floats], splits: Mapping[str, list[Values]], source: str
) -> None:
    for split, values in splits.items():
        key, rows = f"{split}_weight", len(values[0])
        if split not in weights:
            raise UserError(f"{source}: lacks the array '{key}'; other splits have weights")
        if weights[split].shape != (rows,):
            raise UserError(
                f"{source}: '{key}' has the shape {weights[split].shape}; ({rows},) is needed, a "
                f"number for each row"
            )
        if not (np.isfinite(weights[split]) & (weights[split] > 0)).all():
            raise UserError(f"{source}: '{key}' has a value that is not finite or not above 0")
