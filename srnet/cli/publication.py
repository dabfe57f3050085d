"""What is published of a workflow's results: where they come from, a folder of them, and what is
made of it again."""

import sys
from collections.abc import Sequence

import click

from srnet.cli import options


@click.command()
@click.option("--name", required=True, help="Name of the configuration.")
@click.option(
    "--configuration",
    envvar="SRNET_CONFIGURATION",
    required=True,
    metavar="JSON",
    help="The complete configuration.  [default: $SRNET_CONFIGURATION]",
)
@click.option(
    "--command",
    envvar="SRNET_COMMAND",
    required=True,
    help="How Snakemake was called.  [default: $SRNET_COMMAND]",
)
@options.tables
@click.option("--benchmarks", required=True, metavar="DIR", help="Snakemake's benchmark files.")
@click.option(
    "--rule",
    "rules",
    type=(str, str),
    multiple=True,
    metavar="NAME PATTERN",
    help="A rule and the pattern of its files' paths there; give it for each.",
)
@options.out("provenance.json")
def provenance(
    name: str,
    configuration: str,
    command: str,
    tables: Sequence[tuple[str, str]],
    benchmarks: str,
    rules: Sequence[tuple[str, str]],
    out: str,
) -> None:
    """Write where results come from.

    NAME of a table is that of one whose rows say with what software they were made.
    """
    from srnet.results.provenance import write_provenance

    settings = options.read_object("--configuration", configuration)
    write_provenance(out, name, settings, command, dict(tables), benchmarks, dict(rules))


@click.command()
@click.argument("results", metavar="RESULTS")
@click.option("--runs", required=True, metavar="DIR", help="Networks, runs and explanations.")
@click.option(
    "--workflow", required=True, metavar="DIR", help="The workflow, with the report's template."
)
@click.option("--out", required=True, metavar="DIR", help="Folder to write; it is replaced.")
def publish(results: str, runs: str, workflow: str, out: str) -> None:
    """Write a folder to publish of finished RESULTS."""
    from srnet.results.publication import publish

    publish(results, runs, workflow, out)


@click.command()
@click.argument("published", metavar="PUBLISHED")
@click.option("--tables", default=None, metavar="DIR", help="Where the tidy tables go.")
@click.option("--runs", default=None, metavar="DIR", help="Where networks and runs go.")
@click.option(
    "--tasks",
    default="config/tasks.yaml",
    show_default=True,
    metavar="FILE",
    help="The tasks, whose rows are made again.",
)
def unpack(published: str, tables: str | None, runs: str | None, tasks: str) -> None:
    """Unpack a PUBLISHED folder.

    So that the workflow takes what it holds as made: the tidy tables, of which figures are drawn,
    or the runs. Rows and layers of the tasks, which are large, are made again.
    """
    from srnet.results.archive import unpack_runs, unpack_tables

    if tables is not None:
        unpack_tables(published, tables)
    if runs is not None:
        for line in unpack_runs(published, runs, tasks):
            click.echo(line)


@click.command()
@click.argument("first", metavar="FIRST")
@click.argument("second", metavar="SECOND")
def diff(first: str, second: str) -> None:
    """Compare runs made twice, bit by bit.

    FIRST and SECOND are folders of runs, as results/paper or as published. Of every file that both
    have, it is told whether it is the same but for its times, else where and by how much it
    differs. Exit code 1 if a file differs.
    """
    from srnet.results.differences import compare_folders, describe_differences

    found = compare_folders(first, second)
    click.echo(describe_differences(found))
    sys.exit(int((found["state"] != "equal").any()))
