import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from voicehive.autonomy.outcomes.sample_size import fixed_sample_size


# statsmodels 0.15.0, TTestPower().solve_power(alternative="larger"): 26.14, 35.65 and 396.97.
@pytest.mark.parametrize(
    ("effect", "alpha", "power", "needed"), [(0.5, 0.05, 0.8, 27), (0.5, 0.05, 0.9, 36), (0.2, 0.01, 0.95, 397)]
)
def test_one_sample(effect: float, alpha: float, power: float, needed: int):
    assert fixed_sample_size(effect, alpha, power) == needed


# statsmodels 0.15.0, TTestIndPower().power: 0.7989 for 50 and 50, 0.8024 for 51 and 50; 0.8968 for 200 and 41, 0.9019
# for 200 and 42.
def test_two_samples():
    assert fixed_sample_size(0.5, 0.05, 0.8, 51) == 50
    assert (fixed_sample_size(0.5, 0.05, 0.8, 50) or 0) > 50
    assert fixed_sample_size(0.5, 0.05, 0.9, 200) == 42


# statsmodels 0.15.0: power 0.7514 with 60 before and a million after.
def test_a_small_baseline_limits_what_can_be_found():
    assert fixed_sample_size(0.3, 0.05, 0.9, 60) is None


def test_so_many_readings_do_reach_the_power():
    needed = fixed_sample_size(0.6, 0.05, 0.9, 80)
    assert needed is not None
    generator = np.random.default_rng(1)
    before, after = generator.standard_normal((4_000, 80)), generator.standard_normal((4_000, needed)) + 0.6
    found = int((ttest_ind(after, before, axis=1, alternative="greater").pvalue < 0.05).sum())
    assert binom.ppf(0.001, 4_000, 0.9) <= found <= binom.ppf(0.999, 4_000, 0.92)
