"""A plan as one document: goals, what may happen to them, what could be done, and what that may cost and take."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from voicehive.model import Identifier, Model
from voicehive.optimization import Objective
from voicehive.planning.copula import Dependence
from voicehive.planning.errors import DuplicateName, GoalInvalid, PlanningError, UnknownName
from voicehive.planning.goals import CompiledGoal, StrategicGoal, check_not_past
from voicehive.planning.horizon import Horizon
from voicehive.planning.initiatives import Initiative
from voicehive.planning.metric_name import MetricName
from voicehive.planning.roadmap.problem import OBJECTIVES, Group, RoadmapProblem
from voicehive.planning.scenarios import Period, Scenario, ScenarioSet
from voicehive.planning.tree import GoalTree


class PlanInvalid(PlanningError):
    """A part of a plan does not fit the rest of it."""


class MetricWorth(Model):
    """What a metric is worth, in the plan's money: `per_unit` for each unit that it is better, in each period.

    Beyond the target of the metric's goal that is due last, a unit is worth only the share `beyond_target` of it. In
    futures in which a scenario happens it is worth `in_scenarios` times as much, from that scenario's start on.
    """

    metric: MetricName
    per_unit: Annotated[FiniteFloat, Field(gt=0)]
    beyond_target: Annotated[FiniteFloat, Field(ge=0, le=1)] = 1.0
    in_scenarios: dict[Identifier, Annotated[FiniteFloat, Field(ge=0)]] = {}


class StrategicPlan(Model):
    """What is wanted by when, what may come, and what could be done about it.

    `expected` are metrics' values by period, one for each of the horizon, if no scenario and no initiative touches
    them; without, a metric stays at its goal's baseline. `starts` are the periods in which the initiatives start that
    are decided on; a simulation counts those. Money (costs, `budgets`, `worth`) is in `currency`. Worth counts for
    `value_periods` from the plan's start, the horizon where that is None, and is discounted by `discount_rate` a year.
    The remaining fields are those of `ScenarioSet` and `RoadmapProblem`.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = ""
    horizon: Horizon
    currency: Annotated[str, Field(max_length=20)] = ""
    goals: Annotated[tuple[StrategicGoal, ...], Field(min_length=1, max_length=1_000)]
    expected: dict[MetricName, tuple[FiniteFloat, ...]] = {}
    scenarios: tuple[Scenario, ...] = ()
    dependence: Dependence = Dependence()
    initiatives: Annotated[tuple[Initiative, ...], Field(max_length=5_000)] = ()
    starts: dict[Identifier, Period] = {}
    budgets: tuple[FiniteFloat, ...] = ()
    capacities: dict[Identifier, tuple[FiniteFloat, ...]] = {}
    together: tuple[Group, ...] = ()
    apart: tuple[Group, ...] = ()
    worth: tuple[MetricWorth, ...] = ()
    discount_rate: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.0
    value_periods: Annotated[int, Field(ge=1, le=2_000)] | None = None
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)] = OBJECTIVES
    risk_level: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.9
    planning_probability: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.5

    @model_validator(mode="after")
    def _consistent(self) -> "StrategicPlan":
        _check_goals(self)
        _check_expected(self)
        _check_scenarios(self)
        _check_initiatives(self)
        _check_worth(self)
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """The goals' metrics, each once."""
        return tuple(dict.fromkeys(goal.metric for goal in self.goals))

    @property
    def scenario_set(self) -> ScenarioSet:
        """The scenarios with their dependence."""
        return ScenarioSet(scenarios=self.scenarios, dependence=self.dependence)

    @property
    def roadmap_problem(self) -> RoadmapProblem:
        """What a roadmap is to be made of.

        Raises:
            PlanInvalid: there are no initiatives.
        """
        if not self.initiatives:
            raise PlanInvalid("initiatives", "there are none, so there is nothing to schedule", "add some")
        return RoadmapProblem(
            horizon=self.horizon,
            initiatives=self.initiatives,
            budgets=self.budgets,
            capacities=self.capacities,
            together=self.together,
            apart=self.apart,
            objectives=self.objectives,
            risk_level=self.risk_level,
            planning_probability=self.planning_probability,
        )

    def last_goal(self, metric: str) -> StrategicGoal:
        """The goal on a metric that is due last."""
        return max((goal for goal in self.goals if goal.metric == metric), key=lambda goal: goal.due)

    def check_not_past(self, today: date) -> None:
        """See that every goal can still be reached in time.

        Raises:
            GoalInvalid: a due date is past.
        """
        for goal in self.goals:
            check_not_past(goal, today)


def _check_goals(plan: StrategicPlan) -> None:
    GoalTree(plan.goals)
    last = plan.horizon.end
    baselines: dict[str, StrategicGoal] = {}
    for place, goal in enumerate(plan.goals):
        item = f"goals[{place}] ({goal.id})"
        if goal.due < plan.horizon.start:
            problem = f"is due {goal.due}, before the plan starts on {plan.horizon.start}"
            raise GoalInvalid(item, problem, "set a later due date, or an earlier horizon.start")
        if goal.due >= last:
            problem = f"is due {goal.due}, but the plan's last day is the one before {last}"
            raise GoalInvalid(item, problem, "set an earlier due date, or more horizon.periods")
        CompiledGoal(goal, plan.metrics)
        first = baselines.setdefault(goal.metric, goal)
        if first.direction != goal.direction:
            problem = f"is to {goal.direction} {goal.metric}, but goal {first.id} is to {first.direction} it"
            raise PlanInvalid(f"{item}: direction", problem, "make them one")
        if goal.metric not in plan.expected and first.baseline != goal.baseline:
            problem = f"is {goal.baseline:g}, but goal {first.id} has {first.baseline:g} for {goal.metric}"
            raise PlanInvalid(f"{item}: baseline", problem, f"make them one, or give expected.{goal.metric}")


def _check_expected(plan: StrategicPlan) -> None:
    for metric, values in plan.expected.items():
        _known(plan, metric, f"expected.{metric}")
        if len(values) != plan.horizon.periods:
            problem = f"has {len(values)} values for {plan.horizon.periods} periods"
            raise PlanInvalid(f"expected.{metric}", problem, "give one a period")


def _check_scenarios(plan: StrategicPlan) -> None:
    for number, scenario in enumerate(plan.scenario_set.scenarios):
        for place, impact in enumerate(scenario.impacts):
            _known(plan, impact.metric, f"scenarios[{number}] ({scenario.id}): impacts[{place}]")


def _check_initiatives(plan: StrategicPlan) -> None:
    scenarios = {scenario.id for scenario in plan.scenarios}
    ids = Counter(initiative.id for initiative in plan.initiatives)
    for number, initiative in enumerate(plan.initiatives):
        item = f"initiatives[{number}] ({initiative.id})"
        if ids[initiative.id] > 1 or initiative.id in scenarios:
            raise DuplicateName(item, "another initiative or a scenario has this id", "give each its own")
        changed = Counter(effect.metric for effect in initiative.effects)
        for place, effect in enumerate(initiative.effects):
            _known(plan, effect.metric, f"{item}: effects[{place}]")
            if changed[effect.metric] > 1:
                raise PlanInvalid(
                    f"{item}: effects[{place}]", f"{effect.metric} is there twice", "make them one effect"
                )
    counting = {initiative.id for initiative in plan.initiatives if initiative.counts}
    for name, start in plan.starts.items():
        if name not in counting:
            problem = "has a start, but is no initiative that a person proposed or accepted"
            raise UnknownName(f"starts.{name}", problem, "correct the id, or accept the initiative")
        if start >= plan.horizon.periods:
            problem = f"is {start}, but the last period is {plan.horizon.periods - 1}"
            raise PlanInvalid(f"starts.{name}", problem, "start it earlier, or plan for longer")


def _check_worth(plan: StrategicPlan) -> None:
    for name, count in Counter(worth.metric for worth in plan.worth).items():
        _known(plan, name, f"worth ({name})")
        if count > 1:
            raise DuplicateName(f"worth ({name})", f"is given {count} times", "keep one")
    scenarios = [scenario.id for scenario in plan.scenarios]
    for worth in plan.worth:
        for name in worth.in_scenarios:
            if name not in scenarios:
                item = f"worth ({worth.metric}): in_scenarios"
                raise UnknownName(item, f"{name!r} is no scenario", f"name one of {_listed(scenarios) or 'none'}")


def _known(plan: StrategicPlan, metric: str, item: str) -> None:
    if metric not in plan.metrics:
        raise UnknownName(item, f"no goal is about a metric {metric!r}", f"name one of {_listed(plan.metrics)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
