"""Options that several commands have."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from srnet.errors import UserError

Command = TypeVar("Command", bound=Callable[..., Any])


class _Path(click.ParamType):
    """The path of a file or folder; an empty one would be that of the current folder."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path as it is."""
        if value == "":
            assert param is not None
            is_option = isinstance(param, click.Option)
            name = param.opts[0] if is_option else param.human_readable_name
            raise UserError(f"{name} is ''; a path is needed, . for the current folder")
        return value


PATH = _Path()

task = click.option("--task", required=True, help="The task's name in the tasks file.")
tasks = click.option(
    "--tasks", required=True, type=PATH, metavar="FILE", help="The tasks, as config/tasks.yaml."
)
samples = click.option(
    "--samples",
    type=int,
    default=5000,
    show_default=True,
    help="Samples of lime for one point.",
)
threads = click.option("--threads", type=int, default=1, show_default=True, help="Threads.")
fill = click.option(
    "--fill",
    default="grey",
    show_default=True,
    help="What hides a superpixel: grey, mean, black or blur.",
)
runs = click.argument("runs", type=PATH, metavar="RUN.json...", nargs=-1, required=True)


def out(content: str, name: str = "--out") -> Callable[[Command], Command]:
    """A file that the command writes; a place that cannot be written is refused before the work."""
    return click.option(
        name,
        required=True,
        type=PATH,
        metavar="FILE",
        help=f"{content} to write; - for the standard output.",
        callback=_check_writable,
    )


def _check_writable(
    context: click.Context, option: click.Parameter, path: str | None
) -> str | None:
    from srnet.io.files import check_writable, is_stream

    if path is not None:  # a shell that completes a line knows only its beginning
        check_writable(path)
        first = context.meta.setdefault(__name__, {}).setdefault(Path(path).resolve(), option)
        if first is not option and path != "-" and not is_stream(path):
            raise UserError(
                f"{option.opts[0]} is '{path}', the file of {first.opts[0]}; another one is needed"
            )
    return path


def mapping(name: str, content: str) -> Callable[[Command], Command]:
    """A setting that is a mapping, given as JSON."""
    return click.option(
        name,
        default=None,
        metavar="JSON",
        help=f"{content}  [default: the preset's]",
        callback=_parse_mapping,
    )


def _parse_mapping(_: click.Context, option: click.Parameter, text: str | None) -> Any:
    return None if text is None else read_object(option.opts[0], text)


def read_object(option: str, text: str) -> dict[str, Any]:
    """The JSON object that an option gives."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{option} is {text!r}, which is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{option} is {text!r}; a JSON object is needed")
    return content


nested_constraints = mapping(
    "--nested-constraints",
    'How often a function may occur inside another, as {"sin": {"cos": 0}}; {} for any nesting. '
    "Not with the preset paper.",
)
costs = mapping(
    "--costs",
    'What an operator counts in the complexity, as {"sin": 3}; 1 where it is not named. Not with '
    "the preset paper.",
)


def names(option: str, content: str, argument: str | None = None) -> Callable[[Command], Command]:
    """Names with commas between them, as in a line of a CSV."""
    return click.option(
        option, *filter(None, [argument]), metavar="A,B,…", help=content, callback=_parse_names
    )


def _parse_names(_: click.Context, option: click.Parameter, text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True))] or [""]


def number_or_name(text: str | None) -> int | str | None:
    """A whole number where the text is one, else the text."""
    return int(text) if text is not None and re.fullmatch("-?[0-9]{1,18}", text) else text


functions = names(
    "--functions",
    "The functions of the formulas, as add,sub,mul,div,exp (docs/functions.md).  [default: the "
    "preset's]",
)


def seeds(**attributes: Any) -> Callable[[Command], Command]:
    """The seeds from A to B, as a range."""
    return click.option("--seeds", metavar="A-B", callback=_parse_seeds, **attributes)


def _parse_seeds(_: click.Context, option: click.Parameter, text: str | None) -> range:
    # a shell that completes a line knows only its beginning
    match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", text or "")
    seeds = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if text is not None and not seeds:
        raise UserError(
            f"'--seeds' is '{text}'; the lowest and the highest seed are needed, as 1-10"
        )
    return seeds


def segmentation(name: str) -> Callable[[Command], Command]:
    """How an image is divided."""
    return click.option(
        name, default="slic", show_default=True, help="slic, quickshift or watershed."
    )


def case(command: Command) -> Command:
    """The task whose network is explained, and its files, which ``case_files`` takes."""
    for option in (
        click.option("--layers", required=True, type=PATH, metavar="FILE", help="Its layers.npz."),
        click.option("--network", required=True, type=PATH, metavar="FILE", help="Its network.pt."),
        click.option(
            "--data", required=True, type=PATH, metavar="FILE", help="The task's data.npz."
        ),
        tasks,
        task,
    ):
        command = option(command)
    return command


def case_files(arguments: dict[str, Any]) -> dict[str, str]:
    """The files of a case by name, taken out of a command's arguments."""
    return {name: arguments.pop(name) for name in ("tasks", "data", "network", "layers")}


def tables(command: Command) -> Command:
    """Tidy tables by name."""
    return click.option(
        "--table",
        "tables",
        type=(str, PATH),
        multiple=True,
        required=True,
        metavar="NAME FILE",
        help="A tidy table and its name; give it for each.",
    )(command)
