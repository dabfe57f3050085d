"""The formulas of the best runs, as a tidy table."""

from logged import logged

from srnet.io.frames import write_table
from srnet.results.gather import formulas_table

with logged(snakemake.log[0]):
    write_table(
        formulas_table(snakemake.input.runs, snakemake.input.formulas), snakemake.output.formulas
    )
