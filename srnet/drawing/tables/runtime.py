"""Seconds of a run and of an explained point, by task and method, beside the published minutes (the
paper's table of run times)."""

import pandas as pd


def draw(
    runs: pd.DataFrame, networks: pd.DataFrame, published: pd.DataFrame, costs: pd.DataFrame
) -> pd.DataFrame:
    """One row per task and method.

    ``runs`` is their number; seconds are what a method spends before it explains a point (SRNet's
    search, MAPLE's forest); ``seconds_per_point`` (CPU time) and ``terms`` of an explanation are
    medians over the runs. ``training_seconds`` is what the task's network took,
    ``published_seconds`` the published mean of a search.
    """
    searches = runs.assign(method="srnet", seconds_once=runs["seconds"])
    known = costs.assign(preset=costs["preset"].astype(object).where(costs["preset"].notna(), ""))
    others = known[known["method"] != "srnet"].drop_duplicates(["task", "method", "seed"])
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
    points = known.groupby(by)[["seconds_per_point", "terms"]].median()
    table = table.join(points).reset_index()
    table["training_seconds"] = table["task"].map(networks.set_index("task")["seconds"])
    minutes = published.set_index("task")["mean_minutes_per_run"]
    table["published_seconds"] = (table["task"].map(minutes) * 60).where(table["method"] == "srnet")
    return table
