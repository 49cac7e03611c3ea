import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.signal import lfilter
from scipy.stats import binom

from voicehive.autonomy.outcomes.dependence import block_means, variance_inflation
from voicehive.autonomy.outcomes.simulation import rank_evidence

RUNS = 1_000


def filtered(past: list[float], shocks: list[float], generator: np.random.Generator, readings: int) -> np.ndarray:
    """ARMA series (RUNS, readings) of about unit variance, past their beginning."""
    series = lfilter(shocks, [1.0, *(-one for one in past)], generator.standard_normal((RUNS, readings + 200)), axis=1)
    return series[:, 200:] / series.std()


PROCESSES: dict[str, tuple[list[float], list[float]]] = {
    "AR 0.1": ([0.1], [1.0]),
    "AR 0.2": ([0.2], [1.0]),
    "AR 0.5": ([0.5], [1.0]),
    "AR 0.7": ([0.7], [1.0]),
    "AR -0.3": ([-0.3], [1.0]),
    "mean of four": ([], [1.0, 1.0, 1.0, 1.0]),
}


def test_inflation_is_that_of_the_variance_of_a_mean():
    generator = np.random.default_rng(1)
    for correlation in (0.2, 0.5, 0.8):
        covariance = toeplitz(correlation ** np.arange(1_000))
        series = filtered([correlation], [1.0], generator, 1_000)
        assert np.median(variance_inflation(series)) == pytest.approx(covariance.mean() * 1_000, rel=0.12)
    averaged = filtered([], [1.0, 1.0, 1.0, 1.0], generator, 1_000)
    assert np.median(variance_inflation(averaged)) == pytest.approx(4, rel=0.12)


def test_independent_readings_are_hardly_inflated_and_alternating_or_steady_ones_not_at_all():
    assert variance_inflation(np.random.default_rng(2).standard_normal((RUNS, 100))).mean() < 1.2
    assert variance_inflation(np.tile([1.0, -1.0], 50)) == 1
    assert variance_inflation(np.full(100, 3.0)) == 1


@pytest.mark.parametrize("process", PROCESSES)
def test_dependent_readings_in_which_nothing_changed_are_called_bad_no_more_often_than_alpha(process: str):
    generator = np.random.default_rng(3)
    series = filtered(*PROCESSES[process], generator, 400)
    alarms = rank_evidence(series[:, :200], series[:, 200:], 0.5, generator, alpha=0.05, miss=0.075).ever_degraded
    assert alarms.sum() <= binom.ppf(0.999, RUNS, 0.05)


def test_blocks_are_means_and_leave_out_the_oldest_readings():
    assert block_means([100.0, 1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert block_means([1.0, 2.0], 3) == []
