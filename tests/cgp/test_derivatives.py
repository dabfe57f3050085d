"""The sweep back through a graph against PyTorch's derivatives of the same graph."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import float64

from srnet.cgp.derivatives import sweep
from srnet.cgp.function_table import load
from srnet.cgp.genome import Grid, random_genes, stream
from srnet.cgp.primitives import CLASSIFICATION, PRIMITIVES, REGRESSION, by_name
from srnet.cgp.program import Program

ROWS, INPUTS, CONSTANTS = 9, 2, 2
TERMINALS = INPUTS + CONSTANTS


def by_torch(program: Program, terminals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of all nodes (nodes × rows), and the derivatives of the output by the terminals
    (terminals × rows), in float64."""
    leaves = [torch.tensor(row, requires_grad=True) for row in terminals]
    values = list(leaves)
    for name, operands in program.nodes:
        values.append(by_name(name).value(torch, *(values[at] for at in operands)))
    derivatives = torch.autograd.grad(values[program.output].sum(), leaves, allow_unused=True)
    nodes = np.array([value.detach().numpy() for value in values[TERMINALS:]]).reshape(
        -1, terminals.shape[1]
    )
    return nodes, np.array(
        [np.zeros(terminals.shape[1]) if one is None else one.numpy() for one in derivatives]
    )


def by_sweep(
    program: Program, terminals: np.ndarray, nodes: np.ndarray, wanted: list[bool]
) -> np.ndarray:
    steps = np.zeros((max(len(program.nodes), 1), 3), dtype=np.int32)
    for step, (name, operands) in zip(steps, program.nodes, strict=False):
        step[: 1 + len(operands)] = [
            [primitive.name for primitive in PRIMITIVES].index(name),
            *operands,
        ]
        load(name, float64)
    values = np.concatenate([terminals.ravel(), nodes.ravel()])
    flags = np.array([*wanted, *[False] * len(program.nodes)])
    adjoints = np.full(values.size, np.nan)
    sweep(
        steps,
        len(program.nodes),
        program.output,
        TERMINALS,
        values,
        adjoints,
        flags,
        terminals.shape[1],
    )
    return adjoints[: terminals.size].reshape(terminals.shape)


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.name)
def test_every_primitive(primitive) -> None:  # type: ignore[no-untyped-def]
    terminals = np.random.default_rng(1).uniform(-2, 2, (TERMINALS, 40))
    if primitive.name in ("sqrt", "ln", "pow"):
        terminals = np.abs(terminals)
    program = Program(
        INPUTS,
        (0.0,) * CONSTANTS,
        ((primitive.name, tuple(range(1, 1 + primitive.arity))),),
        TERMINALS,
    )
    nodes, derivatives = by_torch(program, terminals)
    found = by_sweep(program, terminals, nodes, [True] * TERMINALS)
    slopes = np.abs(derivatives[1 : 1 + primitive.arity])
    assert (slopes.min(axis=1) > 0).all() or primitive.name in ("min", "max")
    assert (slopes.max(axis=1) > 0).all()
    assert found == pytest.approx(derivatives, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("names", [REGRESSION, CLASSIFICATION], ids=["plain", "protected"])
@given(seed=st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_random_graphs(names: tuple[str, ...], seed: int) -> None:
    grid = Grid(INPUTS, CONSTANTS, 3, 4, names)
    program = grid.program(
        random_genes(grid.alleles(), np.uint64(stream(seed, 1, 2, 3))), [0.0] * CONSTANTS
    )
    terminals = np.random.default_rng(seed).uniform(0.3, 2.0, (TERMINALS, ROWS))
    nodes, derivatives = by_torch(program, terminals)
    found = by_sweep(program, terminals, nodes, [True] * TERMINALS)
    used = program.output < TERMINALS or nodes.size > 0
    fine = (
        np.isfinite(derivatives).all(axis=0)
        & np.isfinite(nodes).all(axis=0)
        & (np.abs(nodes) < 1e4).all(axis=0)
        & used
    )
    assert found[:, fine] == pytest.approx(
        derivatives[:, fine], rel=1e-4, abs=1e-4 * (1 + np.abs(derivatives[:, fine]).max(initial=0))
    )


def test_only_what_is_wanted_is_written() -> None:
    program = Program(INPUTS, (0.0,) * CONSTANTS, (("mul", (0, 2)), ("sin", (4,))), 5)
    terminals = np.random.default_rng(2).uniform(0.3, 2.0, (TERMINALS, ROWS))
    nodes, derivatives = by_torch(program, terminals)
    found = by_sweep(program, terminals, nodes, [False, False, True, False])
    assert found[2] == pytest.approx(derivatives[2], rel=1e-5)
    assert np.isnan(found[[0, 1, 3]]).all()


def test_protected_functions_have_no_slope_where_they_are_not_smooth() -> None:
    terminals = np.zeros((TERMINALS, 1))
    for name in ("pdiv", "psqrt", "pln"):
        arity = by_name(name).arity
        program = Program(INPUTS, (0.0,) * CONSTANTS, ((name, tuple(range(arity))),), TERMINALS)
        nodes = np.array([[1.0 if name == "pdiv" else 0.0]])
        assert (
            by_sweep(program, terminals, nodes, [True] * TERMINALS)[:arity].tolist()
            == [[0.0]] * arity
        )
