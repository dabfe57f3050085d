"""The pixels of the named images and of their explanations for one network, as a tidy table."""

from pathlib import Path

from logged import logged

from srnet.images.results import pixels_table
from srnet.io.frames import read_table, write_table

with logged(snakemake.log[0]):
    folder = Path(snakemake.input.images[0]).parent
    options = snakemake.params
    table = pixels_table(
        read_table(snakemake.input.runs),
        snakemake.wildcards.network,
        folder,
        options.named,
        options.segmentation,
    )
    write_table(table, snakemake.output[0])
