"""Commands for somebody's own network."""

import sys
from typing import Any

import click

from srnet.cli import options

_budget = click.option(
    "--budget",
    default=None,
    metavar="TIME|N",
    help="A time as 60s or 2min, or evaluations.  [default: the preset's]",
)
_time_limit = click.option(
    "--time-limit", type=float, default=5.0, show_default=True, help="Seconds for simplification."
)
_quiet = click.option("--quiet", is_flag=True, help="No progress.")


@click.command()
@click.argument("network", type=options.PATH, metavar="NETWORK.pt|NETWORK.onnx")
@click.argument("data_file", type=options.PATH, metavar="DATA.csv|DATA.npz")
@click.option(
    "--out",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Folder for run.json, layers.npz, formulas.json, network.py, network.c.",
)
@options.names("--columns", "Columns of DATA.csv that the network reads, in its order.")
@options.names("--target", "Columns of DATA.csv that the network does not read.", "left_out")
@click.option(
    "--activation",
    default=None,
    help="Of the hidden layers: sigmoid, tanh, relu or identity. A state dict does not tell it, so "
    "it is required.",
)
@click.option(
    "--outputs",
    "outputs_file",
    default=None,
    type=options.PATH,
    metavar="FILE",
    help="The network's own outputs on the rows of DATA, a CSV or npz (array 'y'): the network is "
    "refused if, as it is read, it computes others.",
)
@_budget
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the search, at least 0."
)
@click.option(
    "--seeds",
    type=int,
    default=None,
    help="Searches of so many seeds, from --seed on, each with the whole budget: the most faithful "
    "is written, and what they have in common.",
)
@click.option(
    "--preset",
    default="rank",
    show_default=True,
    help="The search and its settings: rank, joint or paper.",
)
@click.option(
    "--loss",
    type=click.Choice(["mse", "cross_entropy", "huber", "l1"]),
    default="mse",
    show_default=True,
    help="Loss of the output. With cross_entropy, for a classifier, the formulas are logits; with "
    "huber and l1, of the preset rank, rows far off do not decide.",
)
@click.option(
    "--delta",
    type=float,
    default=None,
    help="Of the loss huber: the error, in deviations of the output, beyond which it counts "
    "linearly.  [default: 0.1]",
)
@click.option(
    "--sample-weight",
    default=None,
    metavar="NAME",
    help="The column of DATA.csv, or the array of DATA.npz, that tells what each row counts.",
)
@click.option(
    "--formulas",
    default="auto",
    show_default=True,
    metavar="auto|R",
    help="Formulas of each layer, with the preset rank: as many as it takes, or a number.",
)
@click.option(
    "--fidelity",
    type=float,
    default=None,
    help="R² on the validation rows that is enough; of logits the explained divergence.  [default: "
    "the preset's]",
)
@click.option(
    "--nodes",
    type=int,
    default=None,
    help="Complexity of a layer's formulas, at most, but of a linear regression.  [default: the "
    "preset's]",
)
@click.option(
    "--maxsize",
    type=int,
    default=None,
    help="Operators, functions, inputs and constants of an output's printed formula, at most.  "
    "[default: any number]",
)
@options.functions
@options.nested_constraints
@options.costs
@click.option(
    "--layers",
    multiple=True,
    metavar="NAME",
    help="A layer explained beside the output, as hidden1; give it for each.  [default: none, "
    "with paper and joint all]",
)
@click.option(
    "--output",
    default=None,
    metavar="NAME|N",
    help="The output of an ONNX file that is explained, or the number of a column of the output, "
    "from the last on -1, -2, ….",
)
@click.option(
    "--select",
    default=None,
    help="The model of the Pareto front that is written: accuracy, best or knee.  [default: the "
    "search's choice]",
)
@click.option(
    "--task",
    default=None,
    help="Name of the task in run.json; the network file's name where not given.",
)
@click.option(
    "--start",
    multiple=True,
    metavar="FORMULA|FILE",
    help="A formula from which the search goes on, as 'sin(x0)*x1', or a text file with one a "
    "line; give it for each. Or the RUN.json of a model of the same inputs.",
)
@options.threads
@_time_limit
@_quiet
def explain(
    network: str,
    data_file: str,
    out: str,
    quiet: bool,
    formulas: str,
    layers: tuple[str, ...],
    output: str | None,
    left_out: list[str] | None,
    **settings: Any,
) -> None:
    """Find formulas for NETWORK on the rows of DATA.

    NETWORK.pt is the state dict of Linear layers with one activation between them, alone or in a
    checkpoint; NETWORK.onnx is read if onnxruntime is installed. DATA is a CSV with a header and
    one column per input, in their own units, or an npz file with the array 'x'.
    A state dict does not tell how the layers are connected: check that with --outputs.
    Ctrl-C ends the search with the best so far.
    """
    from srnet.explanation.files import write_explanation

    explanation = write_explanation(
        network,
        data_file,
        out,
        progress=not quiet,
        formulas=options.number_or_name(formulas),
        layers=layers or None,
        output=options.number_or_name(output),
        left_out=left_out or (),
        **settings,
    )
    if not quiet:
        click.echo(explanation)
    is_state_dict = settings["activation"] is not None and not network.lower().endswith(".onnx")
    if is_state_dict and settings["outputs_file"] is None:
        click.echo(
            "Not checked: whether these are the layers of your network, one after the other; "
            "--outputs FILE, with its own outputs on these rows, does.",
            err=True,
        )


@click.command()
@click.argument("run_file", type=options.PATH, metavar="RUN.json")
@click.option(
    "--layers",
    "layers_file",
    default=None,
    type=options.PATH,
    metavar="FILE",
    help="The rows that it was found on.  [default: layers.npz beside RUN.json]",
)
@click.option(
    "--out",
    default=None,
    type=options.PATH,
    metavar="DIR",
    help="Folder for what `srnet explain` writes.  [default: that of RUN.json, in whose place it "
    "is written]",
)
@_budget
@options.threads
@_time_limit
@_quiet
def resume(run_file: str, quiet: bool, **settings: Any) -> None:
    """Search on, from all formulas that RUN.json of `srnet explain` holds.

    On the same rows, which layers.npz holds, and with the same settings. Ctrl-C ends the search
    with the best so far.
    """
    from srnet.explanation.resume import write_resumed

    explanation = write_resumed(run_file, progress=not quiet, **settings)
    if not quiet:
        click.echo(explanation)


@click.command()
@click.argument("run_file", type=options.PATH, metavar="RUN.json")
@click.argument("data_file", type=options.PATH, metavar="DATA.csv|DATA.npz")
@options.out("CSV of the outputs, a column each,")
@click.option(
    "--standardise",
    default=None,
    type=options.PATH,
    metavar="FILE",
    help="data.npz of the run's task: scale DATA as its formulas read it, which for a "
    "classification is standardised.",
)
def predict(run_file: str, data_file: str, out: str, standardise: str | None) -> None:
    """Compute outputs by the formulas of RUN.json.

    DATA is a CSV with a header and one column per input, or an npz file with the array 'x'.
    """
    from srnet.explanation.predict import write_predictions

    write_predictions(run_file, data_file, out, standardise)


@click.command()
@click.argument("run_file", type=options.PATH, metavar="RUN.json")
@click.option("--json", "plain", is_flag=True, help="JSON instead of lines.")
def show(run_file: str, plain: bool) -> None:
    """Print the formulas of RUN.json."""
    import json

    from srnet.explanation.predict import formulas, summary
    from srnet.model.srnet import SRNet

    model = SRNet.load(run_file)
    if plain:
        click.echo(json.dumps(formulas(model, run_file), indent=1, allow_nan=False))
    else:
        click.echo(summary(model, run_file))


@click.command("explain-image")
@click.argument("model", type=options.PATH, metavar="MODEL.pt")
@click.argument("image", type=options.PATH, metavar="IMAGE")
@click.option(
    "--out",
    required=True,
    type=options.PATH,
    metavar="DIR",
    help="Folder for explanation.html, panel.png, panel.pdf, mask.png, result.json, "
    "explanation.npz.",
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
    type=options.PATH,
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
@options.segmentation("--segments")
@click.option(
    "--superpixels",
    type=int,
    default=None,
    help="Approximate number of superpixels, of slic and watershed.  [default: 40]",
)
@options.fill
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
    "--budget",
    default=None,
    metavar="TIME",
    help="Time after which the search ends, as 30s, 2min or 1h.  [default: none]",
)
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    help="Of the search: float32, fused or bfloat16.",
)
@click.option(
    "--curves/--no-curves",
    default=True,
    show_default=True,
    help="Measure insertion and deletion for the pictures, in further passes.",
)
@click.option("--threads", type=int, default=None, help="Threads.  [default: torch's choice]")
@click.option("--quiet", is_flag=True, help="No summary.")
def explain_image(model: str, image: str, out: str, quiet: bool, **settings: Any) -> None:
    """Find what in IMAGE makes MODEL.pt decide.

    MODEL.pt is a network that `srnet train-classifier` wrote, or a state dict of torchvision's for
    one of its architectures.
    """
    from srnet.images.explanation.explain import explain_file

    explanation = explain_file(model, image, out, **settings)
    if not quiet:
        click.echo(explanation)


@click.command()
@click.option(
    "--json", "plain", is_flag=True, help="JSON instead of lines, for a report of an issue."
)
@click.option(
    "--pmlb-cache",
    default=None,
    type=options.PATH,
    metavar="DIR",
    help="PMLB data sets, as of `srnet data`.",
)
@click.option(
    "--tasks",
    "tasks_file",
    default="config/tasks.yaml",
    show_default=True,
    type=options.PATH,
    metavar="FILE",
    help="Tasks whose data are looked for.",
)
def doctor(plain: bool, pmlb_cache: str | None, tasks_file: str) -> None:
    """Check what SRNet needs on this machine.

    Says how to mend what is missing. Exit code 0 where everything that is needed is here, 1 where
    something is missing.
    """
    import json

    from srnet.doctor import as_json, examine, report

    findings = examine(pmlb_cache, tasks_file)
    click.echo(json.dumps(as_json(findings), indent=1) if plain else report(findings))
    sys.exit(0 if as_json(findings)["ok"] else 1)
