"""Constants of a formula folded: what its layer's weights and bias can say goes, and what remains
stands where it must.

An affine value α·v + β moves up through the nodes as far as their identities allow: through sums,
products and quotients, squares, square roots, logarithms, powers and absolute values. A layer
multiplies and shifts its formulas, so that what arrives at the top is dropped. Every constant that
is left changes the formula's shape: a fit of the constants has no flat directions, and the formula
is as short as these identities make it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from srnet.cgp.primitives import by_name
from srnet.cgp.program import Program

_Key = tuple[str, tuple[int, ...]]

# e to more than this leaves exp for no weight: weights would be beyond float32, then float64.
_LARGEST_SHIFT = 80.0


class _Affine(NamedTuple):
    """slope · value + shift, the value that of an address; of none the shift alone, a constant."""

    slope: float
    shift: float
    address: int | None


def fold_constants(
    program: Program, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> Program | None:
    """A formula that is an affine function of the given one, with its constants folded.

    Parameters
    ----------
    mean, std
        Of the inputs, where the given formula reads (x − mean) / std and the new one reads x.

    Returns
    -------
    The formula, no longer than the given one after its scaling; None where it is constant or a
    number in it is not finite.
    """
    folded = fold_sum([program], [1.0], mean, std)
    if folded is None:
        return None
    if mean is not None and std is not None:  # several nodes may share a scaled input
        program = (fold_constants(program) or program).after_scaling(mean, std)
    return min(folded, program, key=lambda each: each.complexity)


def fold_sum(
    programs: Sequence[Program],
    weights: Sequence[float],
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Program | None:
    """:func:`fold_constants` of the weighted sum of formulas of the same inputs."""
    builder = _Builder(programs[0].inputs)
    inputs = [
        _Affine(1.0, 0.0, i)
        if mean is None or std is None
        else _Affine(1 / std[i], -mean[i] / std[i], i)
        for i in range(builder.inputs)
    ]
    total = _Affine(0.0, 0.0, None)
    with np.errstate(all="ignore"):
        for program, weight in zip(programs, weights, strict=True):
            values = [*inputs, *(_Affine(0.0, constant, None) for constant in program.constants)]
            for name, operands in program.nodes:
                value = builder.apply(name, *(values[operand] for operand in operands))
                if not (math.isfinite(value.slope) and math.isfinite(value.shift)):
                    return None
                if value.slope == 0.0 and value.address is not None:  # it was too small
                    return None
                values.append(value)
            total = _add(builder, total, _scaled(values[program.output], weight))
    if total.address is None or not (math.isfinite(total.slope) and math.isfinite(total.shift)):
        return None
    return builder.build(total.address)


@dataclass
class _Builder:
    """The nodes of the new formula, each made once. Addresses below ``inputs`` are inputs; the
    others count constants and nodes in the order in which they were made."""

    inputs: int
    made: list[float | _Key] = field(default_factory=list)
    places: dict[_Key, int] = field(default_factory=dict)
    shown: dict[_Affine, int] = field(default_factory=dict)

    def apply(self, name: str, *operands: _Affine) -> _Affine:
        if all(operand.address is None for operand in operands):
            value = by_name(name).value(np, *(np.float64(operand.shift) for operand in operands))
            return _Affine(0.0, float(value), None)
        rule = _RULES.get(name)
        if rule is not None:
            return rule(self, *operands)
        return self.node(name, *(self.address(operand) for operand in operands))

    def node(self, name: str, *operands: int) -> _Affine:
        key = (name, operands)
        if key not in self.places:
            self.places[key] = self.inputs + len(self.made)
            self.made.append(key)
        return _Affine(1.0, 0.0, self.places[key])

    def constant(self, value: float) -> int:
        self.made.append(value)
        return self.inputs + len(self.made) - 1

    def address(self, value: _Affine) -> int:
        """Where the affine value stands, at most two nodes further."""
        if value in self.shown:
            return self.shown[value]
        slope, shift, address = value
        below = self.below(address)
        if address is None:
            place = self.constant(shift)
        elif below is not None and slope != 1.0:
            place = self.address(
                _Affine(1.0, shift, self._place("div", self.constant(slope), below))
            )
        elif slope == -1.0 and shift:
            place = self._place("sub", self.constant(shift), address)
        else:
            place = address
            if slope != 1.0:
                place = self._place("mul", place, self.constant(slope))
            if shift:
                place = self._place("add", place, self.constant(shift))
        self.shown[value] = place
        return place

    def factor_cost(self, value: _Affine) -> tuple[bool, bool]:
        """Whether another factor costs the value a node, and whether it has none yet."""
        return self.below(value.address) is None, value.slope == 1.0

    def below(self, address: int | None) -> int | None:
        """Of 1 / v the address of v: a factor costs it no node."""
        if address is None or address < self.inputs:
            return None
        made = self.made[address - self.inputs]
        if not isinstance(made, tuple) or made[0] != "div" or made[1][0] < self.inputs:
            return None
        return made[1][1] if self.made[made[1][0] - self.inputs] == 1.0 else None

    def _place(self, name: str, *operands: int) -> int:
        address = self.node(name, *operands).address
        assert address is not None
        return address

    def build(self, output: int) -> Program:
        """The formula of an address: what it reads, constants first."""
        needed, stack = set(), [output]
        while stack:
            address = stack.pop()
            if address not in needed:
                needed.add(address)
                made = self.made[address - self.inputs] if address >= self.inputs else 0.0
                stack += made[1] if isinstance(made, tuple) else ()
        order = sorted(address for address in needed if address >= self.inputs)
        entries = [(address, self.made[address - self.inputs]) for address in order]
        constants = [(address, made) for address, made in entries if isinstance(made, float)]
        nodes = [(address, made) for address, made in entries if isinstance(made, tuple)]
        places = {address: address for address in needed if address < self.inputs}
        for place, (address, _) in enumerate([*constants, *nodes], start=self.inputs):
            places[address] = place
        return Program(
            self.inputs,
            tuple(value for _, value in constants),
            tuple((name, tuple(places[o] for o in operands)) for _, (name, operands) in nodes),
            places[output],
        )


def _monic(value: _Affine) -> _Affine:
    """The value over its slope."""
    return _Affine(1.0, value.shift / value.slope, value.address)


def _add(builder: _Builder, a: _Affine, b: _Affine) -> _Affine:
    if a.address is None or b.address is None or a.address == b.address:
        slope = a.slope + b.slope
        address = a.address if b.address is None else b.address
        return _Affine(slope, a.shift + b.shift, address if slope else None)
    if builder.factor_cost(b) > builder.factor_cost(a):
        return _add(builder, b, a)
    # the operand that has no factor of its own keeps none
    ratio = b.slope / a.slope
    if abs(ratio) == 1.0:
        total = builder.node("add" if ratio > 0 else "sub", a.address, b.address)
    else:
        total = builder.node("add", a.address, builder.address(_Affine(ratio, 0.0, b.address)))
    return _Affine(a.slope, a.shift + b.shift, total.address)


def _sub(builder: _Builder, a: _Affine, b: _Affine) -> _Affine:
    return _add(builder, a, _Affine(-b.slope, -b.shift, b.address))


def _scaled(value: _Affine, factor: float) -> _Affine:
    slope = value.slope * factor
    return _Affine(slope, value.shift * factor, value.address if slope else None)


def _mul(builder: _Builder, a: _Affine, b: _Affine) -> _Affine:
    if a.address is None:
        return _scaled(b, a.shift)
    if b.address is None:
        return _scaled(a, b.shift)
    first, second = _monic(a), _monic(b)
    if first == second:
        product = builder.node("square", builder.address(first))
    else:
        product = builder.node("mul", builder.address(first), builder.address(second))
    return _Affine(a.slope * b.slope, 0.0, product.address)


def _div(builder: _Builder, a: _Affine, b: _Affine) -> _Affine:
    if b.address is None:
        return _scaled(a, 1 / b.shift) if b.shift else _Affine(math.inf, 0.0, None)
    below = builder.address(_monic(b))
    if a.address is None:
        if not a.shift:
            return _Affine(0.0, 0.0, None)
        quotient = builder.node("div", builder.constant(1.0), below)
        return _Affine(a.shift / b.slope, 0.0, quotient.address)
    if a.address == b.address:  # (α v + β) / (γ v + δ) = α/γ + (β − αδ/γ) / (γ v + δ)
        rest = _div(builder, _Affine(0.0, a.shift - a.slope * b.shift / b.slope, None), b)
        return _Affine(rest.slope, rest.shift + a.slope / b.slope, rest.address)
    quotient = builder.node("div", builder.address(_monic(a)), below)
    return _Affine(a.slope / b.slope, 0.0, quotient.address)


def _square(builder: _Builder, a: _Affine) -> _Affine:
    square = builder.node("square", builder.address(_monic(a)))
    return _Affine(a.slope * a.slope, 0.0, square.address)


def _unsigned(a: _Affine) -> _Affine:
    """The value over the size of its slope."""
    size = abs(a.slope)
    return _Affine(a.slope / size, a.shift / size, a.address)


def _root(name: str) -> Callable[..., _Affine]:
    def rule(builder: _Builder, a: _Affine) -> _Affine:
        inner = _monic(a) if name == "psqrt" else _unsigned(a)
        root = builder.node(name, builder.address(inner))
        return _Affine(math.sqrt(abs(a.slope)), 0.0, root.address)

    return rule


def _ln(builder: _Builder, a: _Affine) -> _Affine:
    logarithm = builder.node("ln", builder.address(_unsigned(a)))
    return _Affine(1.0, math.log(abs(a.slope)), logarithm.address)


def _exp(builder: _Builder, a: _Affine) -> _Affine:
    if abs(a.shift) > _LARGEST_SHIFT:
        return builder.node("exp", builder.address(a))
    power = builder.node("exp", builder.address(_Affine(a.slope, 0.0, a.address)))
    return _Affine(float(np.exp(a.shift)), 0.0, power.address)


def _abs(builder: _Builder, a: _Affine) -> _Affine:
    size = builder.node("abs", builder.address(_monic(a)))
    return _Affine(abs(a.slope), 0.0, size.address)


def _pow(builder: _Builder, a: _Affine, b: _Affine) -> _Affine:
    if a.address is None or b.address is not None:
        return builder.node("pow", builder.address(a), builder.address(b))
    power = builder.node("pow", builder.address(_unsigned(a)), builder.address(b))
    return _Affine(float(np.power(np.float64(abs(a.slope)), b.shift)), 0.0, power.address)


# Of the guarded primitives the identities would fail at the guarded point: they have none.
_RULES: dict[str, Callable[..., _Affine]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "square": _square,
    "sqrt": _root("sqrt"),
    "psqrt": _root("psqrt"),
    "ln": _ln,
    "exp": _exp,
    "abs": _abs,
    "pow": _pow,
}
