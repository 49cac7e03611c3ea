"""Metrics over all periods, as bands of quantiles: what a fan chart shows."""

from collections.abc import Sequence

import numpy as np

from voicehive.planning.scenarios import ScenarioSet
from voicehive.planning.simulation.errors import InvalidSimulation
from voicehive.planning.simulation.forecasts import QUANTILES
from voicehive.planning.simulation.inputs import Inputs, Size
from voicehive.planning.simulation.metrics import MetricModel, Point
from voicehive.planning.simulation.result import Fan
from voicehive.planning.simulation.targets import Expected, GoalTarget


def fans(
    goals: Sequence[GoalTarget],
    scenarios: ScenarioSet,
    horizon: int,
    rng: np.random.Generator,
    *,
    samples: int = 16_000,
    expected: Expected | None = None,
) -> tuple[Fan, ...]:
    """Give the quantiles of each goal's metric in the periods 0 to `horizon` - 1, each metric once.

    Raises InvalidSimulation where `expected` ends before the horizon, or where two goals without expected values
    disagree on their metric's baseline.
    """
    series = _series(goals, horizon, expected or {})
    inputs = Inputs(scenarios)
    draws = inputs.draw(Size.holding(samples), rng)
    values, happens = inputs.values(draws.scores), inputs.happens(draws.chances)
    found: list[Fan] = []
    for metric, base in series.items():
        model = MetricModel([Point(metric, period, value) for period, value in enumerate(base)], inputs)
        outcomes = model(values, happens)
        bands = np.quantile(outcomes, QUANTILES, axis=1, method="inverted_cdf")
        found.append(
            Fan(
                metric=metric,
                probabilities=QUANTILES,
                quantiles=tuple(tuple(band.tolist()) for band in bands),
                mean=tuple(outcomes.mean(axis=1).tolist()),
            )
        )
    return tuple(found)


def _series(goals: Sequence[GoalTarget], horizon: int, expected: Expected) -> dict[str, Sequence[float]]:
    found: dict[str, Sequence[float]] = {}
    for goal in goals:
        given = expected.get(goal.metric)
        if given is not None and len(given) < horizon:
            problem = f"has {len(given)} values, fewer than the horizon's {horizon} periods"
            raise InvalidSimulation(f"expected {goal.metric}", problem, "extend them, or shorten the horizon")
        series = [goal.baseline] * horizon if given is None else given[:horizon]
        if found.setdefault(goal.metric, series) != series:
            problem = f"its baseline {goal.baseline:g} of {goal.metric} differs from another goal's"
            raise InvalidSimulation(
                f"goal {goal.id}", problem, f"give expected values for {goal.metric}, or one baseline"
            )
    return found
