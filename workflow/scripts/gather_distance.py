"""The errors of the best formulas beyond the training box, as a tidy table."""

import pandas as pd
from logged import logged

from srnet.networks import load_network
from srnet.results import read_runs, write_table
from srnet.semantics import best_models, error_by_distance
from srnet.tasks import Data

with logged(snakemake.log[0]):
    runs = read_runs(snakemake.input.runs)
    tables = []
    for task, data, network in zip(snakemake.params.tasks, snakemake.input.data, snakemake.input.networks, strict=True):
        models = best_models([run for run in runs if run["task"] == task])
        tables.append(error_by_distance(task, load_network(network), Data.load(data).x, models))
    write_table(pd.concat(tables, ignore_index=True), snakemake.output[0])
