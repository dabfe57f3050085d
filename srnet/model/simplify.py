"""Formulas simplified by sympy, in a child process with a time limit."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from srnet.cgp.costs import layer_complexity
from srnet.errors import UserError
from srnet.io.files import finite_or_none, read_json, write_json
from srnet.model.digits import EXACT
from srnet.model.fitting import check_run
from srnet.model.formulas import Form, Simplified, raw_forms
from srnet.model.latex import shown_names
from srnet.model.names import input_names_in, symbol_names
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.typing import StrPath
from srnet.validation import SECONDS

CHILD = (sys.executable, "-m", "srnet.model.simplify_worker")


def simplify(
    model: SRNet,
    rows: ArrayLike,
    time_limit: float = 20.0,
    *,
    names: Sequence[str] | None = None,
    digits: int | None = 4,
    shown: Mapping[str, str] | None = None,
    child: Sequence[str] = CHILD,
) -> Simplified:
    """Shorter forms of a model's formulas, each checked numerically against the model before it is
    returned.

    sympy's simplification can run for hours or eat all memory, so it happens in a child process
    (``srnet.model.simplify_worker``), which is killed at the limit; what it has found and checked
    by then is kept. Text that comes back is shown, never evaluated.

    Parameters
    ----------
    rows
        Inputs of the check, n × k₀: the training (and validation) rows.
    time_limit
        Seconds for all formulas together.
    names
        Of the network's inputs; x0, x1, … where not given.
    digits
        Of the constants in LaTeX; None for as many as the formulas need to compute what they say.
    shown
        The names in LaTeX, where they are not shown as they are.
    child
        Command of the child process.

    Raises
    ------
    UserError
        If the limit is not a positive number, or the rows do not fit the model.
    """
    time_limit = SECONDS.check("time_limit", time_limit)
    x = np.asarray(rows, dtype=np.float64)
    model.layers(x[:1])  # the rows must fit
    forms = raw_forms(model, names, EXACT if digits is None else digits, shown)
    if model.own_functions():  # which the child process does not have
        noted = [
            replace(form, note=form.note or "not simplified: it has functions of your own")
            for form in (*forms.layers, *forms.outputs)
        ]
        return _split(noted, forms)
    request = {
        "run": model.to_run(text=False),
        "rows": x.tolist(),
        "names": model.operands(0, names),
        "digits": digits,
        "shown": shown,
        # a tenth is left to the child to stop by itself, formula by formula
        # by a clock that both processes read and nobody sets
        "deadline": time.monotonic() + 0.9 * time_limit,
        "parent": os.getpid(),
    }
    answers, failure = _ask(child, json.dumps(request), time_limit)
    simpler = {answer.pop("formula"): answer for answer in answers}
    shortest = [
        replace(form, **simpler.get(i, {} if form.note else {"note": f"not simplified: {failure}"}))
        for i, form in enumerate((*forms.layers, *forms.outputs))
    ]
    return _split(shortest, forms)


def _split(found: Sequence[Form], forms: Simplified) -> Simplified:
    """The forms of the layers and those of the outputs."""
    count = len(forms.layers)
    return Simplified(tuple(found[:count]), tuple(found[count:]))


def _ask(child: Sequence[str], request: str, time_limit: float) -> tuple[list[dict[str, Any]], str]:
    """The whole lines of JSON that the child wrote in time, and why there may be no more."""
    # one thread each: thread stacks would count against the memory limit
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        child,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(request, timeout=time_limit)
        failure = (
            f"the child process failed ({(errors.strip().splitlines() or ['no message'])[-1]})"
        )
    except subprocess.TimeoutExpired:
        _kill(process)
        output, _ = process.communicate()
        failure = f"cut off after {time_limit:g} s"
    finally:
        _kill(process)
    return [
        json.loads(line) for line in output.splitlines(keepends=True) if line.endswith("\n")
    ], failure


def _kill(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def describe(
    run: Mapping[str, Any],
    layers: Layers,
    time_limit: float = 20.0,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Every formula of a run, simplified and checked, with its loss: the content of formulas.json.

    Of a run with the loss ``cross_entropy`` the network's formulas are the logits.

    Parameters
    ----------
    names
        Of the network's inputs; the run's own where not given.

    Raises
    ------
    UserError
        If the run is not one of these layers, its content is not a run's, or it tells a fitness
        that its formulas do not have.
    """
    model = SRNet.from_run(run)
    measured = check_run(run, model, layers)
    start = time.monotonic()
    x = layers.values(0)
    forms = simplify(
        model,
        x,
        time_limit,
        names=names or input_names_in(run, model.inputs),
        # an explanation is shown by itself
        digits=None if "output_scale" in run else 4,
        shown=shown_names(run, model.inputs) if names is None else None,
    )
    y = layers.values(-1)
    losses = [{"mse": finite_or_none(loss)} for loss in measured]
    if model.loss == "cross_entropy":  # of all outputs together: a logit alone has no error
        losses[-1] = {"mse": None, "cross_entropy": losses[-1]["mse"]}
        output_losses = [losses[-1]] * y.shape[1]
    else:
        output_losses = [
            {"mse": finite_or_none(mse)} for mse in np.mean(np.square(model.predict(x) - y), axis=0)
        ]
    return {
        "task": run.get("task"),
        "preset": run.get("preset"),
        "seed": run.get("seed"),
        "loss": model.loss,
        "fitness": run.get("fitness"),
        "complexity": model.complexity,
        "time_limit": time_limit,
        "seconds": time.monotonic() - start,
        "layers": [
            {
                **_entry(form),
                **losses[layer],
                "layer": layer + 1,
                "complexity": layer_complexity([program], model.costs),
            }
            for form, (layer, program) in zip(
                forms.layers,
                ((i, program) for i, layer in enumerate(model.programs) for program in layer),
                strict=True,
            )
        ],
        "network": [
            {**_entry(form), **loss}
            for form, loss in zip(forms.outputs, output_losses, strict=True)
        ],
    }


def _entry(form: Form) -> dict[str, Any]:
    return {
        "raw": form.raw,
        "simplified": form.text,
        "is_simplified": form.simplified,
        "latex": form.latex,
        "checked_rel_error": form.rel_error,
        "seconds": form.seconds,
        "note": form.note,
    }


def _symbols(columns: Sequence[str]) -> list[str]:
    """Names for formulas without what is only between words: sepal_length_cm."""
    return symbol_names([re.sub(r"\W+", "_", name).strip("_") or name for name in columns])


def write_formulas(
    run_file: StrPath,
    layers_file: StrPath,
    out: StrPath,
    time_limit: float = 20.0,
    data_file: StrPath | None = None,
) -> None:
    """Write formulas.json of a RUN.json, whole or not at all.

    Parameters
    ----------
    data_file
        The data.npz of the layers, whose names of inputs and classes the formulas get.

    Raises
    ------
    UserError
        If a file cannot be read or written, the run is not one of these layers, or the layers not
        of these data.
    """
    from srnet.data.dataset import Data

    run, layers = read_json(run_file), Layers.load(layers_file)
    data = None if data_file is None else Data.load(data_file)
    inputs, outputs = layers.widths[0], layers.widths[-1]
    if data and (len(data.inputs), len(data.classes) or outputs) != (inputs, outputs):
        raise UserError(
            f"{data_file}: has {len(data.inputs)} input(s) and {len(data.classes)} classes; "
            f"{layers_file} has {inputs} input(s) and {outputs} output(s)"
        )
    try:
        content = describe(run, layers, time_limit, None if data is None else _symbols(data.inputs))
    except UserError as error:
        raise UserError(f"{run_file}: {error}") from error
    for entry, name in zip(content["network"], data.classes if data else (), strict=False):
        entry["class"] = name
    write_json(out, content)
