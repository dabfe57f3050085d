"""The best run of one task and preset."""

from logged import logged

from srnet.io.files import write_json
from srnet.results.gather import best_run

with logged(snakemake.log[0]):
    write_json(snakemake.output[0], best_run(snakemake.input))
