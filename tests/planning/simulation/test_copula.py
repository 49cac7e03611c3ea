import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from voicehive.planning.copula import (
    Correlation,
    CorrelationInvalid,
    Dependence,
    ScoresOfT,
    correlation_matrix,
    divisors,
    nearest_correlation,
)
from voicehive.planning.distributions import LogNormal, Pert
from voicehive.planning.scenarios import Driver, Scenario, ScenarioSet
from voicehive.planning.simulation.inputs import Inputs, Size


def pairs(*stated):
    return tuple(Correlation(drivers=(first, second), coefficient=value) for first, second, value in stated)


def draw(dependence, names=("a", "b", "c"), samples=200_000):
    drivers = tuple(
        Driver(name=name, distribution=Pert(low=0.0, mode=1.0, high=5.0) if row else LogNormal(median=1.0, sigma=1.0))
        for row, name in enumerate(names)
    )
    whole = ScenarioSet(
        scenarios=(Scenario(id="all", name="all", probability=1.0, drivers=drivers),), dependence=dependence
    )
    inputs = Inputs(whole)
    draws = inputs.draw(Size.holding(samples), np.random.default_rng(4))
    return inputs, draws


def test_the_nearest_correlation_matrix_is_highams():
    # Higham (2002), section 4: the nearest correlation matrix to this one, to four figures.
    found = nearest_correlation(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]]))
    expected = [[1.0, 0.7607, 0.1573], [0.7607, 1.0, 0.7607], [0.1573, 0.7607, 1.0]]
    np.testing.assert_allclose(found, expected, atol=6e-5)


def test_slight_contradictions_are_repaired_and_said():
    dependence = Dependence(correlations=pairs(("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", 0.55)))
    matrix, notices = correlation_matrix(["a", "b", "c"], dependence)
    assert np.linalg.eigvalsh(matrix)[0] > 0.0
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    moved = f"a with b from 0.900 to {matrix[0, 1]:.3f} (3 coefficients in all)"
    assert notices == (f"correlations: made consistent, moving at most {moved}",)


def test_a_good_matrix_stays_as_it_is():
    dependence = Dependence(correlations=pairs(("a", "b", 0.5), ("b", "z", 0.9)))
    matrix, notices = correlation_matrix(["a", "b"], dependence)
    assert matrix.tolist() == [[1.0, 0.5], [0.5, 1.0]]
    assert notices == ()


def test_gross_contradictions_are_refused_by_name_and_any_where_repair_is_not_allowed():
    gross = pairs(("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", -0.9))
    with pytest.raises(
        CorrelationInvalid, match=r"nearest that can be move . with . from -?0\.900 to -?0\.500 .*; correct these$"
    ):
        correlation_matrix(["a", "b", "c"], Dependence(correlations=gross))
    slight = pairs(("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", 0.55))
    with pytest.raises(CorrelationInvalid, match=r"a with b from 0.900 to .*allow the repair"):
        correlation_matrix(["a", "b", "c"], Dependence(correlations=slight, repair=False))


def test_malformed_correlations_are_refused():
    with pytest.raises(ValidationError, match="given twice"):
        Dependence(correlations=pairs(("a", "b", 0.1), ("b", "a", 0.1)))
    with pytest.raises(ValidationError, match="two different drivers"):
        pairs(("a", "a", 0.5))
    with pytest.raises(ValidationError, match="degrees_of_freedom"):
        Dependence(copula="t")


def test_a_gaussian_copula_keeps_marginals_and_has_the_rank_correlation_of_theory():
    inputs, draws = draw(Dependence(correlations=pairs(("a", "b", 0.6))))
    values = inputs.values(draws.scores)
    # Spearman's rho of the Gaussian copula: 6/pi arcsin(r/2).
    assert stats.spearmanr(values[0], values[1]).statistic == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.003)
    assert stats.spearmanr(values[0], values[2]).statistic == pytest.approx(0.0, abs=0.003)
    for row, driver in enumerate(inputs.drivers):
        assert values[row].mean() == pytest.approx(driver.distribution.mean, rel=2e-3)
        assert values[row].std() == pytest.approx(driver.distribution.sd, rel=2e-2)


def test_a_t_copula_has_the_tail_dependence_of_theory_and_leaves_others_alone():
    _, draws = draw(Dependence(correlations=pairs(("a", "b", 0.5)), copula="t", degrees_of_freedom=3.0))
    u = stats.norm.cdf(draws.scores)
    for row in u:
        assert stats.kstest(row, "uniform").statistic < 0.003
    assert stats.kendalltau(u[0][:20_000], u[1][:20_000]).statistic == pytest.approx(
        2 / np.pi * np.arcsin(0.5), abs=0.01
    )
    # Demarta and McNeil (2005): lambda = 2 T_{v+1}(-sqrt((v + 1) (1 - r) / (1 + r))).
    tail = 2 * stats.t.cdf(-np.sqrt(4 * 0.5 / 1.5), 4)
    at = 0.002
    both = ((u[0] < at) & (u[1] < at)).mean() / at
    assert both == pytest.approx(tail, abs=0.05)
    # A t copula with r = 0 is not independence: what no correlation names must not share the divisor.
    extreme = np.abs(draws.scores[0]) > 2.5
    assert np.mean(np.abs(draws.scores[2][extreme]) > 2.5) == pytest.approx(2 * stats.norm.cdf(-2.5), abs=0.008)


def test_a_t_copula_leaves_others_alone_after_a_repair_too():
    stated = pairs(("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", 0.55))
    dependence = Dependence(correlations=stated, copula="t", degrees_of_freedom=1.0)
    _, draws = draw(dependence, names=("a", "b", "c", "d"))
    extreme = np.abs(draws.scores[0]) > 2.5
    assert np.mean(np.abs(draws.scores[3][extreme]) > 2.5) == pytest.approx(2 * stats.norm.cdf(-2.5), abs=0.008)


def test_tables_of_the_t_copula_agree_with_scipy():
    t = np.concatenate((-np.logspace(-3, 5, 200), np.logspace(-3, 5, 200)))
    for degrees in (1.0, 4.0, 300.0):
        at = t[np.abs(stats.norm.ppf(stats.t.cdf(-np.abs(t), degrees))) < 8.0]
        expected = -np.sign(at) * stats.norm.ppf(stats.t.cdf(-np.abs(at), degrees))
        np.testing.assert_allclose(ScoresOfT(degrees)(at), expected, atol=3e-5)
        u = np.array([1e-8, 1e-3, 0.2, 0.5, 0.9, 1 - 1e-6])
        np.testing.assert_allclose(divisors(u, degrees), np.sqrt(stats.chi2.ppf(u, degrees) / degrees), rtol=2e-5)


@pytest.mark.parametrize("degrees", [None, 5.0])
def test_a_driver_drawn_anew_given_all_others_leaves_the_joint_distribution_as_it_was(degrees):
    stated = pairs(("a", "b", 0.8), ("b", "c", -0.5), ("a", "c", -0.3))
    dependence = Dependence(correlations=stated, copula="t" if degrees else "gaussian", degrees_of_freedom=degrees)
    inputs, draws = draw(dependence)
    before = inputs.values(draws.scores)
    after = before.copy()
    after[1] = inputs.redrawing(draws).values(1, before.shape[1], np.random.default_rng(3))
    assert not np.allclose(before[1], after[1])
    np.testing.assert_allclose(
        stats.spearmanr(before, axis=1).statistic, stats.spearmanr(after, axis=1).statistic, atol=0.006
    )
    assert stats.ks_2samp(before[1], after[1]).statistic < 0.006
    sums = before[0] + before[1] - before[2], after[0] + after[1] - after[2]
    assert stats.ks_2samp(*sums).statistic < 0.006
