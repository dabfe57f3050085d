"""GLIME's binomial sampling."""

import numpy as np
import pytest
from helpers.games import additive, arbitrary, play

from srnet.errors import UserError
from srnet.images.comparison.baselines.glime import glime

WEIGHTS = np.array([0.02, 0.13, -0.05, 0.21, 0.01, 0.08, 0.11, -0.03])


def test_a_sum_has_its_weights() -> None:
    found = glime(play(additive(WEIGHTS)), samples=4000)
    assert found.scores == pytest.approx(WEIGHTS, abs=1e-3)
    assert found.passes == 4000


def test_its_limit_is_lime_with_weights() -> None:
    """Many samples give the regression on all sets, each with LIME's weight exp(-k / width²)."""
    from helpers.known_models import genomes

    values, shown = arbitrary(5, seed=0), genomes(5).astype(float)
    weight = np.sqrt(np.exp(-(5 - shown.sum(axis=1)) / 0.8**2))
    rows = np.column_stack([np.ones(32), shown]) * weight[:, None]
    expected = np.linalg.lstsq(rows, values * weight, rcond=None)[0][1:]
    found = glime(play(values, batch=4096), samples=60_000, width=0.8)
    assert found.scores == pytest.approx(expected, abs=0.01)


def test_bad_settings_are_one_sentence() -> None:
    with pytest.raises(UserError, match="'samples' is 1"):
        glime(play(additive(WEIGHTS)), samples=1)
    with pytest.raises(UserError, match="'width' is 0"):
        glime(play(additive(WEIGHTS)), width=0)
