"""``srnet explain``: the files of a network and of rows in, those of an explanation out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.explanation.explain import explain
from srnet.explanation.result import Explanation
from srnet.io.files import check_writable, write_json, writing_files
from srnet.networks.checks import difference
from srnet.networks.mlp import Network
from srnet.search.pareto import SELECTIONS
from srnet.typing import StrPath
from srnet.validation import SECONDS, Choice

# What ``srnet explain`` writes.
FILES = ("run.json", "layers.npz", "formulas.json", "network.py", "network.c")


def write_explanation(
    network_file: StrPath,
    data_file: StrPath,
    out: StrPath,
    *,
    activation: str | None = None,
    outputs_file: StrPath | None = None,
    columns: Sequence[str] | None = None,
    left_out: Sequence[str] = (),
    sample_weight: str | None = None,
    select: str | None = None,
    start: Sequence[str] = (),
    time_limit: float = 5.0,
    **options: Any,
) -> Explanation:
    """``srnet explain``: a state dict or an ONNX file, and rows in; ``run.json``, ``layers.npz``,
    ``formulas.json``, ``network.py`` and ``network.c`` out.

    Parameters
    ----------
    data_file
        A CSV with a header, a column per input in the network's order, or an npz file with the
        array ``x``; in their own units.
    activation
        Of the hidden layers, which a state dict does not tell; it must be given for one.
    outputs_file
        The network's own outputs on these rows, in the form of ``data_file`` (an npz file with the
        array ``y``). The network as it was read must compute them.
    columns, left_out
        The columns of a CSV that the network reads, in its order, or those that it does not read,
        as its target; by default it reads all.
    sample_weight
        The column of a CSV with the weights of the rows, which the network does not read, or the
        array of an npz file.
    select
        The model of the Pareto front that is written (:meth:`Explanation.select`); by default the
        one that the search chose.
    start
        Formulas, text files of them, or a RUN.json (:func:`srnet.explanation.start.read_start`).
    time_limit
        Seconds for the simplification of the formulas.

    Raises
    ------
    UserError
        If a file cannot be read or written, or does not fit; no file is changed then.
    """
    import pandas as pd

    from srnet.explanation.predict import read_column, read_rows
    from srnet.explanation.start import read_start
    from srnet.networks.model_files import load_model, width

    time_limit = SECONDS.check("time_limit", time_limit)
    if select is not None:
        Choice(SELECTIONS).check("select", select)
    if columns is not None and left_out:
        raise UserError("'columns' and 'target' are both given; one of them tells the inputs")
    network = load_model(network_file, activation)
    weights = None
    if sample_weight is not None:
        weights = read_column(data_file, sample_weight)
        if columns is None and Path(data_file).suffix != ".npz":
            left_out = [*left_out, sample_weight]
    x, header = read_rows(
        data_file,
        width(network),
        chosen=columns,
        left_out=left_out,
        hint="; choose them by --columns, or leave out others by --target",
    )
    if outputs_file is not None:
        if not isinstance(network, Network):
            raise UserError("'outputs' checks how a state dict is read; an ONNX file tells it")
        y, _ = read_rows(outputs_file, network.sizes[-1], array="y")
        _check_outputs(network, x, y, network_file, outputs_file)
    given = read_start(start)
    check_folder(out)
    try:
        rows = x if header is None else pd.DataFrame(x, columns=header)
        explanation = explain(
            network,
            rows,
            task=printable(options.pop("task", None) or Path(network_file).stem),
            sample_weight=weights,
            start=given,
            **options,
        )
    except UserError as error:
        raise (
            UserError(f"{data_file}: {error}")
            if str(error).startswith(("X ", "'sample_weight'"))
            else error
        ) from error
    if select is not None:
        explanation = explanation.select(select)
    write_files(explanation, out, time_limit)
    return explanation


def check_folder(out: StrPath) -> None:
    """UserError unless the files of an explanation can be written into the folder."""
    if str(out) == "-":
        raise UserError("'out' is '-'; an explanation is several files, and a folder is needed")
    for name in FILES:
        check_writable(Path(out) / name)


def write_files(explanation: Explanation, folder: StrPath, time_limit: float) -> None:
    """Write ``FILES`` of an explanation that has rows, all or none."""
    from srnet.model.export import to_c, to_numpy
    from srnet.model.simplify import describe

    assert explanation.network_layers is not None
    described = describe(explanation.run, explanation.network_layers, time_limit)
    with writing_files(folder, FILES) as temporary:
        explanation.save(temporary / "run.json")
        explanation.network_layers.save(temporary / "layers.npz")
        write_json(temporary / "formulas.json", described)
        for name, export in (("network.py", to_numpy), ("network.c", to_c)):
            source = export(explanation.model, explanation.input_names)
            (temporary / name).write_text(source, encoding="utf-8")


def _check_outputs(
    network: Network,
    x: NDArray[Any],
    y: NDArray[Any],
    network_file: StrPath,
    outputs_file: StrPath,
) -> None:
    """UserError unless a network that was read computes the outputs y at the rows x."""
    if len(y) != len(x):
        raise UserError(
            f"{outputs_file}: has {len(y)} row(s), the data {len(x)}; the network's outputs on "
            f"the rows of the data are needed"
        )
    computed = network.predict(x).astype(np.float64)
    units = (10.0**-i for i in range(1, 8))  # a table may hold a few decimals
    unit = next((each for each in units if (abs(y / each - np.rint(y / each)) < 1e-6).all()), 0.0)
    place = difference(computed, y, float(np.finfo(np.float32).eps), unit=unit)
    if place is not None:
        raise UserError(
            f"{outputs_file}: row {place[0]}, output {place[1]} is {y[place]:.6g}; {network_file}, "
            f"read as Linear layers with the activation {network.activation} between them, gives "
            f"{computed[place]:.6g}: it has another activation or other connections"
        )
