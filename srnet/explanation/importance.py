"""How much of the output every input and every pair of inputs decides: Sobol indices of the
formulas.

A formula is cheap, so its indices are computed where a network's would be estimated, and unlike
gradients they are shares of the variance, as R² is, and count the whole range of an input.
``scipy.stats.sobol_indices`` knows no pairs; here inputs and pairs come from one sample.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import qmc

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.model.srnet import SRNet
from srnet.typing import Floats

# Points of the sample, a power of 2. Of more inputs than can be shown a table has the first; pairs
# below the last share are not told.
_POINTS, _SHOWN, _NOTHING = 2**13, 20, 5e-4

Pair = tuple[int, int]


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of the formulas' output when every input varies as it does in the
    rows, independently of the others.

    Attributes
    ----------
    inputs
        A row for each input, the largest total first: ``input``; ``first_order``, the share
        that it decides by itself; ``total_order``, that in which it has any part. What no formula
        reads has 0.
    pairs
        A row for each pair of inputs that interact: ``first``, ``second``; ``interaction``, the
        share of all interactions in which both have a part. Empty where the formulas are sums of
        functions of one input each.
    """

    inputs: pd.DataFrame
    pairs: pd.DataFrame

    def __str__(self) -> str:
        read = self.inputs[self.inputs["total_order"] > 0]
        header = ("input", "first_order", "total_order")
        lines = _table([header, *read[:_SHOWN].itertuples(index=False, name=None)])
        if len(read) > _SHOWN:
            lines.append(f"and {len(read) - _SHOWN} more")
        if len(read) < len(self.inputs):
            lines.append(f"without any part: {len(self.inputs) - len(read)} input(s)")
        pairs = [
            (f"{first}, {second}", share)
            for first, second, share in self.pairs[:_SHOWN].itertuples(index=False, name=None)
        ]
        lines += _table([("pair", "interaction"), *pairs]) if pairs else []
        return "\n".join(map(printable, lines))


def compute_importance(
    model: SRNet,
    x: NDArray[Any],
    names: Sequence[str],
    output: int | None = None,
    scales: Floats | float = 1.0,
) -> Importance:
    """The indices of a model at rows x, n × k₀, whose columns are called ``names``.

    ``first_order`` and ``total_order`` are the Sobol indices of an input
    (estimators of Saltelli et al., Computer Physics Communications 181, 2010, table 2, b and f),
    ``interaction`` is the total interaction index of a pair (Liu and Owen, Journal of the American
    Statistical Association 101, 2006). The points are a scrambled Sobol sequence in the quantiles
    of every column. Of several outputs, variances are added (Gamboa et al., Electronic Journal of
    Statistics 8, 2014), as in R².

    Parameters
    ----------
    output
        The output, 0 …; all of them if left out.
    scales
        By which all outputs are divided, (k,).

    Raises
    ------
    UserError
        If the formulas have no value at a point.
    """

    def values(points: Floats) -> Floats:
        found = model.predict(points)
        if not np.isfinite(found).all():
            raise UserError(
                "the formulas have no value at some combination of the inputs' values; importance "
                "needs one everywhere in their box"
            )
        return found / scales if output is None else found[:, [output]]

    read = sorted({i for program in model.programs[0] for i in program.used_inputs()})
    first, total = np.zeros(model.inputs), np.zeros(model.inputs)
    interactions: dict[Pair, float] = {}
    if read:
        indices, total[read], interactions = _indices(values, x, read, _pairs(model, read))
        first[read] = indices
    inputs = pd.DataFrame({"input": list(names), "first_order": first, "total_order": total})
    pairs = [
        (names[i], names[j], share) for (i, j), share in interactions.items() if share > _NOTHING
    ]
    return Importance(
        inputs.sort_values("total_order", ascending=False, kind="stable", ignore_index=True),
        pd.DataFrame(pairs, columns=["first", "second", "interaction"]).sort_values(
            "interaction", ascending=False, kind="stable", ignore_index=True
        ),
    )


def _pairs(model: SRNet, read: Sequence[int]) -> list[Pair]:
    """The pairs of inputs that can interact: in a sum of formulas, those that one of them reads."""
    if model.depth > 1 or model.loss == "cross_entropy":
        return list(combinations(read, 2))
    found = {pair for each in model.programs[0] for pair in combinations(each.used_inputs(), 2)}
    return sorted(found)


def _indices(
    values: Callable[[Floats], Floats],
    x: NDArray[Any],
    read: Sequence[int],
    pairs: Collection[Pair],
) -> tuple[Floats, Floats, dict[Pair, float]]:
    """First-order and total indices of the inputs that are read, and of pairs."""
    sequence = qmc.Sobol(2 * len(read), seed=0).random(_POINTS)
    quantiles = np.sort(np.asarray(x, dtype=np.float64)[:, read], axis=0)
    drawn = (sequence * len(x)).astype(int).reshape(_POINTS, 2, len(read))
    points = np.repeat(np.asarray(x[:1], dtype=np.float64), _POINTS, axis=0)
    others = points.copy()
    points[:, read] = np.take_along_axis(quantiles, drawn[:, 0], axis=0)
    others[:, read] = np.take_along_axis(quantiles, drawn[:, 1], axis=0)

    def exchanged(*inputs: int) -> Floats:
        mixed = points.copy()
        mixed[:, inputs] = others[:, inputs]
        return values(mixed)

    own, second = values(points), values(others)
    variance = np.vstack([own, second]).var(axis=0).sum()
    if not variance:
        return np.zeros(len(read)), np.zeros(len(read)), {}
    by_input = {i: exchanged(i) for i in read}
    centred = second - second.mean(axis=0)
    first = [np.mean(centred * (by_input[i] - own), axis=0).sum() for i in read]
    total = [np.mean((own - by_input[i]) ** 2, axis=0).sum() / 2 for i in read]
    interactions = {
        (i, j): float(
            np.mean((own - by_input[i] - by_input[j] + exchanged(i, j)) ** 2, axis=0).sum()
            / (4 * variance)
        )
        for i, j in pairs
    }
    return np.clip(np.array(first) / variance, 0, 1), np.array(total) / variance, interactions


def _table(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Names on the left, shares to three places on the right."""
    cells = [[each if isinstance(each, str) else f"{each:.3f}" for each in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells
    ]
