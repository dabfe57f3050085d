"""Evaluate the text of a formula without executing it: Python's own parser, and a walk over
numbers, names and operators."""

import ast
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS: dict[str, Any] = {
    "sqrt": np.sqrt,
    "ln": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda a: np.exp(np.minimum(a, 0)) / (1 + np.exp(-np.abs(a))),
    "abs": np.abs,
    "Min": np.minimum,
    "Max": np.maximum,
    "psqrt": lambda a: np.sqrt(np.abs(a)),
    "pln": lambda a: np.where(a == 0, 0.0, np.log(np.abs(a))),
    "pdiv": lambda a, b: np.where(b == 0, 1.0, np.divide(a, b)),
}


def evaluate(text: str, names: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The value of a formula, float64."""
    rows = next(iter(names.values())).shape[0]
    with np.errstate(all="ignore"):
        return np.broadcast_to(
            np.asarray(_value(ast.parse(text, mode="eval").body, names), dtype=np.float64), (rows,)
        )


def _value(node: ast.expr, names: Mapping[str, NDArray[np.float64]]) -> Any:
    match node:
        case ast.Constant(value=float() | int() as value):
            return np.float64(value)
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left, op, right):
            return OPERATORS[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, names)
        case ast.Call(ast.Name(id=name), args, keywords=[]):
            return FUNCTIONS[name](*(_value(arg, names) for arg in args))
    raise ValueError(f"a formula holds {ast.dump(node)}")


def inputs(x: NDArray[Any], letter: str = "x") -> dict[str, NDArray[np.float64]]:
    """x0, x1, … as a formula names the columns of x."""
    return {f"{letter}{i}": column for i, column in enumerate(np.asarray(x, dtype=np.float64).T)}
