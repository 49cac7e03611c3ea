import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from voicehive.planning.pooling import ProbabilityInvalid, brier_score, linear_pool, logarithmic_pool

probabilities = st.lists(st.floats(0.001, 0.999), min_size=2, max_size=6)


def test_the_linear_pool_is_the_weighted_mean():
    assert linear_pool([0.2, 0.8], [3.0, 1.0]) == pytest.approx(0.35)
    np.testing.assert_allclose(linear_pool([[0.2, 0.4], [0.4, 0.8]]), [0.3, 0.6])


@given(stated=probabilities, evidence=st.floats(0.1, 10.0))
def test_the_logarithmic_pool_is_externally_bayesian(stated, evidence):
    # Genest and Zidek (1986): updating all experts by a likelihood and pooling is pooling and then updating.
    def updated(probability):
        odds = probability / (1 - probability) * evidence
        return odds / (1 + odds)

    first = logarithmic_pool([updated(one) for one in stated])
    assert first == pytest.approx(updated(logarithmic_pool(stated)), rel=1e-9)


@given(stated=probabilities)
def test_pools_of_the_unanimous_are_what_they_say_and_others_lie_between(stated):
    for pool in (linear_pool, logarithmic_pool):
        assert min(stated) - 1e-12 <= pool(stated) <= max(stated) + 1e-12
        assert pool([stated[0]] * 3) == pytest.approx(stated[0])


def test_certainty_decides_a_logarithmic_pool_and_contradiction_is_refused():
    assert logarithmic_pool([0.0, 0.7]) == 0.0
    assert logarithmic_pool([1.0, 0.7]) == 1.0
    assert logarithmic_pool([1.0, 0.0, 0.7], [1.0, 0.0, 1.0]) == 1.0
    with pytest.raises(ProbabilityInvalid, match="one expert says 0 and another 1"):
        logarithmic_pool([1.0, 0.0])


@pytest.mark.parametrize(
    ("stated", "weights", "said"),
    [
        ([0.5, 1.2], None, r"probabilities\[1\]: 1.2 is no probability"),
        ([0.5, float("nan")], None, "nan is no probability"),
        ([], None, "none given"),
        ([0.5, 0.5], [1.0], "1 given for 2 experts"),
        ([0.5, 0.5], [1.0, -1.0], "negative"),
        ([0.5, 0.5], [0.0, 0.0], "all are 0"),
    ],
)
def test_what_cannot_be_pooled_is_refused(stated, weights, said):
    with pytest.raises(ProbabilityInvalid, match=said):
        linear_pool(stated, weights)


def test_the_score_is_scikit_learns_and_its_parts_sum_to_it():
    rng = np.random.default_rng(6)
    stated = rng.integers(0, 11, 3_000) / 10
    happened = (rng.random(3_000) < stated**1.5).tolist()
    found = brier_score(stated, happened)
    assert found.score == pytest.approx(brier_score_loss(happened, stated))
    assert found.within_bins == 0.0
    assert found.score == pytest.approx(found.reliability - found.resolution + found.uncertainty)
    assert found.reliability > 0.003


def test_murphys_parts_are_those_worked_out_by_hand():
    # Said 0.8 four times, 3 happened; said 0.2 six times, 3 happened. Base rate 0.6.
    found = brier_score([0.8] * 4 + [0.2] * 6, [True] * 3 + [False] + [True] * 3 + [False] * 3)
    assert found.reliability == pytest.approx(0.4 * 0.05**2 + 0.6 * 0.3**2)
    assert found.resolution == pytest.approx(0.4 * 0.15**2 + 0.6 * 0.1**2)
    assert found.uncertainty == pytest.approx(0.24)
    assert found.score == pytest.approx((3 * 0.04 + 0.64 + 3 * 0.64 + 3 * 0.04) / 10)


def test_bins_account_for_what_they_join():
    # Stephenson et al. (2008): variance within bins, less twice the covariance with outcomes.
    rng = np.random.default_rng(8)
    stated = rng.random(5_000)
    happened = rng.random(5_000) < stated
    found = brier_score(stated, happened.tolist(), bins=10)
    group = np.minimum((stated * 10).astype(int), 9)
    inside = 0.0
    for each in range(10):
        p, y = stated[group == each], happened[group == each].astype(float)
        inside += (np.square(p - p.mean()).sum() - 2 * ((y - y.mean()) * (p - p.mean())).sum()) / 5_000
    assert found.within_bins == pytest.approx(inside)
    with pytest.raises(ProbabilityInvalid, match="one outcome for each"):
        brier_score([0.5], [True, False])
