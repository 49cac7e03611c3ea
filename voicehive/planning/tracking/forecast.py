"""When a goal will be reached, by Monte Carlo over its observed pace."""

import math
from datetime import datetime
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field

from voicehive.model import Model
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.tracking.pace import Pace, observed_pace
from voicehive.planning.tracking.state import STEPS, TrackingState

Floats: TypeAlias = NDArray[np.float64]

PATHS = 2_000
QUANTILES = (0.1, 0.5, 0.8)


class CompletionForecast(Model):
    """Whether and when the target is reached.

    `probability` is that of reaching it by the due date, with the Monte Carlo's own `standard_error`. `completion`
    gives the dates by which it is reached with probability 0.1, 0.5 and 0.8 (None: later than was looked), and
    `at_due` the metric's quantiles at the due date for the same probabilities.
    """

    probability: Annotated[float, Field(ge=0, le=1)]
    standard_error: float
    completion: dict[str, AwareDatetime | None]
    at_due: dict[str, float]


def forecast_completion(
    state: TrackingState, goal: StrategicGoal, generator: np.random.Generator, paths: int = PATHS
) -> CompletionForecast | None:
    """Forecast from the newest sample on; None while the pace is not known.

    Paths add the drift and residuals drawn from the observed ones by the stationary bootstrap (Politis and Romano 1994,
    JASA 89: blocks of geometric length, here of mean n**(1/2)), so that noise that reverts from step to step reverts in
    the paths too. Each path has a drift of its own, drawn around the observed one by Student's t with n - 1 degrees of
    freedom: a short history's pace is not taken for sure. It is looked at most `STEPS` steps beyond the due date, and
    a path has reached the target once it was there at the end of a step.
    """
    pace = observed_pace(state)
    if pace is None:
        return None
    slot, value = state.samples[-1]
    remaining = (state.ends_at - state.started_at) / state.every - 1 - slot
    due = max(round(remaining / state.slots_per_step), 0)
    values = value + np.cumsum(_changes(pace, paths, due + STEPS, generator), axis=1)
    reached = np.maximum.accumulate(goal.sign * values >= goal.sign * goal.target, axis=1)
    # Steps until then, 0 where it is reached today.
    when = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
    if goal.reaches_target(value):
        when[:] = 0.0
    probability = float(np.mean(when <= due))
    at_due = values[:, due - 1] if due else np.full(paths, value)
    return CompletionForecast(
        probability=probability,
        standard_error=math.sqrt(probability * (1 - probability) / paths),
        completion={f"{q:g}": _moment(state, slot, _quantile_of_times(when, q)) for q in QUANTILES},
        at_due={f"{q:g}": float(x) for q, x in zip(QUANTILES, np.quantile(at_due, QUANTILES), strict=True)},
    )


def _changes(pace: Pace, paths: int, steps: int, generator: np.random.Generator) -> Floats:
    """Changes (paths, steps) as they may come."""
    count = len(pace.residuals)
    new_block = generator.random((steps, paths)) < 1 / math.sqrt(count)
    drawn = generator.integers(count, size=(steps, paths))
    chosen = np.empty((steps, paths), dtype=np.int64)
    chosen[0] = drawn[0]
    for step in range(1, steps):
        chosen[step] = np.where(new_block[step], drawn[step], (chosen[step - 1] + 1) % count)
    drifts = pace.drift + pace.drift_error * generator.standard_t(count - 1, paths)
    return (drifts + pace.residuals[chosen]).T


def _quantile_of_times(when: Floats, quantile: float) -> float:
    """The time by which the share `quantile` of the paths arrived; infinite where fewer do."""
    return float(np.sort(when)[math.ceil(quantile * len(when)) - 1])


def _moment(state: TrackingState, slot: int, steps: float) -> datetime | None:
    """The end of the interval that lies so many steps after a slot."""
    if math.isinf(steps):
        return None
    return state.started_at + (slot + 1 + steps * state.slots_per_step) * state.every
