"""Tidy tables of tasks, methods and seeds under one another."""

from logged import logged

from srnet.io.frames import join_tables, write_table

with logged(snakemake.log[0]):
    table = join_tables(snakemake.input, snakemake.params.get("columns"))
    most = snakemake.params.get("most")  # of SRNet there are more seeds than are asked for
    if most is not None:
        table = table[table["seed"] <= most]
    write_table(table, snakemake.output[0])
