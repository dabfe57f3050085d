"""Rows of a toy with four classes, and the points near the decision boundary of its network."""

from logged import logged

from srnet.networks.boundary_toy import write_toy

with logged(snakemake.log[0]):
    write_toy(snakemake.output[0])
