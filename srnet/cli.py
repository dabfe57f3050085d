"""The command line ``srnet …``: light at import, each command imports what it needs."""

import errno
import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any

import click

from srnet._version import __version__
from srnet.errors import UserError

EXIT_USER_ERROR = 2


def user_errors(command: Callable[..., None]) -> Callable[..., None]:
    """One sentence on stderr and exit code 2 instead of a traceback for a user's mistake."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except UserError as error:
            click.echo(f"srnet: {error}", err=True)
            sys.exit(EXIT_USER_ERROR)
        # where no writer of ours saw it: a full disk below the compile cache, or the temporary
        # folder
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            click.echo(
                f"srnet: {error.filename or 'a disk'}: {error.strerror}; make room, `srnet "
                f"doctor` says where",
                err=True,
            )
            sys.exit(EXIT_USER_ERROR)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="srnet")
def main() -> None:
    """Turn a trained neural network into formulas."""
    warnings.formatwarning = lambda message, *_, **__: (
        f"srnet: {message}\n"
    )  # a sentence, not a line of our source


tasks_option = click.option(
    "--tasks", "tasks_file", required=True, metavar="FILE", help="The tasks, as config/tasks.yaml."
)


@main.command()
@click.argument("task")
@tasks_option
@click.option("--out", required=True, metavar="FILE", help="data.npz to write.")
@click.option(
    "--seed", type=int, default=None, help="Seed of the sampling; the task's own where not given."
)
@click.option(
    "--pmlb-cache",
    default=None,
    metavar="DIR",
    help="PMLB data sets.  [default: $SRNET_PMLB_CACHE, or resources/pmlb]",
)
@user_errors
def data(task: str, tasks_file: str, out: str, seed: int | None, pmlb_cache: str | None) -> None:
    """Sample or read the rows of TASK."""
    from srnet.data.dataset import write_data

    write_data(task, tasks_file, out, seed, pmlb_cache)


@main.command()
@click.argument("data_file", metavar="DATA.npz")
@click.option("--task", required=True, help="The task's name in the tasks file.")
@tasks_option
@click.option("--out", required=True, metavar="FILE", help="network.pt to write.")
@click.option("--report", required=True, metavar="FILE", help="network.json to write.")
@click.option("--epochs", type=int, default=None, help="Epochs instead of the task's.")
@user_errors
def train(
    data_file: str, task: str, tasks_file: str, out: str, report: str, epochs: int | None
) -> None:
    """Train the network of a task on DATA.npz."""
    from srnet.networks.training import write_network

    write_network(data_file, task, tasks_file, out, report, epochs)


@main.command()
@click.argument("network", metavar="NETWORK.pt")
@click.argument("data_file", metavar="DATA.npz")
@click.option("--task", required=True, help="The task's name in the tasks file.")
@tasks_option
@click.option("--out", required=True, metavar="FILE", help="layers.npz to write.")
@user_errors
def layers(network: str, data_file: str, task: str, tasks_file: str, out: str) -> None:
    """Extract the layers of NETWORK.pt on the rows of DATA.npz."""
    from srnet.networks.extraction import write_layers

    write_layers(network, data_file, task, tasks_file, out)


@main.command()
@click.argument("layers_file", metavar="LAYERS.npz")
@click.option("--seed", type=int, required=True, help="Seed of the run, at least 1.")
@click.option("--out", required=True, metavar="FILE", help="RUN.json to write.")
@click.option(
    "--preset",
    "preset_name",
    default="paper",
    show_default=True,
    help="The search and its settings: paper or joint.",
)
@click.option(
    "--population", type=int, default=None, help="Offspring per generation instead of the preset's."
)
@click.option("--generations", type=int, default=None, help="Generations instead of the preset's.")
@click.option(
    "--loss",
    type=click.Choice(["mse", "cross_entropy"]),
    default="mse",
    show_default=True,
    help="Loss of the output layer; cross_entropy, of a classifier, searches a 10 × 10 grid of "
    "protected primitives.",
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
@user_errors
def evolve(
    layers_file: str,
    seed: int,
    out: str,
    preset_name: str,
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

    settings = preset(preset_name, population=population, generations=generations, loss=loss)
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
        )
    if not quiet:
        click.echo(
            f"{out}: fitness {run['fitness']:.6g} after {run['generations']} generations, "
            f"{run['evaluations']} evaluations, "
            f"{run['seconds']:.2f} s"
        )


@main.command()
@click.argument("network", metavar="NETWORK.pt")
@click.argument("data_file", metavar="DATA.csv|DATA.npz")
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="Folder for run.json, layers.npz, formulas.json, network.py, network.c.",
)
@click.option(
    "--activation",
    default="sigmoid",
    show_default=True,
    help="Of the hidden layers: sigmoid, tanh, relu or identity.",
)
@click.option(
    "--budget",
    default=None,
    metavar="TIME|N",
    help="A time as 60s or 2min, or evaluations.  [default: the preset's]",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the search, at least 0."
)
@click.option(
    "--preset",
    default="joint",
    show_default=True,
    help="The search and its settings: paper or joint.",
)
@click.option(
    "--task",
    default=None,
    help="Name of the task in run.json; the network file's name where not given.",
)
@click.option("--threads", type=int, default=1, show_default=True, help="Threads.")
@click.option(
    "--time-limit", type=float, default=5.0, show_default=True, help="Seconds for simplification."
)
@click.option("--quiet", is_flag=True, help="No progress.")
@user_errors
def explain(network: str, data_file: str, out: str, quiet: bool, **options: Any) -> None:
    """Find formulas for your own NETWORK.pt on the rows of DATA.

    NETWORK.pt is the state dict of Linear layers with one activation between them; DATA is a CSV
    with a header and one column per input, in their own units, or an npz file with the array 'x'.
    Ctrl-C ends the search with the best so far.
    """
    from srnet.explanation.explain import write_explanation

    found = write_explanation(network, data_file, out, progress=not quiet, **options)
    if not quiet:
        click.echo(found)


@main.command()
@click.argument("run_file", metavar="RUN.json")
@click.option(
    "--layers",
    "layers_file",
    required=True,
    metavar="FILE",
    help="The layers.npz that the run explains.",
)
@click.option("--out", required=True, metavar="FILE", help="formulas.json to write.")
@click.option(
    "--time-limit", type=float, default=20.0, show_default=True, help="Seconds for simplification."
)
@user_errors
def formulas(run_file: str, layers_file: str, out: str, time_limit: float) -> None:
    """Simplify the formulas of RUN.json, check them, and write text and LaTeX."""
    from srnet.model.simplify import write_formulas

    write_formulas(run_file, layers_file, out, time_limit)


@main.command()
@click.argument("run_file", metavar="RUN.json")
@click.argument("data_file", metavar="DATA.csv|DATA.npz")
@click.option("--out", required=True, metavar="FILE", help="CSV of the outputs, a column each.")
@click.option(
    "--standardise",
    default=None,
    metavar="FILE",
    help="data.npz of the run's task: scale DATA as its formulas read it, which for a "
    "classification is standardised.",
)
@user_errors
def predict(run_file: str, data_file: str, out: str, standardise: str | None) -> None:
    """Compute the network's outputs by the formulas of RUN.json.

    DATA is a CSV with a header and one column per input, or an npz file with the array 'x'.
    """
    from srnet.explanation.predict import write_predictions

    write_predictions(run_file, data_file, out, standardise)


@main.command()
@click.argument("run_file", metavar="RUN.json")
@user_errors
def show(run_file: str) -> None:
    """Print the formulas of RUN.json."""
    from srnet.explanation.predict import summary
    from srnet.model.srnet import SRNet

    click.echo(summary(SRNet.load(run_file), run_file))


@main.command("make-images")
@click.argument("folder")
@click.option(
    "--named",
    default="",
    metavar="A,B,…",
    help="Images with names: astronaut, cat, coffee, coin, flower, …",
)
@click.option(
    "--count",
    type=int,
    default=0,
    show_default=True,
    help="Images of a test set, 00-astronaut.png, 01-cat.png, …",
)
@click.option(
    "--size", type=int, default=128, show_default=True, help="Pixels of a side, 32 to 1024."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed, at least 0.")
@user_errors
def make_images(folder: str, named: str, count: int, size: int, seed: int) -> None:
    """Write made images and the masks of their objects into FOLDER."""
    from srnet.images.pictures.dataset import write_images

    write_images(folder, [name for name in named.split(",") if name], count, seed, size)


@main.command("train-classifier")
@click.argument("architecture")
@click.option("--out", required=True, metavar="FILE", help="network.pt to write.")
@click.option("--report", required=True, metavar="FILE", help="network.json to write.")
@click.option("--images", type=int, default=8000, show_default=True, help="Training images.")
@click.option("--tests", type=int, default=800, show_default=True, help="Test images.")
@click.option(
    "--epochs",
    type=float,
    default=None,
    help="Passes over the training images.  [default: the network's own]",
)
@click.option("--size", type=int, default=128, show_default=True, help="Pixels of a side.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed, at least 0.")
@click.option(
    "--threads",
    type=int,
    default=1,
    show_default=True,
    help="Threads; another number is another network.",
)
@user_errors
def train_classifier(architecture: str, out: str, report: str, **options: Any) -> None:
    """Train ARCHITECTURE (resnet18, resnet50, densenet121, mobilenet_v2, tiny) on made images."""
    from srnet.images.networks.training import write_trained

    said = write_trained(architecture, out, report, progress=click.echo, **options)
    click.echo(
        f"{out}: accuracy {said['accuracy_test']:.4f}, partly hidden "
        f"{said['accuracy_hidden']:.4f}, {said['seconds']:.0f} s"
    )


@main.command("explain-image")
@click.argument("model", metavar="MODEL.pt")
@click.argument("image", metavar="IMAGE")
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    help="Folder for mask.png, panel.png, panel.pdf, result.json, explanation.npz.",
)
@click.option(
    "--label",
    default=None,
    metavar="CLASS",
    help="Number or name of the class.  [default: the network's choice]",
)
@click.option(
    "--classes",
    default=None,
    metavar="FILE",
    help="Names of the classes, one a line, of a bare state dict.",
)
@click.option(
    "--preset",
    default="sparse",
    show_default=True,
    help="The search and its settings: sparse or published.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the search, at least 0."
)
@click.option(
    "--segments", default="slic", show_default=True, help="slic, quickshift or watershed."
)
@click.option(
    "--fill",
    default="grey",
    show_default=True,
    help="What hides a superpixel: grey, mean, black or blur.",
)
@click.option("--fitness", default=None, help="probability or contrast instead of the preset's.")
@click.option("--population", type=int, default=None, help="Individuals instead of the preset's.")
@click.option(
    "--generations", type=int, default=None, help="Most generations instead of the preset's."
)
@click.option(
    "--patience", type=int, default=None, help="Most generations without a better individual."
)
@click.option(
    "--max-passes", type=int, default=None, help="Most network evaluations instead of the preset's."
)
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    help="Of the search: float32, fused or bfloat16.",
)
@click.option("--threads", type=int, default=None, help="Threads.  [default: torch's choice]")
@click.option("--quiet", is_flag=True, help="No summary.")
@user_errors
def explain_image(model: str, image: str, out: str, quiet: bool, **options: Any) -> None:
    """Find the superpixels of IMAGE that make the network of MODEL.pt decide.

    MODEL.pt is a network that `srnet train-classifier` wrote, or a state dict of torchvision's for
    one of its architectures.
    """
    from srnet.images.explanation.explain import explain_file

    found = explain_file(model, image, out, **options)
    if not quiet:
        click.echo(found)


@main.command("compare-explanations")
@click.argument("network", metavar="NETWORK.pt")
@click.argument("image", metavar="IMAGE")
@click.option(
    "--mask", default=None, metavar="FILE", help="The object's mask as an image, white on black."
)
@click.option(
    "--methods",
    required=True,
    metavar="A,B,…",
    help="sparse, published, sparse-N, lime-N, rise-N, random.",
)
@click.option("--seeds", required=True, metavar="A-B", help="The first and the last seed.")
@click.option(
    "--baseline-seeds",
    type=int,
    default=None,
    help="Highest seed of methods other than E-LIME.  [default: all]",
)
@click.option(
    "--segmentation", default="slic", show_default=True, help="slic, quickshift or watershed."
)
@click.option(
    "--fill",
    default="grey",
    show_default=True,
    help="What hides a superpixel: grey, mean, black or blur.",
)
@click.option(
    "--precision", default="float32", show_default=True, help="float32, fused or bfloat16."
)
@click.option("--threads", type=int, default=1, show_default=True, help="Threads.")
@click.option(
    "--out", required=True, metavar="FILE", help="CSV to write, a row per method and seed."
)
@click.option(
    "--history",
    required=True,
    metavar="FILE",
    help="CSV to write, a row per method, seed and generation of E-LIME.",
)
@user_errors
def compare_explanations(
    network: str, image: str, mask: str | None, out: str, history: str, **options: Any
) -> None:
    """Explain IMAGE for NETWORK.pt by several methods and measure every explanation."""
    from srnet.images.comparison.scores import seed_range, write_comparison

    options["methods"], options["seeds"] = (
        options["methods"].split(","),
        seed_range(options["seeds"]),
    )
    write_comparison(network, image, mask, out, history, said=click.echo, **options)


@main.command()
@click.argument("method", type=click.Choice(["lime", "maple", "srnet", "floors"]))
@click.option("--task", required=True, help="The task's name in the tasks file.")
@tasks_option
@click.option("--data", required=True, metavar="FILE", help="The task's data.npz.")
@click.option("--network", required=True, metavar="FILE", help="Its network.pt.")
@click.option("--layers", required=True, metavar="FILE", help="Its layers.npz.")
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    help="CSV of the scores to write, a row per box or split.",
)
@click.option(
    "--answers",
    required=True,
    metavar="FILE",
    help="CSV to write of what is said of ten points with every seed.",
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="RUN.json",
    help="A run that srnet explains by; give it for each.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of lime and maple.",
)
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Points of each box (regression).",
)
@click.option(
    "--line", is_flag=True, help="Points on the diagonal of each box instead of random ones."
)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Rows that lime and maple explain of each split.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=2),
    default=5000,
    show_default=True,
    help="Samples of lime for one point.",
)
@user_errors
def compare(
    method: str,
    task: str,
    tasks_file: str,
    data: str,
    network: str,
    layers: str,
    out: str,
    answers: str,
    **options: Any,
) -> None:
    """Explain the points of TASK by METHOD and score it against the network.

    METHOD is lime, maple, srnet (every --run), or floors (a linear model and a constant).
    """
    from srnet.comparison.scores import write_comparison

    files = {"tasks": tasks_file, "data": data, "network": network, "layers": layers}
    write_comparison(method, files, task, out, answers, **options)


@main.command()
@click.option(
    "--json", "plain", is_flag=True, help="JSON instead of lines, for a report of an issue."
)
@click.option(
    "--pmlb-cache", default=None, metavar="DIR", help="PMLB data sets, as of `srnet data`."
)
@click.option(
    "--tasks",
    "tasks_file",
    default="config/tasks.yaml",
    show_default=True,
    metavar="FILE",
    help="Tasks whose data are looked for.",
)
@user_errors
def doctor(plain: bool, pmlb_cache: str | None, tasks_file: str) -> None:
    """Look for what SRNet needs on this machine, and say how to mend what is missing.

    Exit code 0 where everything that is needed is here, 1 where something is missing.
    """
    import json

    from srnet.doctor import as_json, examine, report

    findings = examine(pmlb_cache, tasks_file)
    click.echo(json.dumps(as_json(findings), indent=1) if plain else report(findings))
    sys.exit(0 if as_json(findings)["ok"] else 1)


if __name__ == "__main__":
    main()
