"""Games whose players are the superpixels of an image, with values between 0 and 1."""

import numpy as np
from helpers.known_models import Game, genomes, grid, white

from srnet.images import Evaluator


def additive(weights: np.ndarray) -> np.ndarray:
    """Values of all sets: 0.1 and the sum of the members' weights."""
    return 0.1 + genomes(len(weights)) @ weights


def monotone(n: int, power: float, seed: int) -> np.ndarray:
    """Values that grow with every member: a power of a sum, so that gains shrink or grow."""
    weights = np.random.default_rng(seed).random(n) + 0.01
    return 0.1 + 0.8 * (genomes(n) @ (weights / weights.sum())) ** power


def arbitrary(n: int, seed: int) -> np.ndarray:
    """Values without any order."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, 2**n)


def play(game: np.ndarray | Game, batch: int = 256, kind: type[Evaluator] = Evaluator) -> Evaluator:
    """The evaluator of a game, given or of these values; its superpixels form one row."""
    game = game if isinstance(game, Game) else Game(game)
    segments = grid(1, int(np.log2(len(game.values))))
    return kind(
        game,
        white(segments),
        segments,
        label=1,
        fill="black",
        outputs="probabilities",
        batch=batch,
    )


def look_up(values: np.ndarray, members: set[int]) -> float:
    """The value of a set."""
    n = int(np.log2(len(values)))
    return float(values[sum(1 << (n - 1 - each) for each in members)])
