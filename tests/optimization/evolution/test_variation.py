import numpy as np
import pytest

from voicehive.optimization.evolution.population import Space
from voicehive.optimization.evolution.variation import (
    Variation,
    differential,
    latin_hypercube,
    polynomial_mutation,
    simulated_binary,
)

CONTINUOUS = Space(np.array([0]), np.array([False]))


def test_simulated_binary_crossover_spreads_as_deb_and_agrawal_say():
    # P(beta <= 1) = 1/2 and P(beta <= b) = 1 - 0.5 b^-(n+1) for b > 1, where the sides of the cube are far away.
    first, second = np.full((400_000, 1), 0.49), np.full((400_000, 1), 0.51)
    child = simulated_binary(first, second, np.random.default_rng(1), index=2.0)
    crossed = child[child != 0.49]
    spread = np.abs(crossed - 0.5) / 0.01
    assert len(crossed) == pytest.approx(200_000, rel=0.01)
    assert (spread <= 1.0).mean() == pytest.approx(0.5, abs=0.005)
    assert (spread <= 2.0).mean() == pytest.approx(1.0 - 0.5 * 2.0**-3, abs=0.005)
    assert (crossed > 0.5).mean() == pytest.approx(0.5, abs=0.005)


def test_crossover_never_leaves_the_cube_even_beside_its_sides():
    rng = np.random.default_rng(2)
    first, second, third = (rng.choice([0.0, 1e-9, 0.02, 0.5, 0.99, 1.0], size=(5_000, 3)) for _ in range(3))
    for child in (simulated_binary(first, second, rng, index=2.0), differential(first, second, third)):
        assert child.min() >= -1e-12
        assert child.max() <= 1.0 + 1e-12
    np.testing.assert_array_equal(simulated_binary(first, first, rng), first)


def test_polynomial_mutation_spreads_as_deb_and_goyal_say():
    # Far from the sides |step| has the distribution P(|d| <= x) = 1 - (1 - x)^(n+1), with n = 20.
    points = np.full((200_000, 1), 0.5)
    steps = polynomial_mutation(points, CONTINUOUS, np.random.default_rng(3), rate=1.0) - 0.5
    for size in (0.01, 0.03, 0.1):
        assert (np.abs(steps) <= size).mean() == pytest.approx(1.0 - (1.0 - size) ** 21, abs=0.005)
    assert steps.mean() == pytest.approx(0.0, abs=1e-3)


def test_mutation_moves_ordered_cells_by_one_at_least_and_draws_nominal_ones_anew():
    space = Space(np.array([4, 4]), np.array([False, True]))
    points = np.full((20_000, 2), 0.375)
    mutated = space.snap(polynomial_mutation(points, space, np.random.default_rng(0), rate=1.0))
    assert (mutated[:, 0] != 0.375).all()
    values, counts = np.unique(mutated[:, 1], return_counts=True)
    assert values.tolist() == [0.125, 0.375, 0.625, 0.875]
    np.testing.assert_allclose(counts / 20_000, 0.25, atol=0.015)


def test_a_latin_hypercube_has_one_value_in_each_slice_of_each_coordinate():
    points = latin_hypercube(50, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.floor(points * 50), axis=0), np.tile(np.arange(50)[:, None], 4))


def test_the_crossover_whose_offspring_survive_is_used_more():
    space = Space(np.zeros(6, dtype=np.intp), np.zeros(6, dtype=bool))
    rng = np.random.default_rng(0)
    variation, parents = Variation(space, rng), rng.random((100, 6))
    for _ in range(40):
        children = variation.offspring(parents, 100)
        # Differential moves nearly all coordinates away from every parent's, the other leaves about half as they were.
        kept = (children[:, None] == parents[None]).any(axis=1).sum(axis=1)
        variation.learn(children[kept <= 1])
    children = variation.offspring(parents, 1_000)
    untouched = (children[:, None] == parents[None]).any(axis=1).sum(axis=1)
    assert (untouched <= 1).mean() > 0.75
