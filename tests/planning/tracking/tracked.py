"""Goals under tracking that tests need."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.planning.goals.goals import goal
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.planning.goals import CompiledGoal
from voicehive.planning.tracking.points import fold
from voicehive.planning.tracking.state import TrackingState, begin_tracking

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def compiled(days: int = 100, **changes: Any) -> CompiledGoal:
    due = date(2026, 1, 1) + timedelta(days=days - 1)
    return CompiledGoal(goal(due=due, **changes), ("nps",))


def point(day: float, value: float | None, metric: str = "service_level") -> MetricPoint:
    return MetricPoint.of(metric, START + day * DAY, value)


def tracked(goal: CompiledGoal, points: Iterable[MetricPoint], every: timedelta = DAY) -> TrackingState:
    state = begin_tracking(goal.goal, every)
    for one in points:
        state = fold(state, goal, one)
    return state
