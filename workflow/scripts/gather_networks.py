"""What is known of the networks, as tidy tables."""

from logged import logged

from srnet.io.frames import write_table
from srnet.results.gather import networks_table, read_networks, training_table

with logged(snakemake.log[0]):
    networks = read_networks(snakemake.input.networks)
    write_table(
        networks_table(networks, snakemake.input.data, snakemake.params.families),
        snakemake.output.networks,
    )
    write_table(training_table(networks), snakemake.output.training)
