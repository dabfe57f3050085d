"""The result of an explanation: a network as formulas, with what they cost and how far they can be
trusted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srnet.arrays import real_array
from srnet.cgp.costs import layer_complexity
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.escaping import printable
from srnet.explanation.classifier import class_probabilities
from srnet.explanation.neighbourhood import describe_point, read_point
from srnet.explanation.rows import rows_of
from srnet.explanation.weights import check_weights
from srnet.io.files import read_json, write_json, writing
from srnet.metrics import mean_over_rows, r_squared
from srnet.model.losses import ROBUST
from srnet.model.names import (
    columns_in,
    input_names_in,
    names_in,
    output_name,
    output_numbers_in,
)
from srnet.model.srnet import SRNet, legend, network_operations, readable_expressions
from srnet.networks.adapters import check_width
from srnet.networks.inputs import tabulate
from srnet.networks.layers import Layers
from srnet.search.pareto import select as select_position
from srnet.typing import Floats, StrPath
from srnet.validation import Integer

if TYPE_CHECKING:
    import pandas as pd
    import sympy
    from matplotlib.figure import Figure

    from srnet.explanation.consensus import Consensus
    from srnet.explanation.importance import Importance
    from srnet.explanation.local import LocalExplanation
    from srnet.explanation.replacement import ReplacedLayer
    from srnet.model.formulas import Simplified
    from srnet.model.jax_function import SymbolicFunction
    from srnet.model.torch_module import SymbolicNetwork
    from srnet.networks.adapters import BlackBox
    from srnet.search.budget import Budget


@dataclass(frozen=True)
class LayerFormula:
    """One layer: its units are the sum of its formulas, each times a weight, and a bias.

    Attributes
    ----------
    name
        The layer's name in the network; ``output`` for the last.
    formulas
        fᵢⱼ as text: of the inputs in the first layer; in the others of the units before (h0, h1, …)
        or of the values of the formulas before (z0, z1, …).
    mse
        Mean squared error of the layer's units, over training and validation rows, when all layers
        before are formulas too. For logits their cross-entropy, or if they were fitted to the
        network's probabilities the divergence from these.
    r2
        1 - mse / the variance of the units; None for a constant layer. Of logits it is that of
        their probabilities, of outputs with scales of their own that of the scaled ones.
    complexity
        Function nodes of the formulas, and the additions that join them, each with its cost.
    gains
        What each formula adds to R² beside those before it; empty where the run does not tell, and
        of logits.
    bound
        R² that no linear code of so many numbers can pass, by the layer's principal components;
        None where the run does not tell, and of logits.
    """

    name: str
    formulas: tuple[str, ...]
    mse: float
    r2: float | None
    complexity: int
    gains: tuple[float, ...] = ()
    bound: float | None = None

    @property
    def formula(self) -> str:
        """The formulas in one line."""
        return "; ".join(self.formulas)


@dataclass(frozen=True)
class Fidelity:
    """How well the formulas do what the network does on some rows.

    Attributes
    ----------
    mse, r2
        Of the output; r2 is None where the network's output is constant there, negative where its
        mean would be better. Of outputs that were scaled one by one r2 is that of the scaled ones.
    agreement
        Share of the rows with the same largest output, of a network with several; else None.
    finite
        Share of the rows at which the formulas have a value; mse and r2 are infinite and minus
        infinite if it is less than 1.
    rows
        Number of rows.
    """

    mse: float
    r2: float | None
    agreement: float | None
    finite: float
    rows: int


class Explanation:
    """A network as formulas.

    Made by :func:`srnet.explain`, or read from RUN.json by :meth:`load`.

    Parameters
    ----------
    run
        The content of RUN.json.
    layers, network, search_on
        The layers that were explained, the network, and what :meth:`resume` calls; a loaded
        explanation has none of them.

    Attributes
    ----------
    run
        The content of RUN.json.
    network_layers, network
        The network's layers on training and validation rows, and the network, or None.

    Raises
    ------
    UserError
        If the content is not a run's.
    """

    def __init__(
        self,
        run: Mapping[str, Any],
        *,
        layers: Layers | None = None,
        network: "BlackBox | None" = None,
        search_on: "Callable[..., Explanation] | None" = None,
    ) -> None:
        self.run = dict(run)
        self.network_layers = layers
        self.network = network
        self._search_on = search_on
        self._model = SRNet.from_run(run)
        depth = self._model.depth
        self._layer_names = names_in(
            run, "layer_names", [*(f"h{i}" for i in range(1, depth)), "output"]
        )
        self._input_names = input_names_in(run, self._model.inputs)
        self._columns = columns_in(run, self._model.inputs)
        self._output_numbers = output_numbers_in(run, self._model.widths[-1])
        for key in ("layer_losses", "layer_r2", "layer_gains", "layer_bounds"):
            if len(run.get(key, [None] * depth)) != depth:
                raise UserError(
                    f"a run has '{key}' {run[key]!r}; a list of {depth} numbers, one per layer, is "
                    f"needed"
                )

    @property
    def model(self) -> SRNet:
        """The formulas as data."""
        return self._model

    @property
    def input_names(self) -> list[str]:
        """What the inputs are called in the formulas."""
        return list(self._input_names)

    @property
    def columns(self) -> list[str] | None:
        """The names of the inputs' columns as they were given, by which the columns of other
        tables are found; None where they had none."""
        return None if self._columns is None else list(self._columns)

    @property
    def layers(self) -> tuple[LayerFormula, ...]:
        """One entry per explained layer, the output last."""
        depth = self._model.depth
        losses, r2s, gains, bounds = (
            self.run.get(key, [None] * depth)
            for key in ("layer_losses", "layer_r2", "layer_gains", "layer_bounds")
        )
        texts = self._model.formula_texts(self.input_names)
        return tuple(
            LayerFormula(
                name,
                tuple(texts[i]),
                float("nan") if losses[i] is None else losses[i],
                r2s[i],
                layer_complexity(self._model.programs[i], self._model.costs),
                tuple(gains[i] or ()),
                bounds[i],
            )
            for i, name in enumerate(self._layer_names)
        )

    @property
    def complexity(self) -> int:
        """Function nodes over all layers, and the additions that join the formulas of a layer."""
        return self._model.complexity

    @property
    def r2(self) -> float | None:
        """Of the network's output, on rows of X that are neither fitted nor made up, or where you
        gave validation rows on these; over all rows where the run tells no such. None where the
        output is constant there, minus infinity where the formulas have no value at one of them, as
        in :class:`Fidelity`."""
        found = self._judged("r2", "linear_r2")[0]
        told = "test_r2" in self.run or "valid_r2" in self.run
        return found if told else self.layers[-1].r2

    @property
    def robust_r2(self) -> float | None:
        """The like of R² for the losses ``huber`` and ``l1``, on the same rows: 1 less the squared
        ratio of the typical error to that of the best constant
        (:meth:`srnet.model.losses.RowLoss.r_squared`); None with other losses."""
        return self._judged("robust_r2", "linear_robust_r2")[0]

    @property
    def outputs(self) -> int:
        """Number of outputs of the network."""
        return self._model.widths[-1]

    def predict(self, X: Any) -> Floats:
        """The outputs by the formulas, n × k, at rows X (n × d) in their own units; not finite
        where a formula is not defined.

        The columns of a DataFrame are found by their names.

        Raises
        ------
        UserError
            If X is not rows × the network's inputs, or has columns of other names.
        """
        return self._model.predict(self._rows(X))

    def _rows(self, X: Any, minimum: int = 0) -> NDArray[Any]:
        """X as an array with the columns in the order in which the formulas read them."""
        rows = rows_of(tabulate(X, self.run.get("input_texts", {})), self._columns)
        if len(rows) < minimum:
            raise UserError(f"X has {len(rows)} rows; at least {minimum} is needed")
        return rows

    def fidelity(self, X: Any, y: Any = None, sample_weight: Any = None) -> Fidelity:
        """How well the formulas do what the network does at rows X.

        Parameters
        ----------
        y
            The network's outputs there; computed by the network where they are not given. Where the
            formulas are logits, y may be probabilities or logits, and probabilities are compared; a
            single column, which may be either, is read as what the network gives.
        sample_weight
            What the rows count in ``mse``, ``r2`` and ``agreement``, (n,), at least 0, some above.
            Rows of weight 0 are left out, also in ``finite`` and ``rows``.

        Raises
        ------
        UserError
            If y is not given and the explanation was loaded, without a network; or if X, y or the
            weights do not fit.
        """
        rows = self._rows(X, 1)
        expected, predicted = self._network_output(rows, y), self._model.predict(rows)
        weights = None
        if sample_weight is not None:
            weights = check_weights(sample_weight, len(rows))
            # a row of weight 0 counts as none, also where the formulas have no value
            expected, predicted = expected[weights > 0], predicted[weights > 0]
            weights = weights[weights > 0]
        return _fidelity(expected, predicted, self._output_scales, weights)

    @property
    def _output_scales(self) -> Floats | float:
        """By which outputs that have scales of their own are divided, (k,)."""
        scales = self.run.get("output_scale")
        return np.array(scales) if isinstance(scales, list) else 1.0

    def _network_output(self, rows: NDArray[Any], y: Any) -> Floats:
        """The network's outputs at the rows, n × k: y, or where that is None the network's own."""
        if y is None:
            if self.network is None:
                raise UserError("a loaded explanation has no network; give its outputs at X as y")
            return np.asarray(self.network.layers(rows)[1][-1], dtype=np.float64)
        values = real_array(y, "y", "a number for each row and output is needed").astype(np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if self._classifies() and values.ndim == 2 and values.shape[1]:
            values = class_probabilities(values, self.run.get("network_outputs"))
        if values.shape != (len(rows), self.outputs):
            raise UserError(
                f"y has the shape {values.shape}; {len(rows)} rows × {self.outputs} outputs are "
                f"needed"
            )
        return values

    @property
    def pareto(self) -> "pd.DataFrame":
        """The models of the front, simplest first: complexity, fitness, mse and r2 of the output
        (of the scaled one where its columns have scales of their own), the formulas of each
        layer."""
        import pandas as pd

        rows, is_scaled = [], isinstance(self.run.get("output_scale"), list)
        for entry in self._front():
            model = SRNet.from_run(entry)
            rows.append(
                {
                    "complexity": model.complexity,
                    "fitness": entry.get("fitness"),
                    "mse": entry["layer_losses"][-1],
                    "r2": (entry.get("layer_r2") or [None])[-1] if is_scaled else entry.get("r2"),
                    **{
                        name: "; ".join(texts)
                        for name, texts in zip(
                            self._layer_names, model.formula_texts(self.input_names), strict=True
                        )
                    },
                }
            )
        return pd.DataFrame(rows)

    def _entries(self) -> list[dict[str, Any]]:
        """The entries of the run's Pareto front that hold a model."""
        needed = {"programs", "weights", "biases", "layer_losses"}
        return [entry for entry in self.run.get("pareto", []) if needed <= entry.keys()]

    def _front(self) -> list[dict[str, Any]]:
        """The same, of which there must be some."""
        front = self._entries()
        if not front:
            raise UserError("the run holds no Pareto front with models; explain the network again")
        return front

    def select(self, how: str | int = "accuracy") -> "Explanation":
        """The explanation with another model of the front: its row in :attr:`pareto`, or
        ``accuracy``, ``best`` or ``knee`` (see :func:`srnet.search.pareto.select`).

        Raises
        ------
        UserError
            If ``how`` is unknown, or the run holds no front.
        """
        front = self._front()
        if isinstance(how, str):
            position = select_position(
                [SRNet.from_run(entry).complexity for entry in front],
                [entry["fitness"] for entry in front],
                how,
            )
        else:
            position = Integer(0, len(front) - 1).check("how", how)
        chosen = front[position]
        # what an entry lacks is not the former model's
        optional = ("reads", "targets", "genes", "own_functions")
        kept = {key: value for key, value in self.run.items() if key not in optional}
        if chosen["fitness"] != kept.get("fitness"):
            for measure in _MEASURES:  # those that the entry lacks are of another model
                kept.pop(measure, None)
        run = {**kept, **chosen, "selected": position}
        return self.with_run(run)

    def with_run(self, run: Mapping[str, Any]) -> "Explanation":
        """The explanation with another content of RUN.json, of the same search."""
        return Explanation(
            run, layers=self.network_layers, network=self.network, search_on=self._search_on
        )

    def front_formulas(self) -> dict[str, tuple[Program, ...]]:
        """The output's formulas of every model of the Pareto front, simplest first, by their
        text."""
        models = [SRNet.from_run(entry) for entry in self._front()]
        return {
            "; ".join(model.formula_texts(self._input_names)[-1]): model.programs[-1]
            for model in models
        }

    def resume(
        self,
        budget: "str | int | Budget | None" = None,
        *,
        callback: Callable[[Any], object] | None = None,
        progress: bool = True,
        threads: int = 1,
    ) -> "Explanation":
        """Search on, from all formulas of the front, on the same rows and with the same settings.

        Settings of the population and the generations, which a budget changes, are the preset's.
        What was found before competes with what is found now. The random numbers are others, which
        follow from the run's seed and from how often it was resumed: with a number of evaluations
        the result is the same every time.

        Parameters
        ----------
        budget
            As of :func:`srnet.explain`: a time (``"10min"``), a number of evaluations, or by
            default the preset's own.
        callback, progress, threads
            As of :func:`srnet.explain`.

        Raises
        ------
        UserError
            If the explanation was loaded and so has no rows; or if its preset is not ``rank``, or
            hidden layers are explained too.
        """
        if self._search_on is None or self.network_layers is None:
            raise UserError(
                "a loaded explanation has no rows to go on with; explain the model again, with "
                "this explanation as start="
            )
        return self._search_on(self, budget, callback=callback, progress=progress, threads=threads)

    @property
    def models(self) -> "tuple[Explanation, ...]":
        """The explanations of all models of the front, simplest first; none where the run holds
        no front."""
        return tuple(self.select(i) for i in range(len(self._entries())))

    def sympy(self, output: int = 0) -> "sympy.Expr":
        """One output of the network as a sympy expression of its inputs; its logit where the run's
        loss is ``cross_entropy``.

        Raises
        ------
        UserError
            If there is no such output.
        """
        from srnet.model.sympy_forms import network_sympy

        return network_sympy(self._model, self._input_names)[self._check_output(output)]

    def latex(self, output: int = 0, digits: int | None = None) -> str:
        """One output of the network in LaTeX, for math mode; constants rounded to ``digits``
        significant digits, by default to as many as the formula needs to be as faithful as the
        model. A loaded explanation, which has no rows to tell, shows all."""
        from srnet.model.digits import EXACT
        from srnet.model.formulas import raw_forms
        from srnet.model.latex import latex, shown_names
        from srnet.model.sympy_forms import MAX_OPERATIONS

        self._check_output(output)
        shown = shown_names(self.run, self._model.inputs)
        if network_operations(self._model) > MAX_OPERATIONS:  # in steps, or it would fill a book
            forms = raw_forms(self._model, self._input_names, digits or EXACT, shown)
            return forms.outputs[output].latex
        expression = self.sympy(output)
        digits = self._digits(expression, output) if digits is None else digits
        return latex(expression, digits, shown)

    def equation(self, output: int = 0) -> str:
        """``latex`` behind what it computes: y₀, or of a classifier its logit."""
        name = r"\operatorname{logit} y" if self._classifies() else "y"
        number = self._output_numbers[self._check_output(output)]
        return rf"{name}_{{{number}}} = {self.latex(output)}"

    def _digits(self, expression: Any, output: int) -> int:
        """The digits that an output's constants need."""
        from srnet.model.digits import EXACT, enough_digits
        from srnet.model.sympy_forms import symbols

        if self.network_layers is None:
            return EXACT
        x = self.network_layers.values(0)
        reference = self._model.layers(x)[-1][:, output]
        explained = self.layers[-1].r2 if self.robust_r2 is None else self.robust_r2
        unexplained = min(1 - (explained or 0.0), 1.0)
        share = max(_RISE * unexplained, _NOISE)
        return enough_digits(expression, symbols(self._input_names), x, reference, share)

    def expression(self, output: int = 0) -> str:
        """One output of the network as text that sympy reads, constants exact, as short as sympy's
        own rules make it."""
        from srnet.model.sympy_forms import MAX_OPERATIONS, by_cases, text

        self._check_output(output)
        if network_operations(self._model) > MAX_OPERATIONS:
            return self._model.network_expressions(self._input_names)[output]
        return text(by_cases(self.sympy(output)))

    def _check_output(self, output: int) -> int:
        return Integer(0, self.outputs - 1).check("output", output)

    def simplified(self, time_limit: float = 20.0) -> "Simplified":
        """Shorter forms of all formulas, found by sympy in a child process and checked at the
        training rows."""
        from srnet.model.latex import shown_names
        from srnet.model.simplify import simplify

        if self.network_layers is None:
            raise UserError(
                "a loaded explanation has no rows to check a shorter form at; use `srnet formulas "
                "RUN.json --layers layers.npz`"
            )
        return simplify(
            self._model,
            self.network_layers.splits["train"][0],
            time_limit,
            names=self._input_names,
            digits=None,
            shown=shown_names(self.run, self._model.inputs),
        )

    def to_torch(self, trainable: bool = False) -> "SymbolicNetwork":
        """A differentiable torch module, whose constants and weights are parameters if
        ``trainable`` (see :func:`srnet.model.export.to_torch`)."""
        from srnet.model.export import to_torch

        return to_torch(self._model, trainable)

    def to_jax(self) -> "SymbolicFunction":
        """A function of JAX, with the constants and weights as parameters (see
        :func:`srnet.model.export.to_jax`)."""
        from srnet.model.export import to_jax

        return to_jax(self._model)

    def replace(self, model: Any, layer: str) -> "ReplacedLayer":
        """A copy of a torch module with the formulas in the place of a hidden layer.

        The formulas compute the layer's units from the network's inputs, and so stand for
        everything from the inputs to this layer; the rest of the network reads their units in the
        place of its own. Modules before the layer are still called, since others may read them
        past it, as in a skip connection; what nothing reads any more has no gradient. Constants,
        weights and biases of the formulas are float64 parameters, and the copy's own stay what
        they are: train all of them, or those of ``.formula`` alone.

        Parameters
        ----------
        model
            The module that was explained. It is called with its inputs as before, n × d, and stays
            as it was.
        layer
            The name of an explained hidden layer, as in :attr:`layers`.

        Raises
        ------
        UserError
            If the layer was not explained, or the model has none of this name or gives other values
            there than the network that was explained. A loaded explanation, which has no rows,
            cannot tell the latter.
        """
        from srnet.explanation.replacement import replace_layer

        hidden = self._layer_names[:-1]
        if layer not in hidden:
            raise UserError(
                f"'layer' is {layer!r}; hidden layers with formulas are {', '.join(hidden)}"
                if hidden
                else f"'layer' is {layer!r}, and the output alone is explained; name hidden layers "
                f"in srnet.explain(…, layers=[…]), or use to_torch for the whole network"
            )
        position = hidden.index(layer)
        return replace_layer(self._model, position, layer, model, self.network, self.network_layers)

    def to_numpy(self) -> str:
        """The source of a NumPy function ``network(inputs)`` (see
        :func:`srnet.model.export.to_numpy`)."""
        from srnet.model.export import to_numpy

        return to_numpy(self._model, self._input_names)

    def to_c(self) -> str:
        """The source of a C function ``network(inputs, outputs)`` (see
        :func:`srnet.model.export.to_c`)."""
        from srnet.model.export import to_c

        return to_c(self._model, self._input_names)

    def plot(self, X: Any = None, y: Any = None) -> "Figure":
        """R² of every layer, the output of the formulas over that of the network, and the
        importance of inputs and pairs, where the formulas have a value everywhere.

        Parameters
        ----------
        X, y
            Rows and the network's outputs there, as in :meth:`fidelity`; by default the rows of the
            search.
        """
        from srnet.drawing.figures.explanation import draw

        x = self._given_rows(X)
        if X is None:
            assert self.network_layers is not None
            expected = self.network_layers.values(-1)
        else:
            expected = self._network_output(x, y)
        shares: tuple[pd.DataFrame, ...] = ()
        try:
            found = self.importance(X)
            shares = found.inputs, found.pairs
        except UserError:  # and no third panel
            pass
        return draw(
            [layer.name for layer in self.layers],
            [layer.r2 for layer in self.layers],
            expected,
            self._model.predict(x),
            *shares,
        )

    def standard_errors(self) -> "pd.DataFrame":
        """The standard errors of all constants, weights and biases, by which they can be compared
        with 0 or with a known value (see
        :func:`srnet.explanation.standard_errors.compute_standard_errors`).

        Raises
        ------
        UserError
            If the explanation was loaded, or its loss is none of squares; if a layer has no more
            values than numbers, or no finite derivatives.
        """
        from srnet.explanation.standard_errors import compute_standard_errors

        loss = self.run.get("settings", {}).get("loss")
        if loss in ROBUST:
            raise UserError(
                f"standard errors are those of least squares; the loss of these formulas is {loss}"
            )
        if self.network_layers is None:
            raise UserError(
                "a loaded explanation has no rows, which tell standard errors; explain the model "
                "again"
            )
        return compute_standard_errors(
            self._model, self.network_layers, self._input_names, self._output_scales
        )

    @property
    def consensus(self) -> "Consensus | None":
        """What the searches of several seeds have in common; None where there was one."""
        from srnet.explanation.consensus import Consensus

        found = self.run.get("consensus")
        return None if found is None else Consensus.from_run(found)

    def importance(self, X: Any = None, output: int | None = None) -> "Importance":
        """How much of the output's variance every input and every pair of inputs decides, by the
        formulas: Sobol indices (see :func:`srnet.explanation.importance.compute_importance`).

        Every input varies as in the rows, but independently of the others, also where they are
        correlated. Of a classifier the probabilities are meant. Print it as a table; ``plot``
        draws it.

        Parameters
        ----------
        X
            Rows, n × d; by default those of the search.
        output
            The output, 0 …; by default all of them together, each divided by its scale where they
            have scales of their own.

        Raises
        ------
        UserError
            If the formulas have no value somewhere in the box of the inputs; if X is left out and
            the explanation was loaded; or if there is no such output.
        """
        from srnet.explanation.importance import compute_importance

        names = self._columns or self._input_names
        output = None if output is None else self._check_output(output)
        rows, scales = self._given_rows(X), self._output_scales
        return compute_importance(self._model, rows, names, output, scales)

    def explain_at(self, x: Any, output: int = 0) -> "LocalExplanation":
        """One output of the formulas near a point: its value, gradient and curvature, exact, and
        the linear formula that they make.

        Unlike LIME and its relatives nothing is sampled or fitted: these are derivatives of the
        formulas, which are as near to the network's as R² says; ``explain(…, point=x)`` fits
        formulas to the model near x. Where a protected function has a
        case of its own, as ``pdiv`` by 0, its derivative counts as 0. Of a classifier the
        probabilities are meant.

        Parameters
        ----------
        x
            The point: d numbers, a row of a DataFrame, or a table of one row.

        Raises
        ------
        UserError
            If x is not one point, or the formulas have no value or no derivative there; or if there
            is no such output.
        """
        from srnet.explanation.local import explain_point

        texts = self.run.get("input_texts", {})
        point = read_point(x, self._model.inputs, texts, self._columns, "x")
        number = self._output_numbers[self._check_output(output)]
        return explain_point(self._model, point, self._input_names, output, number)

    def _given_rows(self, X: Any) -> NDArray[Any]:
        """The rows X, or where that is None those of the search."""
        if X is not None:
            rows = self._rows(X, 1)
            check_width(rows, self._model.inputs)
            return rows
        if self.network_layers is None:
            raise UserError(
                "a loaded explanation has no rows; give X, and for a plot the network's outputs "
                "there as y"
            )
        return self.network_layers.values(0)

    def to_html(self, path: StrPath | None = None) -> str:
        """One page of HTML that needs nothing else: the formulas typeset, the Pareto front, whose
        points show their models, the layers, the plots where the explanation has rows, and how it
        was made.

        Parameters
        ----------
        path
            Where the page is written too, whole or not at all.
        """
        from srnet.explanation.page import render_page

        page = render_page(self)
        if path is not None:
            with writing(path) as file:
                file.write(page)
        return page

    def save(self, path: StrPath) -> None:
        """Write RUN.json, whole or not at all; ``srnet predict`` and ``srnet show`` read it."""
        write_json(path, self.run)

    @classmethod
    def load(cls, path: StrPath) -> "Explanation":
        """Read a RUN.json.

        Raises
        ------
        UserError
            If the file is missing or is not a run.
        """
        try:
            return cls(read_json(path))
        except UserError as error:
            raise error.in_file(path) from error

    def __str__(self) -> str:
        lines = [f"{self._model.task}: {self.quality}", *describe_point(self.run)]
        width = max(len(layer.name) for layer in self.layers)
        for i, layer in enumerate(self.layers):
            measure = self._model.loss_name if i + 1 == len(self.layers) else "MSE"
            head = f"  {layer.name:<{width}}  R² {_format(layer.r2)}"
            if layer.bound is not None and layer.bound < _CLOSE:
                head += f" (at most {layer.bound:.4f} with so many formulas)"
            head += f"  {measure} {layer.mse:.3g}"
            if len(layer.formulas) == 1:
                lines.append(f"{head}  f = {_shorten(layer.formula)}")
            else:
                lines += [head, *(f"    {line}" for line in self._formula_lines(i, layer))]
        logit = "logit of " if self._classifies() else ""
        texts = readable_expressions(self._model, self._input_names)
        lines += [
            f"{logit}{output_name(number)} = {_shorten(text)}"
            for number, text in zip(self._output_numbers, texts, strict=True)
        ]
        lines += legend(self._model, self._input_names, self._columns)
        lines += self.warnings
        if self.consensus is not None:
            lines += str(self.consensus).split("\n")
        return "\n".join(map(printable, lines))

    @property
    def quality(self) -> str:
        """Complexity, and how well the formulas give the output, in one line."""
        return f"complexity {self.complexity}, {self._quality()}"

    @property
    def warnings(self) -> list[str]:
        """What a reader must know of a poor explanation, or one of few rows, or of a start that
        cannot be chosen."""
        few = "test_r2" not in self.run and self.run.get("validation") in ("made up", "fitted")
        told = "Few rows: none is held out, and on others R² may be far lower."
        return self._poor_fit() + ([told] if few else []) + self._start_objections()

    def _formula_lines(self, number: int, layer: LayerFormula) -> list[str]:
        """A line for each formula with what it adds to R² and, in a hidden layer, the name by which
        the next layer reads it; inputs as they are share one."""
        names = set(self._model.operands(number, self._input_names))
        gains = layer.gains or (0.0,) * len(layer.formulas)
        labelled = self._model.reads == "scalars" and number + 1 < self._model.depth
        rows: list[tuple[str, float]] = []
        plain: list[tuple[str, float]] = []
        for i, (text, gain) in enumerate(zip(layer.formulas, gains, strict=False)):
            label = f"z{i} = " if labelled else ""
            (plain if text in names else rows).append((label + _shorten(text), gain))
        if plain:
            rows.append((", ".join(text for text, _ in plain), sum(gain for _, gain in plain)))
        rows.sort(key=lambda row: -row[1])
        return [f"+{gain:.4f}  {text}" if layer.gains else text for text, gain in rows]

    def _start_objections(self) -> list[str]:
        """Sentences on formulas of ``start`` that do not compete as they are."""
        found = self.run.get("start_objections", {})
        left = len(found) - _FEW
        return [
            f"Not chosen: the start {_shorten(text)}, for {reason}."
            for text, reason in [*found.items()][:_FEW]
        ] + ([f"Nor are {left} other formulas of the start."] if left > 0 else [])

    def _poor_fit(self) -> list[str]:
        """Sentences on a poor fit of the output."""
        if "valid_accuracy" in self.run:
            return self._poor_agreement()
        measure, name = self._r2_measure
        found, linear, rows = self._judged(measure, f"linear_{measure}")
        if found is None:
            return []
        if np.isinf(found):
            return [f"Poor: the formulas have no value at some of the {rows}."]
        if found < 0:
            return [
                f"Poor: {name} on the {rows} is {found:.4f}, worse than that of a constant; a "
                f"larger budget may find more."
            ]
        if linear is not None and found < linear - _WORSE:
            return [f"Poor: a linear regression has {name} {linear:.4f} on the {rows}."]
        if found < _POOR and measure != "r2":
            return [f"Poor: {name} on the {rows} is {found:.4f}; a larger budget may find more."]
        if found < _POOR:
            return [
                f"Poor: {1 - found:.0%} of the output's variance on the {rows} is not explained; a "
                f"larger budget may find more."
            ]
        if measure != "r2":  # rows far off may be in any output
            return []
        each = self._judged("output_r2", "")[0] or []
        poor = [i for i, value in enumerate(each) if value is not None and value < _POOR]
        return [
            f"Poor: R² of y{i} on the {rows} is {each[i]:.4f}, though all outputs together have "
            f"{found:.4f}; explain it alone by output=."
            for i in poor[:_FEW]
        ] + ([f"So are {len(poor) - _FEW} other outputs."] if len(poor) > _FEW else [])

    def _poor_agreement(self) -> list[str]:
        """The same of a classification."""
        agreed, linear, rows = self._judged("accuracy", "linear_accuracy")
        largest = self._judged("accuracy", "majority_share")[1]
        assert agreed is not None
        if linear is not None and agreed < linear - _WORSE:
            return [
                f"Poor: a linear logistic model has the network's class on {linear:.1%} of the "
                f"{rows}."
            ]
        if agreed < max(_POOR, largest or 0.0):
            return [
                f"Poor: on {1 - agreed:.1%} of the {rows} the class is not the network's; a larger "
                f"budget may find more."
            ]
        return []

    def doubt(self) -> str | None:
        """A sentence on formulas that explain less than half of the output; else None."""
        classifies = "valid_accuracy" in self.run
        measure, name = self._r2_measure
        if classifies:
            measure, name = "accuracy", "share of the network's class"
        found, _, rows = self._judged(measure, f"linear_{measure}")
        if found is None or found >= _HALF:
            return None
        told = (
            f"no value at some of the {rows}" if np.isinf(found) else f"{found:.2f} on the {rows}"
        )
        return (
            f"the formulas are not the network: {name} {told}; a larger budget or more nodes may "
            f"find more"
        )

    def _judged(self, measure: str, baseline: str) -> tuple[Any, Any, str]:
        """A measure of the model, the same of a baseline, and the rows of both: those that are held
        out, or where there are none the validation rows.

        Where the output is constant, no model has an R²; minus infinity is that of formulas without
        a value at one of the rows.
        """
        run, rows = self.run, self.run.get("rows", {})
        part = "test_" if f"test_{measure}" in run else "valid_"
        found = run.get(f"{part}{measure}")
        compared = run.get(f"test_{baseline}" if part == "test_" else baseline)
        if found is None and compared is not None and f"{part}{measure}" in run:
            found = -np.inf
        # rows that were given are where they are
        near = " near the point" if "point" in run and run.get("validation") != "given" else ""
        if part == "test_":
            return found, compared, f"{rows.get('test', '')} held-out rows".strip() + near
        kinds = {
            "held out": f"{rows.get('valid', '')} held-out rows".strip(),
            "made up": "made-up validation rows",
            "fitted": "rows that were fitted",
        }
        what = kinds.get(run.get("validation", ""), "validation rows")
        return found, compared, what + near

    @property
    def _r2_measure(self) -> tuple[str, str]:
        """The key of R² in RUN.json, or with a robust loss of its like, and what it is called."""
        if any(key in self.run for key in ("test_robust_r2", "valid_robust_r2")):
            return "robust_r2", "robust R²"
        return "r2", "R²"

    def _classifies(self) -> bool:
        return self._model.loss == "cross_entropy"

    def _quality(self) -> str:
        """How well the formulas give the output, for a reader."""
        if "valid_accuracy" in self.run:
            agreed, linear, rows = self._judged("accuracy", "linear_accuracy")
            largest = self._judged("accuracy", "majority_share")[1]
            return (
                f"network's class on {rows} {_format(agreed)} (linear logistic model "
                f"{_format(linear)}, largest class {_format(largest)})"
                f"{self._beside('accuracy')}"
            )
        if self._classifies():
            return f"network's class {_format(self.run.get('accuracy'))}"
        measure, name = self._r2_measure
        found, linear, rows = self._judged(measure, f"linear_{measure}")
        if found is None and ("test_r2" in self.run or "valid_r2" in self.run):
            return f"R² of the output undefined, for it is constant on the {rows}"
        if found is None or linear is None:
            return f"R² of the output {_format(self.r2)}"
        shown = "undefined" if np.isinf(found) else f"{found:.4f}"
        return (
            f"{name} of the output on {rows} {shown} (linear regression {linear:.4f})"
            f"{self._beside(measure)}"
        )

    def _beside(self, measure: str) -> str:
        """The measure on made-up validation rows, beside that on rows that are held out."""
        found = self.run.get(f"valid_{measure}")
        if f"test_{measure}" not in self.run or found is None:
            return ""
        return f", on made-up ones {found:.4f}"

    def __repr__(self) -> str:
        return printable(f"<Explanation of {self._model.task}: {self.quality}>")

    def _repr_latex_(self) -> str:
        """What a notebook shows."""
        shown = min(self.outputs, 5)
        rows = [self.equation(i).replace("=", "&=", 1) for i in range(shown)] + (
            [r"&\;\;\vdots"] if shown < self.outputs else []
        )
        return r"$\displaystyle \begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}$"


_LONGEST = 2000
# Rounding what is shown may change the output's variance by this share of what is not explained, or
# this share of all of it.
_RISE, _NOISE = 1e-3, 1e-9
# A bound above is not told; R² below the linear regression's by so much, or below the third, is
# poor.
_CLOSE, _WORSE, _POOR = 0.9995, 0.005, 0.9
# Below this the call itself says so.
_HALF = 0.5
_FEW = 3  # poor outputs, or formulas of the start, that are named
_ROUNDED = 1e-15  # a spread that is this share of the values is their rounding
# What a run may tell of its model beside the model itself and its losses.
_MEASURES = (
    *("network_expressions", "layer_r2", "layer_gains", "layer_bounds", "digits"),
    *("valid_r2", "valid_accuracy", "test_r2", "test_accuracy"),
    *("valid_output_r2", "test_output_r2", "valid_robust_r2", "test_robust_r2"),
    *("normalised", "r2", "accuracy"),
)


def _shorten(text: str) -> str:
    """The beginning of a text that is too long to read."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _fidelity(
    expected: Floats, predicted: Floats, scales: Floats | float, weights: Floats | None
) -> Fidelity:
    finite = float(np.isfinite(predicted).all(axis=1).mean())
    same_class = expected.argmax(axis=1) == predicted.argmax(axis=1)
    mse = scaled = float("inf")
    if finite == 1:
        mse, scaled = (
            mean_over_rows(np.square((predicted - expected) / units), weights)
            for units in (1.0, scales)
        )
    is_constant = bool((np.ptp(expected, axis=0) <= _ROUNDED * np.abs(expected).max()).all())
    return Fidelity(
        mse,
        None if is_constant else r_squared(scaled, expected / scales, weights),
        float(np.average(same_class, weights=weights)) if expected.shape[1] > 1 else None,
        finite,
        len(expected),
    )


def _format(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
