"""Searches that go on: from given formulas, from an explanation, and told by a callback."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from srnet import Explanation, explain
from srnet.errors import UserError
from srnet.explanation.files import write_files
from srnet.explanation.generation import Generation
from srnet.explanation.resume import read_explanation
from srnet.io.schema import check_json

pytestmark = pytest.mark.filterwarnings("ignore:the formulas are not the network")

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (200, 3))
OPTIONS: dict[str, Any] = {"budget": 2000, "progress": False}


def law(x: np.ndarray) -> np.ndarray:
    """Hard to find in so small a budget."""
    x = np.asarray(x)
    return np.sin(3.1 * x[:, 0] * x[:, 1]) / (1.3 + x[:, 2] ** 2)


LAW = "sin(3*x0*x1)/(1.5 + x2**2)"


@pytest.fixture(scope="module")
def alone() -> Explanation:
    return explain(law, X, **OPTIONS)


def test_a_given_formula_is_fitted_and_found(alone: Explanation) -> None:
    found = explain(law, X, start=["x0", LAW], **OPTIONS)
    assert alone.r2 is not None
    assert found.r2 is not None
    assert alone.r2 < 0.9
    assert found.r2 > 0.9999
    constants = [abs(c) for layer in found.model.programs for p in layer for c in p.constants]
    assert min(abs(c - 3.1) for c in constants) < 1e-3


@pytest.mark.parametrize(
    ("start", "options", "reason"),
    [
        (
            "sin(cos(3*x0))",
            {},
            "it breaks the nesting constraints, of which nested_constraints={} ",
        ),
        ("sin(cos(3*x0))", {"nested_constraints": {}}, None),
        ("sqrt(x0)", {}, "it has no value at some of the fitted rows."),
        ("1/(x0 + 2.5)", {}, "it may have no value somewhere in the box of the fitted rows"),
        (LAW, {"nodes": 3}, "its complexity 6 is above nodes=3."),
        (LAW, {"maxsize": 7}, "its size is above maxsize=7."),
        (LAW, {}, None),
    ],
)
def test_a_start_that_cannot_be_chosen_is_told(
    start: str, options: dict[str, Any], reason: str | None
) -> None:
    found = explain(law, X, start=["x0", start], **OPTIONS, **options)
    told = [line for line in found.warnings if line.startswith("Not chosen: ")]
    assert len(told) == (reason is not None)
    if reason is not None:
        assert told[0].startswith(f"Not chosen: the start {start}, for {reason}")
        assert told[0] in str(found)
        assert list(found.run["start_objections"]) == [start]
    check_json(json.loads(json.dumps(found.run, allow_nan=False)), "run")


def test_of_many_starts_that_cannot_be_chosen_some_are_named() -> None:
    start = [f"sin(cos({i}*x0))" for i in range(2, 7)]
    found = explain(law, X, start=start, **OPTIONS)
    assert sum(line.startswith("Not chosen: ") for line in found.warnings) == 3
    assert found.warnings[-1] == "Nor are 2 other formulas of the start."
    assert len(found.run["start_objections"]) == 5


def test_names_of_columns_are_those_of_the_formulas() -> None:
    table = pd.DataFrame(X, columns=["mass (kg)", "a", "beta"])
    text = LAW.replace("x0", "mass__kg_").replace("x1", "a").replace("x2", "beta_")
    found = explain(law, table, start=[text], **OPTIONS)
    assert found.r2 is not None
    assert found.r2 > 0.9999


def test_formulas_of_inputs_that_float32_does_not_hold_are_read_in_their_units() -> None:
    far = X + [1.7e9, 0.0, 0.0]

    def moved(x: np.ndarray) -> np.ndarray:
        return law(np.asarray(x, dtype=np.float64) - [1.7e9, 0.0, 0.0])

    text = LAW.replace("x0", "(x0 - 1700000000)")
    found = explain(moved, far, start=[text], **OPTIONS)
    assert found.r2 is not None
    assert found.r2 > 0.999


def test_a_search_goes_on_where_it_was(alone: Explanation) -> None:
    first = alone.resume(2000, progress=False)
    again = alone.resume(2000, progress=False)
    assert first.run["programs"] == again.run["programs"]
    assert alone.r2 is not None
    assert first.r2 is not None
    # the fitted error of every complexity is no higher than before
    before = {e["complexity"]: e["fitness"] for e in alone.run["pareto"]}
    best = min(e["fitness"] for e in first.run["pareto"])
    assert best <= min(before.values()) * 1.001
    assert first.run["resumed"] == 1
    assert first.run["seed"] == alone.run["seed"]
    for key in ("evaluations", "generations"):
        assert first.run[key] > alone.run[key]
    assert len(first.run["history"]) == first.run["generations"]
    second = first.resume(2000, progress=False)
    assert second.run["resumed"] == 2
    assert second.run["evaluations"] > first.run["evaluations"]
    assert first.run["rows"] == alone.run["rows"]
    assert Explanation(second.run).run["resumed"] == 2


def test_a_search_in_files_goes_on_as_in_memory(tmp_path: Path) -> None:
    settings = {"population": 20, "generations": 50, "rounds": 3}
    found = explain(law, X, loss="huber", delta=0.2, maxsize=30, settings=settings, progress=False)
    write_files(found, tmp_path, 1.0)
    loaded = read_explanation(tmp_path / "run.json", tmp_path / "layers.npz")
    # with this budget the population is neither that of the settings nor the least
    first, second = (each.resume(30_000, progress=False) for each in (found, loaded))
    for each in (first, second):
        assert each.run["settings"]["population"] == 30
        assert each.run["settings"]["delta"] == 0.2
        assert each.run["settings"]["rounds"] == 3
    assert first.run["pareto"] == second.run["pareto"]


def test_an_explanation_can_be_the_start(alone: Explanation) -> None:
    good = explain(law, X, start=[LAW], **OPTIONS)
    found = explain(law, X, seed=1, start=Explanation(good.run), **OPTIONS)
    assert found.r2 is not None
    assert found.r2 > 0.9999
    assert explain(law, X, start=[], **OPTIONS).run["programs"] == alone.run["programs"]


def test_a_callback_is_told_and_ends_the_search() -> None:
    told: list[Generation] = []

    def callback(generation: Generation) -> bool:
        told.append(generation)
        if len(told) == 3:
            so_far = generation.explanation()
            assert so_far.predict(X).shape == (200, 1)
            assert so_far.run["generations"] == generation.number
        return len(told) == 5

    found = explain(law, X, callback=callback, **OPTIONS)
    numbers = [each.number for each in told]
    assert len(numbers) == 5
    assert numbers == sorted(set(numbers))
    assert found.run["generations"] == numbers[-1]
    assert told[-1].evaluations > told[0].evaluations > 0
    assert 0 < told[0].elapsed < told[-1].elapsed < 1
    fitness = [each.fitness for each in told]
    assert fitness == sorted(fitness, reverse=True)


def test_a_callback_that_only_looks_changes_nothing(alone: Explanation) -> None:
    found = explain(law, X, callback=lambda generation: None, **OPTIONS)
    assert found.run["programs"] == alone.run["programs"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": "x0"}, "'start' is 'x0'; a list of formulas"),
        ({"start": 3}, "'start' is 3"),
        ({"start": [3]}, "'start' has 3; a formula as text"),
        ({"start": ["x9"]}, "the formula 'x9' has 'x9'"),
        ({"start": ["x0"], "preset": "joint"}, "'start' is for the preset rank"),
    ],
)
def test_what_cannot_be_a_start_is_a_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        explain(law, X, **OPTIONS | options)


def test_the_start_of_another_model_is_a_sentence(alone: Explanation) -> None:
    with pytest.raises(UserError, match=r"explains 1 layer\(s\) of a model of 3 input"):
        explain(lambda x: x[:, 0] * x[:, 1], X[:, :2], start=alone, **OPTIONS)


def test_what_cannot_go_on_is_a_sentence(alone: Explanation) -> None:
    with pytest.raises(UserError, match="a loaded explanation has no rows"):
        Explanation(alone.run).resume(1000)
    joint = explain(law, X, preset="joint", **OPTIONS)
    with pytest.raises(UserError, match="here the preset is joint"):
        joint.resume(1000)


def test_standard_errors_are_those_of_the_found_formulas() -> None:
    found = explain(law, X, start=[LAW], **OPTIONS)
    table = found.standard_errors()
    numbers = sum(len(p.constants) + 1 for layer in found.model.programs for p in layer) + 1
    assert len(table) == numbers
    with pytest.raises(UserError, match="a loaded explanation has no rows"):
        Explanation(found.run).standard_errors()
