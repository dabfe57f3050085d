"""What several searches have in common."""

from typing import Any

import numpy as np
import pytest
import sympy

from srnet import Explanation, explain
from srnet.cgp.program import Program
from srnet.errors import UserError
from srnet.explanation.consensus import Consensus
from srnet.explanation.seeds import _core, _shape, compare_runs, most_faithful
from srnet.model.parse import parse_formula
from srnet.model.srnet import SRNet

NAMES = ["a", "b", "c0"]
RNG = np.random.default_rng(0)
X = RNG.uniform(-2, 2, (200, 2))


def explanation(seed: int, r2: float | None, *texts: str) -> Explanation:
    programs: tuple[Program, ...] = tuple(parse_formula(text, NAMES) for text in texts)
    model = SRNet((programs,), (np.ones((len(programs), 1)),), (np.zeros(1),))
    run: dict[str, Any] = {
        **model.to_run(),
        "seed": seed + 1,
        "layer_losses": [0.1],
        "layer_r2": [r2],
        "test_r2": r2,
        "test_linear_r2": 0.0,
        "columns": NAMES,
        "input_names": NAMES,
    }
    return Explanation(run)


FOUND = [
    explanation(3, 0.9, "sin(2.5*a + 1)*b"),
    explanation(4, 0.99, "3*sin(a*-1.25 + 7) + 2", "c0"),
    explanation(5, 0.95, "b**2", "2*sin(3*a + 4)"),
]


def test_inputs_parts_and_spread() -> None:
    found = Consensus.from_run(compare_runs(FOUND))
    assert found.runs["seed"].tolist() == [3, 4, 5]
    assert found.runs["r2"].tolist() == [0.9, 0.99, 0.95]
    assert found.runs["formulas"][2] == FOUND[2].layers[-1].formula
    shares = dict(zip(found.inputs["input"], found.inputs["share"], strict=True))
    assert shares == pytest.approx({"a": 1.0, "b": 2 / 3, "c0": 1 / 3})
    parts = dict(zip(found.formulas["formula"], found.formulas["share"], strict=True))
    assert parts == {"sin(c*a + c)": 1.0}
    assert str(found).splitlines() == [
        "3 seeds: R² 0.9000 to 0.9900, in the median 0.9500",
        "  inputs: a (100%), b (67%), c0 (33%)",
        "  formulas: sin(c*a + c) (100%)",
    ]


def test_with_a_robust_loss_the_spread_is_of_its_like_of_r2() -> None:
    robust = [
        Explanation(each.run | {"test_robust_r2": value, "test_linear_robust_r2": 0.0})
        for each, value in zip(FOUND, (0.99, 0.98, 0.97), strict=True)
    ]
    found = Consensus.from_run(compare_runs(robust))
    assert found.runs["robust_r2"].tolist() == [0.99, 0.98, 0.97]
    assert found.runs["r2"].tolist() == [0.9, 0.99, 0.95]
    assert str(found).startswith("3 seeds: robust R² 0.9700 to 0.9900, in the median 0.9800\n")
    assert most_faithful(robust) == 0


def test_the_most_faithful_and_of_equal_ones_the_simplest_is_taken() -> None:
    assert most_faithful(FOUND) == 1
    same = [explanation(0, 0.9, "sin(a)*b"), explanation(1, 0.9, "a"), explanation(2, 0.9, "b")]
    assert most_faithful(same) == 1
    assert most_faithful([explanation(0, None, "a"), explanation(1, -3.0, "b")]) == 1


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("2*x + 3", "x"),
        ("-2.5*sin(x)", "sin(x)"),
        ("1.5*(x + 2*y) + 7", "c*y + x"),
        ("x*y", "x*y"),
        ("(x + 1)*y", "(x + c)*y"),
        ("x**2.5", "x**c"),
        ("sqrt(x)", "x**(1/2)"),
        ("1/x", "x**(-1)"),
        ("(2*x)**y", "(c*x)**y"),
        ("log(3*x)", "ln(c*x)"),
        ("Min(x, 2.0)", "Min(c, x)"),
    ],
)
def test_shapes(text: str, shape: str) -> None:
    names = {name: sympy.Symbol(name, real=True) for name in "xy"}
    part = sympy.sympify(text, locals=names, evaluate=False)
    assert _shape(_core(part)) in (shape, shape.replace("Min(c, x)", "Min(x, c)"))


@pytest.mark.filterwarnings("ignore:the formulas are not the network")
def test_seeds_are_searches_of_their_own() -> None:
    def law(x: np.ndarray) -> np.ndarray:
        return np.sin(2 * x[:, 0]) * x[:, 1]

    options: dict[str, Any] = {"budget": 4000, "progress": False}
    found = explain(law, X, seed=2, seeds=2, **options)
    alone = [explain(law, X, seed=seed, **options) for seed in (2, 3)]
    best = alone[most_faithful(alone)]
    assert found.run["programs"] == best.run["programs"]
    assert found.run["seed"] == best.run["seed"]
    assert found.consensus is not None
    assert found.consensus.runs["r2"].tolist() == [each.r2 for each in alone]
    assert "2 seeds: R²" in str(found)
    assert best.consensus is None
    again = Explanation(found.run)
    assert again.consensus is not None
    assert str(again.consensus) == str(found.consensus)


@pytest.mark.filterwarnings("ignore:the formulas are not the network")
def test_a_callback_ends_all_of_them() -> None:
    calls: list[int] = []

    def second(generation: Any) -> bool:
        calls.append(generation.number)
        return len(calls) == 2

    options: dict[str, Any] = {"budget": 4000, "progress": False, "seeds": 50}
    found = explain(lambda x: np.sin(2 * x[:, 0]) * x[:, 1], X, callback=second, **options)
    assert len(calls) == 2
    assert found.run["generations"] >= 1


@pytest.mark.parametrize("seeds", [0, 1, 101, 2.5, "3"])
def test_other_numbers_of_seeds_are_a_sentence(seeds: Any) -> None:
    with pytest.raises(UserError, match="'seeds' is .*from 2 to 100"):
        explain(lambda x: x[:, 0], X, seeds=seeds, progress=False)
