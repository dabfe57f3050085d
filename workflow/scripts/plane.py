"""The rows of a classification in a plane, and the lines of two local explanations."""

from logged import logged

from srnet.comparison.tsne_plane import write_plane

with logged(snakemake.log[0]):
    write_plane(
        {name: snakemake.input[name] for name in ("tasks", "data", "network", "layers")},
        snakemake.params.task,
        snakemake.output.rows,
        snakemake.output.lines,
        run=snakemake.input.runs[0],
        samples=snakemake.params.samples,
    )
