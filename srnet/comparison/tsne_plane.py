"""The rows of a classification in a plane (t-SNE), and local explanations drawn there: the data of
``decision_boundary``.

A plane shows neighbours, not inputs: a linear model of the inputs is no line in it. Around an
explained row, an explanation is therefore evaluated at the rows nearby in the plane, and the line
where its class changes is found by least squares in the plane.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from srnet.comparison.case import Case, load_case
from srnet.comparison.scores import methods
from srnet.errors import UserError
from srnet.typing import Floats, StrPath

MOST_ROWS = 1500
NEIGHBOURS, SHARE = 15, 25  # rows of a zoom: a 25th of all, at least 15
SEED = 1  # of the plane, of LIME and of MAPLE


def plane(
    case: Case, run: Mapping[str, Any], samples: int = 5000
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """At most 1500 rows of a classification in a plane, and the lines of LIME and MAPLE around two
    of them.

    The two rows are near the network's boundary in the plane and far from each other.

    Returns
    -------
    rows
        A row each: task, u, v (place in the plane), split, network and srnet (the number of the
        class; SRNet's −1 where it is not finite), class (the name of the network's), zoom (1, 2; 0
        outside), explained (whether it is the explained row of its zoom).
    lines
        A row per zoom and method: task, zoom, method, u, v, a, b, c (the line a·(x − u) + b·(y − v)
        + c = 0 around the explained row at u, v), agreement (share of the zoom's rows that the
        explanation puts into the network's class).
    """
    from sklearn.manifold import TSNE

    split = np.repeat(list(case.points), [len(points) for points in case.points.values()])
    x = np.concatenate(list(case.points.values()))
    if len(x) < 4:
        raise UserError(f"task '{case.task}': has {len(x)} rows; a plane needs at least 4")
    chosen = np.sort(np.random.default_rng([case.seed, SEED]).permutation(len(x))[:MOST_ROWS])
    x, split = x[chosen], split[chosen]
    network = case.predict(x).argmax(axis=1)
    outputs = methods("srnet", SEED, samples, [run])[0].make(case).explain(x).outputs
    finite = np.asarray(np.isfinite(outputs).all(axis=1))
    srnet = np.where(finite, np.where(finite[:, None], outputs, 0).argmax(axis=1), -1)
    perplexity = min(30.0, (len(x) - 1) / 3)
    at = (
        TSNE(perplexity=perplexity, init="pca", random_state=SEED)
        .fit_transform(x)
        .astype(np.float64)
    )
    zoom, explained = np.zeros(len(x), int), np.zeros(len(x), bool)
    lines = []
    explainers = {name: methods(name, SEED, samples)[0].make(case) for name in ("lime", "maple")}
    for number, centre in enumerate(centres(at, network), start=1):
        near = np.argsort(np.square(at - at[centre]).sum(axis=1), kind="stable")[
            : max(NEIGHBOURS, len(x) // SHARE)
        ]
        zoom[near], explained[centre] = number, True
        for name, explainer in explainers.items():
            explanation = explainer.explain(x[[centre]])
            # one explanation, evaluated at many rows
            scores = np.concatenate([explanation.predict(row[None]) for row in x[near]])
            a, b, c = boundary_line(at[near] - at[centre], scores, network[centre])
            place = {
                "task": case.task,
                "zoom": number,
                "method": name,
                "u": at[centre, 0],
                "v": at[centre, 1],
            }
            agrees = float((scores.argmax(axis=1) == network[near]).mean())
            lines.append(place | {"a": a, "b": b, "c": c, "agreement": agrees})
    columns = {
        "task": case.task,
        "u": at[:, 0],
        "v": at[:, 1],
        "split": split,
        "network": network,
        "srnet": srnet,
        "class": np.array(case.classes)[network],
    }
    return pd.DataFrame(columns | {"zoom": zoom, "explained": explained}), pd.DataFrame(lines)


def centres(at: Floats, classes: NDArray[np.integer]) -> list[int]:
    """The two rows farthest from each other of those that have another class among their nearest;
    of all rows where none has.

    Parameters
    ----------
    at
        n × 2.
    """
    distance = np.square(at[:, None] - at).sum(axis=2)
    near = np.argsort(distance, axis=1, kind="stable")[:, :10]
    mixed = (classes[near] != classes[:, None]).mean(axis=1)
    candidates = np.flatnonzero(mixed >= min(0.3, mixed.max()))
    first, second = np.unravel_index(
        distance[np.ix_(candidates, candidates)].argmax(), (len(candidates),) * 2
    )
    return [int(candidates[i]) for i in dict.fromkeys((int(first), int(second)))]


def boundary_line(at: Floats, scores: Floats, own: int) -> tuple[float, float, float]:
    """a, b, c of the line a·x + b·y + c = 0 where an explanation stops to prefer a class, by least
    squares in the plane.

    Parameters
    ----------
    at, scores
        Places (n × 2) of rows, and the outputs by class (n × k) that the explanation gives for
        them.
    own
        The class.
    """
    others = np.delete(scores, own, axis=1).max(axis=1)
    design = np.column_stack([at, np.ones(len(at))])
    a, b, c = np.linalg.lstsq(design, scores[:, own] - others, rcond=None)[0]
    return float(a), float(b), float(c)


def write_plane(
    files: Mapping[str, StrPath],
    task_name: str,
    rows: StrPath,
    lines: StrPath,
    run: str,
    samples: int = 5000,
) -> None:
    """Write both tables as CSV (the command ``srnet plane``); ``files`` as for
    :func:`srnet.comparison.scores.write_comparison`."""
    import threadpoolctl

    from srnet.io.frames import write_table
    from srnet.results.gather import read_runs

    case = load_case(files, task_name)
    with threadpoolctl.threadpool_limits(1):
        tables: Sequence[pd.DataFrame] = plane(case, read_runs([run])[0], samples)
    for table, path in zip(tables, (rows, lines), strict=True):
        write_table(table, path)
