"""Standard errors of a formula's numbers, as nonlinear least squares has them (Seber and Wild 1989,
section 2.1): from the derivatives at the end of the fit."""

from typing import Any

import numpy as np
import pandas as pd

from srnet.errors import UserError
from srnet.model.regression import weigh
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.typing import Floats

# A direction in which squared derivatives have less than the first share is flat; a number has part
# in it with more than the second.
_FLAT, _PART = 1e-12, 1e-8


def compute_standard_errors(
    model: SRNet,
    layers: Layers,
    names: list[str] | None = None,
    output_scales: Floats | float = 1.0,
) -> pd.DataFrame:
    """Standard errors of all constants, weights and biases of a model.

    Every layer is taken as one regression of its units h ≈ z·W + b on what its formulas read, with
    the constants, W and b free, and with errors that are independent and of the same variance in
    all units. A network has no noise: the errors are what the formulas lack, and a standard error
    says how sharply the rows determine a number of this formula. It is infinite where another
    number can make good any change of it.

    Parameters
    ----------
    layers
        The network's layers; the training rows count, by their weights.
    names
        Of the model's inputs; by default x0, x1, ….
    output_scales
        By which the outputs were divided for the fit, (k,): the errors of the divided ones have the
        same variance.

    Returns
    -------
    DataFrame
        A row for each number: ``layer`` and ``formula``, from 1; ``number``, that is ``constant``,
        ``weight`` or ``bias`` (of no formula); ``unit``, from 0, of a weight or bias; ``value`` and
        ``standard_error``; and the formula's ``text``.

    Raises
    ------
    UserError
        If the loss is ``cross_entropy``, or a layer has no more values than numbers, or no finite
        derivatives.
    """
    if model.loss == "cross_entropy":
        raise UserError(
            "standard errors are those of least squares; the loss of these formulas is "
            "cross_entropy"
        )
    x, row_weights = layers.splits["train"][0].astype(np.float64), layers.row_weights("train")
    scalars, units = model.scalars(x), model.layers(x)
    texts = model.formula_texts(names)
    rows: list[dict[str, Any]] = []
    for i, (programs, weights, biases) in enumerate(model):
        scales = output_scales if i + 1 == model.depth else 1.0
        read = x if i == 0 else (scalars if model.reads == "scalars" else units)[i - 1]
        h = layers.splits["train"][i + 1].astype(np.float64)
        slopes = np.hstack([program.gradient(read)[1] for program in programs])
        owners = np.repeat(np.arange(len(programs)), [len(p.constants) for p in programs])
        columns = np.column_stack([scalars[i], np.ones(len(x))])
        free = h.size - slopes.shape[1] - columns.shape[1] * h.shape[1]
        if free < 1:
            raise UserError(
                f"layer {i + 1} has {h.size} values on the fitted rows and {h.size - free} "
                f"numbers; more values than numbers are needed"
            )
        if not (np.isfinite(slopes).all() and np.isfinite(columns).all()):
            raise UserError(f"layer {i + 1} has no finite derivatives on the fitted rows")
        variance = float(np.sum(np.square(weigh((units[i] - h) / scales, row_weights)))) / free
        slopes, columns = weigh(slopes, row_weights), weigh(columns, row_weights)
        errors = _errors(slopes, (weights / scales)[owners], columns)
        of_constants, of_weights = (np.sqrt(variance * each) for each in errors)
        of_weights = of_weights * scales
        values = [constant for program in programs for constant in program.constants]
        for j, text in enumerate(texts[i]):
            head = {"layer": i + 1, "formula": j + 1, "text": text}
            rows += [
                {**head, "number": "constant", "value": values[at], "standard_error": error}
                for at, error in enumerate(of_constants.tolist())
                if owners[at] == j
            ]
            rows += [
                {**head, "number": "weight", "unit": k, "value": w, "standard_error": error}
                for k, (w, error) in enumerate(
                    zip(weights[j].tolist(), of_weights[j].tolist(), strict=True)
                )
            ]
        rows += [
            {"layer": i + 1, "number": "bias", "unit": k, "value": b, "standard_error": error}
            for k, (b, error) in enumerate(
                zip(biases.tolist(), of_weights[-1].tolist(), strict=True)
            )
        ]
    order = ["layer", "formula", "number", "unit", "value", "standard_error", "text"]
    table = pd.DataFrame(rows, columns=order)
    return table.astype({"formula": "Int64", "unit": "Int64"})


def _errors(slopes: Floats, weights: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Variances over that of the errors: of the constants, and of the weights and biases,
    (formulas + 1) × units.

    ``slopes`` are the derivatives of the formulas by the constants, n × c; ``weights`` those of
    each constant's formula, c × units; ``columns`` the formulas' values and 1, n × (formulas + 1).
    The weights and biases of every unit have the same normal equations: they are eliminated
    (Golub and Pereyra 1973).
    """
    sizes = np.sqrt(np.einsum("ni,ni->i", columns, columns))
    own = _inverse((columns / sizes).T @ (columns / sizes)) / np.outer(sizes, sizes)
    if not slopes.shape[1]:
        return np.zeros(0), np.repeat(np.diag(own)[:, None], weights.shape[1], axis=1)
    shares = np.linalg.lstsq(columns / sizes, slopes, rcond=None)[0] / sizes[:, None]
    left = slopes - columns @ shares
    products = (left.T @ left) * (weights @ weights.T)
    scale = np.sqrt(np.maximum(np.diag(slopes.T @ slopes) * np.sum(weights**2, axis=1), 1e-300))
    with np.errstate(all="ignore"):
        covariance = _inverse(products / np.outer(scale, scale)) / np.outer(scale, scale)
    of_constants = np.diag(covariance)
    determined = np.isfinite(of_constants)
    inner = np.where(np.outer(determined, determined), covariance, 0.0)
    moved = np.einsum("ac,ck,cd,dk,ad->ak", shares, weights, inner, weights, shares, optimize=True)
    lengths = np.sqrt(np.maximum(np.einsum("ni,ni->i", slopes, slopes), 1e-300))
    depends = np.abs(shares) * sizes[:, None] / lengths > _PART
    moved[depends[:, ~determined] @ (weights[~determined] != 0)] = np.inf
    return of_constants, np.diag(own)[:, None] + moved


def _inverse(matrix: Floats) -> Floats:
    """The inverse of a matrix of products of columns of the length 1 at most; infinite in the rows
    and columns that a flat direction reaches."""
    values, vectors = np.linalg.eigh(matrix)
    flat = values <= _FLAT
    inverse = (vectors[:, ~flat] / values[~flat]) @ vectors[:, ~flat].T
    reached = (np.square(vectors[:, flat]) > _PART).any(axis=1)
    inverse[reached] = np.inf
    inverse[:, reached] = np.inf
    return np.asarray(inverse)
