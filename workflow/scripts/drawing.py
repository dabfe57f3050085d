"""What the scripts of figures and tables share: the frames that are drawn, and the caption."""

from importlib import import_module
from typing import Any

import pandas as pd

from srnet.drawing.captions import fill_in
from srnet.io.files import writing
from srnet.results.published import read_frame


def draw(snakemake: Any) -> Any:
    """The Figure or frame of a rule, from its tidy tables; the caption is written."""
    tasks = list(snakemake.params.tasks)
    frames = {name: read_frame(name, snakemake.input[name]) for name in snakemake.params.frames}
    if snakemake.params.filters_tasks:
        frames = {name: select_tasks(frame, tasks) for name, frame in frames.items()}
    with open(snakemake.input.caption, encoding="utf-8") as template:
        caption = fill_in(template.read(), frames, tasks=tasks, snakemake=snakemake)
    with writing(snakemake.output.caption) as file:
        file.write(caption)
    return import_module(f"srnet.drawing.{snakemake.params.module}").draw(**frames)


def select_tasks(frame: pd.DataFrame, tasks: list[str]) -> pd.DataFrame:
    """The rows of the tasks that are drawn, and those about all of them together."""
    return (
        frame[frame["task"].isin([*tasks, "all"])].reset_index(drop=True)
        if "task" in frame
        else frame
    )
