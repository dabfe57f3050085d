"""Searches with functions beside the presets' own, and with a user's."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import formula_text
from sklearn.base import clone

from srnet import Explanation, SRNetRegressor, explain, make_function
from srnet.cgp.primitives import REGRESSION
from srnet.errors import UserError

RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (300, 2))
OPTIONS: dict[str, Any] = {"budget": 60_000, "progress": False}
SETS = {
    "exp": (lambda x: np.exp(-0.8 * x[:, 0]) * x[:, 1], ["add", "mul", "exp"]),
    "tanh": (lambda x: np.tanh(3 * x[:, 0]) + x[:, 1], ["add", "mul", "tanh"]),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-4 * x[:, 0])) * x[:, 1], ["mul", "sigmoid"]),
    "abs": (lambda x: abs(x[:, 0]) * x[:, 1], ["add", "mul", "abs"]),
    "pow": (lambda x: (x[:, 0] + 3) ** x[:, 1], ["add", "pow"]),
    "min": (lambda x: np.minimum(x[:, 0], x[:, 1]), ["add", "mul", "min"]),
    "max": (lambda x: np.maximum(x[:, 0], 0.3 - x[:, 1]), ["add", "sub", "max"]),
}


pytestmark = pytest.mark.usefixtures("no_own_functions")


def functions_of(found: Explanation) -> set[str]:
    return {
        name for layer in found.model.programs for program in layer for name, _ in program.nodes
    }


@pytest.mark.parametrize("name", SETS)
def test_a_law_of_the_function_is_found(name: str) -> None:
    law: Callable[[np.ndarray], np.ndarray] = SETS[name][0]
    found = explain(law, X, functions=SETS[name][1], **OPTIONS)
    assert found.run["settings"]["functions"] == SETS[name][1]
    assert found.r2 is not None
    assert found.r2 > 0.99  # how far so short a search gets depends on the processor
    assert name in functions_of(found)
    others = set(REGRESSION) - {"add", "sub", "mul", "div", "square"}
    assert not functions_of(found) & others
    # what is printed, saved and exported computes the same
    again = Explanation(json.loads(json.dumps(found.run)))
    np.testing.assert_array_equal(again.predict(X), found.predict(X))
    (text,) = found.run["network_expressions"]
    by_text = formula_text.evaluate(text, formula_text.inputs(X))
    np.testing.assert_allclose(by_text, found.predict(X)[:, 0], rtol=1e-9)
    source: dict[str, Any] = {}
    exec(found.to_numpy(), source)
    np.testing.assert_allclose(source["network"](X), found.predict(X), rtol=1e-12)
    assert found.latex()


def test_a_function_of_ones_own_is_searched(tmp_path: Path) -> None:
    bump = make_function("bump", lambda m, x: m.exp(-x * x))

    def law(x: np.ndarray) -> np.ndarray:
        return np.exp(-4 * (x[:, 0] - 0.5) ** 2) + x[:, 1]

    found = explain(law, X, functions=["add", "mul", bump], **OPTIONS)
    assert found.r2 is not None
    assert found.r2 > 0.999
    assert "bump" in functions_of(found)
    assert "bump(" in str(found)
    assert found.run["own_functions"] == {"bump": "np.exp(((-{0}) * {0}))"}
    file = tmp_path / "run.json"
    found.save(file)
    np.testing.assert_array_equal(Explanation.load(file).predict(X), found.predict(X))
    # another process lacks the function, and says so
    script = f"import srnet; srnet.Explanation.load({str(file)!r})"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "run.json: the formulas have the function 'bump'" in other.stderr


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        (["add", "erf"], "unknown primitive 'erf'; known are add, .*srnet.make_function"),
        ("exp", "'functions' is 'exp'; a list of functions"),
        (["exp", "exp"], "at least one function, each once"),
        ([], "at least one function"),
    ],
)
def test_other_functions_are_a_sentence(functions: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        explain(lambda x: x[:, 0], X, functions=functions, **OPTIONS)


def test_a_model_without_it_that_is_selected_needs_it_no_more() -> None:
    bump = make_function("bump", lambda m, x: m.exp(-x * x))
    found = explain(
        lambda x: np.exp(-4 * (x[:, 0] - 0.5) ** 2) + x[:, 1],
        X,
        functions=["add", "mul", bump],
        **OPTIONS,
    )
    simplest = found.select(0)
    assert "bump" not in functions_of(simplest)
    assert "own_functions" not in simplest.run


def test_an_estimator_takes_them() -> None:
    bump = make_function("bump", lambda m, x: m.exp(-x * x))
    estimator = SRNetRegressor(
        hidden_layer_sizes=(4,), budget=4000, functions=["add", "mul", bump], random_state=0
    )
    again = pickle.loads(pickle.dumps(clone(estimator)))
    assert again.functions == ["add", "mul", bump]
    again.fit(X, X[:, 0] * X[:, 1])
    assert again.explanation_.run["settings"]["functions"] == ["add", "mul", "bump"]


def test_the_presets_search_their_own() -> None:
    found = explain(lambda x: x[:, 0], X, budget=2000, progress=False)
    assert found.run["settings"]["functions"] == list(REGRESSION)
    assert "own_functions" not in found.run
