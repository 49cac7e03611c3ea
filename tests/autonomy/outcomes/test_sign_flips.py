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
    mean=st.floats(-1e6, 1e6),
    squares=st.floats(0, 1e6),
    count=st.integers(0, 1_000),
    planned=st.floats(1e-3, 100),
    room=st.floats(0.001, 10),
)
def test_a_bet_is_fair_over_both_signs(
    size: float, mean: float, squares: float, count: int, planned: float, room: float
):
    won, lost = (float(np.exp(log_factor(sign * size, (count, mean, squares), planned, room))) for sign in (1, -1))
    assert (won + lost) / 2 == pytest.approx(1, abs=1e-9)
    assert won >= lost
    assert np.log(won) <= room + 1e-9


def test_a_bet_is_the_likelihood_ratio_given_the_size():
    # N(0.3, 1) against its mirror image, given |d| = 1.2, once mean and variance are known.
    likelihood = norm.pdf(1.2, 0.3) / (0.5 * norm.pdf(1.2, 0.3) + 0.5 * norm.pdf(-1.2, 0.3))
    assert log_factor(1.2, (1_000_000, 0.3, 1e6), 0.3, 10.0) == pytest.approx(np.log(likelihood), abs=1e-4)


def test_no_difference_says_nothing():
    assert log_factor(0.0, (0, 0.0, 0.0), 0.5, 3.0) == 0
    assert log_factor(0.0, (1, 4.0, 0.0), 0.5, 3.0) == 0


@pytest.mark.parametrize("noise", NOISES)
def test_like_canary_and_control_are_called_bad_no_more_often_than_alpha(noise: str):
    differences = NOISES[noise](np.random.default_rng(1))
    alarms = sign_evidence(differences, 0.5, alpha=0.05, miss=0.075).ever_degraded.sum()
    assert alarms <= binom.ppf(0.999, RUNS, 0.05)


@pytest.mark.parametrize("noise", ["normal", "growing", "Cauchy"])
def test_a_planned_degradation_is_called_good_no_more_often_than_declared(noise: str):
    differences = NOISES[noise](np.random.default_rng(2)) + 0.5
    assert sign_evidence(differences, 0.5, alpha=0.05, miss=0.075).good.sum() <= binom.ppf(0.999, RUNS, 0.075)


# statsmodels 0.15.0, TTestPower: 215.46 and 35.65.
@pytest.mark.parametrize(("effect", "needed"), [(0.2, 216), (0.5, 36)])
def test_a_degradation_takes_far_fewer_readings_than_a_fixed_sample(effect: float, needed: int):
    assert fixed_sample_size(effect, 0.05, 0.9) == needed
    noise = np.random.default_rng(3).standard_normal((RUNS, 3 * needed))
    planned, twice = (sign_evidence(noise + times * effect, effect, alpha=0.05, miss=0.075) for times in (1, 2))
    assert planned.readings.mean() <= 0.8 * needed
    assert planned.bad.sum() >= binom.ppf(0.001, RUNS, 0.9)
    assert twice.readings.mean() <= 0.3 * needed
