"""The surrogate of the log-odds: against a plain Gaussian process, a sum that it must recover, and
its own shortcuts."""

import numpy as np
import pytest
from helpers.known_models import genomes
from hypothesis import given
from hypothesis import strategies as st

from srnet.images.search.surrogate import INTERACTIONS, NOISE, REACH, Surrogate

seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, rows: int, n: int):
    """Random genomes and values."""
    rng = np.random.default_rng(seed)
    return rng.random((rows, n)) < rng.random((rows, 1)), rng.normal(0, 3, rows)


def kernel(one, other) -> float:
    """Of two genomes, by its definition."""
    alike = sum((a - 0.5) * (b - 0.5) for a, b in zip(one, other, strict=True))
    return alike + INTERACTIONS * np.exp(
        -sum(a != b for a, b in zip(one, other, strict=True)) / REACH
    )


@given(seeds, st.integers(1, 12), st.integers(1, 6))
def test_it_is_the_mean_and_the_covariance_of_a_gaussian_process(
    seed: int, rows: int, n: int
) -> None:
    known, values = drawn(seed, rows, n)
    asked = genomes(n)[:9]
    among = np.array([[kernel(a, b) for b in known] for a in known]) + NOISE * np.eye(rows)
    across = np.array([[kernel(a, b) for b in known] for a in asked])
    within = np.array([[kernel(a, b) for b in asked] for a in asked])
    found = Surrogate(known, values)
    expected = values.mean() + across @ np.linalg.solve(among, values - values.mean())
    assert found.predict(asked) == pytest.approx(expected, abs=1e-8)
    assert found.covariance(asked) == pytest.approx(
        within - across @ np.linalg.solve(among, across.T), abs=1e-8
    )


@given(seeds, st.integers(1, 12), st.integers(1, 8))
def test_one_superpixel_the_other_way_is_the_genome_with_it_the_other_way(
    seed: int, rows: int, n: int
) -> None:
    known, values = drawn(seed, rows, n)
    found = Surrogate(known, values)
    genome = drawn(seed + 1, 1, n)[0][0]
    assert found.predict_flips(genome) == pytest.approx(
        found.predict(genome ^ np.eye(n, dtype=bool)), abs=1e-8
    )


def test_it_recovers_a_sum_from_singles_and_expects_pairs() -> None:
    rng = np.random.default_rng(0)
    n = 20
    weights = rng.normal(0, 2, n)
    alone = np.eye(n, dtype=bool)
    known = np.concatenate([np.zeros((1, n), bool), np.ones((1, n), bool), alone, ~alone])
    found = Surrogate(known, known @ weights - 3)
    pairs = (alone[:, None] | alone[None])[np.triu_indices(n, 1)]
    assert np.corrcoef(found.predict(pairs), pairs @ weights)[0, 1] > 0.99
    assert found.predict(known) == pytest.approx(known @ weights - 3, abs=0.3)


def test_it_learns_what_only_two_together_do() -> None:
    shown = genomes(6)
    values = 4.0 * (shown[:, 1] & shown[:, 4]) - 2.0
    found = Surrogate(shown[::2], values[::2])
    assert (
        np.abs(found.predict(shown[1::2]) - values[1::2]).max() < 0.6
    )  # a sum alone is wrong by 1 at least
    sums = np.column_stack([np.ones(32), shown[::2]])
    by_sum = (
        np.column_stack([np.ones(32), shown[1::2]])
        @ np.linalg.lstsq(sums, values[::2], rcond=None)[0]
    )
    assert np.abs(by_sum - values[1::2]).max() >= 1


@given(seeds, st.integers(1, 12), st.integers(1, 6))
def test_what_is_known_is_certain_to_within_the_noise(seed: int, rows: int, n: int) -> None:
    known, values = drawn(seed, rows, n)
    found = Surrogate(known, values)
    variance = found.covariance(genomes(n)).diagonal()
    assert (variance > -1e-9).all()
    assert (found.covariance(known).diagonal() <= NOISE + 1e-9).all()


@given(seeds, st.integers(2, 12), st.floats(1e-3, 1e3))
def test_the_scale_of_the_values_does_not_matter(seed: int, rows: int, scale: float) -> None:
    known, values = drawn(seed, rows, 5)
    one, other = Surrogate(known, values), Surrogate(known, scale * values)
    assert other.predict(genomes(5)) == pytest.approx(
        scale * one.predict(genomes(5)), rel=1e-6, abs=1e-9 * scale
    )
