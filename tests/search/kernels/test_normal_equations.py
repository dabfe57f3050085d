"""The Gauss–Newton equations of a composite against differences of its residuals, computed in
float64 by another way."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers import made_up
from numpy.typing import NDArray

from srnet.networks.layers import Layers
from srnet.search.joint import JointSearch
from srnet.search.kernels.climbing import improve
from srnet.search.kernels.composites import Climber
from srnet.search.kernels.normal_equations import DERIVATIVES, list_constants, normal_equations
from srnet.search.settings import JointSettings, preset
from srnet.typing import Floats


def search_of(layers: Layers, **changes: Any) -> JointSearch:
    settings = preset("joint", stop=0.0)
    assert isinstance(settings, JointSettings)
    return JointSearch(
        layers,
        dataclasses.replace(settings, **{"layerwise_share": 0.0, "restarts": 64, **changes}),
        5,
    )


def equations(search: JointSearch, climber: Climber) -> tuple[NDArray[np.int64], Floats, Floats]:
    """The offsets of the active constants, JᵀJ and -Jᵀr."""
    problem, scratch, composite = search._problem, search._scratch[0], climber.composite
    count = list_constants(problem.layout, composite.genes, scratch.graph, scratch.fit)
    products, gradient = np.full((count, count), np.nan), np.full(count, np.nan)
    if count:
        normal_equations(problem, composite, scratch, products, gradient)
    return scratch.fit.slots[:count].copy(), products, gradient


def residuals(search: JointSearch, genes: NDArray[np.int32], constants: Floats) -> Floats:
    """What a composite leaves of all layers, of which the sum of squares is its fitness."""
    individual = search._judge(genes, constants)
    assert individual is not None
    train, valid = search.layers.splits["train"], search.layers.splits["valid"]
    found = individual.model.layers(np.vstack([train[0], valid[0]]).astype(np.float64))
    left = []
    for i, (f, h, g) in enumerate(zip(found, train[1:], valid[1:], strict=True)):
        rest = f - np.vstack([h, g])
        left.append(
            (
                rest / np.sqrt(rest.size * (max(len(found) - 1, 1) if i + 1 < len(found) else 1))
            ).ravel()
        )
    assert np.square(np.concatenate(left)).sum() == pytest.approx(individual.fitness, rel=1e-9)
    return np.concatenate(left)


def slope(
    measure: Callable[..., Any], search: JointSearch, climber: Climber, slot: int, step: float
) -> Any:
    """The central difference of a measure of the composite, by one constant."""
    genes, constants = climber.composite.genes, climber.composite.constants
    h = step * max(abs(constants[slot]), 0.1)
    ends = []
    for sign in (1.0, -1.0):
        moved = constants.copy()
        moved[slot] += sign * h
        ends.append(measure(search, genes, moved))
    return (ends[0] - ends[1]) / (2 * h)


def fitness(search: JointSearch, genes: NDArray[np.int32], constants: Floats) -> float:
    individual = search._judge(genes, constants)
    return float("nan") if individual is None else individual.fitness


@pytest.mark.parametrize("widths", [(2, 4, 1), (2, 3, 3, 1), (3, 4, 4, 4, 2)])
def test_they_are_those_of_differences(widths: tuple[int, ...]) -> None:
    # at a pole float32 has other derivatives; those of each primitive are compared elsewhere
    functions = ("add", "sub", "mul", "square", "sin", "cos")
    search = search_of(made_up.layers(widths, rows=200, valid=60), functions=functions)
    compared = 0
    for climber in search._climbers:
        improve(60, 0.0, 0, search._problem, climber, search._scratch[0])
        slots, products, gradient = equations(search, climber)
        left = residuals(search, climber.composite.genes, climber.composite.constants)
        # of a wild formula float32 has other values
        if not slots.size or np.square(left).sum() != pytest.approx(
            climber.composite.total[0], rel=1e-4
        ):
            continue
        jacobian = np.array([slope(residuals, search, climber, slot, 1e-5) for slot in slots]).T
        wide = np.array([slope(residuals, search, climber, slot, 2e-5) for slot in slots]).T
        sizes = np.sqrt(np.square(jacobian).sum(axis=0))
        smooth = np.sqrt(np.square(jacobian - wide).sum(axis=0)) <= 1e-3 * sizes
        # a change that w and b undo nearly leaves differences of rounding errors
        some = smooth & (
            sizes * np.abs(climber.composite.constants[slots])
            > 0.1 * np.sqrt(climber.composite.total[0])
        )
        scales = np.outer(sizes[some], sizes[some])
        assert products[np.ix_(some, some)] / scales == pytest.approx(
            (jacobian.T @ jacobian)[np.ix_(some, some)] / scales, abs=1e-2
        )
        assert gradient[some] / sizes[some] == pytest.approx(
            (-left @ jacobian)[some] / sizes[some], abs=1e-2 * np.sqrt(climber.composite.total[0])
        )
        compared += int(some.sum())
    assert compared >= 10


def test_a_classifiers_descent_is_that_of_its_fitness() -> None:
    """Without validation rows: w and b are those of least cross-entropy, so their own change costs
    nothing."""
    settings = preset("joint", loss="cross_entropy", stop=0.0)
    assert isinstance(settings, JointSettings)
    settings = dataclasses.replace(settings, layerwise_share=0.0, restarts=12)
    search = JointSearch(made_up.classifier((2, 3, 3), rows=150), settings, 3)
    compared = 0
    for climber in search._climbers:
        improve(300, 0.0, 0, search._problem, climber, search._scratch[0])
        slots, products, gradient = equations(search, climber)
        composite = climber.composite
        # of a wild formula float32 has other values
        if fitness(search, composite.genes, composite.constants) != pytest.approx(
            composite.total[0], rel=1e-4
        ):
            continue
        for k, slot in enumerate(slots):
            differences = [slope(fitness, search, climber, slot, step) for step in (2e-4, 1e-4)]
            if (
                abs(differences[0] - differences[1]) > 1e-2 * abs(differences[1])
                or abs(differences[1]) < 1e-4
            ):
                continue
            assert gradient[k] == pytest.approx(-0.5 * differences[1], rel=3e-2)
            assert products[k, k] > 0
            compared += 1
    assert compared >= 5


def test_derivatives_are_counted() -> None:
    search = search_of(made_up.layers((2, 3, 3, 1), rows=100, valid=30))
    layers, counted = 3, 0
    for climber in search._climbers:
        improve(300, 0.0, 0, search._problem, climber, search._scratch[0])
        slots, _, _ = equations(search, climber)
        if not slots.size:
            continue
        above = layers - int(search._scratch[0].fit.owners[0])
        before = int(climber.evaluations[0])
        improve(0, 0.0, 1, search._problem, climber, search._scratch[0])
        taken = int(climber.evaluations[0]) - before
        assert DERIVATIVES * above <= taken <= DERIVATIVES * above + 3 * above
        counted += 1
    assert counted >= 3
