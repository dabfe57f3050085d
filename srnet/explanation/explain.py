"""``srnet.explain``: somebody's trained network in, an
:class:`~srnet.explanation.result.Explanation` out."""

import contextlib
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.folding import fold_constants
from srnet.cgp.primitives import Primitive
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.classifier import Classifier
from srnet.explanation.generation import Callback, Generation
from srnet.explanation.layers import MOST_ROWS, LayerSample, sample_layers
from srnet.explanation.neighbourhood import draw_neighbours, read_point
from srnet.explanation.result import Explanation
from srnet.explanation.rows import as_rows, rows_of
from srnet.explanation.units import restore_units, scale_layers, search_units
from srnet.explanation.weights import select_weighted
from srnet.model.losses import ROBUST
from srnet.model.names import default_names, symbol_names
from srnet.model.parse import parse_formula
from srnet.networks.adapters import OUTPUT, BlackBox, Scaler, adapt
from srnet.networks.checks import check_parts, check_trained
from srnet.networks.functions import FunctionBox
from srnet.networks.inputs import Inputs, tabulate
from srnet.networks.layers import warn_of_merged
from srnet.networks.outputs import Selector
from srnet.search.budget import Budget
from srnet.search.compilation import is_compiled
from srnet.search.progress import Progress
from srnet.search.run import Search, evolve, record
from srnet.search.settings import FORMULAS, RankSettings, Settings, limit_evaluations, of_run
from srnet.search.settings import preset as preset_settings
from srnet.validation import Integer, Number

_SEED = Integer(0, 2**63 - 2)  # a run counts from 1
SEEDS = Integer(2, 100)  # of one call
_WIDTH = Number(above=0, at_most=1)
_NODES = Integer(1)
_INTERRUPTED = "interrupted: the explanation is the best so far"
# Of a run, what tells of the model alone, so that a resumed search keeps it.
_MODEL_KEYS = ("input_texts", "output", "network_outputs", "point")


def explain(
    model: Any,
    X: Any,
    *,
    layers: Sequence[str] | None = None,
    output: Selector = None,
    task: str | None = None,
    preset: str = "rank",
    loss: str = "mse",
    delta: float | None = None,
    sample_weight: Any = None,
    formulas: int | str | Mapping[str, int] = "auto",
    fidelity: float | None = None,
    nodes: int | None = None,
    maxsize: int | None = None,
    functions: Sequence[str | Primitive] | None = None,
    nested_constraints: Mapping[str, Mapping[str, int]] | None = None,
    costs: Mapping[str, int] | None = None,
    seed: int = 0,
    seeds: int | None = None,
    budget: str | int | Budget | None = None,
    validation: Any = None,
    point: Any = None,
    width: float | None = None,
    start: Sequence[str] | Explanation | None = None,
    callback: Callback | None = None,
    progress: bool = True,
    threads: int = 1,
    settings: dict[str, Any] | None = None,
) -> Explanation:
    """Find formulas for a trained model: for its output, or layer by layer (Luo et al. 2022).

    The model is only asked for its values: its mode, hooks, gradients and buffers are afterwards as
    they were. docs/models.md shows which models can be explained, and how.

    Parameters
    ----------
    model
        A ``torch.nn.Module`` on any device and of any floating type, also of TorchScript or
        torch.export; scikit-learn's ``MLPRegressor`` or ``MLPClassifier``, alone or at the end of a
        Pipeline; a :class:`srnet.networks.mlp.Network`; or any other model by
        its output: what has ``predict_proba``, ``decision_function`` or ``predict`` (the first of
        them), an ONNX Runtime session, or a function of X. Its output at a row must depend on that
        row alone.
    X
        Rows on which it is explained, n × d, at least 2, in the form in which the model reads them:
        an array, a tensor, a DataFrame (whose column names the formulas then use), or several
        inputs, as a tuple of arrays or as arrays by name. Whole numbers stay whole. A column of
        text is an input of the value 0 or 1 for each of its texts. Of more than 10 000 rows,
        10 000 are drawn.
    layers
        Names of the layers explained beside the output, as ``named_modules`` has them, or with
        ``.input`` behind for what a module reads, which is where activations are that are no
        modules; ``hidden1``, ``hidden2``, … of a scikit-learn network; ``["output"]`` for the
        output alone, which is the default. With the presets ``joint`` and ``paper``, whose subject
        is the hidden layers, the default is every activation module, in the order of their calls.
    output
        Which of the model's outputs is explained: the name of an item or attribute, the number of
        an item of a tuple or of a column, or a function of what the model gives. By default all
        columns of its only output, or of its ``logits``; of the probabilities of two classes the
        second.
    task
        A name for the result.
    preset
        The search: ``rank``, several formulas for each layer; ``joint``, one for each; or the
        published one, ``paper``.
    loss
        Of the output. ``mse``: every output is explained by its mean squared error, also the logits
        or probabilities of a classifier. ``cross_entropy``, for a classifier: the formulas are
        logits of its classes, and their softmax predicts. With the preset ``rank`` they are fitted
        to the network's probabilities, with the others to the class that it predicts, as in the
        paper. The network's outputs may be probabilities or logits; a single column is that of the
        second of two classes. ``huber`` and ``l1``, with the preset ``rank``: rows far off do not
        decide. They are of the error of a row, over all outputs, in deviations of the output
        (:class:`srnet.model.losses.RowLoss`); hidden layers have the squared error.
    delta
        Of the loss ``huber``, by default .1: an error up to so many standard deviations of the
        output counts squared, a larger one linearly, as of PySR's ``HuberLoss(delta)``. The
        deviation is the median absolute deviation over .6745, which rows far off leave as it is.
    sample_weight
        What each row of X counts, (n,), at least 0, some above: a weight of 2 counts as two such
        rows. With the preset ``rank``. Weighted are all fits of constants, weights and biases, the
        fitness, the losses and every R² that the result tells. Rows to search on and to recombine
        are drawn in proportion. Validation rows that you give count alike.
    formulas
        How many formulas a layer gets with the preset ``rank``: ``"auto"``, as many as it takes to
        reach the fidelity, among them inputs as they are, so that the explanation is no worse than
        a linear regression; a number for every layer; or numbers by layer, ``{"output": 2}``.
    fidelity
        R² on the validation rows that is enough, by default .999: the simplest formulas that have
        it are taken, and the search ends when it finds no simpler ones. Where none has it, the
        simplest of those close to the best are taken (docs/rank.md). With the loss
        ``cross_entropy`` it is the explained share of the divergence from the network's
        probabilities.
    nodes
        Complexity of a layer's formulas, at most; by default 60. Only a linear regression may have
        more, as its additions count. It bounds the search; ``maxsize`` bounds what is printed.
    maxsize
        The largest size of an output's formula as it is printed, all layers composed: the number of
        its operators and functions, each with its cost, inputs and constants, which is PySR's
        ``maxsize``. At least 5, for ``0.5*x + 0.1``; none by default. With the preset ``rank``; it
        holds for every model of the front.
    functions
        The functions and operators that formulas are searched with, by their names, in the place
        of the preset's: ``["add", "mul", "exp"]``; or what :func:`srnet.make_function` gives.
        docs/functions.md lists them. Constants bring additions, subtractions, products, quotients
        and squares into formulas of the preset ``rank`` besides.
    nested_constraints
        How often a function may occur on a path below another one in the same formula, in the form
        of PySR: ``{"sin": {"cos": 0}}`` allows no cosine inside a sine. By default no trigonometric
        function is inside another; ``{}`` allows any nesting. Not for the preset ``paper``.
    costs
        What an operator counts in the complexity of a formula, and so in ``nodes`` and ``maxsize``,
        where it is not 1: ``{"sin": 3, "ln": 2}``. Not for the preset ``paper``.
    seed
        0 or more. Runs count their seeds from 1, so RUN.json holds ``seed + 1``.
    seeds
        Searches of so many seeds, ``seed``, ``seed + 1``, …, each with the whole budget. The most
        faithful explanation is returned, and its ``consensus`` tells what all have in common:
        inputs, parts of formulas, and the spread of fidelity.
    budget
        A time (``"60s"``, ``"2min"``), a number of chromosome evaluations, or by default the
        preset's own, with ``rank`` 4 000 000 evaluations per layer, about 20 s for a small network.
        Only the latter two give the same result every time, bit for bit. A time does not count the
        compilation of the search, once on a machine: about half a minute, or minutes on a busy one.
    validation
        Rows that are not fitted: with the preset ``rank`` they choose among the formulas, with
        ``joint`` and ``paper`` they count in the fitness, as in the paper. Those of X that are
        among them are not fitted; columns are found by their names. By default a fifth of X is held
        out. With ``rank`` and 1000 rows or more these are the validation rows. Otherwise the others
        are recombined for them (docs/rank.md), with ``joint`` and ``paper`` to 30 % as many as X
        (at least 10, at most 1000), and those that are held out only tell the result's R². Give
        your own where recombined rows make no sense.
    point
        A point near which the model is explained: d numbers, a row of a DataFrame, or a table of
        one row in the form of X. The formulas are those of 1000 rows between it and rows of X, and
        hold there alone. Without ``validation`` a fifth of these rows is held out. Compare SLIME of
        SymTorch and, with linear formulas, LIME.
    width
        How far such rows are from the point: at most this share of the way to a row of X, above 0
        and at most 1; by default .25.
    start
        Formulas from which the search goes on, PySR's ``guesses``: texts of the inputs, as
        ``["sin(x0)*x1", "x0**2"]``, each a formula by itself; or the explanation of a model of the
        same inputs, with all formulas of its front. They compete with what is found, their
        constants fitted. With the preset ``rank``, where the output alone is explained.
    callback
        Called after each generation of the search with a
        :class:`~srnet.explanation.generation.Generation`, which tells how far it is and can give
        the explanation so far. Where it returns a true value, the search ends with that.
    progress
        A bar with the time left on a terminal, a line a minute in a log; where the search is
        compiled first, once on a machine, a line that says so and the parts that are done. Ctrl-C
        ends the search with the best so far.
    threads
        Threads; a result that does not depend on time does not depend on them.
    settings
        Settings of the search in the place of the preset's, as ``{"cols": 10}``.

    Returns
    -------
    Explanation
        Formulas by layer and composed, of the inputs in their own units.

    Raises
    ------
    UserError
        If the model cannot be explained, X or the point does not fit it, or it gives values that
        are not finite;
        if its layers do not compute what it computes, or one does not read the layer before it.

    Warns
    -----
    UserWarning
        If the output is nearly constant, the linear layers of a torch module are as torch draws
        them, or no hidden layer is explained; if some of the rows are drawn; if a layer reads more
        than the one before it; if the network or the search reads a column in so few digits that
        most of its values become equal; or if the formulas explain less than half of the output.
    """
    inputs = Inputs.of(X)
    X = tabulate(X, inputs.texts)
    rows, columns = as_rows(X)
    nodes = None if nodes is None else _NODES.check("nodes", nodes)
    search = preset_settings(
        preset,
        loss=loss,
        **_choices(
            preset,
            {"fidelity": fidelity, "most_nodes": nodes, "maxsize": maxsize, "delta": delta},
            {"functions": functions, "nested_constraints": nested_constraints, "costs": costs},
            settings,
        ),
    )
    if layers is None and isinstance(search, RankSettings):
        layers = [OUTPUT]
    network = adapt(model, layers, output, inputs)
    known = getattr(model, "feature_names_in_", None)
    if (
        known is not None
        and not isinstance(network, FunctionBox)
        and not inputs.texts
        and hasattr(X, "columns")
        and [str(name) for name in X.columns] != [str(name) for name in known]
    ):
        raise UserError(
            f"X has the columns {', '.join(map(str, X.columns))}; the model was fitted on "
            f"{', '.join(map(str, known))}, in this order"
        )
    takes_text = isinstance(network, FunctionBox) or getattr(network, "before", None) is not None
    if not takes_text:
        inputs.check_numbers()
    told: dict[str, Any] = {"input_texts": dict(inputs.texts)} if inputs.texts else {}
    if point is not None:
        if sample_weight is not None:
            raise UserError(
                "'point' and 'sample_weight' are both given; rows near a point count alike"
            )
        at = read_point(point, rows.shape[1], inputs.texts, columns, "'point'")
        share = _WIDTH.check("width", 0.25 if width is None else width)
        drawn = draw_neighbours(rows, at, share, _SEED.check("seed", seed))
        rows = inputs.admissible(drawn)
        told["point"] = {"x": [float(value) for value in at], "width": share}
    elif width is not None:
        raise UserError(f"'width' is {width!r} without a point; it is of the rows near one")
    explain_seed = partial(
        explain_rows,
        network,
        rows,
        columns,
        task=task,
        search=search,
        formulas=formulas,
        budget=budget,
        validation=None if validation is None else tabulate(validation, inputs.texts),
        inputs=inputs,
        start=start,
        progress=progress,
        threads=threads,
        sample_weight=sample_weight,
    )
    if seeds is None:
        explanation = explain_seed(seed=seed, callback=callback)
    else:
        from srnet.explanation.seeds import compare_runs, most_faithful

        _check_callback(callback)
        found, first, ended = [], _SEED.check("seed", seed), False
        with _catch_interrupts() as interrupted:

            def is_over(generation: Generation) -> bool:
                nonlocal ended
                ended = interrupted() or (callback is not None and bool(callback(generation)))
                return ended

            for i in range(SEEDS.check("seeds", seeds)):
                found.append(explain_seed(seed=first + i, callback=is_over))
                if ended or interrupted():
                    break
            if interrupted():
                warnings.warn(_INTERRUPTED, stacklevel=2)
        explanation = found[most_faithful(found)]
        if len(found) > 1:
            told["consensus"] = compare_runs(found)
    if layers is None and len(explanation.layers) == 1 and not isinstance(network, FunctionBox):
        warnings.warn(
            "only the output is explained, for the model has no activation module; name layers "
            "with layers=",
            stacklevel=2,
        )
    if isinstance(output, Integral) and explanation.outputs == 1:
        told["output"] = int(output)
    return explanation.with_run({**explanation.run, **told}) if told else explanation


def explain_rows(
    network: BlackBox,
    rows: NDArray[Any],
    columns: Sequence[str] | None,
    *,
    search: Settings,
    task: str | None = None,
    formulas: int | str | Mapping[str, int] = "auto",
    seed: int = 0,
    budget: str | int | Budget | None = None,
    validation: Any = None,
    inputs: Inputs | None = None,
    start: Sequence[str] | Explanation | None = None,
    callback: Callback | None = None,
    progress: bool = True,
    threads: int = 1,
    sample_weight: Any = None,
    validation_weight: Any = None,
) -> Explanation:
    """:func:`explain` for whatever has layers, for rows that are an array already, with the names
    of their columns or None, and for the settings of a search; validation rows may have weights
    too."""
    if task is not None and not isinstance(task, str):
        raise UserError(f"'task' is {task!r}; a name as text is needed")
    seed = _SEED.check("seed", seed)
    limit = Budget.parse(budget)
    classifies = search.loss == "cross_entropy"
    whole = network
    if classifies:
        network = Classifier.from_rows(network, rows[:MOST_ROWS])
    ranked = isinstance(search, RankSettings)
    if validation is not None:
        validation = rows_of(validation, columns, "'validation'")
    rows, weights = select_weighted(rows, sample_weight, validation_weight)
    if weights is not None and not getattr(search, "hold_out", False):
        raise UserError(f"'sample_weight' is of the preset rank; the preset is {search.preset!r}")
    sample = sample_layers(
        network,
        rows,
        seed,
        validation,
        task or "network",
        hold_out=ranked,
        inputs=inputs,
        weights=weights,
        robust=search.loss in ROBUST,
        # the published fitness has one scale
        by_output=search.search != "layerwise",
    )
    check_parts(whole, rows[:MOST_ROWS], columns)
    check_trained(whole)
    if classifies:  # probabilities have a scale
        sample = replace(sample, output_scale=1.0)
    if isinstance(search, RankSettings):
        search = replace(search, formulas=_by_layer(formulas, sample.names, search.formulas))
    elif formulas != "auto":
        raise UserError(
            f"'formulas' is {formulas!r}; the preset {search.preset} has one formula for each "
            f"layer, several are searched by the preset rank"
        )
    explanation = _search(
        sample,
        network,
        columns,
        search,
        seed + 1,
        limit,
        start=_start_formulas(start, search, sample, columns),
        callback=callback,
        progress=progress,
        threads=threads,
    )
    doubt = explanation.doubt()
    if doubt is not None:
        warnings.warn(doubt, stacklevel=3)
    return explanation


def resume_search(
    explanation: Explanation,
    budget: str | int | Budget | None,
    *,
    callback: Callback | None,
    progress: bool,
    threads: int,
) -> Explanation:
    """:meth:`Explanation.resume` of an explanation, also of one in files."""
    layers, run = explanation.network_layers, explanation.run
    search = of_run(run)
    assert layers is not None
    if not isinstance(search, RankSettings) or layers.depth > 1:
        raise UserError(
            f"a search can be resumed where the preset is rank and the output alone is explained; "
            f"here the preset is {search.preset} and there are {layers.depth} layer(s)"
        )
    scale = np.asarray(run["output_scale"]) if isinstance(run["output_scale"], list) else None
    sample = LayerSample(
        layers,
        run["layer_names"],
        run["output_scale"] if scale is None else scale,
        run["validation"],
    )
    count = run.get("resumed", 0) + 1
    # of the run's seed and the count alone
    seed = int(np.random.SeedSequence([run["seed"], count]).generate_state(1, np.uint64)[0] >> 2)
    found = _search(
        sample,
        explanation.network,
        explanation.columns,
        search,
        max(seed, 1),
        Budget.parse(budget),
        start=_to_search_units(explanation.front_formulas(), sample),
        callback=callback,
        progress=progress,
        threads=threads,
    )
    sums = ("generations", "evaluations", "seconds", "processor_seconds", "compile_seconds")
    kept = {key: run[key] for key in _MODEL_KEYS if key in run}
    return found.with_run(
        {
            **found.run,
            **kept,
            **{key: run.get(key, 0) + found.run[key] for key in sums},
            "history": run["history"] + found.run["history"],
            "seed": run["seed"],
            "resumed": count,
        }
    )


def _search(
    sample: LayerSample,
    network: BlackBox | None,
    columns: Sequence[str] | None,
    search: Settings,
    seed: int,
    limit: Budget,
    *,
    start: Mapping[str, tuple[Program, ...]],
    callback: Callback | None,
    progress: bool,
    threads: int,
) -> Explanation:
    """One search of the layers, with the seed of a run, from 1 on."""
    _check_callback(callback)
    ranked = isinstance(search, RankSettings)
    scaler = _scaler(sample, None if ranked else getattr(network, "scaler", None))
    scaled = scale_layers(sample, scaler)
    own, searched = (each.splits["train"][0] for each in (sample.layers, scaled))
    warn_of_merged(own, searched, "the search reads", columns)
    settings = search
    if limit.evaluations is not None:
        settings = limit_evaluations(search, limit.evaluations, sample.layers.depth)
    if progress and not is_compiled(settings):
        print(
            "the search is compiled first, once on this machine: about half a minute, or minutes "
            "if it is busy",
            file=sys.stderr,
            flush=True,
        )

    kind = {"network_outputs": network.kind} if isinstance(network, Classifier) else {}

    def make_explanation(run: dict[str, Any]) -> Explanation:
        told: dict[str, Any] = dict(kind)
        if "start_objections" in run:
            pairs = zip(start, run["start_objections"], strict=True)
            told["start_objections"] = {text: reason for text, reason in pairs if reason}
        return Explanation(
            restore_units(run, sample, scaler, columns) | told,
            layers=sample.layers,
            network=network,
            search_on=resume_search,
        )

    options: dict[str, Any] = {"start": [*start.values()]} if start else {}
    ended = False
    with Progress(quiet=not progress) as bar, _catch_interrupts() as interrupted:

        def show(state: Search) -> None:
            nonlocal ended
            bar.show(state)
            if callback is not None:
                share = state.generation / settings.generations
                generation = Generation(
                    state.generation,
                    state.evaluations,
                    state.fitness,
                    min(share if state.elapsed is None else state.elapsed, 1.0),
                    lambda: make_explanation(record(state, scaled, settings, seed, _NO_TIMES)),
                )
                ended = bool(callback(generation))

        run = evolve(
            scaled,
            settings,
            seed,
            threads=threads,
            progress=show,
            compilation_progress=bar.show_compilation,
            stop=lambda: ended or interrupted(),
            time_limit=limit.seconds,
            **options,
        )
    if interrupted():
        warnings.warn(_INTERRUPTED, stacklevel=4)
    return make_explanation(run)


def _check_callback(callback: Any) -> None:
    if callback is not None and not callable(callback):
        raise UserError(f"'callback' is {callback!r}; a function of a Generation is needed")


# Of a search that has not ended.
_NO_TIMES = dict.fromkeys(("seconds", "processor_seconds", "compile_seconds"), 0.0)


def _scaler(sample: LayerSample, own: Scaler | None) -> Scaler | None:
    """What the search's inputs are shifted and scaled by: the network's own scaler, or where
    float32 does not hold the inputs short numbers."""
    # the search of rank r standardises by itself
    return search_units(sample.layers.splits["train"][0]) if own is None else own


def _start_formulas(
    start: Any, search: Settings, sample: LayerSample, columns: Sequence[str] | None
) -> dict[str, tuple[Program, ...]]:
    """The formulas that an argument ``start`` gives, in the units of the search, by their text."""
    if start is None:
        return {}
    if not isinstance(search, RankSettings) or sample.layers.depth > 1:
        raise UserError(
            f"'start' is for the preset rank where the output alone is explained; the preset is "
            f"{search.preset}, and {sample.layers.depth} layer(s) are explained"
        )
    inputs = sample.layers.widths[0]
    if isinstance(start, Explanation):
        if start.model.inputs != inputs or start.model.depth > 1:
            raise UserError(
                f"'start' explains {start.model.depth} layer(s) of a model of "
                f"{start.model.inputs} input(s); the output alone of one of {inputs} is needed"
            )
        return _to_search_units(start.front_formulas(), sample)
    if isinstance(start, str) or not isinstance(start, Sequence):
        raise UserError(
            f"'start' is {start!r}; a list of formulas, as ['sin(x0)*x1'], or an explanation is "
            f"needed"
        )
    names = default_names(inputs) if columns is None else symbol_names(columns)
    for text in start:
        if not isinstance(text, str):
            raise UserError(f"'start' has {text!r}; a formula as text is needed, as 'sin(x0)*x1'")
    return _to_search_units({text: (parse_formula(text, names),) for text in start}, sample)


def _to_search_units(
    formulas: Mapping[str, tuple[Program, ...]], sample: LayerSample
) -> dict[str, tuple[Program, ...]]:
    """Formulas of the inputs in their own units as formulas of what the search reads."""
    scaler = _scaler(sample, None)
    if scaler is None:
        return dict(formulas)
    # x = std · (z + mean / std)
    shift, factor = -scaler[0] / scaler[1], 1 / scaler[1]
    return {
        text: tuple(
            fold_constants(program, shift.tolist(), factor.tolist())
            or program.after_scaling(shift.tolist(), factor.tolist())
            for program in each
        )
        for text, each in formulas.items()
    }


def _choices(
    preset: str, rank_options: dict[str, Any], options: dict[str, Any], settings: Any
) -> dict[str, Any]:
    """The settings that a caller gives, the arguments of :func:`explain` among them;
    ``rank_options`` are those of the preset ``rank`` alone."""
    if settings is not None and not isinstance(settings, Mapping):
        raise UserError(
            f"'settings' is {settings!r}; settings by their names are needed, as {{'cols': 10}}"
        )
    if settings is not None and "loss" in settings:
        raise UserError(f"'settings' has the loss {settings['loss']!r}; give it as loss=")
    given = {key: value for key, value in rank_options.items() if value is not None}
    if given and not isinstance(preset_settings(preset), RankSettings):
        name = next(iter(given)).removeprefix("most_")
        raise UserError(f"'{name}' is of the preset rank; the preset is {preset!r}")
    given |= {key: value for key, value in options.items() if value is not None}
    return {**(settings or {}), **given}


def _by_layer(
    formulas: Any, names: Sequence[str], default: int | tuple[int, ...]
) -> int | tuple[int, ...]:
    """How many formulas each layer gets, 0 for as many as it takes; with ``auto`` the settings'."""
    if isinstance(formulas, str) and formulas == "auto":
        return default
    if isinstance(formulas, Mapping):
        unknown = [name for name in formulas if name not in names]
        if unknown:
            raise UserError(
                f"'formulas' names the layer {unknown[0]!r}; there are {', '.join(names)}"
            )
        counts = [formulas.get(name, "auto") for name in names]
        return tuple(
            0 if count == "auto" else FORMULAS.check("formulas", count) for count in counts
        )
    if isinstance(formulas, str):
        raise UserError(
            f"'formulas' is {formulas!r}; auto, a number, or numbers by layer are needed"
        )
    return FORMULAS.check("formulas", formulas)


@contextlib.contextmanager
def _catch_interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; the second time it interrupts as ever. Elsewhere than in the main
    thread it is left alone."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        if pressed.is_set() and callable(previous):
            previous(number, frame)
        pressed.set()

    if previous is not signal.default_int_handler:  # the caller has plans of its own
        yield pressed.is_set
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
