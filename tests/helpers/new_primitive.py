"""One formula with the primitive ``sinh`` through all that evaluates or writes formulas.

A program of its own, run on a copy of the package that has ``sinh`` (see
tests/cgp/test_new_primitive.py); its argument is the folder of that copy.
"""

import sys

import numpy as np
import sympy
import torch
from helpers import c_text
from numba import float64

import srnet
from srnet.cgp.derivatives import sweep
from srnet.cgp.evaluation import evaluate_block
from srnet.cgp.function_table import load
from srnet.cgp.genome import Grid
from srnet.cgp.primitives import OPCODES, by_name
from srnet.cgp.program import Program, written_out
from srnet.model.export import to_c, to_numpy, to_torch
from srnet.model.formulas import raw_forms
from srnet.model.names import symbol_names
from srnet.model.srnet import SRNet
from srnet.model.sympy_forms import layer_sympy, symbols, text

# x1 · sinh(x0)²; the constant is not used
PROGRAM = Program(2, (0.5,), (("sinh", (0,)), ("square", (3,)), ("mul", (1, 4))), 5)
MODEL = SRNet(((PROGRAM,),), (np.array([[1.0]]),), (np.array([0.0]),))
NAMES = ["x0", "x1"]
STEPS = np.array(
    [(OPCODES[name], *operands, *[0] * (2 - len(operands))) for name, operands in PROGRAM.nodes],
    np.int32,
)

HARD = [0.0, -0.0, 1.0, -1.0, 1e-45, -87.0, 1e30, -1e30, np.inf, -np.inf, np.nan]
ORDINARY = np.random.default_rng(0).normal(0, 3, (50, 2))
X = np.vstack([np.array(np.meshgrid(HARD, HARD)).reshape(2, -1).T, ORDINARY])


def formula(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return x[:, 1] * np.sinh(x[:, 0]) ** 2


def by_kernel(x: np.ndarray) -> np.ndarray:
    """The values by the compiled kernel."""
    rows = len(x)
    values = np.zeros((PROGRAM.terminals + len(STEPS)) * rows, np.float32)
    values[: 2 * rows] = x.T.ravel()
    at = evaluate_block(
        STEPS, len(STEPS), PROGRAM.output, values, 2, 3, rows, 0, rows, 2 * rows, rows
    )
    return values[at : at + rows]


def slopes_by_kernel(x: np.ndarray) -> np.ndarray:
    """The derivatives by both inputs, rows × 2, by the compiled sweep."""
    values = [x[:, 0], x[:, 1], np.full(len(x), 0.5)]
    for name, operands in PROGRAM.nodes:
        values.append(by_name(name).value(np, *(values[operand] for operand in operands)))
    adjoints = np.zeros(len(values) * len(x))
    load("sinh", float64)
    wanted = np.array([True, True, *[False] * (len(values) - 2)])
    sweep(STEPS, len(STEPS), PROGRAM.output, 3, np.concatenate(values), adjoints, wanted, len(x))
    return adjoints.reshape(-1, len(x))[:2].T


def main() -> None:
    assert srnet.__file__.startswith(sys.argv[1])
    expected = formula(X)

    genes = np.array([0, 0, 0, 2, 3, 0, 1, 4, 1, 5], np.int32)
    assert Grid(2, 1, 1, 3, ("sinh", "mul", "square")).program(genes, [0.5]) == PROGRAM
    assert written_out(PROGRAM, [0, 0]) == 4
    np.testing.assert_array_equal(PROGRAM(X), expected)

    x = X.astype(np.float32)
    with np.errstate(all="ignore"):
        sines = np.sinh(x[:, 0].astype(np.float64)).astype(np.float32)
        np.testing.assert_allclose(by_kernel(x), x[:, 1] * sines**2, rtol=1e-6, atol=1e-44)

    leaves = torch.tensor(ORDINARY, requires_grad=True)
    to_torch(MODEL)(leaves).sum().backward()
    np.testing.assert_allclose(slopes_by_kernel(ORDINARY), leaves.grad, rtol=1e-12)
    np.testing.assert_allclose(to_torch(MODEL)(torch.tensor(X))[:, 0], expected, rtol=1e-13)

    for evaluate in (True, False):
        expression = layer_sympy(PROGRAM, NAMES, evaluate=evaluate)
        slope = expression.diff(symbols(NAMES)[0])
        found = [
            sympy.lambdify(symbols(NAMES), e, "numpy")(*ORDINARY.T) for e in (expression, slope)
        ]
        np.testing.assert_allclose(found[0], formula(ORDINARY), rtol=1e-12)
        np.testing.assert_allclose(found[1], leaves.grad[:, 0], rtol=1e-12)
    assert text(layer_sympy(PROGRAM, NAMES)) == "x1*sinh(x0)**2"

    assert PROGRAM.render(NAMES) == "(x1 * (sinh(x0))**2)"
    shown = raw_forms(MODEL).layers[0].latex
    assert shown == r"x_{1} \cdot \left(\sinh\left(x_{0}\right)\right)^{2}"
    assert symbol_names(["sinh"]) == ["sinh_"]

    names: dict = {}
    exec(to_numpy(MODEL), names)
    np.testing.assert_allclose(names["network"](X)[:, 0], expected, rtol=1e-15)
    found = [c_text.run(to_c(MODEL), row, 1)[0] for row in X.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


if __name__ == "__main__":
    main()
