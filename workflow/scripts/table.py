"""Make one table of the paper from tidy tables."""

from warm import hand_over

hand_over()

from drawing import draw
from logged import logged

from srnet.drawing.saving import save_table

with logged(snakemake.log[0]):
    files = {kind: snakemake.output[kind] for kind in ("csv", "tex", "html")}
    save_table(draw(snakemake), snakemake.params.title, **files)
