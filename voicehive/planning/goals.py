"""What is wanted: a metric brought from a baseline to a target by a date."""

from collections.abc import Collection
from datetime import date
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from voicehive.autonomy.outcomes.sources import HttpSource, PrometheusSource, StoreSource
from voicehive.model import Identifier, Model
from voicehive.planning.criteria import Criterion
from voicehive.planning.errors import GoalInvalid
from voicehive.planning.metric_name import MetricName
from voicehive.planning.milestones import Milestone, check_milestones

Measured: TypeAlias = Annotated[float, Field(ge=-1e100, le=1e100)]
"""A finite number in a metric's unit."""
Direction: TypeAlias = Literal["minimize", "maximize"]


class CsvSource(Model):
    """Two columns of a CSV file: the moment (ISO 8601, with its offset) and the value (empty: none)."""

    kind: Literal["csv"]
    path: Annotated[str, Field(min_length=1, max_length=1_000)]
    time_column: Annotated[str, Field(min_length=1, max_length=100)] = "at"
    value_column: Annotated[str, Field(min_length=1, max_length=100)] = "value"


GoalSource: TypeAlias = Annotated[HttpSource | PrometheusSource | StoreSource | CsvSource, Field(discriminator="kind")]


class StrategicGoal(Model):
    """An objective or a key result: `metric` is to go from `baseline` to `target` between `start` and `due`.

    `criteria` are expressions over metrics that must all be true for the goal to count as achieved; without any, the
    target decides alone. `weight` is its share of its parent's progress. Below `probability_floor`, the probability of
    success calls for a new plan.
    """

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=200)]
    tenant: Identifier = "default"
    owner: Annotated[str, Field(max_length=100)] = ""
    metric: MetricName
    unit: Annotated[str, Field(max_length=40)] = ""
    source: GoalSource | None = None
    baseline: Measured
    target: Measured
    direction: Direction
    start: date
    due: date
    criteria: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=2_000)], ...], Field(max_length=50)] = ()
    milestones: Annotated[tuple[Milestone, ...], Field(max_length=200)] = ()
    parent: Identifier | None = None
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    probability_floor: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is: a value times this is larger, the better it is."""
        return 1.0 if self.direction == "maximize" else -1.0

    @property
    def ordered_milestones(self) -> tuple[Milestone, ...]:
        """The milestones, each after those it waits for."""
        return check_milestones(f"goal {self.id}: milestones", self.milestones)

    def reaches_target(self, value: float) -> bool:
        """Whether a value is at the target or beyond."""
        return self.sign * value >= self.sign * self.target

    def progress(self, value: float) -> float:
        """The share of the way from baseline to target that a value has gone: below 0 for worse, above 1 for beyond."""
        return (value - self.baseline) / (self.target - self.baseline)

    @model_validator(mode="after")
    def _consistent(self) -> "StrategicGoal":
        item = f"goal {self.id}"
        if self.sign * (self.target - self.baseline) <= 0:
            problem = f"target {self.target:g} is no better than baseline {self.baseline:g} where we {self.direction}"
            raise GoalInvalid(item, problem, "set a target beyond the baseline, or turn the direction round")
        if self.due <= self.start:
            raise GoalInvalid(item, f"is due {self.due}, not after its start {self.start}", "set a later due date")
        if self.parent == self.id:
            raise GoalInvalid(item, "is its own parent", "name another goal, or none")
        for milestone in self.ordered_milestones:
            if not self.start <= milestone.due <= self.due:
                problem = f"is due {milestone.due}, outside {self.start} to {self.due}"
                raise GoalInvalid(f"{item}: milestones ({milestone.id})", problem, "move it within the goal's time")
        return self


class CompiledGoal:
    """A goal whose expressions were checked against the metrics that there are.

    `metrics` names every metric whose value counts for it.

    Raises:
        CriterionInvalid: an expression is not right; the message says whose.
    """

    def __init__(self, goal: StrategicGoal, metrics: Collection[str]) -> None:
        item = f"goal {goal.id}"
        known = {goal.metric, *metrics}
        self.goal = goal
        self.criteria = tuple(
            Criterion(f"{item}: criteria[{index}]", text, known) for index, text in enumerate(goal.criteria)
        )
        self.milestones = {
            milestone.id: Criterion(f"{item}: milestones ({milestone.id}): criterion", milestone.criterion, known)
            for milestone in goal.ordered_milestones
        }
        read = (criterion.metrics for criterion in (*self.criteria, *self.milestones.values()))
        self.metrics = frozenset({goal.metric}).union(*read)


def check_not_past(goal: StrategicGoal, today: date) -> None:
    """See that a goal that is to begin can still be reached in time.

    Raises:
        GoalInvalid: its due date is past.
    """
    if goal.due < today:
        raise GoalInvalid(f"goal {goal.id}", f"was due {goal.due}, which is past on {today}", "set a due date to come")
