"""What the network and its explanations say along lines."""

from logged import logged

from srnet.comparison.curves import write_curves

with logged(snakemake.log[0]):
    write_curves(
        {name: snakemake.input[name] for name in ("tasks", "data", "network", "layers")},
        snakemake.wildcards.task,
        snakemake.output[0],
        runs=list(snakemake.input.runs),
        line=snakemake.params.line,
        samples=snakemake.params.samples,
    )
