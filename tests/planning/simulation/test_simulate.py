import math

import numpy as np
import pytest
from scipy import stats

from voicehive.planning.copula import Correlation, CorrelationInvalid, Dependence
from voicehive.planning.distributions import Constant, Empirical, LogNormal, Normal, Poisson
from voicehive.planning.scenarios import Driver, Impact, Ramp, Scenario, ScenarioSet
from voicehive.planning.simulation.errors import InvalidSimulation
from voicehive.planning.simulation.fans import fans
from voicehive.planning.simulation.simulate import simulate
from voicehive.planning.simulation.targets import GoalTarget


def sure(drivers, impacts, **fields):
    named = tuple(Driver(name=name, distribution=distribution) for name, distribution in drivers.items())
    return Scenario(id="sure", name="sure", probability=1.0, drivers=named, impacts=tuple(impacts), **fields)


def impacts_of(sizes, metric="m"):
    return [Impact(metric=metric, size=size, driver=name) for name, size in sizes.items()]


def run(scenarios, *goals, dependence=None, samples=60_000, **options):
    whole = ScenarioSet(scenarios=tuple(scenarios), dependence=dependence or Dependence())
    return simulate(goals, whole, np.random.default_rng(11), samples=samples, **options)


def near(estimate, expected, floor=0.0):
    """Within four standard errors, or the floor that tables and ties impose."""
    assert abs(estimate.value - expected) < 4.0 * estimate.standard_error + floor, (estimate, expected)


def test_a_sum_of_normals_is_the_normal_of_theory_in_every_figure():
    drivers = {"a": Normal(mean=1.0, sd=3.0), "b": Normal(mean=2.0, sd=4.0), "c": Normal(mean=0.0, sd=1.0)}
    goal = GoalTarget("g", "m", baseline=10.0, target=15.0, due=3)
    # 10 + a - b/2 + 3 c, with a, b correlated by 0.5: mean 10, variance 9 + 4 + 9 - 2 * 0.5 * 3 * 2 = 16.
    dependence = Dependence(correlations=(Correlation(drivers=("a", "b"), coefficient=0.5),))
    scenario = sure(drivers, impacts_of({"a": 1.0, "b": -0.5, "c": 3.0}))
    found = run([scenario], goal, dependence=dependence).goals[0]
    peer = stats.norm(10.0, 4.0)
    near(found.probability, peer.sf(15.0))
    near(found.mean, 10.0, 1e-6)
    near(found.sd, 4.0)
    for quantile in found.quantiles:
        near(quantile.metric, peer.ppf(quantile.probability), 2e-3)
    near(found.tail.value_at_risk, 15.0 - peer.ppf(0.05), 2e-3)
    # CVaR of a normal: mu - sigma phi(z) / alpha (Rockafellar and Uryasev 2000, example).
    near(found.tail.conditional_value_at_risk, 15.0 - 10.0 + 4.0 * stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05, 2e-3)
    assert found.probability.standard_error < 0.002


def test_standard_errors_are_those_of_repeated_simulations():
    drivers = {"a": LogNormal(median=1.0, sigma=0.8), "b": Normal(mean=0.0, sd=1.0)}
    whole = ScenarioSet(scenarios=(sure(drivers, impacts_of({"a": 1.0, "b": 1.0})),))
    goal = GoalTarget("g", "m", 0.0, 1.5, 0)
    runs = [simulate([goal], whole, np.random.default_rng(seed), samples=1_500).goals[0] for seed in range(80)]
    figures = [
        lambda one: one.probability,
        lambda one: one.mean,
        lambda one: one.tail.conditional_value_at_risk,
        lambda one: one.commitment,
        lambda one: one.influences[0].first_order,
        lambda one: one.influences[0].information,
    ]
    for figure in figures:
        estimates = [figure(one) for one in runs]
        seen = np.std([estimate.value for estimate in estimates], ddof=1)
        stated = math.sqrt(np.mean([estimate.standard_error**2 for estimate in estimates]))
        assert 0.6 < stated / seen < 1.7, (seen, stated)


@pytest.mark.parametrize("mean", [-2.0, 0.0, 0.5])
def test_perfect_information_is_worth_what_raiffa_and_schlaifer_say(mean):
    # Two actions, linear loss: EVPI = s L(|m| / s), with L(d) = phi(d) - d (1 - Phi(d)). For one driver s is its own
    # share of the spread, as the others' expectation is all that matters then.
    def loss(spread):
        d = abs(mean) / spread
        return spread * (stats.norm.pdf(d) - d * stats.norm.sf(d))

    drivers = {"a": Normal(mean=mean, sd=2.0), "b": Normal(mean=0.0, sd=1.0), "c": Normal(mean=0.0, sd=1e-3)}
    goal = GoalTarget("g", "m", 0.0, 0.0, 0)
    found = run([sure(drivers, impacts_of(dict.fromkeys(drivers, 1.0)))], goal).goals[0]
    near(found.commitment, loss(math.sqrt(5.0)), 1e-3)
    for influence in found.influences:
        spread = drivers[influence.input].sd
        near(influence.information, loss(spread), 2e-3)


def test_influences_of_independent_normals_are_their_shares_of_variance():
    drivers = {name: Normal(mean=0.0, sd=1.0) for name in "abcd"}
    sizes = {"a": 3.0, "b": -2.0, "c": 1.0, "d": 0.0}
    found = run([sure(drivers, impacts_of(sizes))], GoalTarget("g", "m", 0.0, 1.0, 0)).goals[0]
    assert [one.input for one in found.influences][:3] == ["a", "b", "c"]
    for one in found.influences:
        share = sizes[one.input] ** 2 / 14.0
        near(one.first_order, share, 0.003 * share + 1e-5)
        near(one.total, share, 1e-9)
        swing = stats.norm.ppf(0.9) * sizes[one.input]
        assert one.metric_low == pytest.approx(-swing, abs=0.05)
        assert one.metric_high == pytest.approx(swing, abs=0.05)
        others = math.sqrt(14.0 - sizes[one.input] ** 2)
        assert one.probability_high == pytest.approx(stats.norm.cdf((swing - 1.0) / others), abs=0.01)


def test_indices_of_correlated_normals_are_those_of_kucherenko():
    # Kucherenko et al. (2012), test case 1: y = x1 + x2 + x3, x2 and x3 correlated, x3 with standard deviation 2.
    r, s = 0.5, 2.0
    drivers = {"a": Normal(mean=0.0, sd=1.0), "b": Normal(mean=0.0, sd=1.0), "c": Normal(mean=0.0, sd=s)}
    dependence = Dependence(correlations=(Correlation(drivers=("b", "c"), coefficient=r),))
    goal = GoalTarget("g", "m", 0.0, 1.0, 0)
    result = run([sure(drivers, impacts_of(dict.fromkeys(drivers, 1.0)))], goal, dependence=dependence)
    variance = 2.0 + s**2 + 2 * r * s
    first = {"a": 1.0, "b": (1 + r * s) ** 2, "c": (s + r) ** 2}
    total = {"a": 1.0, "b": 1 - r**2, "c": s**2 * (1 - r**2)}
    for one in result.goals[0].influences:
        near(one.first_order, first[one.input] / variance, 0.002)
        near(one.total, total[one.input] / variance)
    assert any("correlated" in notice for notice in result.notices)


def test_scenarios_happen_as_often_as_stated_and_those_of_a_group_never_together():
    def event(identifier, probability, size, group=None):
        impacts = (Impact(metric="m", size=size),)
        return Scenario(id=identifier, name=identifier, probability=probability, impacts=impacts, group=group)

    scenarios = [event("boom", 0.5, 1.0, "demand"), event("slump", 0.3, 10.0, "demand"), event("strike", 0.2, 100.0)]
    goals = [GoalTarget(f"above {level}".replace(" ", "-"), "m", 0.0, level, 0) for level in (1.0, 10.0, 11.0, 100.0)]
    found = run(scenarios, *goals).goals
    near(found[0].probability, 1.0 - 0.2 * 0.8, 1e-6)
    near(found[1].probability, 1.0 - 0.7 * 0.8, 1e-6)
    near(found[2].probability, 0.2, 1e-6)
    strike = {one.input: one for one in found[3].influences}["strike"]
    assert (strike.kind, strike.probability_low, strike.probability_high) == ("scenario", 0.0, 1.0)
    near(strike.total, 0.2 * 0.8 * 1e4 / found[3].sd.value ** 2, 0.01)


def test_impacts_multiply_what_is_expected_and_add_over_time():
    # Expected 100, 110, 120; a tenth less from period 1 on; plus 8 in two steps from period 1 on.
    slump = Scenario(
        id="slump",
        name="slump",
        probability=1.0,
        start=1,
        impacts=(
            Impact(metric="calls", size=-0.1, effect="multiplicative"),
            Impact(metric="calls", size=8.0, profile=Ramp(periods=2)),
        ),
    )
    goals = [GoalTarget(f"g{due}", "calls", 100.0, 0.0, due, "minimize") for due in range(3)]
    found = run([slump], *goals, samples=1_000, expected={"calls": [100.0, 110.0, 120.0]}).goals
    assert [one.mean.value for one in found] == pytest.approx([100.0, 99.0 + 4.0, 108.0 + 8.0])
    assert [one.sd.value for one in found] == pytest.approx([0.0] * 3, abs=1e-9)
    (fan,) = fans(
        goals, ScenarioSet(scenarios=(slump,)), 3, np.random.default_rng(1), expected={"calls": [100.0, 110.0, 120.0]}
    )
    assert fan.mean == pytest.approx((100.0, 103.0, 116.0))


def test_a_factor_never_turns_a_metric_negative():
    fall = sure({"fall": Constant(value=3.0)}, [Impact(metric="m", size=-0.5, driver="fall", effect="multiplicative")])
    assert run([fall], GoalTarget("g", "m", 10.0, 0.0, 0, "minimize"), samples=1_000).goals[0].mean.value == 0.0


def test_a_lower_target_is_judged_from_below():
    scenario = sure({"a": Normal(mean=0.0, sd=1.0)}, impacts_of({"a": 1.0}))
    found = run([scenario], GoalTarget("g", "m", 5.0, 4.0, 0, "minimize")).goals[0]
    near(found.probability, stats.norm.cdf(-1.0))
    near(found.tail.value_at_risk, 5.0 + stats.norm.ppf(0.95) - 4.0, 2e-3)
    assert [one.metric.value for one in found.quantiles] == pytest.approx(
        [stats.norm.ppf(one.probability) + 5.0 for one in found.quantiles], abs=0.02
    )
    assert found.influences[0].metric_high > found.influences[0].metric_low


def test_what_only_rounding_keeps_from_the_target_has_reached_it():
    steps = sure({"a": Constant(value=2.0)}, impacts_of({"a": 0.1}))
    found = run([steps], GoalTarget("g", "m", 0.7, 0.9, 0), samples=1_000)
    assert 0.7 + 2.0 * 0.1 < 0.9
    assert found.goals[0].probability.value == 1.0


def test_a_stress_test_finds_the_corner_where_the_goal_is_missed():
    drivers = {name: Normal(mean=0.0, sd=1.0) for name in ("demand", "hiring", "noise")}
    strike = Scenario(
        id="strike", name="strike", probability=0.4,
        impacts=(Impact(metric="m", size=-10.0),),
    )  # fmt: skip
    # Missed by the strike whenever demand is above about 1.
    scenario = sure(drivers, impacts_of({"demand": -10.0, "hiring": 0.01, "noise": 0.01}))
    stress = run([scenario, strike], GoalTarget("g", "m", 0.0, -20.0, 0)).goals[0].stress
    assert {one.input for one in stress.conditions} == {"demand", "strike"}
    demand, event = (next(one for one in stress.conditions if one.input == name) for name in ("demand", "strike"))
    assert event.happens is True
    assert 0.7 < demand.low < 1.2
    assert demand.high is None
    assert stress.miss_probability > 0.85
    assert stress.share_of_misses >= 0.5
    truly = stats.norm.sf(demand.low) * 0.4
    assert stress.share_of_futures == pytest.approx(truly, abs=0.005)
    assert stress.shifts[0].input == "demand"
    assert stress.shifts[0].when_missed > 1.0 > abs(stress.shifts[0].usual) * 50
    assert "strike happens" in stress.explanation


def test_a_goal_hardly_or_always_missed_has_no_stress_test():
    scenario = sure({"a": Normal(mean=0.0, sd=1.0)}, impacts_of({"a": 1.0}))
    never, always = GoalTarget("never", "m", 0.0, -9.0, 0), GoalTarget("always", "m", 0.0, 9.0, 0)
    assert [one.stress for one in run([scenario], never, always, samples=5_000).goals] == [None, None]


def test_discrete_drivers_have_their_exact_probabilities():
    drivers = {"calls": Poisson(rate=4.0), "rate": Empirical(values=(0.0, 1.0), weights=(3.0, 1.0))}
    scenario = sure(drivers, impacts_of({"calls": 1.0, "rate": 100.0}))
    found = run(
        [scenario], GoalTarget("some", "m", 0.0, 7.0, 0, "minimize"), GoalTarget("many", "m", 0.0, 100.0, 0)
    ).goals
    near(found[0].probability, stats.poisson(4).cdf(7) * 0.75, 1e-6)
    near(found[1].probability, 0.25, 1e-6)


def test_the_same_seed_gives_the_same_result_and_another_one_differs():
    whole = ScenarioSet(scenarios=(sure({"a": Normal(mean=0.0, sd=1.0)}, impacts_of({"a": 1.0})),))
    goal = GoalTarget("g", "m", 0.0, 1.0, 0)
    first, again, other = (
        simulate([goal], whole, np.random.default_rng(seed), samples=2_000).model_dump_json() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_notices_name_what_was_left_out():
    proposed = Scenario(
        id="rumour", name="rumour", probability=0.5, origin="ai", impacts=(Impact(metric="m", size=9.0),)
    )
    unused = sure({}, [Impact(metric="other", size=1.0)])
    result = run([proposed, unused], GoalTarget("g", "m", 0.0, 1.0, 0), samples=1_000)
    assert result.goals[0].probability.value == 0.0
    said = " | ".join(result.notices)
    assert "rumour" in said
    assert "no scenario touches the metric of these goals by their due period: g" in said
    assert "of no goal do not count here: other" in said


def test_nothing_at_all_is_simulated_too():
    assert run([], samples=1_000).goals == ()
    found = run([], GoalTarget("g", "m", 5.0, 5.0, 0), samples=1_000).goals[0]
    assert (found.probability.value, found.influences) == (1.0, ())


@pytest.mark.parametrize(
    ("goals", "options", "said"),
    [
        ([GoalTarget("g", "m", 0.0, 1.0, -1)], {}, "goal g: is due in period -1, before the plan's start"),
        ([GoalTarget("g", "m", 0.0, 1.0, 2)], {"expected": {"m": [1.0]}}, "goal g: is due in period 2, but m has"),
        ([GoalTarget("g", "m", 0.0, math.nan, 2)], {}, "goal g: target: nan is not finite"),
        ([GoalTarget("g", "m", 0.0, 1.0, 0)] * 2, {}, "goal g: its id is used 2 times"),
        ([], {"samples": 10}, "samples: 10 are too few"),
        ([], {"tail": 1.0}, "tail: 1 is no share"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(goals, options, said):
    with pytest.raises(InvalidSimulation, match=said):
        run([], *goals, **({"samples": 1_000} | options))


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_values_beyond_all_bounds_are_refused_by_name():
    scenario = sure({"a": Normal(mean=0.0, sd=1e200)}, impacts_of({"a": 1e150}))
    with pytest.raises(InvalidSimulation, match="goal g: the values of m are too large"):
        run([scenario], GoalTarget("g", "m", 0.0, 1.0, 0), samples=1_000)


def test_contradictory_correlations_are_refused():
    drivers = {name: Normal(mean=0.0, sd=1.0) for name in "abc"}
    stated = tuple(
        Correlation(drivers=pair, coefficient=value)
        for pair, value in ((("a", "b"), 0.9), (("b", "c"), 0.9), (("a", "c"), -0.9))
    )
    with pytest.raises(CorrelationInvalid):
        run([sure(drivers, [])], dependence=Dependence(correlations=stated), samples=1_000)
