"""A model in other languages: a differentiable torch module, a JAX function, the source of a NumPy
function and of a C function.

They all return the network's output as :meth:`srnet.model.srnet.SRNet.predict` does: of a model
fitted by cross-entropy the probabilities.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from srnet.cgp.primitives import Primitive, by_name
from srnet.errors import UserError
from srnet.model.srnet import SRNet

if TYPE_CHECKING:
    from srnet.model.jax_function import SymbolicFunction
    from srnet.model.torch_module import SymbolicNetwork

# A constant in NumPy's source is a column, as in the model: of a number alone NumPy takes the root
# for the power 0.5, which differs at -inf, and Python refuses to divide by 0.
_COLUMN = "np.full(inputs.shape[0], {})"
# Macros of gcc and of math.h, which would stand in the place of an input called so; the source uses
# none of them.
_MACROS = re.compile(r"unix|linux|NAN|INFINITY|HUGE_VAL[FL]?|(M|FP|MATH)_\w+|math_errhandling")


def to_torch(model: SRNet, trainable: bool = False) -> "SymbolicNetwork":
    """The model as a torch module that maps x (n × k₀) to the network's output (n × k),
    differentiable in x.

    The constants of the formulas, the weights and the biases are float64 buffers, or parameters of
    the same type if ``trainable``; ``to`` moves and casts them. The module's ``to_model`` gives the
    formulas with the numbers that it then has. The output has the dtype and the device of x,
    whatever those of the numbers; integers are computed in the dtype of the numbers, and at least
    in float32. As in torch itself, the gradient of a square root at 0 is infinite or NaN. The
    module can be pickled, and so saved whole by ``torch.save``, and TorchScript takes it
    (``torch.jit.script``, and ``trace`` for rows of the type of those that were traced).

    Raises
    ------
    ValueError
        By the module, if x is not n × k₀.
    """
    from srnet.model.torch_module import SymbolicNetwork

    return SymbolicNetwork(model, trainable)


def to_jax(model: SRNet) -> "SymbolicFunction":
    """The model as a function of JAX, ``function(x)`` or ``function(x, parameters)``, that maps x
    (n × k₀) to the network's output (n × k). JAX can differentiate it in both, compile and
    vectorise it.

    ``function.parameters`` is a dict of the constants of the formulas, the weights and the biases.
    What is given of them, all or some, takes the place of these, and ``function.to_model`` gives
    the formulas with trained ones. All is computed in the dtype of x, integers in JAX's default
    type. JAX makes float32 of float64 unless its option ``jax_enable_x64`` is on.

    Raises
    ------
    UserError
        If JAX is not installed.
    ValueError
        By the function, if x is not n × k₀.
    """
    try:
        from srnet.model.jax_function import SymbolicFunction
    except ImportError as error:
        raise UserError(
            f"JAX is needed for this export ({error}); install it with pip install 'srnet[jax]'"
        ) from error
    return SymbolicFunction(model)


def to_numpy(model: SRNet, names: Sequence[str] | None = None) -> str:
    """The source of a Python module with the function ``network(inputs)``: n × k₀ to n × k,
    float64, NumPy alone.

    Parameters
    ----------
    names
        What the inputs are called in it, Python identifiers; by default x0, x1, ….
    """
    inputs = model.operands(0, names)
    lines = [f"{inputs[i]} = inputs[:, {i}]" for i in _read(model)[0]]
    outputs = _statements(
        model, inputs, "{} = {}", lambda primitive: primitive.python, lines, _COLUMN
    )
    body = "\n        ".join(lines)
    columns = ", ".join(f"{output} + np.zeros(inputs.shape[0])" for output in outputs)
    result = f"np.column_stack([{columns}])"
    if model.loss == "cross_entropy":
        body += f"""
        logits = {result}
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))"""
        result = "powers / powers.sum(axis=1, keepdims=True)"
    return f'''"""{_title(model)}"""

import numpy as np


def network(inputs):
    """The network's {_kind(model)} (n x {len(outputs)}) at rows of inputs (n x {len(inputs)}).

    The columns of the inputs: {", ".join(inputs)}.
    """
    inputs = np.asarray(inputs, dtype=np.float64)
    with np.errstate(all="ignore"):
        {body}
        return {result}
'''


def to_c(model: SRNet, names: Sequence[str] | None = None) -> str:
    """The source of a C function ``void network(const double *inputs, double *outputs)``: one row
    in, one row out; needs math.h alone.

    Every statement declares one variable, so that other languages of this family take it with few
    changes.

    Parameters
    ----------
    names
        What the inputs are called in it, by default x0, x1, …. One with letters beyond ASCII, which
        not every compiler reads, is called so by its number.
    """
    given = model.operands(0, names)
    inputs = _plain(given)
    lines = [f"const double {inputs[i]} = inputs[{i}];" for i in _read(model)[0]]
    outputs = _statements(
        model, inputs, "const double {} = {};", lambda primitive: primitive.c, lines
    )
    if model.loss == "cross_entropy":
        lines += [f"const double logit{i} = {output};" for i, output in enumerate(outputs)]
        lines += ["const double top0 = logit0;"]
        lines += [
            f"const double top{i} = fmax(top{i - 1}, logit{i});" for i in range(1, len(outputs))
        ]
        lines += [
            f"const double power{i} = exp(logit{i} - top{len(outputs) - 1});"
            for i in range(len(outputs))
        ]
        lines += [f"const double total = {' + '.join(f'power{i}' for i in range(len(outputs)))};"]
        outputs = [f"power{i} / total" for i in range(len(outputs))]
    lines += [f"outputs[{i}] = {output};" for i, output in enumerate(outputs)]
    body = "\n    ".join(lines)
    shown = [a if a == b else f"{a} ({b})" for a, b in zip(inputs, given, strict=True)]
    undefined = "".join(f"#undef {name}\n" for name in inputs if _MACROS.fullmatch(name))
    return f"""/* {_title(model)} */

#include <math.h>
{undefined}
/* {len(inputs)} input(s): {", ".join(shown)}; {len(outputs)} {_kind(model)}. */
void network(const double *inputs, double *outputs)
{{
    {body}
}}
"""


def _plain(names: Sequence[str]) -> list[str]:
    """Names of ASCII letters alone."""
    plain: list[str] = []
    for i, name in enumerate(names):
        short = name if name.isascii() else f"x{i}"
        while not name.isascii() and (short in names or short in plain):
            short += "_"
        plain.append(short)
    return plain


def _kind(model: SRNet) -> str:
    """What the numbers are that come out."""
    return "probabilities" if model.loss == "cross_entropy" else "outputs"


def _title(model: SRNet) -> str:
    """One line of plain text: a task's name may hold anything, and must not end a comment."""
    return (
        "The network "
        + "".join(c if c.isalnum() and c.isascii() or c in "-_. " else "_" for c in model.task)
        + " as formulas, by SRNet."
    )


def _statements(
    model: SRNet,
    inputs: Sequence[str],
    statement: str,
    template: Callable[[Primitive], str],
    lines: list[str],
    constant: str | None = None,
) -> list[str]:
    """Add one statement per node and per unit that is read to ``lines``, and with a template
    ``constant`` one per constant; the output's expressions."""
    names, read = list(inputs), _read(model)
    outputs: list[str] = []

    def assign(formula: str, value: str) -> str:
        variable = f"{formula}_{len(lines)}"
        lines.append(statement.format(variable, value))
        return variable

    def node(formula: str, primitive: str, *operands: str) -> str:
        if constant is not None:
            operands = tuple(
                each if each.isidentifier() else assign(formula, constant.format(each))
                for each in operands
            )
        return assign(formula, template(by_name(primitive)).format(*operands))

    for i, (programs, weights, biases) in enumerate(model):
        apply, is_last = partial(node, f"f{i + 1}"), i + 1 == model.depth
        if model.reads == "scalars" and not is_last:
            names = [
                program.fold(names, _literal, apply) if j in read[i + 1] else ""
                for j, program in enumerate(programs)
            ]
            continue
        scalars = [program.fold(names, _literal, apply) for program in programs]
        units = [
            f"{' + '.join(f'{_literal(w)} * {z}' for w, z in zip(row, scalars, strict=True))} + "
            f"{_literal(b)}"
            for row, b in zip(weights.T, biases, strict=True)
        ]
        if is_last:
            outputs = units
        else:
            names = [f"h{i + 1}_{j}" for j in range(len(units))]
            lines += [statement.format(names[j], units[j]) for j in read[i + 1]]
    return outputs


def _read(model: SRNet) -> list[list[int]]:
    """By layer, the inputs that its formulas read, those left out whose scalars nothing reads."""
    read: list[list[int]] = []
    for programs in reversed(model.programs):
        needed = [programs[j] for j in read[0]] if model.reads == "scalars" and read else programs
        read.insert(0, sorted({i for program in needed for i in program.used_inputs()}))
    return read


def _literal(value: float) -> str:
    """A number of float64, to the last bit, in either language."""
    return repr(float(value)) if value >= 0 else f"({float(value)!r})"
