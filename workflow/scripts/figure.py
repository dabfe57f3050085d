"""Draw one figure from its tidy tables."""

from importlib import import_module

from logged import logged

from srnet.drawing.saving import save_figure
from srnet.results import read_table

with logged(snakemake.log[0]):
    drawing = import_module(f"srnet.drawing.{snakemake.params.name}")
    frames = {name: read_table(path) for name, path in snakemake.input.items()}
    save_figure(drawing.draw(**frames), *snakemake.output)
