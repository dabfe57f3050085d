"""The inputs that the formulas of all runs read, as a tidy table."""

from logged import logged

from srnet.results import read_runs, write_table
from srnet.semantics import inputs_used

with logged(snakemake.log[0]):
    write_table(inputs_used(read_runs(snakemake.input)), snakemake.output[0])
