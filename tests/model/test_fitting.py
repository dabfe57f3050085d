"""What a run tells of its formulas is what its formulas give; fits that are kept are the same."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from helpers import made_up

from srnet.cgp.genome import threshold
from srnet.errors import UserError
from srnet.model import fitting
from srnet.model.fitting import FitCache, check_run, fit_and_measure, fitness
from srnet.model.srnet import SRNet
from srnet.networks.layers import Layers
from srnet.search.kernels.population import Share
from srnet.search.layerwise import LayerwiseSearch
from srnet.search.run import evolve
from srnet.search.settings import preset

Case = tuple[dict[str, Any], Layers]


@pytest.fixture(scope="module", params=["mse", "cross_entropy"])
def case(request: pytest.FixtureRequest) -> Case:
    """A run as its file has it, and the layers that it explains."""
    layers = made_up.layers((2, 3, 2), rows=30, valid=10)
    run = evolve(layers, preset("paper", population=4, generations=3, loss=request.param), 1)
    return json.loads(json.dumps(run)), layers


def check(run: dict[str, Any], layers: Layers) -> list[float]:
    return check_run(run, SRNet.from_run(run), layers)


def test_a_run_agrees_with_its_formulas(case: Case) -> None:
    run, layers = case
    assert check(run, layers) == run["layer_losses"]
    assert fitness(run["layer_losses"]) == run["fitness"]


def test_last_bits_may_differ(case: Case) -> None:
    run, layers = case
    check(run | {"fitness": run["fitness"] * 1.0001}, layers)


@pytest.mark.parametrize("factor", [0.0, 1e-9, 0.99, 1.01, 1e9])
def test_a_fitness_of_other_formulas_is_refused(case: Case, factor: float) -> None:
    run, layers = case
    told = factor * run["fitness"]
    words = f"'fitness' is {told:.6g}, but its formulas give {run['fitness']:.6g}; at most 0.1 %"
    with pytest.raises(UserError) as caught:
        check(run | {"fitness": told}, layers)
    assert words in str(caught.value)


def test_a_loss_of_a_layer_is_checked(case: Case) -> None:
    run, layers = case
    losses = [run["layer_losses"][0] / 2, *run["layer_losses"][1:]]
    with pytest.raises(UserError, match=r"'layer_losses\.0' is .* but its formulas give"):
        check(run | {"layer_losses": losses}, layers)
    with pytest.raises(UserError, match="the losses of 1 layers, and has formulas of 2"):
        check(run | {"layer_losses": losses[:1]}, layers)


def test_what_else_a_table_shows_is_checked(case: Case) -> None:
    run, layers = case
    for key in ("normalised", "r2", "accuracy", "complexity"):
        lie = 0.5 if run[key] is None else run[key] * 2 + 1
        with pytest.raises(UserError, match=f"'{key}' is .*, but its formulas give"):
            check(run | {key: lie}, layers)


def test_finite_and_infinite_do_not_agree(case: Case) -> None:
    run, layers = case
    with pytest.raises(UserError, match="'fitness' is not finite, but its formulas give"):
        check(run | {"fitness": None}, layers)
    broken = {"inputs": 2, "constants": [], "nodes": [["ln", [0]]], "output": 2}
    other = run | {"programs": [broken, *run["programs"][1:]]}
    with pytest.raises(UserError, match=r"'layer_losses\.0' is .*, but its formulas give not fini"):
        check(other, layers)


def test_other_layers_are_refused(case: Case) -> None:
    run, _ = case
    with pytest.raises(UserError, match="'layers_fingerprint' is not that of the layers"):
        check(run, made_up.layers((2, 3, 2), rows=31, valid=10))
    with pytest.raises(UserError, match=r"widths \[2, 3, 2\], the layers have \[2, 3, 3\]"):
        check(run, made_up.layers((2, 3, 3), rows=30, valid=10))


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_cache_changes_no_fit_and_saves_equal_ones(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = made_up.layers((2, 3, 3, 2), rows=30, valid=10)
    search = LayerwiseSearch(layers, preset("paper", population=4, loss=loss), 1)
    formulas = [
        [layer.program(layer.offspring(share, number)) for number in range(3)]
        for layer in search._layers
        for share in [Share(layer.start(), 1, 0, 3, np.uint64(threshold(1.0)), np.inf)]
    ]
    composites = [[(formula,) for formula in chosen] for chosen in product(*formulas)]
    fits = []
    fit_layer = fitting._fit_layer
    monkeypatch.setattr(
        fitting, "_fit_layer", lambda *given: fits.append(given) or fit_layer(*given)
    )
    cache, finite = FitCache(3), 0
    for composite in composites:
        expected = fit_and_measure(composite, layers, loss=loss)
        found = fit_and_measure(composite, layers, loss=loss, cache=cache)
        assert (expected is None) == (found is None)
        if expected is not None and found is not None:
            finite += 1
            assert found[1] == expected[1]
            assert found[0].to_run() == expected[0].to_run()
    assert finite > 5  # else the case shows nothing
    composite = next(c for c in composites[::-1] if fit_and_measure(c, layers, loss=loss))
    fit_and_measure(composite, layers, loss=loss, cache=cache)
    fits.clear()
    fit_and_measure(composite, layers, loss=loss, cache=cache)
    assert not fits
