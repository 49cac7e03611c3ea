import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chisquare, norm, poisson

from voicehive.autonomy.outcomes.simulation import rank_evidence
from voicehive.autonomy.outcomes.thinning import Thinning

RUNS = 1_000


def shares(generator: np.random.Generator, chance: float, readings: int) -> np.ndarray:
    return generator.binomial(50, chance, (RUNS, readings)) / 50


def test_cases_that_became_likelier_are_thinned_to_what_they_were():
    generator = np.random.default_rng(1)
    worse = generator.binomial(50, 0.06, 20_000) / 50
    thinned = Thinning(0.0, 0.02, 2 / 3).kept(worse, generator.random(20_000))
    seen = np.bincount(np.rint(thinned * 50).astype(int), minlength=8)
    expected = binom.pmf(np.arange(7), 50, 0.04) * 20_000
    assert chisquare([*seen[:7], seen[7:].sum()], [*expected, 20_000 - expected.sum()]).pvalue > 0.001


@settings(deadline=None)
@given(count=st.integers(-3, 1_000), uniform=st.floats(0, 1, exclude_max=True), keep=st.floats(0.01, 0.99))
def test_no_case_is_added_and_one_better_than_the_best_stays(count: int, uniform: float, keep: float):
    kept = float(Thinning(-1.0, 0.25, keep).kept(-1.0 + 0.25 * count, uniform))
    assert min(-1.0, -1.0 + 0.25 * count) - 1e-9 <= kept <= -1.0 + 0.25 * count + 1e-9


def test_a_degradation_is_undone_on_average_and_only_for_few_values():
    before = np.array([0.0, 0.0, 0.02, 0.06])
    thinning = Thinning.undoing(0.01, before, 0.02)
    assert thinning == Thinning(0.0, 0.02, pytest.approx(2 / 3))
    assert Thinning.undoing(0.04, before, 0.02) is None
    assert Thinning.undoing(0.01, before, 0.0) is None


def test_the_effect_is_the_shift_of_a_normal_score():
    generator = np.random.default_rng(2)
    drawn = generator.poisson(1.5, 200_000)
    low, width = poisson.cdf(drawn - 1, 1.0), poisson.pmf(drawn, 1.0)
    scores = norm.ppf(low + width * generator.random(200_000))
    assert Thinning(0.0, 0.02, 1.0).effect(0.01, np.full(10, 0.02)) == pytest.approx(scores.mean(), abs=0.01)
    # Of a large rate, the shift in standard deviations.
    assert Thinning(0.0, 1.0, 1.0).effect(5.0, np.full(10, 400.0)) == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("chance", [0.002, 0.02, 0.1, 0.3])
def test_shares_of_few_values_keep_both_levels(chance: float):
    generator = np.random.default_rng(3)
    planned = 0.5 * (chance * (1 - chance) / 50) ** 0.5
    levels = {"alpha": 0.05, "miss": 0.075}
    before, same, worse = (shares(generator, one, 200) for one in (chance, chance, chance + planned))
    assert rank_evidence(before, same, planned, generator, **levels).ever_degraded.sum() <= binom.ppf(0.999, RUNS, 0.05)
    assert rank_evidence(before, worse, planned, generator, **levels).good.sum() <= binom.ppf(0.999, RUNS, 0.075)


# A pooled t test that looks once takes 46 readings to find 90 % of these (4,000 series; benchmarks/outcomes.py).
@pytest.mark.parametrize(("multiple", "most"), [(1, 0.8), (2, 0.3)])
def test_a_share_that_rises_is_found_in_fewer_readings_than_a_fixed_sample_takes(multiple: int, most: float):
    generator = np.random.default_rng(4)
    before, after = shares(generator, 0.1, 200), shares(generator, 0.1 + multiple * 0.0212, 138)
    found = rank_evidence(before, after, 0.0212, generator, alpha=0.05, miss=0.075)
    assert found.readings.mean() <= most * 46
    assert found.bad.sum() >= binom.ppf(0.001, RUNS, 0.9)
