"""The size of a printed formula: its operators, functions, inputs and constants, as PySR counts
complexity."""

from collections.abc import Sequence

from srnet.cgp.costs import Costs
from srnet.cgp.program import Program

# A weight times something, plus a bias: the smallest formula of an output.
SMALLEST = 5


def program_size(program: Program, operands: Sequence[int], costs: Costs = ()) -> int:
    """The size of one formula of operands of these sizes, written out: what occurs twice counts
    twice. An operator or a function counts by its cost, an input or a constant 1."""
    named = dict(costs)
    sizes = [*operands, *(1 for _ in program.constants)]
    for name, addresses in program.nodes:
        sizes.append(named.get(name, 1) + sum(sizes[address] for address in addresses))
    return sizes[program.output]


def sum_size(sizes: Sequence[int], costs: Costs = ()) -> int:
    """The size of a unit that is the sum of formulas of these sizes, each with its weight, and a
    bias."""
    named = dict(costs)
    # each has a weight, a product and an addition, of which the last joins the bias
    term = 1 + named.get("mul", 1) + named.get("add", 1)
    return sum(sizes) + term * len(sizes) + 1
