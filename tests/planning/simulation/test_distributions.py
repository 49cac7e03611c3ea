import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from voicehive.planning.distributions import (
    Beta,
    Constant,
    Distribution,
    Empirical,
    LogNormal,
    Normal,
    Pert,
    Poisson,
    Quantiles,
    Triangular,
)

PROBABILITIES = np.concatenate(([1e-9, 1e-6, 1e-3], np.linspace(0.005, 0.995, 397), [1 - 1e-3, 1 - 1e-6, 1 - 1e-9]))

PEERS = [
    (Normal(mean=3.0, sd=2.0), stats.norm(3, 2)),
    (LogNormal(median=5.0, sigma=0.7), stats.lognorm(0.7, scale=5)),
    (Triangular(low=1.0, mode=2.0, high=6.0), stats.triang(0.2, 1, 5)),
    (Triangular(low=1.0, mode=1.0, high=6.0), stats.triang(0.0, 1, 5)),
    (Triangular(low=1.0, mode=6.0, high=6.0), stats.triang(1.0, 1, 5)),
    (Pert(low=0.0, mode=2.0, high=10.0), stats.beta(1.8, 4.2, 0, 10)),
    (Beta(alpha=2.0, beta=5.0, low=-1.0, high=3.0), stats.beta(2, 5, -1, 4)),
    (Beta(alpha=0.3, beta=0.2), stats.beta(0.3, 0.2)),
    (Beta(alpha=0.05, beta=40.0), stats.beta(0.05, 40)),
    (Beta(alpha=1e6, beta=1e5), stats.beta(1e6, 1e5)),
    (Beta(alpha=1.0, beta=1.0, low=-2.0, high=2.0), stats.uniform(-2, 4)),
    (Poisson(rate=0.02), stats.poisson(0.02)),
    (Poisson(rate=3.5), stats.poisson(3.5)),
    (Poisson(rate=80_000.0), stats.poisson(80_000)),
]


@pytest.mark.parametrize(("ours", "peer"), PEERS, ids=lambda one: getattr(one, "kind", ""))
def test_inverses_agree_with_scipy(ours, peer):
    width = peer.ppf(0.999) - peer.ppf(0.001) or 1.0
    np.testing.assert_allclose(ours.quantile(PROBABILITIES), peer.ppf(PROBABILITIES), atol=1e-5 * width, rtol=1e-9)


@pytest.mark.parametrize(("ours", "peer"), PEERS, ids=lambda one: getattr(one, "kind", ""))
def test_moments_agree_with_scipy(ours, peer):
    assert ours.mean == pytest.approx(peer.mean(), rel=1e-9, abs=1e-12)
    assert ours.sd == pytest.approx(peer.std(), rel=1e-9)


def test_counts_step_exactly_where_scipy_says():
    for rate in (0.4, 12.0, 3_000.0):
        counts = np.arange(stats.poisson(rate).ppf(1e-6), stats.poisson(rate).ppf(1 - 1e-6))
        edges = stats.poisson(rate).cdf(counts)
        for shift, step in ((-1e-9, 0), (1e-9, 1)):
            inside = (edges + shift < 1.0 - 1e-8) & (edges + shift > 1e-8)
            np.testing.assert_array_equal(Poisson(rate=rate).quantile(edges[inside] + shift), counts[inside] + step)


def test_the_shape_of_the_probabilities_is_kept():
    for ours, _ in PEERS:
        assert ours.quantile(0.5).shape == ()
        assert ours.quantile(np.full((7, 3), 0.25)).shape == (7, 3)


def test_the_moments_of_pert_are_those_of_its_authors():
    # Malcolm et al. (1959): mean (a + 4 m + b) / 6. The variance of that beta: (mean - a) (b - mean) / 7.
    pert = Pert(low=2.0, mode=5.0, high=14.0)
    assert pert.mean == pytest.approx((2 + 4 * 5 + 14) / 6)
    assert pert.sd**2 == pytest.approx((6 - 2) * (14 - 6) / 7)
    middle = pert.quantile((np.arange(200_000) + 0.5) / 200_000)
    assert middle.mean() == pytest.approx(6.0, abs=1e-5)
    assert middle.std() == pytest.approx(pert.sd, rel=1e-5)


def test_observed_values_come_as_often_as_their_weights_say():
    seen = Empirical(values=(3.0, 1.0, 2.0, 9.0), weights=(1.0, 2.0, 0.0, 1.0))
    assert seen.quantile([0.0, 0.3, 0.499, 0.501, 0.74, 0.76, 1.0]).tolist() == [1, 1, 1, 3, 3, 9, 9]
    assert (seen.mean, seen.sd) == (pytest.approx(3.5), pytest.approx(np.std([1, 1, 3, 9])))
    values = np.random.default_rng(1).normal(size=20_001)
    probabilities = np.random.default_rng(2).random(5_000)
    expected = np.quantile(values, probabilities, method="inverted_cdf")
    np.testing.assert_array_equal(Empirical(values=tuple(values)).quantile(probabilities), expected)
    clustered = np.concatenate((values[:50] * 1e-6, [1.0] * 50))
    expected = np.quantile(clustered, probabilities, method="inverted_cdf")
    np.testing.assert_array_equal(Empirical(values=tuple(clustered)).quantile(probabilities), expected)


def test_a_constant_is_always_the_same():
    assert Constant(value=4.0).quantile([0.0, 0.5, 1.0]).tolist() == [4, 4, 4]
    assert (Constant(value=4.0).mean, Constant(value=4.0).sd) == (4.0, 0.0)


@settings(max_examples=100, deadline=None)
@given(
    start=st.floats(-1e3, 1e3),
    gaps=st.tuples(*[st.floats(1.0, 50.0)] * 4),
    bounded=st.tuples(st.booleans(), st.booleans()),
)
def test_three_quantiles_are_met_exactly_and_the_bounds_kept(start, gaps, bounded):
    low, p10, p50, p90, high = start + np.concatenate(([0.0], np.cumsum(gaps)))
    if not any(bounded) and min(gaps[1:3]) < 0.06 * sum(gaps[1:3]):
        return
    bounds = {"low": low if bounded[0] else None, "high": high if bounded[1] else None}
    stated = Quantiles(p10=p10, p50=p50, p90=p90, **bounds)
    np.testing.assert_allclose(stated.quantile([0.1, 0.5, 0.9]), [p10, p50, p90], rtol=1e-7, atol=1e-7)
    grid = stated.quantile(np.linspace(0.0, 1.0, 501))
    assert (np.diff(grid[1:-1]) >= 0.0).all()
    assert (np.diff(grid[50:451]) > 0.0).all()
    assert grid[0] == (pytest.approx(low) if bounded[0] else -math.inf)
    assert grid[-1] == (pytest.approx(high) if bounded[1] else math.inf)


def test_unbounded_three_quantiles_are_scipys_johnson_distribution():
    stated = Quantiles(p10=1.0, p50=2.0, p90=5.0)
    # Solved by hand from Hadlock and Bickel: delta = arcosh((p90 - p10) / (2 (p50 - p10))) / z, with z the 90 % score.
    tenth = stats.norm.ppf(0.9)
    delta = math.acosh(2.0) / tenth
    peer = stats.johnsonsu(-tenth, 1 / delta, loc=1.0, scale=4.0 / math.sinh(2 * delta * tenth))
    np.testing.assert_allclose(stated.quantile(PROBABILITIES), peer.ppf(PROBABILITIES), rtol=1e-9, atol=1e-9)
    assert stated.mean == pytest.approx(peer.mean(), rel=1e-9)
    assert stated.sd == pytest.approx(peer.std(), rel=1e-9)


def test_three_quantiles_of_a_normal_or_log_normal_give_it_back():
    for peer, low in ((Normal(mean=10.0, sd=3.0), None), (LogNormal(median=4.0, sigma=0.6), 0.0)):
        p10, p50, p90 = peer.quantile([0.1, 0.5, 0.9]).tolist()
        stated = Quantiles(p10=p10, p50=p50, p90=p90, low=low)
        np.testing.assert_allclose(stated.quantile(PROBABILITIES), peer.quantile(PROBABILITIES), rtol=1e-7)
        assert (stated.mean, stated.sd) == (pytest.approx(peer.mean, rel=1e-7), pytest.approx(peer.sd, rel=1e-7))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"kind": "normal", "mean": 1.0, "sd": 0.0}, "greater than 0"),
        ({"kind": "triangular", "low": 1.0, "mode": 5.0, "high": 4.0}, "low <= mode <= high"),
        ({"kind": "pert", "low": 1.0, "mode": 1.0, "high": 1.0}, "kind constant"),
        ({"kind": "beta", "alpha": 2.0, "beta": 2.0, "low": 3.0, "high": 3.0}, "below high"),
        ({"kind": "empirical", "values": [1.0], "weights": [0.0]}, "positive weight"),
        ({"kind": "empirical", "values": [1.0, 2.0], "weights": [1.0]}, "2 values but 1 weights"),
        ({"kind": "quantiles", "p10": 1.0, "p50": 3.0, "p90": 2.0}, "p10 < p50 < p90"),
        ({"kind": "quantiles", "p10": 1.0, "p50": 1.01, "p90": 2.0}, "give low or high"),
        ({"kind": "quantiles", "p10": 1.0, "p50": 1.5, "p90": 2.0, "low": 1.0}, "must hold"),
        ({"kind": "poisson", "rate": 1e9}, "less than or equal to 1000000"),
        ({"kind": "gamma", "rate": 1.0}, "does not match any of the expected tags"),
    ],
)
def test_what_is_no_distribution_is_refused_with_a_way_out(document, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(Distribution).validate_python(document, strict=False)


def test_what_is_no_probability_is_refused():
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="from 0 to 1"):
            Normal(mean=0.0, sd=1.0).quantile([0.5, wrong])
