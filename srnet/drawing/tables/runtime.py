"""Seconds per run and per explained point beside the published run times."""

import pandas as pd

from srnet.drawing.latex_table import METHOD, PRESET, TASK, Number, Paper

PAPER = Paper(
    "Time before the first point is explained, on one core (SRNet: the search; MAPLE: the forest): "
    "mean ± standard deviation over the runs. Processor time per explained point. Size of an "
    "explanation: coefficients, or active nodes of the formulas.",
    (
        TASK,
        METHOD,
        PRESET,
        Number("Runs", "runs", decimals=0),
        Number("Before (s)", "seconds_mean", decimals=1, spread="seconds_std"),
        Number("Published (s)", "published_seconds", decimals=0),
        Number("Evaluations\nper ms", "evaluations_per_second", decimals=0, times=1e-3),
        Number("Per point\n(ms)", "seconds_per_point", times=1e3),
        Number("Size", "terms", decimals=0),
    ),
)


def draw(
    runs: pd.DataFrame, networks: pd.DataFrame, published: pd.DataFrame, costs: pd.DataFrame
) -> pd.DataFrame:
    """One row per task, method and preset.

    Parameters
    ----------
    runs
        One row per run of SRNet: task, preset, seed, seconds, evaluations.
    networks
        One row per task: seconds of training.
    published
        One row per task: mean_minutes_per_run.
    costs
        One row per task, method, preset and seed: seconds_once, seconds_per_point, terms.

    Returns
    -------
    task, method, preset; runs, their number; seconds_mean, seconds_std, seconds_median, seconds_min
    and seconds_max, the time before the first point is explained (SRNet's search, MAPLE's forest);
    evaluations_per_second; seconds_per_point (CPU time) and terms of an explanation, medians over
    the runs; training_seconds of the network; published_seconds, the published mean of a search.
    """
    searches = runs.assign(method="srnet", seconds_once=runs["seconds"])
    costs = costs.assign(preset=costs["preset"].astype(object).where(costs["preset"].notna(), ""))
    others = costs[costs["method"] != "srnet"].drop_duplicates(["task", "method", "preset", "seed"])
    once = pd.concat([searches, others])
    order = {task: i for i, task in enumerate(runs["task"].unique())}
    by = ["task", "method", "preset"]
    grouped = once.sort_values("task", key=lambda tasks: tasks.map(order), kind="stable").groupby(
        by, sort=False
    )
    seconds = grouped["seconds_once"]
    table = pd.DataFrame(
        {
            "runs": seconds.size(),
            "seconds_mean": seconds.mean(),
            "seconds_std": seconds.std(ddof=0),
            "seconds_median": seconds.median(),
            "seconds_min": seconds.min(),
            "seconds_max": seconds.max(),
            "evaluations_per_second": (
                grouped["evaluations"].sum(min_count=1) / seconds.sum()
            ).round(),
        }
    )
    points = costs.groupby(by)[["seconds_per_point", "terms"]].median()
    table = table.join(points).reset_index()
    table["training_seconds"] = table["task"].map(networks.set_index("task")["seconds"])
    minutes = published.set_index("task")["mean_minutes_per_run"]
    table["published_seconds"] = (table["task"].map(minutes) * 60).where(table["method"] == "srnet")
    return table
