"""What is known of the networks, as tidy tables."""

from logged import logged

from srnet.results import networks_table, read_networks, training_table, write_table

with logged(snakemake.log[0]):
    networks = read_networks(snakemake.input.networks)
    write_table(networks_table(networks, snakemake.input.data, snakemake.params.families), snakemake.output.networks)
    write_table(training_table(networks), snakemake.output.training)
