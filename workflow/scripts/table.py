"""Make one table of the paper from tidy tables."""

from importlib import import_module

from logged import logged

from srnet.drawing.saving import save_table
from srnet.results import read_table

with logged(snakemake.log[0]):
    drawing = import_module(f"srnet.drawing.{snakemake.params.name}")
    frames = {name: read_table(path) for name, path in snakemake.input.items()}
    save_table(drawing.draw(**frames), snakemake.params.title, **snakemake.output)
