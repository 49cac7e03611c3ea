import numpy as np
import pytest
from scipy import stats

from voicehive.planning.distributions import Beta
from voicehive.planning.scenarios import Driver, Scenario, ScenarioSet
from voicehive.planning.simulation.conditional import ScoreBins, partition, sums_by_bin
from voicehive.planning.simulation.influence import first_order_indices, information_values
from voicehive.planning.simulation.inputs import Inputs, Size
from voicehive.planning.simulation.stress import peel
from voicehive.planning.simulation.total_effects import total_effects

NO_SCENARIOS = np.zeros(0)


def uniform_inputs(count, low, high):
    drivers = tuple(
        Driver(name=f"x{row}", distribution=Beta(alpha=1.0, beta=1.0, low=low, high=high)) for row in range(count)
    )
    return Inputs(ScenarioSet(scenarios=(Scenario(id="all", name="all", probability=1.0, drivers=drivers),)))


def ishigami(values, _happens):
    x1, x2, x3 = values
    return (np.sin(x1) + 7.0 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1))[None, :]


def test_the_indices_of_ishigamis_function_are_the_published_ones():
    # Ishigami and Homma (1990), a = 7, b = 0.1: first order 0.3139, 0.4424, 0; total 0.5576, 0.4424, 0.2437.
    inputs = uniform_inputs(3, -np.pi, np.pi)
    rng = np.random.default_rng(2)
    draws = inputs.draw(Size.holding(100_000), rng)
    outcomes = ishigami(inputs.values(draws.scores), None)
    variances = outcomes.var(axis=1)
    assert variances[0] == pytest.approx(13.8446, rel=1e-3)
    parts = partition(draws, np.zeros((0, outcomes.shape[1]), dtype=np.bool_), NO_SCENARIOS)
    centred = sums_by_bin(parts, (outcomes - outcomes.mean()).astype(np.float32))
    first = first_order_indices(parts, centred, variances)
    # Given data only, the bins' width hides up to a hundredth of a function as wavy as this one.
    np.testing.assert_allclose(first.value[:, 0], [0.3139, 0.4424, 0.0], rtol=0.012, atol=1e-3)
    total = total_effects(ishigami, inputs, draws, variances, rng)
    assert (np.abs(total.value[:, 0] - [0.5576, 0.4424, 0.2437]) < 4.0 * total.standard_error[:, 0]).all()
    assert (total.standard_error < 0.02).all()


def test_bins_hold_what_their_shares_say_and_weights_reproduce_straight_lines():
    bins = ScoreBins()
    scores = np.random.default_rng(1).normal(size=200_000)
    found = bins.of(scores)
    inside = (scores >= bins.edges[found]) & (scores < bins.edges[found + 1])
    assert inside.all()
    np.testing.assert_allclose(np.bincount(found, minlength=48) / 200_000, bins.shares, atol=1.5e-3)
    assert bins.shares @ bins.centres**2 == pytest.approx(1.0, abs=0.002)
    for score in (-1.2816, 0.3):
        assert bins.weights_at(score) @ (3.0 + 2.0 * bins.centres) == pytest.approx(3.0 + 2.0 * score)


def test_useless_information_is_worth_nothing_even_for_equal_actions():
    # The naive estimate, the mean of the greatest bin means, would see 48 chances to gain by luck.
    inputs = uniform_inputs(2, 0.0, 1.0)
    rng = np.random.default_rng(9)
    draws = inputs.draw(Size.holding(12_000), rng)
    noise = rng.normal(size=(2, draws.size.samples))
    parts = partition(draws, np.zeros((0, noise.shape[1]), dtype=np.bool_), NO_SCENARIOS)
    sums = sums_by_bin(parts, noise.astype(np.float32))
    naive = np.maximum(sums.sum(axis=0) / draws.size.samples, 0.0).sum(axis=1)
    found = information_values(parts, (sums, np.zeros_like(sums)))
    assert naive.min() > 0.01
    assert found.value.max() < 0.01
    assert (found.value <= 2.5 * found.standard_error).all()


def test_information_for_several_actions_is_the_expectation_of_the_best_choice():
    # Three actions worth 1 - 2x, x and 0.5, x uniform: E max is found by integrating the upper envelope.
    inputs = uniform_inputs(1, 0.0, 1.0)
    draws = inputs.draw(Size.holding(100_000), np.random.default_rng(3))
    x = inputs.values(draws.scores)[0]
    worth = np.stack((1.0 - 2.0 * x, x, np.full_like(x, 0.5)))
    parts = partition(draws, np.zeros((0, len(x)), dtype=np.bool_), NO_SCENARIOS)
    found = information_values(parts, np.moveaxis(sums_by_bin(parts, worth.astype(np.float32)), -1, 0))
    grid = (np.arange(100_000) + 0.5) / 100_000
    envelope = np.maximum(np.maximum(1.0 - 2.0 * grid, grid), 0.5).mean()
    assert found.value[0] == pytest.approx(envelope - 0.5, abs=2e-3)


def test_redrawing_a_t_distributed_driver_gives_the_total_effect_of_brute_force():
    from voicehive.planning.copula import Correlation, Dependence

    drivers = tuple(Driver(name=name, distribution=Beta(alpha=2.0, beta=2.0)) for name in "ab")
    dependence = Dependence(
        correlations=(Correlation(drivers=("a", "b"), coefficient=0.7),), copula="t", degrees_of_freedom=4.0
    )
    scenario = Scenario(id="all", name="all", probability=1.0, drivers=drivers)
    inputs = Inputs(ScenarioSet(scenarios=(scenario,), dependence=dependence))
    rng = np.random.default_rng(5)
    draws = inputs.draw(Size.holding(200_000), rng)
    found = total_effects(lambda values, _: values[:1] + values[1:], inputs, draws, np.ones(1), rng)
    # Var(a + b | b) = Var(a | b), by narrow bins of b.
    a, b = inputs.values(draws.scores)
    cells = np.digitize(b, np.quantile(b, np.linspace(0.0, 1.0, 401)[1:-1]))
    within = np.mean([a[cells == cell].var() for cell in range(400)])
    assert abs(found.value[0, 0] - within) < 4.0 * found.standard_error[0, 0] + 2e-4


def test_peeling_finds_the_box_where_misses_are_and_stops_where_they_are_everywhere():
    counts = np.full((8, 6), 100.0)
    misses = np.zeros((8, 6))
    misses[5:, :2] = 90.0
    box = peel(counts, misses)
    assert box.ranges == [(5, 7), (0, 1)]
    assert (box.share_of_misses, box.miss_probability) == (1.0, 0.9)
    assert box.share_of_futures == pytest.approx(6 / 48)
    assert peel(counts, np.full((8, 6), 30.0)).ranges == [(0, 7), (0, 5)]


def test_sobol_points_beat_random_ones_where_it_matters():
    inputs = uniform_inputs(4, 0.0, 1.0)
    size = Size.holding(24_000)
    draws = inputs.draw(size, np.random.default_rng(7))
    sums = inputs.values(draws.scores).sum(axis=0).reshape(size.replicates, -1).mean(axis=1)
    random = np.sqrt(4 / 12 / size.points)
    assert sums.std(ddof=1) < random / 20
    assert stats.kstest(stats.norm.cdf(draws.scores[2]), "uniform").statistic < 1e-3
