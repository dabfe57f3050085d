"""Seconds and peak memory of gathering and drawing the convergence of many long runs, made up:
`python tests/benchmarks/drawing.py`.

Each run is a RUN.json of the size of a real one (ten elites, a Pareto front, 5,000 generations).
The search, LIME and MAPLE are no part of it. Every step is a process of its own, as in the
workflow, and so is the peak of its memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from helpers import fakes  # the tests' made-up results

GATHER = """
from pathlib import Path
from srnet.io.frames import write_table
from srnet.results.gather import history_table, pareto_table, read_runs, runs_table
folder = Path(FOLDER)
runs = read_runs(sorted(folder.glob("*.json")))
for name, table in (("runs", runs_table), ("history", history_table), ("pareto", pareto_table)):
    write_table(table(runs), folder / f"{name}.csv")
"""
DRAW = """
from importlib import import_module
from pathlib import Path
from srnet.drawing.saving import save_figure
from srnet.io.frames import read_table
folder = Path(FOLDER)
drawing = import_module("srnet.drawing.figures.MODULE")
frames = {name: read_table(folder / f"{name}.csv") for name in FRAMES}
save_figure(drawing.draw(**frames), str(folder / "MODULE.pdf"), str(folder / "MODULE.png"))
"""
FIGURES = {
    "convergence": ["history"],
    "presets_compared": ["history", "published"],
    "fitness_box": ["runs", "published"],
    "pareto": ["pareto"],
}


def make(folder: Path, tasks: int, seeds: int, generations: int) -> None:
    """RUN.json files in the form, and of the size, of real ones."""
    for task in range(tasks):
        for seed in range(1, seeds + 1):
            run = fakes.run(
                f"T{task}", "paper", seed, generations=generations, level=10.0 ** (task % 7 - 3)
            )
            elite = {
                "genes": np.random.default_rng(seed).integers(0, 20, (3, 76)).tolist(),
                "network_expressions": ["x" * 4000],
            }
            content = run | {"elites": [elite] * 10}
            (folder / f"T{task:02}-{seed:02}.json").write_text(json.dumps(content))
    header = "task,runs,fitness_min,fitness_q1,fitness_median,fitness_q3,fitness_max\n"
    rows = (f"T{task},30,1,2,3,4,5\n" for task in range(tasks))
    (folder / "published.csv").write_text(header + "".join(rows))


def measured(code: str) -> tuple[float, float]:
    """Seconds of a process and its peak memory in MB."""
    peak = "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", code + peak], text=True, capture_output=True, check=True
    )
    return time.perf_counter() - start, int(run.stdout.split()[-1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=17)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--generations", type=int, default=5000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, options.tasks, options.seeds, options.generations)
        size = sum(path.stat().st_size for path in folder.glob("*.json")) / 1e6
        print(
            f"{options.tasks * options.seeds} runs of {options.generations} generations, "
            f"{size:.0f} MB"
        )
        steps = {"gather runs, history, fronts": GATHER.replace("FOLDER", repr(name))}
        for module, frames in FIGURES.items():
            code = (
                DRAW.replace("MODULE", module)
                .replace("FRAMES", repr(frames))
                .replace("FOLDER", repr(name))
            )
            steps[f"figure {module}"] = code
        total, most = 0.0, 0.0
        for step, code in steps.items():
            seconds, memory = measured(code)
            total, most = total + seconds, max(most, memory)
            print(f"{step:32} {seconds:6.1f} s {memory:6.0f} MB")
        cpu = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        print(
            f"{'together':32} {total:6.1f} s {most:6.0f} MB at most; {cpu:.1f} s of processor time"
        )


if __name__ == "__main__":
    main()
