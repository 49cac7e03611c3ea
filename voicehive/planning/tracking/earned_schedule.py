"""Earned schedule: how far the work is in terms of the plan's own time.

Lipke, "Schedule is Different", The Measurable News, March 2003; the forecast of the duration by Henderson, "Further
Developments in Earned Schedule", The Measurable News, Spring 2004.
"""

import math
from collections.abc import Collection, Sequence

import numpy as np

from voicehive.model import Model
from voicehive.planning.errors import PlannedValueInvalid
from voicehive.planning.goals import StrategicGoal


class EarnedSchedule(Model):
    """Figures in periods of the planned-value curve.

    `earned` is ES, the time by which the plan meant to have what is earned now; `variance` is SV(t) = ES - AT, and
    `index` SPI(t) = ES / AT (None at AT = 0). `duration` is the forecast IEAC(t) = PD / SPI(t) (None where ES is 0, or
    too near).
    """

    earned: float
    actual: float
    variance: float
    index: float | None
    duration: float | None


def earned_schedule(planned: Sequence[float], earned_value: float, actual_time: float) -> EarnedSchedule:
    """Read what is earned off the planned-value curve.

    ES = C + (EV - PV_C) / (PV_(C+1) - PV_C), where C is the last period whose planned value EV has reached. Once EV is
    all that was planned, ES is the planned duration, PD.

    Args:
        planned: the cumulative planned value at the ends of periods 1, 2, ...; that of period 0 is 0.
        earned_value: what is earned, in the same unit.
        actual_time: the periods that have passed, AT.

    Raises:
        PlannedValueInvalid: the curve is empty, falls, or plans nothing, or the time is negative.
    """
    curve = np.array([0.0, *planned])
    total = float(curve[-1])
    if not (np.isfinite(curve).all() and (curve[1:] >= curve[:-1]).all() and total > 0):
        raise PlannedValueInvalid("planned", "is no cumulative curve", "let it rise from 0 or more and never fall")
    if not actual_time >= 0:
        raise PlannedValueInvalid("actual_time", f"is {actual_time:g}", "count the periods since the start")
    duration = int(np.searchsorted(curve, total))
    value = min(max(float(earned_value), 0.0), total)
    if value == total:
        schedule = float(duration)
    else:
        done = int(np.searchsorted(curve, value, side="right")) - 1
        before, after = curve[done : done + 2].tolist()
        schedule = done + (value - before) / (after - before)
    index = schedule / actual_time if actual_time > 0 else None
    forecast = duration / index if index else math.inf
    return EarnedSchedule(
        earned=schedule,
        actual=actual_time,
        variance=schedule - actual_time,
        index=index,
        duration=forecast if math.isfinite(forecast) else None,
    )


def planned_values(goal: StrategicGoal) -> list[float]:
    """A goal's cumulative planned value at the end of each day from its start, as shares of 1.

    It rises in a straight line from milestone to milestone by their weights, and without milestones from start to due.
    """
    days = (goal.due - goal.start).days + 1
    ordered = sorted(goal.milestones, key=lambda milestone: milestone.due)
    if not ordered:
        return [(day + 1) / days for day in range(days)]
    total = sum(milestone.weight for milestone in ordered)
    cumulative = np.cumsum([milestone.weight for milestone in ordered]) / total
    ends = [(milestone.due - goal.start).days + 1 for milestone in ordered]
    knots = dict(zip(ends, cumulative.tolist(), strict=True))  # of several on one day, the last
    length = max(ends)
    return np.interp(np.arange(1, length + 1), [0, *knots], [0.0, *knots.values()]).tolist()


def earned_value(goal: StrategicGoal, value: float | None, reached: Collection[str]) -> float | None:
    """What is earned, as a share of 1: by reached milestones, and without milestones by the metric's progress."""
    if not goal.milestones:
        return None if value is None else min(max(goal.progress(value), 0.0), 1.0)
    total = sum(milestone.weight for milestone in goal.milestones)
    return sum(milestone.weight for milestone in goal.milestones if milestone.id in reached) / total
