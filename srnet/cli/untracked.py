"""Files of results that the workflow does not make, or no longer."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import click

from srnet.cli.reproduce import configuration_file, require_snakemake
from srnet.escaping import printable
from srnet.resources import resource
from srnet.wording import count_text, size_text

RESULTS = Path("results")
# Of `all`, every output; of `publish`, which has none, the log.
TARGETS = frozenset({"all", "publish"})


@click.command()
@click.option(
    "--config",
    "configurations",
    required=True,
    multiple=True,
    metavar="NAME|FILE",
    help="A configuration, as srnet reproduce takes it; give it for each that has results here.",
)
def untracked(configurations: tuple[str, ...]) -> None:
    """List files of results/ that no configuration makes.

    They are left over from configurations that have changed: fewer seeds or tasks, another name.
    Snakemake says what it makes of the given configurations; all else below results/ is printed, a
    folder in one line if it has nothing else, with its size. Nothing is deleted. Exit code 1 if
    there is something.
    """
    files = [configuration_file(each) for each in configurations]
    require_snakemake()
    made: set[Path] = set()
    for file in files:
        made |= _list_outputs(file)
    found = {path: _size(path) for path in _find(RESULTS, made)}
    for path, size in found.items():
        click.echo(f"{size_text(size)}\t{printable(str(path))}")
    if found:
        total = size_text(sum(found.values()))
        click.echo(f"{count_text(len(found), 'untracked path')}, {total}", err=True)
    sys.exit(int(bool(found)))


def _list_outputs(file: str) -> set[Path]:
    """What Snakemake makes of a configuration: outputs, logs and benchmarks, a search's checkpoint,
    the report, and the folder of what is published."""
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    output = OutputSettings(log_level_override=logging.ERROR, enable_file_logging=False)
    with SnakemakeApi(output) as api:
        try:
            workflow = api.workflow(
                ResourceSettings(cores=1),
                ConfigSettings(config={}, configfiles=[Path(file)]),
                snakefile=resource("workflow/Snakefile"),
            )
            dag = workflow.dag(DAGSettings(targets=TARGETS, force_incomplete=True))
            # Snakemake's own list is of one configuration only, and takes benchmarks for untracked.
            # It is printed for what it is made from: the jobs.
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                dag.list_untracked()
        except WorkflowError as error:
            api.print_exception(error)
            sys.exit(2)
        jobs = list(workflow._workflow.dag.jobs)
        config = workflow._workflow.globals["config"]
    made = {str(path) for job in jobs for path in (*job.output, *job.log, job.benchmark) if path}
    made |= {f"{path}.checkpoint" for path in made if path.endswith(".json")}
    made |= {str(RESULTS / config["name"] / "report.zip")}
    return {Path(os.path.normpath(path)) for path in made} | {
        Path(os.path.normpath(config["publish"]), config["name"])
    }


def _find(folder: Path, made: set[Path]) -> Iterator[Path]:
    """Files, and folders with nothing else, that are not made; hidden ones are not looked at."""
    parents = {parent for path in made for parent in path.parents}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path in made or path.name.startswith("."):
            continue
        if path in parents and path.is_dir():
            yield from _find(path, made)
        else:
            yield path


def _size(path: Path) -> int:
    """Bytes of a file, or of the files of a folder."""
    files = [path] if path.is_symlink() or not path.is_dir() else path.rglob("*")
    return sum(each.lstat().st_size for each in files if not each.is_dir() or each.is_symlink())
