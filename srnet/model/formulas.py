"""The formulas of a model: sympy, text and LaTeX, simplified and checked (Luo et al. 2022, sections
3 and 4).

Everything is built from the nodes of the programs, never from the text of a result file. sympy's
own rules (x − x → 0, x / x → 1, √x² → x …) hold wherever the model is finite; at isolated points
where the model is infinite or NaN the sympy expression may be finite. ``evaluate=False`` switches
these rules off and keeps the program node by node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from srnet.cgp.primitives import by_name
from srnet.cgp.program import Program, written_out
from srnet.model.latex import (
    Piece,
    affine_latex,
    constant_latex,
    names_latex,
    node_latex,
    program_latex,
)
from srnet.model.srnet import SRNet, network_operations
from srnet.model.sympy_forms import MAX_OPERATIONS


@dataclass(frozen=True)
class Form:
    """One formula as it is shown.

    Attributes
    ----------
    raw
        The program as text, node by node.
    text, latex
        The shortest form that was found and agrees with the model; the raw form where there is
        none.
    simplified
        Whether it is shorter than the raw form.
    rel_error
        Largest relative difference of the simplified form from the model over the rows of the
        check; None for a raw form, which is the model itself.
    seconds
        Time spent on it.
    note
        Why it is not simplified, or not further; empty if there is nothing to say.
    """

    raw: str
    text: str
    latex: str
    simplified: bool = False
    rel_error: float | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Simplified:
    """The formulas of a model: those of every layer, in their order, and the composed one of every
    network output."""

    layers: tuple[Form, ...]
    outputs: tuple[Form, ...]


def raw_forms(
    model: SRNet,
    names: Sequence[str] | None = None,
    digits: int = 4,
    shown: Mapping[str, str] | None = None,
) -> Simplified:
    """All formulas node by node, not simplified; ``names`` are those of the network's inputs. In
    LaTeX these are ``shown``, and constants have so many digits.

    A formula that would be too long on paper is written in steps: f1 = … of the inputs, f2 = … of
    f1, and so on.
    """
    layers = []
    values = model.operands(0, names)
    pieces = names_latex(values, shown)
    long = network_operations(model) > MAX_OPERATIONS
    steps: list[Step] = []
    for i, (programs, weights, biases) in enumerate(model):
        inputs = model.operands(i, names)
        given = shown if i == 0 else None
        scalars: list[str] = []
        scalar_pieces = []
        for j, program in enumerate(programs, start=1):
            name = f"f{i + 1}" if len(programs) == 1 else f"f{i + 1}_{j}"
            layers.append(_form(_steps(program, inputs, names_latex(inputs, given), name, digits)))
            if long:
                steps += _steps(program, values, pieces, name, digits)
                last = steps[-1][0]
                scalars.append(last)
                scalar_pieces += names_latex([last])
            else:
                scalar_pieces.append(program_latex(program, pieces, digits))
        if model.reads == "scalars" and i + 1 < model.depth:
            values, pieces = scalars, scalar_pieces
            continue
        if long:
            values = [
                f"({' + '.join(f'{w!r} * {z}' for w, z in zip(row, scalars, strict=True))} + {b!r})"
                for row, b in zip(weights.T.tolist(), biases.tolist(), strict=True)
            ]
        pieces = affine_latex(weights, scalar_pieces, biases, digits)
    texts = values if long else model.network_expressions(names)
    outputs = [
        _form([*steps, (f"y{j}", raw, piece[0])])
        for j, (raw, piece) in enumerate(zip(texts, pieces, strict=True))
    ]
    return Simplified(tuple(layers), tuple(outputs))


Step = tuple[str, str, str]  # name, text, LaTeX


def _steps(
    program: Program, names: Sequence[str], pieces: Sequence[Piece], name: str, digits: int
) -> list[Step]:
    """A formula as one step, or as one per node where it is too long."""
    if written_out(program, [0] * program.inputs) <= MAX_OPERATIONS:
        return [(name, program.render(names), program_latex(program, pieces, digits)[0])]
    steps: list[Step] = []

    def apply(primitive: str, *operands: tuple[str, Piece]) -> tuple[str, Piece]:
        step = f"{name}_{len(steps) + 1}"
        shown = by_name(primitive).text.format(*(operand for operand, _ in operands))
        steps.append((step, shown, node_latex(primitive, *(piece for _, piece in operands))[0]))
        return step, names_latex([step])[0]

    program.fold(
        list(zip(names, pieces, strict=True)),
        lambda value: (repr(value), constant_latex(value, digits)),
        apply,
    )
    return steps


def _form(steps: Sequence[Step]) -> Form:
    if len(steps) == 1:
        _, raw, shown = steps[0]
        return Form(raw, raw, shown)
    raw = "; ".join(f"{name} = {text}" for name, text, _ in steps)
    lines = r" \\ ".join(f"{names_latex([name])[0][0]} &= {shown}" for name, _, shown in steps)
    note = f"not simplified: more than {MAX_OPERATIONS} operations if written out"
    return Form(raw, raw, rf"\begin{{aligned}} {lines} \end{{aligned}}", note=note)
