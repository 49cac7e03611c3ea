import numpy as np
import pytest

from voicehive.planning.simulation.distribution_statistics import Ordered, by_replicates


def test_the_sample_at_the_border_of_a_tail_counts_in_part():
    samples = np.array([[5.0, 1.0, 9.0, 2.0, 7.0, 3.0, 8.0, 4.0, 10.0, 6.0]])
    found = Ordered(samples, 1).lower_tail_mean(0.25)
    assert found.value[0] == pytest.approx((1.0 + 2.0 + 0.5 * 3.0) / 2.5)
    # Rockafellar and Uryasev: a tail within one atom has that atom's value.
    assert Ordered(samples, 1).lower_tail_mean(0.05).value[0] == pytest.approx(1.0)


def test_quantiles_are_those_of_numpy_and_of_the_whole_whatever_the_replicates():
    samples = np.random.default_rng(4).normal(size=(3, 4_000))
    probabilities = (0.05, 0.1, 0.333, 0.5, 0.95)
    expected = np.quantile(samples, probabilities, axis=1, method="inverted_cdf")
    for replicates in (1, 8):
        np.testing.assert_array_equal(Ordered(samples, replicates).quantiles(probabilities).value, expected)
    np.testing.assert_allclose(Ordered(samples, 8).standard_deviation().value, samples.std(axis=1))


def test_a_standard_error_is_the_spread_of_replicates_over_the_root_of_their_number():
    found = by_replicates(np.array([[1.0, 2.0, 3.0, 6.0]]))
    assert found.value[0] == 3.0
    assert found.standard_error[0] == pytest.approx(np.sqrt(14 / 3) / 2)
