"""Paired differences between E-LIME and every other method on the test set, with intervals.

All networks and all their trainings are explained on the same images, so an image that is hard is
hard for all of them, and images × trainings are no independent pairs. The interval is that of the
pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1, 386–411): it draws images, and
trainings of each network, each with replacement, and averages over the grid of both. It so covers
other images and other trainings of the same architectures. With one training it covers images only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from srnet.images.comparison.methods import ELIME, method
from srnet.typing import Floats

REFERENCE = "sparse"  # the preset that is compared with the others, at every number of passes
# Whether a high value is good (1) or a low one (-1).
SIGNS = {"insertion": 1, "deletion": -1, "best_iou": 1}
RESAMPLES = 4000
LEVEL = 0.95
LEAST_IMAGES = 20  # with fewer, a bootstrap interval is too short
ALL = "all"

COLUMNS = (
    *("network", "reference", "method", "measure", "networks", "images", "trainings"),
    *("difference", "low", "high", "width", "verdict"),
)


def differences_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare every other method with E-LIME's preset ``sparse``, paired by image and training.

    Parameters
    ----------
    runs
        One row per explanation, as :func:`srnet.images.results.runs_table` returns them.

    Returns
    -------
    One row per network (and ``all``, the mean over the networks that both methods explain, where
    there are several), reference, method and measure: networks, images, trainings (the fewest of a
    network), difference (reference minus method), low and high (95 % interval), width, and verdict
    on the reference: ``better`` or ``worse`` where the interval lies on one side of 0, else
    ``level``, or ``too few images``. The measure ``best_iou`` is a ranking's intersection over
    union for the number of first superpixels that is best on average for its network, in hindsight.
    """
    tests = _add_best_iou(runs[runs["images"] == "test"])
    keys = ["network", "method", "training", "image"]
    values = tests.groupby(keys)[list(SIGNS)].mean()
    networks, methods = (list(tests[key].unique()) for key in ("network", "method"))
    references = [name for name in methods if method(name).kind == REFERENCE]
    rows = []
    explained = set(zip(tests["network"], tests["method"], strict=True))
    for network in [*networks, ALL]:
        for reference in references:
            for other in (name for name in methods if name not in references):
                members = [
                    name
                    for name in (networks if network == ALL else [network])
                    if {(name, reference), (name, other)} <= explained
                ]
                if len(members) > (network == ALL):
                    rows += _compare(values, members, network, reference, other)
    return pd.DataFrame(rows, columns=COLUMNS)


def _compare(
    values: pd.DataFrame, members: Sequence[str], network: str, reference: str, other: str
) -> list[dict[str, object]]:
    """The rows of two methods, a row per measure; none where no image is common."""
    rows_of: Any = values.loc  # pandas' type hints take what these give for a single value
    pairs = [(rows_of[name, reference] - rows_of[name, other]).dropna() for name in members]
    # the images that all trainings of all networks explain
    frames = [each.unstack("image").dropna(axis="columns") for each in pairs]
    common = set.intersection(*(set(frame.columns) for frame in frames))
    images = len(common) // len(SIGNS)
    if not images:
        return []
    rows = []
    for measure, sign in SIGNS.items():
        chosen = [column for column in frames[0] if column in common and column[0] == measure]
        grids = [frame[chosen].to_numpy() for frame in frames]
        mean, low, high = interval(grids)
        worst, best = sorted((sign * low, sign * high))
        rows.append(
            {
                "network": network,
                "reference": reference,
                "method": other,
                "measure": measure,
                "networks": len(members),
                "images": images,
                "trainings": min(map(len, grids)),
                "difference": mean,
                "low": low,
                "high": high,
                "width": high - low,
                "verdict": _judge(worst, best, images),
            }
        )
    return rows


def interval(grids: Sequence[Floats]) -> tuple[float, float, float]:
    """The mean difference and its 95 % interval by the pigeonhole bootstrap.

    Parameters
    ----------
    grids
        Of each network the differences (trainings, images); the images are the same in all.
    """
    rng = np.random.default_rng(0)
    images = _draw_weights(rng, grids[0].shape[1])
    samples = np.mean([(_draw_weights(rng, len(grid)) @ grid * images).sum(1) for grid in grids], 0)
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.mean([grid.mean() for grid in grids])), float(low), float(high)


def _draw_weights(rng: np.random.Generator, count: int) -> Floats:
    """The shares (resamples, count) of what is drawn with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count


def _judge(low: float, high: float, images: int) -> str:
    if images < LEAST_IMAGES:
        return "too few images"
    return "better" if low > 0 else "worse" if high < 0 else "level"


def _add_best_iou(tests: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column ``best_iou``: of E-LIME that of its own selection."""
    parts = []
    for (_, name), group in tests.groupby(["network", "method"], sort=False):
        column = "iou"
        if method(str(name)).kind not in ELIME:
            column = str(group.filter(regex=r"^iou_\d+$").mean().idxmax())
        parts.append(group.assign(best_iou=group[column]))
    return pd.concat(parts)
