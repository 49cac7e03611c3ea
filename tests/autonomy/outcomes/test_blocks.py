import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from voicehive.autonomy.outcomes.blocks import block_correlation, block_length, block_means, lag_one_autocorrelation


@settings(deadline=None)
@given(correlation=st.floats(0.01, 0.95), length=st.integers(1, 40))
def test_block_correlation_is_that_of_the_covariance_matrix(correlation: float, length: int):
    covariance = toeplitz(correlation ** np.arange(2 * length))
    within, between = covariance[:length, :length].sum(), covariance[:length, length:].sum()
    assert block_correlation(correlation, length) == pytest.approx(between / within, rel=1e-6)


def test_neighbours_that_resemble_each_other_are_found():
    series = lfilter([1.0], [1.0, -0.6], np.random.default_rng(1).standard_normal(4_000))
    assert lag_one_autocorrelation(series.tolist()) == pytest.approx(0.6, abs=0.04)
    assert lag_one_autocorrelation([3.0] * 10) == 0
    assert lag_one_autocorrelation([1.0, -1.0] * 50) == pytest.approx(-0.99)


def test_independent_readings_stay_single_and_dependent_ones_are_averaged_until_they_hardly_resemble_each_other():
    generator = np.random.default_rng(2)
    single = [block_length(generator.standard_normal(100).tolist()) for _ in range(200)]
    assert np.mean(np.array(single) == 1) > 0.93
    series = lfilter([1.0], [1.0, -0.6], generator.standard_normal(4_000)).tolist()
    length = block_length(series)
    assert block_correlation(0.6, length) == pytest.approx(0.1, abs=0.02)
    assert abs(lag_one_autocorrelation(block_means(series, length))) < 0.2
    assert block_length(list(np.arange(100.0))) < 1_000


def test_blocks_are_means_and_leave_out_the_oldest_readings():
    assert block_means([100.0, 1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert block_means([1.0, 2.0], 3) == []
