from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from voicehive.autonomy.outcomes.sample_size import fixed_sample_size
from voicehive.autonomy.outcomes.sign_flips import log_factor
from voicehive.autonomy.outcomes.simulation import sign_evidence

RUNS, READINGS = 2_000, 150
GROWING = np.geomspace(0.1, 10, READINGS)
NOISES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda generator: generator.standard_normal((RUNS, READINGS)),
    "growing": lambda generator: generator.standard_normal((RUNS, READINGS)) * GROWING,
    "shrinking": lambda generator: generator.standard_normal((RUNS, READINGS)) / GROWING,
    "Cauchy": lambda generator: generator.standard_cauchy((RUNS, READINGS)),
    "difference of skewed": lambda generator: (
        generator.lognormal(0, 1, (RUNS, READINGS)) - generator.lognormal(0, 1, (RUNS, READINGS))
    ),
}


@settings(deadline=None)
@given(
    size=st.floats(1e-6, 1e6),
    earlier=st.floats(0, 1e6),
    count=st.integers(1, 1_000),
    planned=st.floats(-100, 100).filter(bool),
    room=st.floats(0.001, 10),
)
def test_a_bet_is_fair_over_both_signs(size: float, earlier: float, count: int, planned: float, room: float):
    squares = earlier + size**2
    both = [float(np.exp(log_factor(sign * size, squares, count, planned, room))) for sign in (1, -1)]
    assert np.mean(both) == pytest.approx(1, abs=1e-9)
    assert np.log(max(both)) <= room + 1e-9


def test_a_bet_is_the_likelihood_ratio_given_the_size():
    # N(0.3, 1) against its mirror image, given |d| = 1.2, once the variance is known.
    likelihood = norm.pdf(1.2, 0.3) / (0.5 * norm.pdf(1.2, 0.3) + 0.5 * norm.pdf(-1.2, 0.3))
    assert log_factor(1.2, 1e6, 1_000_000, 0.3, 10.0) == pytest.approx(np.log(likelihood), abs=1e-5)


def test_no_difference_says_nothing():
    assert log_factor(0.0, 0.0, 1, 0.5, 3.0) == 0
    assert log_factor(0.0, 4.0, 2, 0.5, 3.0) == 0


@pytest.mark.parametrize("noise", NOISES)
def test_like_canary_and_control_are_called_bad_no_more_often_than_alpha(noise: str):
    differences = NOISES[noise](np.random.default_rng(1))
    alarms = sign_evidence(differences, 0.5, alpha=0.05, miss=0.075).ever_degraded.sum()
    assert alarms <= binom.ppf(0.999, RUNS, 0.05)


@pytest.mark.parametrize("noise", ["normal", "growing", "Cauchy"])
def test_a_planned_degradation_is_called_good_no_more_often_than_declared(noise: str):
    differences = NOISES[noise](np.random.default_rng(2)) + 0.5
    assert sign_evidence(differences, 0.5, alpha=0.05, miss=0.075).good.sum() <= binom.ppf(0.999, RUNS, 0.075)


def test_a_planned_degradation_takes_less_than_eight_tenths_of_a_fixed_sample():
    fixed = fixed_sample_size(0.2, 0.05, 0.9)
    assert fixed == 216  # statsmodels 0.15.0, TTestPower: 215.46
    differences = np.random.default_rng(3).standard_normal((RUNS, 3 * fixed)) + 0.2
    planned = sign_evidence(differences, 0.2, alpha=0.05, miss=0.075)
    assert planned.readings.mean() <= 0.8 * fixed
    assert planned.bad.sum() >= binom.ppf(0.001, RUNS, 0.9)
