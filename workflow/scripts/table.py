"""Make one table of the paper from tidy tables."""

from drawing_server import hand_over

hand_over()

from importlib import import_module

from drawing import draw
from logged import logged

from srnet.drawing.saving import save_table

with logged(snakemake.log[0]):
    files = {kind: snakemake.output[kind] for kind in ("csv", "tex", "html")}
    paper = import_module(f"srnet.drawing.{snakemake.params.module}").PAPER
    label = snakemake.rule.removeprefix("table_")
    save_table(draw(snakemake), paper, snakemake.params.title, label, **files)
