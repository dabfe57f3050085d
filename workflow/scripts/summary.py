"""What came out, as one page of Markdown."""

from logged import logged

from srnet.io.files import writing
from srnet.io.frames import read_table
from srnet.results.summary import summary

with logged(snakemake.log[0]):
    text = summary(
        snakemake.params.name, {name: read_table(path) for name, path in snakemake.input.items()}
    )
    with writing(snakemake.output[0]) as file:
        file.write(text)
