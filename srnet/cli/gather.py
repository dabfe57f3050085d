"""``srnet gather``: files of many jobs become tidy tables, one observation per row, in the order in
which the files are given."""

from collections.abc import Sequence
from typing import Any

import click

from srnet.cli import options


@click.group()
def gather() -> None:
    """Gather the files of many jobs into tidy tables."""


@gather.command()
@options.runs
@options.out("CSV of the runs, a row each,", "--out-runs")
@options.out("CSV of their convergence", "--out-history")
@options.out("CSV of their Pareto fronts", "--out-pareto")
def runs(runs: Sequence[str], out_runs: str, out_history: str, out_pareto: str) -> None:
    """Gather fitness and convergence of runs."""
    from srnet.io.frames import write_table
    from srnet.results.gather import history_table, pareto_table, read_runs, runs_table

    contents = read_runs(runs)
    write_table(runs_table(contents), out_runs)
    write_table(history_table(contents), out_history)
    write_table(pareto_table(contents), out_pareto)


@gather.command()
@click.option(
    "--network",
    "networks",
    type=(options.PATH, options.PATH),
    multiple=True,
    required=True,
    metavar="NETWORK.json DATA.npz",
    help="A network's report and the rows of its task; give it for each.",
)
@options.tasks
@options.out("CSV of the networks, a row each,", "--out-networks")
@options.out("CSV of their training losses", "--out-training")
def networks(
    networks: Sequence[tuple[str, str]], tasks: str, out_networks: str, out_training: str
) -> None:
    """Gather settings, fit and training of networks."""
    from srnet.data.tasks import load_task
    from srnet.io.frames import write_table
    from srnet.results.gather import networks_table, read_networks, training_table

    reports, data = zip(*networks, strict=True)
    contents = read_networks(reports)
    entries = [load_task(network["task"], tasks) for network in contents]
    write_table(networks_table(contents, data, entries), out_networks)
    write_table(training_table(contents), out_training)


@gather.command()
@click.option(
    "--run",
    "runs",
    type=(options.PATH, options.PATH),
    multiple=True,
    required=True,
    metavar="RUN.json FORMULAS.json",
    help="A run and its formulas; give it for each.",
)
@options.out("CSV")
def formulas(runs: Sequence[tuple[str, str]], out: str) -> None:
    """Gather the formulas of runs."""
    from srnet.io.frames import write_table
    from srnet.results.gather import formulas_table

    write_table(formulas_table(*zip(*runs, strict=True)), out)


@gather.command()
@options.runs
@options.out("CSV")
def inputs(runs: Sequence[str], out: str) -> None:
    """Count the runs that read each input."""
    from srnet.results.hidden_semantics import write_inputs

    write_inputs(runs, out)


@gather.command("hidden-values")
@click.argument("layers", type=options.PATH, metavar="LAYERS.npz")
@options.runs
@options.task
@options.out("CSV")
def hidden_values(layers: str, runs: Sequence[str], task: str, out: str) -> None:
    """Compute the hidden layers of nine rows.

    By the network, and by the best RUN.json of each preset.
    """
    from srnet.results.hidden_semantics import write_hidden_values

    write_hidden_values(layers, task, runs, out)


@gather.command("layer-r2")
@click.option(
    "--layers",
    type=(str, options.PATH),
    multiple=True,
    required=True,
    metavar="TASK LAYERS.npz",
    help="A task and its layers; give it for each.",
)
@options.runs
@options.out("CSV")
def layer_r2(layers: Sequence[tuple[str, str]], runs: Sequence[str], out: str) -> None:
    """Measure R² by the number of formulas.

    Of every layer in the best RUN.json of each task and preset, beside its principal components.
    """
    from srnet.results.hidden_semantics import write_layer_r2

    write_layer_r2(layers, runs, out)


@gather.command()
@click.option(
    "--network",
    "networks",
    type=(str, options.PATH, options.PATH),
    multiple=True,
    required=True,
    metavar="TASK NETWORK.pt DATA.npz",
    help="A task, its network and its rows; give it for each.",
)
@options.runs
@options.out("CSV")
def distance(networks: Sequence[tuple[str, str, str]], runs: Sequence[str], out: str) -> None:
    """Measure the error by distance.

    Of the best RUN.json of each task and preset, by the distance from the training box.
    """
    from srnet.results.hidden_semantics import write_distance

    write_distance(networks, runs, out)


@gather.command()
@click.argument("tables", type=options.PATH, metavar="FILE.csv...", nargs=-1, required=True)
@click.option(
    "--columns", default=None, metavar="A,B,…", help="Columns to keep.  [default: all of them]"
)
@click.option(
    "--max-seed", type=int, default=None, help="Highest seed to keep.  [default: all of them]"
)
@options.out("CSV")
def comparisons(tables: Sequence[str], columns: str | None, max_seed: int | None, out: str) -> None:
    """Put scores, answers or curves in one table."""
    from srnet.comparison.tables import write_joined

    write_joined(tables, out, columns.split(",") if columns else None, max_seed)


@gather.command()
@click.option(
    "--network",
    "networks",
    multiple=True,
    required=True,
    type=options.PATH,
    metavar="NETWORK.json",
    help="A network.",
)
@click.option(
    "--named",
    multiple=True,
    required=True,
    type=options.PATH,
    metavar="FILE.csv",
    help="A comparison on a named image.",
)
@click.option(
    "--test",
    "tests",
    multiple=True,
    required=True,
    type=options.PATH,
    metavar="FILE.csv",
    help="A comparison on a test image.",
)
@click.option(
    "--history",
    "histories",
    multiple=True,
    required=True,
    type=options.PATH,
    metavar="FILE.csv",
    help="The searches of one.",
)
@options.out("CSV of the networks, a row each,", "--out-networks")
@options.out("CSV of the explanations, a row each,", "--out-runs")
@options.out("CSV of how far seeds agree", "--out-agreement")
@options.out("CSV of the paired differences between methods,", "--out-paired")
@options.out("CSV of the convergence", "--out-history")
def images(**files: Any) -> None:
    """Gather the image branch.

    Every option that names a file to read is given for each.
    """
    from srnet.images.results import write_images

    write_images(**files)


@gather.command()
@click.argument("runs", type=options.PATH, metavar="IMAGES_RUNS.csv")
@click.option("--network", required=True, help="The network that is explained.")
@click.option(
    "--images",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Folder of the images and masks.",
)
@click.option("--named", required=True, metavar="A,B,…", help="The images.")
@options.segmentation("--segmentation")
@options.out("CSV")
def pixels(runs: str, network: str, images: str, named: str, segmentation: str, out: str) -> None:
    """Lay explanations of images over their pixels."""
    from srnet.images.results import write_pixels

    write_pixels(runs, network, images, named.split(","), segmentation, out)
