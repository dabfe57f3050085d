"""Steps of the image branch of the workflow."""

from typing import Any

import click

from srnet.cli import options
from srnet.escaping import printable


@click.command("make-images")
@click.argument("folder", type=options.PATH)
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
def make_images(folder: str, named: str, count: int, size: int, seed: int) -> None:
    """Write made images and their masks into FOLDER."""
    from srnet.images.pictures.dataset import write_images

    write_images(folder, [name for name in named.split(",") if name], count, seed, size)


@click.command("train-classifier")
@click.argument("architecture")
@options.out("network.pt")
@options.out("network.json", "--report")
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
def train_classifier(architecture: str, out: str, report: str, **settings: Any) -> None:
    """Train ARCHITECTURE on made images.

    ARCHITECTURE is resnet18, resnet50, densenet121, mobilenet_v2, vit or tiny.
    """
    from srnet.images.networks.training import write_trained

    content = write_trained(architecture, out, report, progress=click.echo, **settings)
    click.echo(
        printable(
            f"{out}: accuracy {content['accuracy_test']:.4f}, partly hidden "
            f"{content['accuracy_hidden']:.4f}, {content['seconds']:.0f} s"
        )
    )


@click.command("compare-explanations")
@click.argument("network", type=options.PATH, metavar="NETWORK.pt")
@click.argument("images", type=options.PATH, metavar="IMAGE…", nargs=-1, required=True)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=options.PATH,
    metavar="FILE",
    help="The object's mask as an image, white on black; one per IMAGE.",
)
@click.option(
    "--true-class",
    "true_classes",
    multiple=True,
    metavar="NAME",
    help="The class of the object, one per IMAGE; explained too where the network is wrong.",
)
@click.option(
    "--methods",
    required=True,
    metavar="A,B,…",
    help="E-LIME's sparse and published, greedy, greedy-contrast, smdl, lima, phasewin, or "
    "each with -N for at most N passes; lime-N, glime-N, rise-N, kernelshap-N, partitionshap-N; "
    "gradcam, integrated-gradients, random.",
)
@options.seeds(required=True, help="The first and the last seed.")
@click.option(
    "--baseline-seeds",
    type=int,
    default=None,
    help="Highest seed of methods other than E-LIME.  [default: all]",
)
@click.option(
    "--training",
    type=int,
    default=1,
    show_default=True,
    help="Number of the network's training, for the column of that name.",
)
@options.segmentation("--segmentation")
@options.fill
@click.option(
    "--precision", default="float32", show_default=True, help="float32, fused or bfloat16."
)
@options.threads
@options.out("CSV of the scores, a row per method and seed,")
@options.out("CSV of the searches, a row per generation of E-LIME,", "--history")
def compare_explanations(
    network: str,
    images: tuple[str, ...],
    methods: str,
    seeds: range,
    out: str,
    history: str,
    **settings: Any,
) -> None:
    """Explain every IMAGE by several methods and score them."""
    from srnet.images.comparison.scores import write_comparison

    write_comparison(
        network,
        images,
        out,
        history,
        methods=methods.split(","),
        seeds=seeds,
        progress=click.echo,
        **settings,
    )
