"""The workflow that comes with the package, run in the current folder."""

import os
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import click

from srnet.errors import UserError
from srnet.resources import find_config, resource


@click.command()
@click.option(
    "--config",
    "configuration",
    required=True,
    metavar="NAME|FILE",
    help="What to run: demo, config (the first paper), images (the second), presets, or a YAML "
    "file of your own with what differs from config.",
)
@click.option(
    "--cores",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processor cores to use.",
)
@click.argument("arguments", metavar="[-- ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
def reproduce(configuration: str, cores: int, arguments: tuple[str, ...]) -> None:
    """Reproduce the papers in the current folder.

    Networks, formulas, figures and tables go to results/. Arguments after -- are passed to
    Snakemake: targets such as figures, and options such as --dry-run.
    """
    file = configuration_file(configuration)
    require_snakemake()
    from snakemake.cli import main

    # the jobs' commands are those of this installation, activated or not
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    snakefile = str(resource("workflow/Snakefile"))
    options = ["--snakefile", snakefile, "--configfile", file, "--cores", str(cores)]
    main([*options, *arguments])


def require_snakemake() -> None:
    """UserError if it is not installed."""
    if find_spec("snakemake") is None:
        raise UserError("Snakemake is not installed; pip install 'srnet[workflow]' installs it")


def configuration_file(configuration: str) -> str:
    """The file of a configuration, which has a name or is a file; UserError if there is none or it
    has no keys."""
    from srnet.io.files import read_yaml

    file = find_config(f"config/{configuration}.yaml")
    if not Path(file).is_file():
        file = configuration
    if not Path(file).is_file():
        names = [
            path.stem
            for path in sorted(resource("config").glob("*.yaml"))
            if "name" in read_yaml(path)
        ]
        raise UserError(
            f"--config is '{configuration}'; a YAML file or one of {', '.join(names)} is needed"
        )
    if not isinstance(read_yaml(file), dict):
        raise UserError(f"{file}: has no keys; a configuration is needed, such as 'tasks: [K0]'")
    return file
