"""The active graph of one chromosome: a formula as data, evaluated by NumPy in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srnet.cgp.primitives import by_name
from srnet.errors import UserError
from srnet.typing import Floats
from srnet.validation import Integer, Number

# What a file may hold: not more inputs than any network has that can be explained.
_INPUTS, _ADDRESSES, _CONSTANTS = Integer(1, 10**6), Integer(0), Number()
# Operations are counted up to here: shared sub-expressions make numbers that fill pages.
_COUNTED = 2**62


@dataclass(frozen=True)
class Program:
    """A scalar formula of ``inputs`` values.

    Attributes
    ----------
    inputs
        Number of values of the previous layer, k.
    constants
        The chromosome's constants.
    nodes
        (primitive name, operand addresses) of the active nodes, operands before their users.
        Addresses: inputs 0 … k-1, then the constants, then the nodes.
    output
        The address of the formula's value.

    Raises
    ------
    UserError
        If a primitive is unknown, an arity wrong, or an address is out of range.
    """

    inputs: int
    constants: tuple[float, ...]
    nodes: tuple[tuple[str, tuple[int, ...]], ...]
    output: int

    def __post_init__(self) -> None:
        terminals = self.terminals
        for i, (name, operands) in enumerate(self.nodes):
            arity = by_name(name).arity
            if len(operands) != arity or not all(
                0 <= operand < terminals + i for operand in operands
            ):
                raise UserError(
                    f"node {i} ({name}) has the operands {list(operands)}; {arity} address(es) "
                    f"below {terminals + i} are needed"
                )
        if not 0 <= self.output < terminals + len(self.nodes):
            raise UserError(
                f"the output address is {self.output}; it must be below "
                f"{terminals + len(self.nodes)}"
            )

    @property
    def terminals(self) -> int:
        """Inputs and constants."""
        return self.inputs + len(self.constants)

    @property
    def complexity(self) -> int:
        """Number of active function nodes."""
        return len(self.nodes)

    def __call__(self, x: Floats) -> Floats:
        """The formula's value for every row of ``x`` (n × k); NaN or infinite where IEEE says
        so."""
        return self._values(x)[self.output]

    def _values(self, x: Floats) -> list[Floats]:
        """The values of all addresses, n each."""
        x = np.asarray(x)
        values: list[Any] = [x[:, i] for i in range(self.inputs)]
        values += [np.full(x.shape[0], constant, dtype=x.dtype) for constant in self.constants]
        with np.errstate(all="ignore"):
            for name, operands in self.nodes:
                value = by_name(name).value(np, *(values[operand] for operand in operands))
                values.append(np.asarray(value))
        return values

    def gradient(self, x: Floats) -> tuple[Floats, Floats]:
        """The formula's value for every row of ``x`` (n × k), and its derivatives by the constants,
        n × constants: one sweep from the output back."""
        values = self._values(x)
        adjoints: list[Any] = [0.0] * len(values)
        adjoints[self.output] = np.ones_like(values[self.output])
        with np.errstate(all="ignore"):
            for node, (name, operands) in reversed(list(enumerate(self.nodes, self.terminals))):
                arguments = [values[operand] for operand in operands]
                for operand, derivative in zip(operands, by_name(name).derivatives, strict=True):
                    if operand >= self.inputs:
                        adjoints[operand] = adjoints[operand] + derivative(
                            np, adjoints[node], *arguments, values[node]
                        )
        slopes = np.zeros((len(values[self.output]), len(self.constants)))
        for i in range(len(self.constants)):
            slopes[:, i] = adjoints[self.inputs + i]
        return values[self.output], slopes

    def render(self, names: Sequence[str]) -> str:
        """The formula as text, the inputs being called ``names``."""
        return str(
            self.fold(
                list(names),
                lambda value: repr(float(value)),
                lambda name, *args: by_name(name).text.format(*args),
            )
        )

    def fold(self, names: Sequence[Any], constant: Any, apply: Any) -> Any:
        """Build another rendering: ``constant(value)`` for a constant, ``apply(primitive name,
        *operands)`` for a node."""
        values: list[Any] = [*names, *(constant(value) for value in self.constants)]
        for name, operands in self.nodes:
            values.append(apply(name, *(values[operand] for operand in operands)))
        return values[self.output]

    def after_scaling(self, mean: Sequence[float], std: Sequence[float]) -> "Program":
        """The same formula of inputs that are not yet scaled: (x - mean) / std becomes part of
        it."""
        used = self.used_inputs()
        constants = (
            *self.constants,
            *(float(mean[i]) for i in used),
            *(float(std[i]) for i in used),
        )
        terminals = self.inputs + len(constants)
        nodes: list[tuple[str, tuple[int, ...]]] = []
        address = {i: i for i in range(self.terminals)}
        for j, i in enumerate(used):
            nodes.append(("sub", (i, self.terminals + j)))
            nodes.append(("div", (terminals + 2 * j, self.terminals + len(used) + j)))
            address[i] = terminals + 2 * j + 1
        for j, (name, operands) in enumerate(self.nodes):
            nodes.append((name, tuple(address[operand] for operand in operands)))
            address[self.terminals + j] = terminals + len(nodes) - 1
        return Program(self.inputs, constants, tuple(nodes), address[self.output])

    def used_inputs(self) -> list[int]:
        """The inputs that the formula reads."""
        addresses = (
            {self.output}.union(*(operands for _, operands in self.nodes))
            if self.nodes
            else {self.output}
        )
        return sorted(address for address in addresses if address < self.inputs)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return {
            "inputs": self.inputs,
            "constants": list(self.constants),
            "nodes": [[name, list(operands)] for name, operands in self.nodes],
            "output": self.output,
        }

    @classmethod
    def from_json(cls, content: Any) -> "Program":
        """The inverse of ``to_json``.

        Raises
        ------
        UserError
            If the content is not of that form.
        """
        try:
            inputs = _INPUTS.check("inputs", content["inputs"])
            output = _ADDRESSES.check("output", content["output"])
            constants = tuple(_CONSTANTS.check("constants", c) for c in content["constants"])
            nodes = tuple(
                (str(name), tuple(_ADDRESSES.check("nodes", address) for address in operands))
                for name, operands in content["nodes"]
            )
        except UserError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"a program is not {{inputs, constants, nodes, output}} ({type(error).__name__}: "
                f"{error})"
            ) from error
        first = inputs + len(constants)
        used = {output}.union(*(operands for _, operands in nodes))
        if not used.issuperset(range(first, first + len(nodes))):
            raise UserError("a program has a node that nothing reads; every node must be active")
        return cls(inputs, constants, nodes, output)


def written_out(program: Program, operands: Sequence[int]) -> int:
    """Operations of a program's formula when nothing is shared and a square is a product;
    ``operands`` are those of its inputs.

    It grows like 2^depth, and it bounds the work of sympy's rules as well as every exponent in the
    formula.
    """
    counts = [*operands, *(0 for _ in program.constants)]
    for name, addresses in program.nodes:
        counts.append(
            min(
                1 + by_name(name).copies * sum(counts[address] for address in addresses),
                _COUNTED,
            )
        )
    return counts[program.output]
