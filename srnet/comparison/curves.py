"""Outputs of the network, SRNet, LIME and MAPLE along lines: the data of the figure
``regression_comparison``.

Of a curve task the diagonal of the test box is followed. Of any other, each input in turn goes
through its side of the test box while the others are drawn from the training box, so that inside
the training interval all inputs are where the network was trained; the median over the draws is the
projection on that input. A task of two inputs gets a surface as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from srnet.comparison.case import Case, load_case
from srnet.comparison.scores import methods
from srnet.data.dataset import Data, task_boxes
from srnet.data.tasks import Task, load_task
from srnet.typing import Floats, StrPath

LINE_POINTS, POSITIONS, DRAWS, GRID = 201, 41, 10, 21
SEED = 1  # of LIME and MAPLE


@dataclass(frozen=True)
class Panel:
    """Positions (x, and z of a surface), for each the same number of points in succession, and the
    training interval of x."""

    x: Floats
    z: Floats
    points: Floats
    low: float
    high: float


def make_panels(
    boxes: Mapping[str, tuple[Floats, Floats]], inputs: Sequence[str], seed: int, line: bool
) -> dict[str, Panel]:
    """The panels of a task: one for every input by its name, and ``surface`` of two inputs; or one
    line, ``x0 = x1``."""
    (train_low, train_high), (low, high) = boxes["train"], boxes["test"]
    if line:
        points = np.linspace(low, high, LINE_POINTS)
        return {
            " = ".join(inputs): Panel(
                points[:, 0], np.full(LINE_POINTS, np.nan), points, train_low[0], train_high[0]
            )
        }
    # the same draws of the other inputs at every position, so that a curve is smooth where the
    # function is
    others = np.random.default_rng([seed, DRAWS]).uniform(
        train_low, train_high, (DRAWS, len(inputs))
    )
    panels = {}
    for i, name in enumerate(inputs):
        x = np.linspace(low[i], high[i], POSITIONS)
        points = np.tile(others, (POSITIONS, 1))
        points[:, i] = np.repeat(x, DRAWS)
        panels[name] = Panel(x, np.full(POSITIONS, np.nan), points, train_low[i], train_high[i])
    if len(inputs) == 2:
        sides = [np.linspace(low[i], high[i], GRID) for i in range(2)]
        points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
        panels["surface"] = Panel(points[:, 0], points[:, 1], points, train_low[0], train_high[0])
    return panels


def curves(
    task: Task,
    data: Data,
    case: Case,
    runs: Sequence[Mapping[str, Any]],
    line: bool = False,
    samples: int = 5000,
) -> pd.DataFrame:
    """Outputs along the lines of a regression.

    Returns
    -------
    A row per panel, position and method: task, panel (the input's name, ``x0 = x1`` of a line,
    ``surface``), x and z (positions in the units of the inputs; z of a surface only), method (true,
    where there is a formula; network, srnet, lime, maple), preset, value (median over the draws;
    NaN where it is not finite), low and high (the training interval of x).
    """
    chosen = [
        method
        for name in ("srnet", "lime", "maple")
        for method in methods(name, SEED, samples, runs)
    ]
    explainers = {(method.name, method.preset): method.make(case) for method in chosen}
    tables = []
    boxes = task_boxes(task, data.x)
    for name, panel in make_panels(boxes, data.inputs, task.seed, line).items():
        read = data.standardised(panel.points) if case.scaled else panel.points
        truth = task.truth(panel.points)
        outputs = {} if truth is None else {("true", ""): truth}
        outputs[("network", "")] = case.predict(read)
        outputs |= {key: explainer.explain(read).outputs for key, explainer in explainers.items()}
        for (method, preset), values in outputs.items():
            with np.errstate(invalid="ignore", over="ignore"):
                value = np.median(values[:, 0].reshape(len(panel.x), -1), axis=1)
            columns: dict[str, Any] = {
                "task": task.name,
                "panel": name,
                "x": panel.x,
                "z": panel.z,
                "method": method,
                "preset": preset,
            }
            columns |= {
                "value": np.where(np.isfinite(value), value, np.nan),
                "low": panel.low,
                "high": panel.high,
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def write_curves(
    files: Mapping[str, StrPath],
    task_name: str,
    out: StrPath,
    runs: Sequence[str],
    line: bool = False,
    samples: int = 5000,
) -> None:
    """Write the curves of a task as CSV (the command ``srnet curves``); ``files`` as for
    :func:`srnet.comparison.scores.write_comparison`."""
    import threadpoolctl

    from srnet.io.frames import write_table
    from srnet.results.gather import read_runs

    case = load_case(files, task_name)
    with threadpoolctl.threadpool_limits(1):
        table = curves(
            load_task(task_name, files["tasks"]),
            Data.load(files["data"]),
            case,
            read_runs(runs),
            line,
            samples,
        )
    write_table(table, out)
