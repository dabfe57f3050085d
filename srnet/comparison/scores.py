"""LIME, MAPLE, SRNet and two baselines on one network, at the same points (Luo et al. 2022, section
4).

Regression: points of the training box (interpolation), of the validation box and of the test box
(extrapolation) are explained, and the explanation of a point is scored at that very point, by the
root mean squared error against the network. (The published comparison applied the coefficients
found at a test point to an unrelated validation point.) Points depend on the task's seed alone.
Classification: rows that trained the network and rows held out, scored by the share that gets the
network's class.

An explanation that is scored at its own point can be right without explaining anything: LIME counts
the point among its samples, with the largest weight, and far outside the training box with all of
it. So each explanation is scored a second time, at a neighbour of its point (``rmse_near``), and
how many samples it rests on is given (``support``).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from srnet.comparison.case import Case, load_case
from srnet.comparison.explainers.interface import Explainer
from srnet.errors import UserError
from srnet.metrics import agreement, rmse
from srnet.model.srnet import SRNet
from srnet.typing import StrPath
from srnet.validation import Integer

NEAR = 0.1  # standard deviations of the inputs between a point and its neighbour
STEP = 1e-4  # of a slope, in standard deviations of the input
SEEDED = ("lime", "maple")
RUN_METHODS = ("srnet", "local")
SEEDLESS = 0  # the seed that a table gives for a method without one


# --- One explainer --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """How an explainer of a case is made, and what tables call it."""

    name: str
    make: Callable[[Case], Explainer]
    seed: int
    preset: str = ""
    seconds: float = 0.0  # spent before the comparison


def methods(
    name: str, seed: int, samples: int, runs: Iterable[Mapping[str, Any]] = ()
) -> list[Method]:
    """The methods of a name: lime, maple, baselines (linear and constant), srnet or local (every
    run).

    Raises
    ------
    UserError
        If the seed is below 0, or LIME's samples are fewer than 2.
    """
    Integer(0).check("seed", seed)
    Integer(2).check("samples", samples)
    # only what is used: scikit-learn takes a second to load
    if name == "lime":
        from srnet.comparison.explainers.lime import Lime

        return [
            Method(
                name,
                lambda case: Lime(case.predict, case.rows, seed, samples),
                seed,
            )
        ]
    if name == "maple":
        from srnet.comparison.explainers.maple import Maple

        return [
            Method(
                name,
                lambda case: Maple(case.rows, case.outputs, case.classifies, seed, case.valid),
                seed,
            )
        ]
    if name == "baselines":
        from srnet.comparison.explainers.baselines import Constant, Linear

        return [
            Method(
                "linear", lambda case: Linear(case.rows, case.outputs, case.classifies), SEEDLESS
            ),
            Method("constant", lambda case: Constant(case.outputs, case.classifies), SEEDLESS),
        ]
    if name == "local":
        from srnet.comparison.explainers.local import Local

        return [_run_method(name, Local, run) for run in runs]
    from srnet.comparison.explainers.srnet import Symbolic

    return [_run_method("srnet", Symbolic, run) for run in runs]


def _run_method(name: str, make: Callable[[SRNet], Explainer], run: Mapping[str, Any]) -> Method:
    model = SRNet.from_run(run)
    seconds = float(run.get("processor_seconds", run["seconds"]))  # older runs have one time
    return Method(name, lambda case: make(model), run["seed"], run["preset"], seconds)


def compare(case: Case, method: Method) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One method on one network.

    Returns
    -------
    scores
        A row per box or split: task, method, preset, seed; box, points, nonfinite, rmse, rmse_near
        or split, rows, nonfinite, accuracy; and seconds_once, seconds_per_point (CPU time), terms,
        support (median over the points; NaN where the method has none).
    answers
        A row per repeated point and quantity: task, method, preset, seed, point, quantity, answer.
        Quantities are the ``value`` of the output (regression, in standard deviations of the
        network's output over the rows) or of the probability of the network's class, and by input,
        named x0 …, its change per standard deviation of the input.
    """
    labels: dict[str, Any] = {
        "task": case.task,
        "method": method.name,
        "preset": method.preset,
        "seed": method.seed,
    }
    start = time.process_time()
    explainer = method.make(case)
    once = method.seconds + time.process_time() - start
    scores = []
    for i, (part, points) in enumerate(case.points.items()):
        start = time.process_time()
        explanation = explainer.explain(points)
        outputs = explanation.outputs
        seconds = (time.process_time() - start) / len(points)
        if case.classifies:
            share, nonfinite = agreement(case.predict(points), outputs)
            score: dict[str, Any] = {
                "split": part,
                "rows": len(points),
                "nonfinite": nonfinite,
                "accuracy": share,
            }
        else:
            error, nonfinite = rmse(case.predict(points), outputs)
            moves = (
                np.random.default_rng([case.seed, i]).normal(0, NEAR, points.shape) * case.spread
            )
            near, _ = rmse(case.predict(points + moves), explanation.predict(points + moves))
            score = {
                "box": part,
                "points": len(points),
                "nonfinite": nonfinite,
                "rmse": error,
                "rmse_near": near,
            }
        support = (
            float("nan") if explanation.support is None else float(np.median(explanation.support))
        )
        costs = {
            "seconds_once": once,
            "seconds_per_point": seconds,
            "terms": explanation.terms,
            "support": support,
        }
        scores.append(labels | score | costs)
    return pd.DataFrame(scores), _answers(case, explainer).assign(**labels)[
        [*labels, "point", "quantity", "answer"]
    ]


def _answers(case: Case, explainer: Explainer) -> pd.DataFrame:
    explanation = explainer.explain(case.repeated)
    with np.errstate(all="ignore"):
        values, slopes = explanation.outputs, explanation.slopes(STEP * case.spread) * case.spread
    which = case.predict(case.repeated).argmax(axis=1)  # 0 where there is one output
    scale = 1.0 if case.classifies else float(case.outputs.std()) or 1.0
    at = np.arange(len(which))
    table = np.column_stack([values[at, which], slopes[at, which]]) / scale
    quantities = ["value", *(f"x{i}" for i in range(slopes.shape[2]))]
    return pd.DataFrame(
        {
            "point": np.repeat(at, len(quantities)),
            "quantity": quantities * len(at),
            "answer": table.ravel(),
        }
    )


# --- Files ----------------------------------------------------------------------------------------


def write_comparison(
    name: str,
    files: Mapping[str, StrPath],
    task_name: str,
    out: StrPath,
    answers: StrPath,
    seeds: Iterable[int] = (1,),
    points: int = 1000,
    rows: int = 200,
    samples: int = 5000,
    line: bool = False,
    runs: Iterable[str] = (),
) -> None:
    """Compare one method and write its scores and answers as CSV (the command ``srnet compare``).

    Parameters
    ----------
    name
        lime, maple, baselines, srnet or local.
    files
        The paths of ``tasks``, ``data``, ``network`` and ``layers``.
    seeds
        Of LIME and MAPLE, in the order of the rows that are written.
    rows
        Of every split, at most, that LIME and MAPLE explain where the network classifies.
    runs
        RUN.json files, for srnet and local.

    Raises
    ------
    UserError
        If a file or an option cannot be used, or srnet or local has no run.
    """
    import threadpoolctl

    from srnet.io.frames import write_table
    from srnet.results.gather import read_runs

    case = load_case(files, task_name, points, line)
    contents = read_runs(runs)
    if name in RUN_METHODS and not contents:
        raise UserError(f"the method {name} needs at least one --run")
    pairs = []
    for seed in seeds if name in SEEDED else (SEEDLESS,):
        explained = case.sampled(seed, rows) if name in SEEDED and case.classifies else case
        pairs += [(explained, method) for method in methods(name, seed, samples, contents)]
    with threadpoolctl.threadpool_limits(
        1
    ):  # the same sums everywhere; Snakemake runs as many of these as there are cores
        scores, moved = zip(*(compare(*pair) for pair in pairs), strict=True)
    write_table(pd.concat(scores, ignore_index=True), out)
    write_table(pd.concat(moved, ignore_index=True), answers)
