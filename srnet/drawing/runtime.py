"""Seconds of a run, by task and preset, beside the published minutes (the paper's table of run times)."""

import pandas as pd


def draw(runs: pd.DataFrame, networks: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """One row per task and preset: runs, seconds of a run, chromosome evaluations per second, and the published mean.

    ``training_seconds`` is what the task's network took.
    """
    grouped = runs.groupby(["task", "preset"], sort=False)
    seconds = grouped["seconds"]
    rate = grouped["evaluations"].sum() / seconds.sum()
    table = pd.DataFrame(
        {
            "runs": seconds.size(),
            "seconds_median": seconds.median(),
            "seconds_min": seconds.min(),
            "seconds_max": seconds.max(),
            "evaluations_per_second": rate.round(),
        }
    ).reset_index()
    table["training_seconds"] = table["task"].map(networks.set_index("task")["seconds"])
    table["published_seconds"] = table["task"].map(published.set_index("task")["mean_minutes_per_run"] * 60)
    return table
