"""The errors of the best formulas beyond the training box, as a tidy table."""

import pandas as pd
from logged import logged

from srnet.data.dataset import Data
from srnet.io.frames import write_table
from srnet.networks.mlp import load_network
from srnet.results.gather import read_runs
from srnet.results.hidden_semantics import best_models, error_by_distance

with logged(snakemake.log[0]):
    runs = read_runs(snakemake.input.runs)
    tables = []
    for task, data, network in zip(
        snakemake.params.tasks, snakemake.input.data, snakemake.input.networks, strict=True
    ):
        models = best_models([run for run in runs if run["task"] == task])
        tables.append(error_by_distance(task, load_network(network), Data.load(data).x, models))
    write_table(pd.concat(tables, ignore_index=True), snakemake.output[0])
