"""Searches of several seeds compared: the most faithful of them, and what they have in common."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sympy

from srnet.cgp.program import written_out
from srnet.explanation.result import Explanation
from srnet.io.files import finite_or_none
from srnet.model.sympy_forms import MAX_OPERATIONS, layer_sympy

# Formulas that are told, the most frequent first.
_SHOWN = 20


def compare_runs(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """What RUN.json tells of the searches (:class:`~srnet.explanation.consensus.Consensus`)."""
    read: Counter[str] = Counter()
    found: Counter[str] = Counter()
    runs = []
    for explanation in explanations:
        model = explanation.model
        names = explanation.columns or explanation.input_names
        used = {i for program in model.programs[0] for i in program.used_inputs()}
        robust = explanation.robust_r2
        read.update(names[i] for i in used)
        found.update(_parts(explanation))
        runs.append(
            {
                "seed": explanation.run["seed"] - 1,  # as srnet.explain counts
                "r2": None if explanation.r2 is None else finite_or_none(explanation.r2),
                "complexity": explanation.complexity,
                "formulas": explanation.layers[-1].formula,
            }
            | ({} if robust is None else {"robust_r2": finite_or_none(robust)})
        )
    count = len(explanations)
    common = sorted(
        (item for item in found.items() if item[1] > 1),
        key=lambda item: (-item[1], -len(item[0]), item[0]),
    )
    return {
        "runs": runs,
        "inputs": [
            {"input": name, "share": times / count}
            for name, times in sorted(read.items(), key=lambda item: (-item[1], item[0]))
        ],
        "formulas": [{"formula": text, "share": times / count} for text, times in common[:_SHOWN]],
    }


def most_faithful(explanations: Sequence[Explanation]) -> int:
    """The position of the explanation of the highest R², with a robust loss of its like, of equal
    ones the simplest, then the first."""
    fidelities = [each.r2 if each.robust_r2 is None else each.robust_r2 for each in explanations]
    keys = [
        (-np.inf if fidelity is None else fidelity, -each.complexity)
        for fidelity, each in zip(fidelities, explanations, strict=True)
    ]
    return max(range(len(keys)), key=lambda i: (*keys[i], -i))


def _parts(explanation: Explanation) -> set[str]:
    """The shapes of all parts of the output's formulas that are more than an input."""
    model = explanation.model
    names = model.operands(model.depth - 1, explanation.input_names)
    parts: set[str] = set()
    for program in model.programs[-1]:
        if written_out(program, [0] * program.inputs) <= MAX_OPERATIONS:
            for part in sympy.preorder_traversal(layer_sympy(program, names)):
                shape = _shape(_core(part))
                if part.free_symbols and shape not in names:
                    parts.add(shape)
    return parts


def _core(part: sympy.Expr) -> sympy.Expr:
    """An expression without a factor and a summand of the whole."""
    while part.is_Add or part.is_Mul:
        others = [each for each in part.args if not each.is_Number]
        if len(others) == len(part.args):
            return part
        part = part.func(*others, evaluate=False) if len(others) > 1 else others[0]
    return part


def _shape(part: sympy.Expr) -> str:
    """An expression as text whose constants are all c, terms and factors in their order of text."""
    if part.is_Number:
        return "c"
    if part.is_Symbol:
        return str(part.name)
    if part.is_Add:
        return " + ".join(_terms(part.args))
    if part.is_Mul:
        return "*".join(_terms(part.args, are_factors=True))
    if part.is_Pow:
        power = str(part.exp) if part.exp.is_Rational else _shape(part.exp)
        power = power if power.isalnum() else f"({power})"
        return f"{_bracket(part.base)}**{power}"
    name = "ln" if isinstance(part, sympy.log) else type(part).__name__
    return f"{name}({', '.join(map(_shape, part.args))})"


def _terms(arguments: Iterable[sympy.Expr], are_factors: bool = False) -> list[str]:
    """The shapes of terms or factors, in the order of their texts; of numbers one c."""
    numbers, others = False, []
    for each in arguments:
        numbers |= bool(each.is_Number)
        if not each.is_Number:
            others.append(_bracket(each) if are_factors and not each.is_Pow else _shape(each))
    first = ["c"] if numbers and are_factors else []
    last = ["c"] if numbers and not are_factors else []
    return [*first, *sorted(others), *last]


def _bracket(part: sympy.Expr) -> str:
    shape = _shape(part)
    return f"({shape})" if part.is_Add or part.is_Mul or part.is_Pow else shape
