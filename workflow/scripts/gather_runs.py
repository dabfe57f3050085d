"""All runs and their convergence, as tidy tables."""

from logged import logged

from srnet.io.frames import write_table
from srnet.results.gather import history_table, pareto_table, read_runs, runs_table

with logged(snakemake.log[0]):
    runs = read_runs(snakemake.input)
    write_table(runs_table(runs), snakemake.output.runs)
    write_table(history_table(runs), snakemake.output.history)
    write_table(pareto_table(runs), snakemake.output.pareto)
