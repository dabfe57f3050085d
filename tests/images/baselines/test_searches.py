"""Greedy searches over sets of superpixels, on games whose values are known."""

import numpy as np
import pytest
from helpers.games import additive, arbitrary, look_up, monotone, play
from helpers.known_models import Game

from srnet.errors import UserError
from srnet.images.comparison.baselines.greedy import greedy
from srnet.images.comparison.baselines.lima import lima
from srnet.images.comparison.baselines.objectives import OBJECTIVES, Objective
from srnet.images.comparison.baselines.phasewin import phasewin

WEIGHTS = np.array([0.02, 0.13, 0.05, 0.21, 0.01, 0.08, 0.11, 0.03, 0.06, 0.04])
ORDER = np.argsort(-WEIGHTS).tolist()
SEARCHES = (greedy, lima, phasewin)


def value(values: np.ndarray, members: set[int], objective: str) -> float:
    """The value of a set under an objective, from its definition and the table of a game."""
    n = int(np.log2(len(values)))
    p, q = look_up(values, members), look_up(values, set(range(n)) - members)
    confidence = 1 + sum(each * np.log(each) for each in (p, 1 - p)) / np.log(2)
    if objective == "probability":
        return p
    if objective == "contrast":
        return p - q
    if objective == "lima":
        return 20 * p + 5 * (1 - q) + 0.01 * confidence
    alone = {i: np.array([1 - look_up(values, {i}), look_up(values, {i})]) for i in range(n)}
    effectiveness = sum(
        min(
            1 - alone[i] @ alone[j] / np.linalg.norm(alone[i]) / np.linalg.norm(alone[j])
            for j in members - {i}
        )
        for i in members
        if len(members) > 1
    )
    return p + (1 - q) + confidence + effectiveness


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_are_as_defined(objective: str) -> None:
    values = arbitrary(5, seed=1)
    members = [{0}, {1, 4}, {0, 2, 3}, {0, 1, 2, 3, 4}, set()]
    shown = np.array([[each in group for each in range(5)] for group in members])
    if objective == "probability":
        assert Objective(play(values), objective).values(shown) == pytest.approx(
            [look_up(values, group) for group in members], abs=1e-6
        )
    expected = [value(values, group, objective) for group in members]
    assert Objective(play(values), objective).values(shown) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(3))
def test_greedy_takes_the_best_next(objective: str, seed: int) -> None:
    values, chosen = arbitrary(6, seed), []
    while len(chosen) < 6:
        left = [each for each in range(6) if each not in chosen]
        chosen.append(max(left, key=lambda each: value(values, {*chosen, each}, objective)))
    found = greedy(play(values), objective)
    assert found.ranking.tolist() == chosen
    assert np.argsort(-found.scores).tolist() == chosen


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("objective", ["probability", "contrast"])
def test_a_sum_is_ranked_by_its_weights(search, objective: str) -> None:
    assert search(play(additive(WEIGHTS)), objective).ranking.tolist() == ORDER


@pytest.mark.parametrize(("objective", "each"), [("probability", 1), ("contrast", 2), ("lima", 2)])
def test_greedy_evaluates_every_set_that_it_compares(objective: str, each: int) -> None:
    game = Game(additive(WEIGHTS))
    asked, before = play(game), sum(game.seen)
    found = greedy(asked, objective)
    assert found.passes == sum(game.seen) - before == each * (10 * 11 // 2 - 1)
    assert found.seconds > 0


def test_smdl_also_evaluates_every_superpixel_alone() -> None:
    assert greedy(play(additive(WEIGHTS)), "smdl").passes == 2 * 54 + 10


def test_two_ends_need_fewer_passes_than_one() -> None:
    two, one = lima(play(additive(WEIGHTS)), weakest=3), greedy(play(additive(WEIGHTS)), "lima")
    assert two.ranking.tolist() == one.ranking.tolist() == ORDER
    # 10 and 3, 8 and 3, 6 and 3, 4 and 3, and the last 2
    assert two.passes == 2 * (13 + 11 + 9 + 7 + 2) < one.passes


def test_the_back_is_what_adds_least_to_the_back() -> None:
    # 3 and 4 are worth little each and 0.5 together, so only one of them can be last
    members = np.array([[(k >> (4 - i)) & 1 for i in range(5)] for k in range(32)])
    values = 0.1 + members @ [0.2, 0.1, 0.03, 0.01, 0.011] + 0.5 * members[:, 3] * members[:, 4]
    found = lima(play(values), "probability", weakest=2)
    assert found.ranking[-1] == 3  # adds least
    assert found.ranking[-2] != 4  # would add the half to it


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7])
@pytest.mark.parametrize("seed", range(4))
def test_a_window_of_all_superpixels_is_greedy(power: float, seed: int) -> None:
    values = monotone(9, power, seed)
    wide = phasewin(play(values), "probability", window=9, prune=0.0, admit=0.0, accept=1.0)
    assert wide.ranking.tolist() == greedy(play(values), "probability").ranking.tolist()


def test_windows_save_passes() -> None:
    values = monotone(10, 0.6, seed=0)
    narrow, full = phasewin(play(values)), greedy(play(values), "contrast")
    assert narrow.passes < full.passes
    assert narrow.ranking[0] == full.ranking[0]
    assert sorted(narrow.ranking) == list(range(10))


def test_the_pruned_come_last() -> None:
    weights = np.array([0.3, 0.01, 0.2, 0.02, 0.19])
    found = phasewin(play(additive(weights)), "probability", prune=0.5, admit=0.9, accept=0.9)
    assert found.ranking.tolist() == [0, 2, 4, 3, 1]
    # 5 screened; 4 screened, 2 of them pruned and 2 accepted together; the set, and the pruned
    assert found.passes == 5 + 4 + 1 + 2


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("limit", [20, 21, 33, 50, 80, 1000])
def test_a_limit_is_kept_and_ranks_all(search, limit: int) -> None:
    game = Game(monotone(10, 0.7, seed=2))
    asked, before = play(game), sum(game.seen)
    found = search(asked, "contrast", limit)
    assert found.passes == sum(game.seen) - before <= limit
    assert sorted(found.ranking) == list(range(10))


def test_a_limit_keeps_the_beginning() -> None:
    values = arbitrary(8, seed=3)
    full, short = greedy(play(values)), greedy(play(values), passes=8 + 7 + 6)
    assert short.passes == 21
    assert (short.ranking[:3] == full.ranking[:3]).all()


@pytest.mark.parametrize("search", SEARCHES)
def test_too_few_passes_are_one_sentence(search) -> None:
    with pytest.raises(UserError, match="'passes' is 19; .* needs at least 20 for the 10"):
        search(play(additive(WEIGHTS)), "contrast", 19)
    with pytest.raises(UserError, match="'objective' is 'best'; allowed are probability"):
        search(play(additive(WEIGHTS)), "best")


@pytest.mark.parametrize("setting", [{"window": 0}, {"prune": 1.5}, {"admit": -1}, {"accept": 2}])
def test_settings_of_phasewin_are_checked(setting) -> None:
    with pytest.raises(UserError, match=f"'{next(iter(setting))}' is"):
        phasewin(play(additive(WEIGHTS)), **setting)


@pytest.mark.parametrize("search", SEARCHES)
def test_one_superpixel(search) -> None:
    assert search(play(np.array([0.2, 0.9]))).ranking.tolist() == [0]
