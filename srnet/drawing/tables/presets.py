"""Fitness of every preset on every task, against the published runs and the first preset."""

import numpy as np
import pandas as pd
from scipy import stats

from srnet.drawing.latex_table import PRESET, TASK, Number, Paper, Text
from srnet.drawing.methods import judgements_by_method

PAPER = Paper(
    "Final fitness over {runs}: mean ± standard deviation, and the ratio of the median to the "
    "published one. Seconds of a run are a median.",
    (
        TASK,
        PRESET,
        Number("Fitness", "fitness_mean", spread="fitness_std"),
        Number("Median", "fitness_median"),
        Number("Published\nmedian", "published_median"),
        Number("Ratio", "median_over_published"),
        Number("Seconds", "seconds", decimals=1),
        Text("Verdict", "verdict", width=0.21),
    ),
)


def draw(runs: pd.DataFrame, published: pd.DataFrame, runs_claims: pd.DataFrame) -> pd.DataFrame:
    """One row per task and preset.

    Parameters
    ----------
    runs
        One row per run: task, preset, seed, fitness, complexity, seconds.
    published
        One row per task: fitness_min, fitness_median, fitness_max.
    runs_claims
        The verdict on the fitness.

    Returns
    -------
    task, preset, runs, finite; mean, std, min, median and max of the fitness; published_min,
    published_median, published_max, median_over_published; median_over_PRESET and p_rank_sum, which
    compare with the first preset by the ratio of medians and by the two-sided p of Wilcoxon's
    rank-sum test (seeds of two presets are not paired; infinite fitness ranks last); medians of
    complexity and seconds; the verdict on the median, with its reason. A column without values is
    left out.
    """
    reference = runs["preset"].iloc[0]
    reported = published.set_index("task")
    judged = judgements_by_method(runs_claims)
    rows = []
    for (task, preset), group in runs.groupby(["task", "preset"], sort=False):
        fitness = group["fitness"]
        first = runs.loc[(runs["task"] == task) & (runs["preset"] == reference), "fitness"]
        compared = preset != reference and len(first) > 0
        row = {
            "task": task,
            "preset": preset,
            "runs": len(group),
            "finite": int(np.isfinite(fitness).sum()),
            "fitness_mean": fitness.mean(),
            "fitness_std": fitness.std(ddof=0) if np.isfinite(fitness).all() else np.nan,
            "fitness_min": fitness.min(),
            "fitness_median": fitness.median(),
            "fitness_max": fitness.max(),
        }
        for name in ("min", "median", "max"):
            row[f"published_{name}"] = reported[f"fitness_{name}"].get(task, np.nan)
        row["median_over_published"] = row["fitness_median"] / row["published_median"]
        row[f"median_over_{reference}"] = (
            row["fitness_median"] / first.median() if compared else np.nan
        )
        row["p_rank_sum"] = stats.mannwhitneyu(fitness, first).pvalue if compared else np.nan
        row["complexity"] = group["complexity"].median()
        row["seconds"] = group["seconds"].median()
        row["verdict"] = judged.get((str(task), "srnet", str(preset)))
        rows.append(row)
    return pd.DataFrame(rows).dropna(axis="columns", how="all")
