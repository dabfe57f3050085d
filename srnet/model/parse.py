"""Formulas read from text, without executing it."""

import ast
from collections.abc import Sequence

from srnet.cgp.primitives import OPCODES, by_name
from srnet.cgp.program import Program
from srnet.errors import UserError

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
}
# Names that are not a primitive's own, as sympy and NumPy have them.
_OTHERS = {"log": "ln", "Abs": "abs", "Min": "min", "Max": "max"}

_SHOWN = 80  # characters of a formula that is refused

# An input's number, a constant, or a primitive and its operands.
_Tree = int | float | tuple[str, tuple["_Tree", ...]]


def parse_formula(text: str, names: Sequence[str]) -> Program:
    """A formula of the inputs called ``names``, as ``"2.5*sin(x0)/x1 + 1"``: numbers, names, +, -,
    ``*``, /, ``**``, brackets, and primitives by their names.

    Raises
    ------
    UserError
        If the text is something else, or reads no input.
    """
    try:
        tree = _read(ast.parse(text.strip(), mode="eval").body, list(names))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"the formula {text[:_SHOWN]!r} cannot be read ({error})") from error
    except _UnreadableError as error:
        raise UserError(
            f"the formula {text[:_SHOWN]!r} has {error}; numbers, the inputs {', '.join(names)}, "
            f"+, -, *, /, **, brackets and functions by their names are allowed"
        ) from None
    constants: list[float] = []
    _constants(tree, constants)
    nodes: list[tuple[str, tuple[int, ...]]] = []
    left = iter(range(len(names), len(names) + len(constants)))

    def place(each: _Tree) -> int:
        if isinstance(each, int):
            return each
        if isinstance(each, float):
            return next(left)
        operands = tuple(map(place, each[1]))
        nodes.append((each[0], operands))
        return len(names) + len(constants) + len(nodes) - 1

    output = place(tree)
    program = Program(len(names), tuple(constants), tuple(nodes), output)
    if not program.used_inputs():
        raise UserError(f"the formula {text!r} reads none of the inputs {', '.join(names)}")
    return program


class _UnreadableError(Exception):
    """What in a text is no part of a formula."""


def _constants(tree: _Tree, found: list[float]) -> None:
    """The constants in the order in which they are placed."""
    if isinstance(tree, float):
        found.append(tree)
    elif isinstance(tree, tuple):
        for each in tree[1]:
            _constants(each, found)


def _read(node: ast.expr, names: list[str]) -> _Tree:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.Name(id=name) if name in names:
            return names.index(name)
        case ast.UnaryOp(ast.USub(), operand):
            tree = _read(operand, names)
            return -tree if isinstance(tree, float) else ("mul", (-1.0, tree))
        case ast.UnaryOp(ast.UAdd(), operand):
            return _read(operand, names)
        case ast.BinOp(base, ast.Pow(), ast.Constant(value=2)):
            return "square", (_read(base, names),)
        case ast.BinOp(first, operator, second) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)], (_read(first, names), _read(second, names))
        case ast.Call(ast.Name(id=name), arguments, keywords=[]):
            name = _OTHERS.get(name, name)
            if name in OPCODES and by_name(name).arity == len(arguments):
                return name, tuple(_read(each, names) for each in arguments)
    raise _UnreadableError(f"'{ast.unparse(node)}'")
