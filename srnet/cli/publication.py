"""Published results: their provenance, the folder that is published, and how it is unpacked and
compared."""

import sys
from collections.abc import Sequence

import click

from srnet.cli import options
from srnet.errors import UserError


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
@click.option(
    "--benchmarks",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Snakemake's benchmark files.",
)
@click.option(
    "--rule",
    "rules",
    type=(str, str),
    multiple=True,
    metavar="NAME PATTERN",
    help="A rule and the pattern of its benchmark files' paths; give it for each.",
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
    """Record where results come from.

    The tables are those with a column software, such as runs and networks.
    """
    from srnet.results.provenance import write_provenance

    settings = options.read_object("--configuration", configuration)
    write_provenance(out, name, settings, command, dict(tables), benchmarks, dict(rules))


@click.command()
@click.argument("results", type=options.PATH, metavar="RESULTS")
@click.option(
    "--runs",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Folder of the networks, runs and explanations.",
)
@click.option(
    "--workflow",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Folder of the workflow, with the template of the report.",
)
@click.option(
    "--out",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Folder to write; only an empty or a published one is replaced.",
)
def publish(results: str, runs: str, workflow: str, out: str) -> None:
    """Collect finished RESULTS for publication.

    The folder gets all figures, tables and pages, the networks and runs, and a report.
    """
    from srnet.results.publication import publish

    publish(results, runs, workflow, out)


@click.command()
@click.argument("published", type=options.PATH, metavar="PUBLISHED")
@click.option(
    "--tables",
    default=None,
    type=options.PATH,
    metavar="DIR",
    help="Unpack the tidy tables into this folder.",
)
@click.option(
    "--runs",
    default=None,
    type=options.PATH,
    metavar="DIR",
    help="Unpack networks and runs into this folder.",
)
@click.option(
    "--tasks",
    default="config/tasks.yaml",
    show_default=True,
    type=options.PATH,
    metavar="FILE",
    help="The tasks, to compute their rows and layers again.",
)
def unpack(published: str, tables: str | None, runs: str | None, tasks: str) -> None:
    """Unpack a PUBLISHED folder, to redraw or continue it.

    The workflow takes what is unpacked as up to date: the tidy tables, from which figures are
    drawn, or the networks and runs. Rows and layers of the tasks are not published, for they are
    large; with --runs they are computed again.
    """
    from srnet.results.archive import unpack_runs, unpack_tables

    if tables is None and runs is None:
        raise UserError("unpack: --tables DIR or --runs DIR is needed")
    if tables is not None:
        unpack_tables(published, tables)
    if runs is not None:
        for line in unpack_runs(published, runs, tasks):
            click.echo(line)


@click.command()
@click.argument("first", type=options.PATH, metavar="FIRST")
@click.argument("second", type=options.PATH, metavar="SECOND")
def diff(first: str, second: str) -> None:
    """Compare repeated runs bit by bit.

    FIRST and SECOND are folders of runs, such as results/paper or results/published/paper/runs.
    Only files that both have are compared, and times are ignored. Prints how many are equal, and
    where and by how much the others differ. Exit code 1 if a file differs.
    """
    from srnet.results.differences import compare_folders, describe_differences

    found = compare_folders(first, second)
    click.echo(describe_differences(found))
    sys.exit(int((found["state"] != "equal").any()))
