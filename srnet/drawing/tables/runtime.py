"""Seconds per run and per explained point beside the published run times."""

import pandas as pd


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
    task, method, preset; runs, their number; seconds_median, seconds_min and seconds_max, the time
    before the first point is explained (SRNet's search, MAPLE's forest); evaluations_per_second;
    seconds_per_point (CPU time) and terms of an explanation, medians over the runs;
    training_seconds of the network; published_seconds, the published mean of a search.
    """
    searches = runs.assign(method="srnet", seconds_once=runs["seconds"])
    costs = costs.assign(preset=costs["preset"].astype(object).where(costs["preset"].notna(), ""))
    others = costs[costs["method"] != "srnet"].drop_duplicates(["task", "method", "seed"])
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
