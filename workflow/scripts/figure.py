"""Draw one figure from its tidy tables."""

from drawing_server import hand_over

hand_over()

from drawing import draw
from logged import logged

from srnet.drawing.saving import save_figure

with logged(snakemake.log[0]):
    save_figure(draw(snakemake), snakemake.output.pdf, snakemake.output.png)
