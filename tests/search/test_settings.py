"""Presets and what may be changed in them."""

import json
from typing import Any

import pytest

from srnet.cgp.nesting import PLAIN_TRIGONOMETRY
from srnet.errors import UserError
from srnet.search.pursuit import inner_settings
from srnet.search.settings import PRESETS, JointSettings, RankSettings, limit_evaluations, preset


def ranked(name: str = "rank", **changes: Any) -> RankSettings:
    settings = preset(name, **changes)
    assert isinstance(settings, RankSettings)
    return settings


@pytest.mark.parametrize(
    ("name", "formulas", "hold_out"), [("rank", 0, True), ("rank2", 2, False), ("rank3", 3, False)]
)
def test_presets_of_rank_r(name: str, formulas: int, hold_out: bool) -> None:
    settings = ranked(name)
    assert (settings.preset, settings.search) == (name, "pursuit")
    assert (settings.formulas, settings.hold_out) == (formulas, hold_out)
    # a given number of formulas has the published search's 1 000 000 evaluations for each layer
    paper = PRESETS["paper"]
    evaluations = (4 if hold_out else 1) * paper.population * paper.generations
    assert settings.population * settings.generations == evaluations


def test_formulas_by_layer() -> None:
    assert [ranked(formulas=3).formulas_of(i) for i in range(3)] == [3, 3, 3]
    settings = ranked(formulas=(2, 0, 1))
    assert [settings.formulas_of(i) for i in range(3)] == [2, 0, 1]
    content = settings.to_json()
    assert json.loads(json.dumps(content)) == content
    assert content["formulas"] == [2, 0, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"formulas": -1}, "'formulas' is -1; a whole number from 0 to 99"),
        ({"formulas": 100}, "'formulas' is 100"),
        ({"formulas": 1.5}, "'formulas' is 1.5"),
        ({"formulas": True}, "'formulas' is True"),
        ({"formulas": "many"}, "'formulas' is 'many'"),
        ({"formulas": (2, -1)}, "'formulas' is -1"),
        ({"formulas": (2, "x")}, "'formulas' is 'x'"),
        ({"formulas": [2, 2]}, "'formulas' is "),
        ({"rounds": 0}, "'rounds' is 0"),
        ({"most_nodes": 0}, "'most_nodes' is 0"),
        ({"fidelity": 1.1}, "'fidelity' is 1.1"),
        ({"fidelity": -0.1}, "'fidelity' is -0.1"),
        ({"fidelity": float("nan")}, "'fidelity' is nan"),
        ({"fidelity": "high"}, "'fidelity' is 'high'"),
        ({"nested_constraints": {"sin": {"cos": -1}}}, "'nested_constraints.sin.cos' is -1"),
        ({"costs": {"sin": 0}}, "'costs.sin' is 0"),
        ({"colour": 1}, "unknown setting 'colour'"),
    ],
)
def test_bad_values_are_a_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        preset("rank", **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["joint", "rank", "rank2", "rank3"])
def test_trigonometric_functions_are_not_nested_unless_told(name: str) -> None:
    settings = preset(name)
    assert isinstance(settings, JointSettings)
    # what is compared with the published form has its space of formulas
    plain = name in ("joint", "rank")
    assert settings.nested_constraints == (PLAIN_TRIGONOMETRY if plain else ())
    none = dict.fromkeys(("cos", "sin", "tan"), 0)
    written = settings.to_json()
    assert written.get("nested_constraints") == (dict.fromkeys(none, none) if plain else None)
    assert json.loads(json.dumps(written)) == written
    changed = preset(name, nested_constraints={"sin": {"cos": 2}})
    assert changed.to_json()["nested_constraints"] == {"sin": {"cos": 2}}
    assert "nested_constraints" not in preset(name, nested_constraints={}).to_json()
    assert hash(changed) != hash(settings)


def test_every_round_has_the_nesting_constraints_and_costs() -> None:
    inner = inner_settings(ranked(nested_constraints={"ln": {"ln": 0}}, costs={"ln": 4}))
    assert inner.nested_constraints == (("ln", (("ln", 0),)),)
    assert inner.costs == (("ln", 4),)


@pytest.mark.parametrize("name", ["joint", "rank", "rank2", "rank3"])
def test_costs_are_written_where_there_are_some(name: str) -> None:
    assert preset(name, costs={"sin": 3, "add": 1}).to_json()["costs"] == {"sin": 3}
    assert "costs" not in preset(name).to_json()


@pytest.mark.parametrize("name", ["paper", "joint"])
def test_other_presets_know_no_numbers_of_formulas(name: str) -> None:
    with pytest.raises(UserError, match="unknown setting 'formulas'"):
        preset(name, formulas=2)


@pytest.mark.parametrize(
    ("generations", "passes", "rounds", "each"),
    [
        (100_000, 1, 8, 3000),
        (20_000, 1, 8, 2500),
        (20_000, 2, 8, 1250),
        (8, 1, 8, 1),
        (7, 1, 7, 1),
        (1, 1, 1, 1),
    ]
    + [(16, 2, 8, 1), (9, 2, 4, 1), (2, 2, 1, 1)],
)
def test_passes_and_rounds_share_the_generations(
    generations: int, passes: int, rounds: int, each: int
) -> None:
    settings = ranked(generations=generations)
    assert settings.affordable_rounds(passes) == rounds
    assert inner_settings(settings, passes).generations == each
    assert passes * rounds * each <= generations


def test_a_round_is_a_joint_search_by_mean_squared_error() -> None:
    inner = inner_settings(ranked("rank2", loss="cross_entropy", population=7))
    assert (inner.search, inner.loss, inner.stop, inner.population) == ("joint", "mse", 0.0, 7)
    assert "pdiv" in inner.functions
    assert not isinstance(inner, RankSettings)


def test_evaluations_are_shared_by_the_layers() -> None:
    settings = limit_evaluations(ranked(), 300_000, 3)
    assert settings.population * settings.generations * 3 == pytest.approx(300_000, rel=0.05)
