"""The inputs that the formulas of all runs read, as a tidy table."""

from logged import logged

from srnet.io.frames import write_table
from srnet.results.gather import read_runs
from srnet.results.hidden_semantics import inputs_used

with logged(snakemake.log[0]):
    write_table(inputs_used(read_runs(snakemake.input)), snakemake.output[0])
