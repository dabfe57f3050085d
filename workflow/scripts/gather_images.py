"""All networks and explanations of the image branch, as tidy tables."""

from logged import logged

from srnet.images.results import (
    agreement_table,
    claims_table,
    history_table,
    networks_table,
    runs_table,
)
from srnet.io.frames import write_table

with logged(snakemake.log[0]):
    runs = runs_table(snakemake.input.named, snakemake.input.tests)
    write_table(networks_table(snakemake.input.networks), snakemake.output.networks)
    write_table(runs, snakemake.output.runs)
    write_table(agreement_table(runs), snakemake.output.agreement)
    write_table(history_table(snakemake.input.history), snakemake.output.history)
    write_table(claims_table(runs, snakemake.input.rules), snakemake.output.claims)
