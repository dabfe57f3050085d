"""Evaluates arithmetic formulas given as text, without executing code."""

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from srnet.errors import UserError
from srnet.typing import Floats

# The functions of a formula, beside numbers, inputs, parentheses and the operators below.
FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "ln": np.log,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "exp": np.exp,
}
CONSTANTS = {"pi": np.float64(math.pi)}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}


def evaluate(formula: str, values: Mapping[str, Any], where: str = "formula") -> Any:
    """Evaluate a formula in float64 under IEEE rules by walking its syntax tree.

    Parameters
    ----------
    formula
        Numbers, names, parentheses, ``+ - * / **`` and the functions of ``FUNCTIONS`` (``ln`` and
        ``log`` are both the natural logarithm).
    values
        Values of the inputs by name: numbers, or arrays of one shape.
    where
        Start of error messages.

    Raises
    ------
    UserError
        If the formula contains anything else or an unknown name.
    """
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
        with np.errstate(all="ignore"):
            return _value(tree, values, where)
    except SyntaxError as error:
        raise UserError(f"{where}: '{formula}' is not a formula ({error.msg})") from error
    except (RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{where}: '{formula[:60]}' cannot be read ({error or 'too deeply nested'})"
        ) from error


def _value(node: ast.expr, values: Mapping[str, Any], where: str) -> Any:
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            pass
        case ast.Constant(value=int() | float() as number):
            return _number(number, where)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.Name(id=name):
            raise UserError(
                f"{where}: '{name}' is unknown; known are the inputs {', '.join(values)} and "
                f"{', '.join(CONSTANTS)}"
            )
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, values, where), _value(right, values, where))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return np.negative(_value(operand, values, where))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, values, where)
        case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](_value(operand, values, where))
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            raise UserError(f"{where}: '{name}' takes one argument, not '{ast.unparse(node)}'")
        case ast.Call(func=ast.Name(id=name)):
            raise UserError(
                f"{where}: the function '{name}' is unknown; known are {', '.join(FUNCTIONS)}"
            )
    raise UserError(
        f"{where}: '{ast.unparse(node)[:60]}' is not allowed; a formula holds numbers, inputs, "
        f"+ - * / **, {', '.join(FUNCTIONS)}"
    )


def _number(number: int | float, where: str) -> np.float64:
    try:
        return np.float64(number)  # float64, because towers of integer powers would never end
    except OverflowError as error:
        raise UserError(
            f"{where}: the number {str(number)[:20]}… is too large; at most 1.8e308 is allowed"
        ) from error
