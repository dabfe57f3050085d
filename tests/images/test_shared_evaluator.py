"""The evaluator that methods share: nothing is evaluated twice, and all of it counts."""

import numpy as np
import pytest
from helpers.games import arbitrary, play
from helpers.known_models import Game

from srnet.errors import UserError
from srnet.images.comparison.baselines.greedy import greedy
from srnet.images.comparison.baselines.lime import lime
from srnet.images.comparison.baselines.phasewin import phasewin
from srnet.images.comparison.shared_evaluator import SharedEvaluator

VALUES = arbitrary(8, seed=0)


def test_the_second_time_is_free_and_counts() -> None:
    game = Game(VALUES)
    shared, plain = play(game, kind=SharedEvaluator), play(VALUES)
    shown = np.random.default_rng(1).random((40, 8)) < 0.5
    for ask in ("probabilities", "all_probabilities"):
        first = getattr(shared, ask)(shown)
        seen, passes, saved = sum(game.seen), shared.passes, shared.seconds_saved
        again = getattr(shared, ask)(np.concatenate([shown[::-1], shown]))
        assert (again == np.concatenate([first[::-1], first])).all()
        assert first == pytest.approx(getattr(plain, ask)(shown), abs=1e-7)
        assert sum(game.seen) == seen
        assert shared.passes == passes + 80
        assert shared.seconds_saved > saved


def test_probabilities_of_one_class_and_of_all_are_of_the_same_evaluations() -> None:
    game = Game(VALUES)
    shared = play(game, kind=SharedEvaluator)
    shown = np.random.default_rng(1).random((40, 8)) < 0.5
    every = shared.all_probabilities(shown)
    seen = sum(game.seen)
    assert shared.probabilities(shown).tolist() == every[:, shared.label].tolist()
    assert sum(game.seen) == seen


def test_a_method_costs_the_same_with_and_without() -> None:
    game = Game(VALUES)
    shared = play(game, kind=SharedEvaluator)
    for explain in (greedy, lime, phasewin, lime, greedy):
        one, other = explain(shared), explain(play(VALUES))
        assert one.passes == other.passes > 0
        assert one.ranking.tolist() == other.ranking.tolist()
        assert one.seconds > 0
    assert sum(game.seen) < 300  # of 256 sets, the first passes and the whole image


def test_no_genomes_and_wrong_genomes() -> None:
    shared = play(VALUES, kind=SharedEvaluator)
    for evaluator in (shared, play(VALUES)):
        none = np.zeros((0, 8), dtype=bool)
        assert evaluator.probabilities(none).shape == (0,)
        assert evaluator.all_probabilities(none).shape == (0, evaluator.classes)
    with pytest.raises(UserError, match="genomes: an array of shape"):
        shared.probabilities(np.zeros((2, 3), dtype=bool))
