"""The hidden values of one network and of its best formulas, as a tidy table."""

from logged import logged

from srnet.io.frames import write_table
from srnet.networks.layers import Layers
from srnet.results.gather import read_runs
from srnet.results.hidden_semantics import best_models, hidden_values

with logged(snakemake.log[0]):
    layers = Layers.load(snakemake.input.layers, snakemake.wildcards.task)
    write_table(
        hidden_values(layers, best_models(read_runs(snakemake.input.runs))), snakemake.output[0]
    )
