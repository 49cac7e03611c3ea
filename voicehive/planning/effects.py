"""Initiatives within the simulation: their effects as impacts, and what those are worth in each simulated future."""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from voicehive.planning.errors import UnknownName
from voicehive.planning.initiatives import Initiative, MetricEffect
from voicehive.planning.plan import MetricWorth, StrategicPlan
from voicehive.planning.roadmap.values import ValueSamples
from voicehive.planning.scenarios import Driver, Impact, Scenario, ScenarioSet
from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.inputs import Flags, Inputs, Size
from voicehive.planning.simulation.metrics import MetricModel, Point

NOTHING_HAPPENS = "none of them"
"""The name of the futures in which none of the uncertain scenarios happens."""

_PERIODS_A_YEAR = {"week": 365.2425 / 7, "month": 12.0, "quarter": 4.0}
_LEAST_SAMPLES = 20


def with_initiatives(plan: StrategicPlan, starts: Mapping[str, int]) -> ScenarioSet:
    """Give the plan's scenarios, and those initiatives that have a start as further ones.

    An initiative happens with the probability that it does not fail. Its planned duration after its start, and the
    median delay rounded up to whole periods, each change adds to its metric for good.
    """
    planned = plan.roadmap_problem.planned if starts else {}
    chosen = [one for one in plan.initiatives if one.id in starts]
    scenarios = tuple(_as_scenario(one, starts[one.id] + planned[one.id]) for one in chosen)
    return ScenarioSet(scenarios=(*plan.scenarios, *scenarios), dependence=plan.dependence)


def driver_name(initiative: Initiative, effect: MetricEffect) -> str:
    """What the change of a metric by an initiative is called among the drivers."""
    return f"{re.sub('[^a-z0-9_.]', '_', 'i.' + initiative.id.lower())}.{effect.metric}"[-100:]


def _as_scenario(initiative: Initiative, finish: int) -> Scenario:
    return Scenario(
        id=initiative.id,
        name=initiative.title[:200],
        probability=1.0 - initiative.failure_probability,
        start=finish,
        drivers=tuple(Driver(name=driver_name(initiative, one), distribution=one.change) for one in initiative.effects),
        impacts=tuple(
            Impact(metric=one.metric, size=1.0, driver=driver_name(initiative, one), delay=_delay(one))
            for one in initiative.effects
        ),
    )


def _delay(effect: MetricEffect) -> int:
    if effect.delay is None:
        return 0
    return max(0, math.ceil(float(effect.delay.quantile(0.5)) - 1e-9))


class _Futures(NamedTuple):
    """N futures: drivers' values (N,), which scenarios happen (N,), and metrics without initiatives (P, N)."""

    values: dict[str, Floats]
    happens: dict[str, Flags]
    metrics: dict[str, Floats]


def value_samples(plan: StrategicPlan, rng: np.random.Generator, samples: int) -> ValueSamples:
    """Simulate what each counting initiative is worth by the period it starts in, and in which scenarios.

    An initiative is valued alone, by what it adds to the metrics as the scenarios make them. Where a scenario leaves a
    metric short of its target its units are worth more than beyond it, so that values follow the scenarios. What
    several initiatives do together to reach a target is not in these values: simulate the roadmap to see that.

    Raises:
        UnknownName: an effect is on a metric that has no worth.
    """
    problem = plan.roadmap_problem
    worths = {one.metric: one for one in plan.worth}
    _check_worths(plan, worths)
    futures = _futures(plan, rng, samples)
    ends = np.arange(problem.horizon.periods)
    count = len(next(iter(futures.metrics.values()))[0])
    values = np.zeros((count, len(problem.counting), len(ends)))
    discount = _discount(plan)[:, None]
    for place, initiative in enumerate(problem.counting):
        for effect in initiative.effects:
            change = futures.values[driver_name(initiative, effect)] * futures.happens[initiative.id]
            gained = discount * _worth(plan, worths[effect.metric], futures, change)
            left = np.concatenate((np.cumsum(gained[::-1], axis=0)[::-1], np.zeros((1, count))))
            first = np.minimum(ends + problem.planned[initiative.id] + _delay(effect), len(gained))
            values[:, place] += left[first].T
    return _by_scenario(plan, values, futures)


def _check_worths(plan: StrategicPlan, worths: Mapping[str, MetricWorth]) -> None:
    for number, initiative in enumerate(plan.initiatives):
        for place, effect in enumerate(initiative.effects):
            if effect.metric not in worths:
                item = f"initiatives[{number}] ({initiative.id}): effects[{place}]"
                raise UnknownName(item, f"metric {effect.metric!r} has no worth", "add it to worth")


def _futures(plan: StrategicPlan, rng: np.random.Generator, samples: int) -> _Futures:
    own = Inputs(plan.scenario_set)
    # The plan's own scenarios and drivers come first, so that the metrics without initiatives need only those rows.
    both = Inputs(with_initiatives(plan, {one.id: 0 for one in plan.initiatives if one.counts}))
    draws = both.draw(Size.holding(samples), rng)
    values, happens = both.values(draws.scores), both.happens(draws.chances)
    periods = plan.value_periods or plan.horizon.periods
    metrics: dict[str, Floats] = {}
    for metric in plan.metrics:
        points = [Point(metric, period, _expected(plan, metric, period)) for period in range(periods)]
        metrics[metric] = MetricModel(points, own)(values[: len(own.names)], happens[: len(own.scenarios)])
    return _Futures(
        dict(zip(both.names, values, strict=True)),
        {scenario.id: row for scenario, row in zip(both.scenarios, happens, strict=True)},
        metrics,
    )


def _expected(plan: StrategicPlan, metric: str, period: int) -> float:
    """The expected value; beyond the horizon its last one holds."""
    if metric not in plan.expected:
        return plan.last_goal(metric).baseline
    return plan.expected[metric][min(period, plan.horizon.periods - 1)]


def _worth(plan: StrategicPlan, worth: MetricWorth, futures: _Futures, change: Floats) -> Floats:
    """What changes (N,) of a metric are worth in each period: (P, N)."""
    goal = plan.last_goal(worth.metric)
    before = goal.sign * (futures.metrics[worth.metric] - goal.target)
    after = before + goal.sign * change
    gained = worth.per_unit * (_weighed(after, worth.beyond_target) - _weighed(before, worth.beyond_target))
    for scenario in plan.scenario_set.counting:
        if scenario.id in worth.in_scenarios:
            gained[scenario.start :, futures.happens[scenario.id]] *= worth.in_scenarios[scenario.id]
    return gained


def _weighed(margin: Floats, beyond: float) -> Floats:
    return np.minimum(margin, 0.0) + beyond * np.maximum(margin, 0.0)


def _discount(plan: StrategicPlan) -> Floats:
    periods = np.arange(plan.value_periods or plan.horizon.periods)
    return (1.0 + plan.discount_rate) ** -(periods / _PERIODS_A_YEAR[plan.horizon.period])


def _by_scenario(plan: StrategicPlan, values: Floats, futures: _Futures) -> ValueSamples:
    """Say which samples belong to each scenario that may happen or not, and to none of them."""
    names = [one.id for one in plan.scenario_set.counting if 0.0 < one.probability < 1.0]
    if not names:
        return ValueSamples(values)
    rows = [futures.happens[name] for name in names]
    rows.append(~np.any(rows, axis=0))
    kept = [
        (name, row) for name, row in zip([*names, NOTHING_HAPPENS], rows, strict=True) if row.sum() >= _LEAST_SAMPLES
    ]
    if not kept:
        return ValueSamples(values)
    return ValueSamples(values, np.array([row for _, row in kept]), tuple(name for name, _ in kept))
