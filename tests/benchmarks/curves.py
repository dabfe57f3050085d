"""R² on test rows by length and by seconds: srnet.explain beside pyoperon and linear regression.

    python tests/benchmarks/curves.py [FOLDER] [--only friedman1 heat diabetes] [--seconds 60]
    [--seeds 3] [--jobs 2] [--csv docs/images/rank_curves.csv]
    python tests/benchmarks/curves.py --draw docs/images/rank_curves.png

FOLDER is that of realnets.py; pyoperon must be installed (pip install pyoperon). Networks of one
output: pyoperon gives one expression. Length is the number of operators; factors, summands and
inputs do not count, for pyoperon gives every input a factor of its own. By length stand the Pareto
front of the longest run and pyoperon's runs with different limits of length, each of the same
seconds; by seconds runs of several budgets, of which the time itself is taken. One thread each,
defaults but for pyoperon's symbols, which are those of the shared comparison.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from realnets import ROOT, linear_r2, load, outputs, score

import srnet
from srnet.drawing import style
from srnet.model.srnet import SRNet

CSV = ROOT / "docs" / "images" / "rank_curves.csv"
SYMBOLS = "add,sub,mul,div,sqrt,square,sin,cos,log,exp,tanh,constant,variable"
LENGTHS = (10, 15, 20, 30, 40)
SHARES = (1 / 30, 1 / 12, 1 / 6, 1 / 3, 1.0)
Row = tuple[str, str, str, int, float, float, float]  # …, operators, seconds, R²
TICKS = (2, 5, 10, 20, 50)
COLUMNS = ("network", "method", "curve", "seed", "operators", "seconds", "r2")


def run_srnet(folder: Path, name: str, seed: int, seconds: float, fronts: bool) -> list[Row]:
    """A row of a run; of the longest one also its front."""
    torch.set_num_threads(1)
    model, data = load(folder, name)
    x, x_test, y_test = data["x_train"], data["x_test"], data["y_test"]
    srnet.explain(model, x, budget=400, progress=False)  # load the compiled search
    begin = time.monotonic()
    explanation = srnet.explain(model, x, seed=seed, budget=f"{seconds}s", progress=False)
    spent = time.monotonic() - begin
    r2 = score(y_test, explanation.predict(x_test))[0]
    found: list[Row] = [(name, "srnet", "seconds", seed, explanation.complexity, spent, r2)]
    for entry in explanation.run["pareto"] if fronts else []:
        shorter = SRNet.from_run(entry)
        with np.errstate(all="ignore"):
            r2 = score(y_test, shorter.layers(x_test.astype(np.float64))[-1])[0]
        found.append((name, "srnet", "length", seed, shorter.complexity, spent, r2))
    return found


def run_pyoperon(
    folder: Path, name: str, seed: int, seconds: float, length: int, curves: Sequence[str]
) -> list[Row]:
    """A row of a run with so many nodes at most, for every curve that it belongs to."""
    from pyoperon.sklearn import SymbolicRegressor

    torch.set_num_threads(1)
    model, data = load(folder, name)
    regressor = SymbolicRegressor(
        allowed_symbols=SYMBOLS,
        max_length=length,
        max_time=max(1, round(seconds)),
        generations=10**6,
        n_threads=1,
        optimizer_iterations=5,
        random_state=seed,
    )
    begin = time.monotonic()
    x = data["x_train"]
    regressor.fit(x.astype(float), outputs(model, x)[:, 0].astype(float))
    spent = time.monotonic() - begin
    predicted = np.nan_to_num(regressor.predict(data["x_test"].astype(float)))[:, None]
    operators = sum(not node.IsLeaf for node in regressor.model_.Nodes)
    r2 = score(data["y_test"], predicted)[0]
    return [(name, "pyoperon", curve, seed, operators, spent, r2) for curve in curves]


def run_linear(folder: Path, name: str) -> list[Row]:
    """The linear regression."""
    model, data = load(folder, name)
    operators = data["x_train"].shape[1] - 1
    return [(name, "linear", "length", 0, operators, 0.0, linear_r2(model, data))]


def measure(options: argparse.Namespace) -> None:
    """Run everything; the table is written at the end."""
    folder, seconds = options.folder, options.seconds
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run_linear, folder, name) for name in options.only]
        for name in options.only:
            for seed in range(options.seeds):
                for share in SHARES:
                    args = (folder, name, seed, share * seconds)
                    jobs.append(pool.submit(run_srnet, *args, share == 1))
                    if share < 1:
                        jobs.append(pool.submit(run_pyoperon, *args, max(LENGTHS), ["seconds"]))
                for length in LENGTHS:
                    curves = ["length"] + ["seconds"] * (length == max(LENGTHS))
                    args = (folder, name, seed, seconds)
                    jobs.append(pool.submit(run_pyoperon, *args, length, curves))
        found: list[Row] = [row for job in jobs for row in job.result()]
    with open(options.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((*row[:5], f"{row[5]:.2f}", f"{row[6]:.5f}") for row in found)


def draw(options: argparse.Namespace) -> None:
    """Draw the figure of a table."""
    _figure(pd.read_csv(options.csv)).savefig(options.draw, dpi=200)


@style.styled
def _figure(frame: pd.DataFrame) -> Figure:
    """A row of panels by length and one by seconds."""
    names = style.distinct_names(frame.network)
    figure = Figure(figsize=(style.PAGE, 3.6), layout="constrained")
    panels = figure.subplots(2, len(names), sharey="col", squeeze=False)
    marks = {"srnet": ("C0", "o"), "pyoperon": ("C1", "s")}
    for column, name in enumerate(names):
        own = frame[frame.network == name]
        linear = float(own[own.method == "linear"].r2.iloc[0])
        for row, (curve, key) in enumerate((("length", "operators"), ("seconds", "seconds"))):
            axes = panels[row, column]
            for method, (colour, mark) in marks.items():
                part = own[(own.method == method) & (own.curve == curve)]
                for _, run in part.groupby("seed"):
                    run = run.sort_values(key)
                    axes.plot(
                        run[key],
                        1 - run.r2,
                        mark,
                        linestyle="-",
                        color=colour,
                        markersize=2.5,
                        linewidth=0.7,
                        label=method,
                    )
            axes.axhline(1 - linear, color="0.45", linestyle="--", linewidth=0.8, label="linear")
            axes.set_yscale("log")
            axes.set_xlabel("Operators" if row == 0 else "Seconds")
            if row:
                axes.set_xscale("log")
                axes.set_xticks(TICKS, map(str, TICKS))
                axes.set_xticks([], minor=True)
            else:
                axes.set_title(name)
                axes.set_xlim(0, 60)
            if not column:
                axes.set_ylabel("1 − R² on test rows")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=3)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    suite = ROOT.parent / "shared" / "realnets" / "suite"
    parser.add_argument("folder", nargs="?", type=Path, default=suite)
    parser.add_argument("--only", nargs="+", default=["friedman1", "heat", "diabetes"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--csv", type=Path, default=CSV)
    parser.add_argument("--draw", type=Path)
    options = parser.parse_args()
    if options.draw:
        draw(options)
    else:
        measure(options)


if __name__ == "__main__":
    main()
