"""The command line ``srnet …``: light at import, each command imports what it needs."""

import errno
import io
import re
import sys
import warnings
from typing import Any

import click

from srnet._version import __version__
from srnet.cli import images, network, publication, steps
from srnet.cli.gather import gather
from srnet.cli.reproduce import reproduce
from srnet.cli.untracked import untracked
from srnet.errors import UserError
from srnet.escaping import printable

EXIT_USER_ERROR = 2

# What torch and NumPy say of an array beyond the memory, where they raise no MemoryError.
_TOO_LARGE = re.compile("can't allocate memory|Maximum allowed dimension|array is too big")

SECTIONS = {
    "Your own network": (
        *(network.explain, network.resume, network.predict, network.show, network.explain_image),
        network.doctor,
    ),
    "The papers": (reproduce, untracked),
    "Steps of the workflow": (
        *(steps.data, steps.train, steps.layers, steps.evolve, steps.best, steps.formulas),
        *(steps.compare, steps.curves, steps.plane, steps.boundary_toy),
        *(gather, steps.verdict, publication.provenance, steps.summary),
    ),
    "Steps of its image branch": (
        *(images.make_images, images.train_classifier, images.compare_explanations),
    ),
    "Published results": (publication.publish, publication.unpack, publication.diff),
}


class Commands(click.Group):
    """The commands by section; a user's mistake is one sentence and exit code 2."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, a list for each section."""
        limit = formatter.width - 6 - max(map(len, self.commands))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [(str(each.name), each.get_short_help_str(limit)) for each in commands]
                )

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command; what the terminal's encoding lacks, as R² in GBK, is escaped."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"srnet: {error}", err=True)
        # where no writer of ours saw it: a full disk below the compile cache, or the temporary
        # folder
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            click.echo(
                printable(
                    f"srnet: {error.filename or 'a disk'}: {error.strerror}; make room, `srnet "
                    f"doctor` says where"
                ),
                err=True,
            )
        except (MemoryError, RuntimeError, ValueError) as error:
            if not isinstance(error, MemoryError) and not _TOO_LARGE.search(str(error)):
                raise
            click.echo("srnet: the memory is full; give less data, or smaller options", err=True)
        sys.exit(EXIT_USER_ERROR)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="srnet")
def main() -> None:
    """Turn a trained neural network into formulas."""
    warnings.formatwarning = lambda message, *_, **__: (
        f"srnet: {printable(' '.join(str(message).split()))}\n"
    )  # a sentence, not a line of our source


for _commands in SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
