"""What a simulation is asked: goals as it needs them, and the values their metrics are expected to have anyway."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from voicehive.planning.score_tables import Floats
from voicehive.planning.simulation.errors import InvalidSimulation
from voicehive.planning.simulation.metrics import Point

Expected = Mapping[str, Sequence[float]]
"""A metric's values by period, from period 0, if no scenario touches it: its trend."""

_ROUNDING = 1e-9


class GoalTarget(NamedTuple):
    """A goal: its metric is to go from `baseline` to `target` by period `due`, counted from the plan's start."""

    id: str
    metric: str
    baseline: float
    target: float
    due: int
    direction: Literal["minimize", "maximize"] = "maximize"

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return 1.0 if self.direction == "maximize" else -1.0


def points_of(goals: Sequence[GoalTarget], expected: Expected) -> tuple[Point, ...]:
    """Where each goal is judged. A metric without expected values stays at the goal's baseline.

    Raises InvalidSimulation, naming the goal, for repeated ids, a due period before the start or beyond the expected
    values, and for what is not finite.
    """
    for identifier, count in Counter(goal.id for goal in goals).items():
        if count > 1:
            raise InvalidSimulation(f"goal {identifier}", f"its id is used {count} times", "make each id unique")
    return tuple(Point(goal.metric, goal.due, _expected_at_due(goal, expected)) for goal in goals)


def margins(goals: Sequence[GoalTarget], outcomes: Floats) -> Floats:
    """How far (G, N) the metrics (G, N) end beyond their targets, in their units; below 0 they fall short."""
    signs, targets = (np.array([[one] for one in column]).reshape(-1, 1) for column in _signs_and_targets(goals))
    return signs * (outcomes - targets)


def reached(goals: Sequence[GoalTarget], beyond: Floats) -> Floats:
    """1 where the target is reached, else 0, by the margins (G, N); what only rounding keeps from it has reached it."""
    scale = np.array([max(abs(goal.target), abs(goal.baseline)) for goal in goals]).reshape(-1, 1)
    return (beyond >= -_ROUNDING * scale).astype(np.float64)


def _signs_and_targets(goals: Sequence[GoalTarget]) -> tuple[list[float], list[float]]:
    return [goal.sign for goal in goals], [goal.target for goal in goals]


def _expected_at_due(goal: GoalTarget, expected: Expected) -> float:
    item = f"goal {goal.id}"
    if goal.due < 0:
        raise InvalidSimulation(item, f"is due in period {goal.due}, before the plan's start", "set a later due date")
    series = expected.get(goal.metric)
    if series is not None and goal.due >= len(series):
        problem = f"is due in period {goal.due}, but {goal.metric} has expected values for {len(series)} periods only"
        raise InvalidSimulation(item, problem, "extend the expected values to the due period, or set an earlier one")
    value = goal.baseline if series is None else float(series[goal.due])
    for name, number in (("baseline", goal.baseline), ("target", goal.target), (f"expected {goal.metric}", value)):
        if not math.isfinite(number):
            raise InvalidSimulation(f"{item}: {name}", f"{number} is not finite", "give a number")
    return value
