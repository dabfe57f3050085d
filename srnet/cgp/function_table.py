"""Primitives that compiled searches call: those beside the first ``INLINED``, and a user's own.

A kernel with every primitive in it would take longer to compile for everybody, and own functions
are not known when it is. These primitives are therefore compiled one by one when a search first has
them, each with its loop over the rows of a block, and a kernel finds their addresses in a table. It
knows the table by a symbol that the linker resolves, so that its machine code can be kept.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import float32, float64, int64, types, uint64
from numba.core.errors import NumbaError
from numba.extending import intrinsic

from srnet.cgp import double_math
from srnet.cgp.compiling import compile_callback, njit
from srnet.cgp.primitives import ARITIES, INLINED, MAX_ARITY, OPCODES, by_name, is_own
from srnet.errors import UserError

_SYMBOL = "srnet_called_primitives"
# A part of the table for each type of numbers: values by opcode, and then derivatives by
# MAX_ARITY · opcode + operand.
_TYPES = (float32, float64)
_DERIVATIVES = len(ARITIES)
_PART = (1 + MAX_ARITY) * len(ARITIES)
_table = (ctypes.c_void_p * (len(_TYPES) * _PART))()
llvmlite.binding.add_symbol(_SYMBOL, ctypes.addressof(_table))
# What a function may use of m.
FUNCTIONS = ("sqrt", "log", "exp", "sin", "cos", "tan", "tanh", "minimum", "maximum", "where")
_compiled: dict[int, Any] = {}  # by place; what is in the table must stay in memory


def _emit(context: Any, builder: Any, signature: Any, args: Any, arrays: int, first: int) -> Any:
    """Call what the table holds for a case, with the addresses of the arrays' values."""
    case, rows, *others = args
    types_of = signature.args[2:]
    assert all(array.layout == "C" for array in types_of[:arrays])
    data = [
        context.make_array(array)(context, builder, value).data
        for array, value in zip(types_of[:arrays], others[:arrays], strict=True)
    ]
    long, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
    table = builder.module.globals.get(_SYMBOL)
    if table is None:
        table = ir.GlobalVariable(builder.module, ir.ArrayType(pointer, len(_table)), _SYMBOL)
        table.linkage = "external"
    part = _TYPES.index(types_of[0].dtype) * _PART + first
    place = builder.add(case, ir.Constant(long, part))
    address = builder.load(builder.gep(table, [ir.Constant(long, 0), place]))
    arguments = [rows, *data, *others[arrays:]]
    function = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(builder.bitcast(address, function.as_pointer()), arguments)
    return context.get_dummy_value()


@intrinsic
def call_value(typingctx: Any, case: Any, rows: Any, values: Any, a: Any, b: Any, out: Any) -> Any:
    """Values of the primitive with the opcode ``case``, as ``apply_primitive`` computes them."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _emit(context, builder, signature, args, 1, 0)

    return types.void(int64, int64, values, uint64, uint64, uint64), codegen


@intrinsic
def call_derivative(
    typingctx: Any,
    case: Any,
    rows: Any,
    values: Any,
    adjoints: Any,
    to: Any,
    a: Any,
    b: Any,
    out: Any,
) -> Any:
    """Derivatives by the operand of a primitive that ``case`` tells, as the sweep adds them."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _emit(context, builder, signature, args, 2, _DERIVATIVES)

    numbers = (uint64,) * 4
    return types.void(int64, int64, values, adjoints, *numbers), codegen


class CentralDifference:
    """The derivative of a value by an operand where none is given: a difference quotient."""

    def __init__(self, value: Callable[..., Any], operand: int) -> None:
        self.value, self.operand = value, operand

    def __call__(self, m: Any, g: Any, *values: Any) -> Any:
        operands = list(values[:-1])
        at = operands[self.operand]
        step = 1e-6 * (1 + abs(at))
        ends = []
        for end in (at + step, at - step):
            operands[self.operand] = end
            ends.append(self.value(m, *operands))
        return g * (ends[0] - ends[1]) / (2 * step)


_HEAD = "def {name}(rows, values, a, b, out):\n    for i in range(uint64(rows)):\n"
_BACK = "def {name}(rows, values, adjoints, to, a, b, out):\n    for i in range(uint64(rows)):\n"
_OPERANDS = ("float64(values[a + i])", "float64(values[b + i])")


def load(name: str, kind: Any = float32) -> None:
    """Let compiled code evaluate a primitive, and its derivatives, for a type of numbers.

    Raises
    ------
    UserError
        If it is an own function that cannot be compiled.
    """
    primitive, opcode = by_name(name), OPCODES[name]
    part = _TYPES.index(kind) * _PART
    if not is_external(name) or _table[part + opcode]:
        return
    operands = _OPERANDS[: primitive.arity]
    pointer, number = types.CPointer(kind), uint64
    for operand, derivative in enumerate(primitive.derivatives):
        place = part + _DERIVATIVES + MAX_ARITY * opcode + operand
        signature = types.void(int64, pointer, pointer, *(number,) * 4)
        if isinstance(derivative, CentralDifference):
            at = operands[operand]
            step = f"        step = 1e-6 * (1.0 + abs({at}))\n"
            ends = []
            for sign in "+-":
                moved = list(operands)
                moved[operand] = f"{at} {sign} step"
                ends.append(f"f(m, {', '.join(moved)})")
            slope = f"float64(adjoints[out + i]) * ({ends[0]} - {ends[1]}) / (2.0 * step)"
            source, function = _BACK + step, derivative.value
        else:
            given = ["adjoints[out + i]", "values[out + i]"]
            gradient, value = (f"float64({each})" for each in given)
            slope = f"f(m, {', '.join([gradient, *operands, value])})"
            source, function = _BACK, derivative
        source += f"        adjoints[to + i] += kind({slope})\n"
        _compile(name, f"derivative{operand}", source, function, kind, signature, place)
    source = f"{_HEAD}        values[out + i] = kind(f(m, {', '.join(operands)}))\n"
    signature = types.void(int64, pointer, *(number,) * 3)
    _compile(name, "value", source, primitive.value, kind, signature, part + opcode)


def unload(name: str) -> None:
    """Let a function that is to be another be compiled again."""
    for part in range(0, len(_table), _PART):
        _table[part + OPCODES[name]] = None


def callback(name: str) -> Any:
    """The compiled values of a primitive in float32, as ctypes calls them."""
    load(name)
    return _compiled[OPCODES[name]].ctypes


def is_external(name: str) -> bool:
    """Whether compiled code calls a primitive."""
    return OPCODES[name] >= INLINED


def _compile(
    name: str,
    what: str,
    source: str,
    function: Callable[..., Any],
    kind: Any,
    signature: Any,
    place: int,
) -> None:
    """Compile a loop over rows and enter its address in the table. Its name is its own: by it the
    cache finds it."""
    own_name = f"{what}_{name}_{kind}"
    names: dict[str, Any] = {
        "__name__": __name__,
        "f": njit(cache=False, inline="always")(function),
        "m": double_math,
        "kind": kind,
        "uint64": uint64,
        "float64": float64,
    }
    exec(compile(source.format(name=own_name), __file__, "exec"), names)
    try:
        compiled = compile_callback(names[own_name], signature, cache=not is_own(name))
    except NumbaError as error:
        raise UserError(
            f"the function '{name}' cannot be compiled ({_last_line(error)}); it may use +, -, *, "
            f"/, **, abs, comparisons, and of m {', '.join(FUNCTIONS)}"
        ) from error
    _compiled[place] = compiled
    _table[place] = compiled.address


def _last_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
