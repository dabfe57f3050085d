"""The size of a printed formula is the number of its parts, whatever the number of layers."""

import ast

import pytest
from helpers import ranked

from srnet.cgp.program import Program
from srnet.model.sizes import SMALLEST, program_size, sum_size
from srnet.model.srnet import SRNet


def parts(text: str) -> int:
    """Operators, functions, names and numbers of a formula as it is printed."""
    tree = ast.parse(text, mode="eval")
    kinds = ast.BinOp, ast.Call, ast.Name, ast.Constant
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return sum(isinstance(node, kinds) and id(node) not in called for node in ast.walk(tree))


@pytest.mark.parametrize("reads", ["units", "scalars"])
@pytest.mark.parametrize("seed", range(6))
def test_the_size_is_that_of_the_text(seed: int, reads: str) -> None:
    model = ranked.model(seed, reads, (2, 3, 2), (2, 2))
    for text in model.network_expressions():
        squares = text.count("**2")  # one operation and a number, which a square is not
        assert model.size == parts(text) - squares


def test_costs_count() -> None:
    sine = Program(1, (0.5,), (("mul", (0, 1)), ("sin", (2,))), 3)
    assert program_size(sine, [1]) == 4
    assert program_size(sine, [7]) == 10
    assert program_size(sine, [1], (("mul", 2), ("sin", 3))) == 7
    assert sum_size([1]) == SMALLEST
    assert sum_size([4, 1], (("mul", 2),)) == 4 + 1 + 2 * 4 + 1


def test_what_is_shared_is_printed_twice() -> None:
    shared = Program(1, (), (("sin", (0,)), ("mul", (1, 1))), 2)
    assert program_size(shared, [1]) == 5


def test_a_model_has_the_size_of_its_output() -> None:
    ((program,),) = ranked.model(1, "scalars", (2, 1), (1,)).programs
    model = SRNet(
        ((program,),),
        ranked.model(1, "scalars", (2, 1), (1,)).weights,
        ranked.model(1, "scalars", (2, 1), (1,)).biases,
    )
    assert model.size == sum_size([program_size(program, [1, 1])])
