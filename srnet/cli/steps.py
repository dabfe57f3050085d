"""Steps of the workflow: from a task to its formulas, comparisons, verdict and summary."""

from collections.abc import Sequence
from typing import Any

import click

from srnet.cli import options
from srnet.escaping import printable


@click.command()
@click.argument("task")
@options.tasks
@options.out("data.npz")
@click.option(
    "--seed", type=int, default=None, help="Seed of the sampling; the task's own where not given."
)
@click.option(
    "--pmlb-cache",
    default=None,
    type=options.PATH,
    metavar="DIR",
    help="PMLB data sets.  [default: $SRNET_PMLB_CACHE, or resources/pmlb]",
)
def data(task: str, tasks: str, out: str, seed: int | None, pmlb_cache: str | None) -> None:
    """Sample or read the rows of TASK."""
    from srnet.data.dataset import write_data

    write_data(task, tasks, out, seed, pmlb_cache)


@click.command()
@click.argument("data_file", type=options.PATH, metavar="DATA.npz")
@options.task
@options.tasks
@options.out("network.pt")
@options.out("network.json", "--report")
@click.option("--epochs", type=int, default=None, help="Epochs instead of the task's.")
def train(data_file: str, task: str, tasks: str, out: str, report: str, epochs: int | None) -> None:
    """Train the network of a task on DATA.npz."""
    from srnet.networks.training import write_network

    write_network(data_file, task, tasks, out, report, epochs)


@click.command()
@click.argument("network", type=options.PATH, metavar="NETWORK.pt")
@click.argument("data_file", type=options.PATH, metavar="DATA.npz")
@options.task
@options.tasks
@options.out("layers.npz")
def layers(network: str, data_file: str, task: str, tasks: str, out: str) -> None:
    """Extract the layers of NETWORK.pt on DATA.npz."""
    from srnet.networks.extraction import write_layers

    write_layers(network, data_file, task, tasks, out)


@click.command()
@click.argument("layers_file", type=options.PATH, metavar="LAYERS.npz")
@click.option("--seed", type=int, required=True, help="Seed of the run, at least 1.")
@options.out("RUN.json")
@click.option(
    "--preset",
    "preset_name",
    default="paper",
    show_default=True,
    help="The search and its settings: paper, joint, rank2, rank3 or rank.",
)
@click.option(
    "--formulas",
    type=int,
    default=None,
    help="Formulas of each layer, with a preset of rank r; 0 for as many as it takes.  [default: "
    "the preset's]",
)
@options.functions
@options.nested_constraints
@options.costs
@click.option(
    "--population", type=int, default=None, help="Offspring per generation instead of the preset's."
)
@click.option("--generations", type=int, default=None, help="Generations instead of the preset's.")
@click.option(
    "--loss",
    type=click.Choice(["mse", "cross_entropy"]),
    default="mse",
    show_default=True,
    help="Loss of the output layer. With cross_entropy, for a classifier, all presets but rank "
    "search a 10 × 10 grid of protected primitives.",
)
@click.option(
    "--task", default=None, help="Name of the task in RUN.json; the file's name where not given."
)
@click.option(
    "--threads",
    type=int,
    default=1,
    show_default=True,
    help="Threads; the result does not depend on them.",
)
@click.option(
    "--checkpoint",
    default=None,
    type=options.PATH,
    metavar="FILE",
    help="State of the unfinished run.  [default: OUT.checkpoint]",
)
@click.option(
    "--checkpoint-interval",
    type=float,
    default=30.0,
    show_default=True,
    help="Seconds between checkpoints.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
def evolve(
    layers_file: str,
    seed: int,
    out: str,
    preset_name: str,
    formulas: int | None,
    functions: list[str] | None,
    nested_constraints: Any,
    costs: Any,
    population: int | None,
    generations: int | None,
    loss: str,
    task: str | None,
    threads: int,
    checkpoint: str | None,
    checkpoint_interval: float,
    quiet: bool,
) -> None:
    """Search the formulas of LAYERS.npz: one run.

    Interrupted and started again, a run goes on from its checkpoint and ends with the same
    RUN.json.
    """
    from srnet.search.progress import Progress
    from srnet.search.run import evolve_file
    from srnet.search.settings import preset

    settings = preset(
        preset_name,
        formulas=formulas,
        functions=functions,
        nested_constraints=nested_constraints,
        costs=costs,
        population=population,
        generations=generations,
        loss=loss,
    )
    with Progress(quiet) as progress:
        run = evolve_file(
            layers_file,
            out,
            settings,
            seed,
            task=task,
            checkpoint=checkpoint,
            checkpoint_interval=checkpoint_interval,
            threads=threads,
            progress=progress.show,
            compilation_progress=progress.show_compilation,
        )
    if not quiet:
        click.echo(
            printable(
                f"{out}: fitness {run['fitness']:.6g} after {run['generations']} generations, "
                f"{run['evaluations']} evaluations, {run['seconds']:.2f} s"
            )
        )


@click.command()
@options.runs
@click.option(
    "--layers",
    "layers_file",
    default=None,
    type=options.PATH,
    metavar="FILE",
    help="The layers.npz that the runs explain, by which each run's fitness is checked.",
)
@options.out("RUN.json")
def best(runs: Sequence[str], layers_file: str | None, out: str) -> None:
    """Choose the run of lowest fitness."""
    from srnet.io.files import write_json
    from srnet.networks.layers import Layers
    from srnet.results.gather import best_run

    layers = None if layers_file is None else Layers.load(layers_file)
    write_json(out, best_run(runs, layers))


@click.command()
@click.argument("run_file", type=options.PATH, metavar="RUN.json")
@click.option(
    "--layers",
    "layers_file",
    required=True,
    type=options.PATH,
    metavar="FILE",
    help="The layers.npz that the run explains.",
)
@options.out("formulas.json")
@click.option(
    "--time-limit", type=float, default=20.0, show_default=True, help="Seconds for simplification."
)
@click.option(
    "--data",
    "data_file",
    type=options.PATH,
    metavar="FILE",
    help="The task's data.npz; the formulas then use its names of inputs and classes.",
)
def formulas(
    run_file: str, layers_file: str, out: str, time_limit: float, data_file: str | None
) -> None:
    """Simplify and check the formulas of RUN.json.

    Writes them as text and in LaTeX.
    """
    from srnet.model.simplify import write_formulas

    write_formulas(run_file, layers_file, out, time_limit, data_file)


@click.command()
@click.argument("method", type=click.Choice(["lime", "maple", "srnet", "local", "baselines"]))
@options.case
@options.out("CSV of the scores, a row per box or split,")
@options.out("CSV of the answers of every seed at ten points", "--answers")
@click.option(
    "--run",
    "runs",
    multiple=True,
    type=options.PATH,
    metavar="RUN.json",
    help="A run that srnet and local explain by; give it for each.",
)
@options.seeds(
    default="1-1", show_default=True, help="The first and the last seed of lime and maple."
)
@click.option(
    "--points",
    type=int,
    default=1000,
    show_default=True,
    help="Points of each box (regression).",
)
@click.option(
    "--line", is_flag=True, help="Points on the diagonal of each box instead of random ones."
)
@click.option(
    "--rows",
    type=int,
    default=200,
    show_default=True,
    help="Rows that lime and maple explain of each split.",
)
@options.samples
def compare(method: str, task: str, out: str, answers: str, **settings: Any) -> None:
    """Explain a task by METHOD and score it.

    METHOD is lime, maple, srnet (every --run), local (the linear formula of every --run near each
    point), or baselines (a linear model and a constant). Scores are against the network, at the
    same points for every METHOD.
    """
    from srnet.comparison.scores import write_comparison

    files = options.case_files(settings)
    write_comparison(method, files, task, out, answers, **settings)


@click.command()
@options.case
@options.runs
@options.out("CSV")
@click.option("--line", is_flag=True, help="One curve along the diagonal of the test box.")
@options.samples
def curves(task: str, runs: Sequence[str], out: str, **settings: Any) -> None:
    """Follow the explanations along lines.

    The network of a regression, SRNet (every RUN.json), LIME and MAPLE.
    """
    from srnet.comparison.curves import write_curves

    files = options.case_files(settings)
    write_curves(files, task, out, runs, **settings)


@click.command()
@options.case
@click.argument("run", type=options.PATH, metavar="RUN.json")
@options.out("CSV of the rows")
@options.out("CSV of the lines of lime and maple", "--lines")
@options.samples
def plane(task: str, run: str, out: str, lines: str, **settings: Any) -> None:
    """Lay the rows of a classification in a plane.

    With the lines that LIME and MAPLE draw around two of the rows.
    """
    from srnet.comparison.tsne_plane import write_plane

    files = options.case_files(settings)
    write_plane(files, task, out, lines, run, **settings)


@click.command("boundary-toy")
@options.out("CSV")
def boundary_toy(out: str) -> None:
    """Make an example of points near a boundary.

    Two inputs, four classes, and the points that are added to the rows of a classification.
    """
    from srnet.networks.boundary_toy import write_toy

    write_toy(out)


@click.command()
@click.option(
    "--rules",
    required=True,
    type=options.PATH,
    metavar="FILE",
    help="The rules, as config/verdict.yaml has them.",
)
@options.tables
@click.option(
    "--preset",
    "presets",
    multiple=True,
    required=True,
    help="A preset that is judged; give it for each.",
)
@click.option("--only", default=None, metavar="NAME", help="Only the rules about this table.")
@options.out("CSV")
def verdict(
    rules: str,
    tables: Sequence[tuple[str, str]],
    presets: Sequence[str],
    only: str | None,
    out: str,
) -> None:
    """Judge every published number by the rules.

    NAME is a table's name in the rules: runs, networks, fidelity, agreement, published,
    published_classification; or images_runs and images_networks_trained, of which their tables
    images and image_networks are made.
    """
    from srnet.images.results import judged_frame
    from srnet.results.published import read_frame
    from srnet.results.verdict import write_verdict

    frames = {table: read_frame(table, path) for table, path in tables}
    if "images_runs" in frames:
        frames["images"] = judged_frame(frames.pop("images_runs"))
    if "images_networks_trained" in frames:
        trained = frames.pop("images_networks_trained")
        frames["image_networks"] = trained.rename(columns={"network": "task"})
    write_verdict(rules, frames, presets, out, only)


@click.command()
@click.option("--name", required=True, help="Name of the configuration.")
@options.tables
@click.option(
    "--provenance", required=True, type=options.PATH, metavar="FILE", help="Its provenance.json."
)
@options.out("Markdown page")
@click.option(
    "--html",
    default=None,
    type=options.PATH,
    metavar="FILE",
    help="The same as a part of an HTML page.",
)
def summary(
    name: str, tables: Sequence[tuple[str, str]], provenance: str, out: str, html: str | None
) -> None:
    """Summarise the results on one page.

    It has the verdict, the reasons and the cost. The tables are runs, networks and verdict.
    """
    from srnet.results.summary import write_summary

    write_summary(name, dict(tables), provenance, out, html)
