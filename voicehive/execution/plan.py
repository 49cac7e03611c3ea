"""Execution plans: named steps in a directed acyclic graph, each with the action that undoes it."""

from collections import Counter
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue, model_validator

from voicehive.model import Identifier, Model

Arguments: TypeAlias = dict[str, JsonValue]
PositiveDuration: TypeAlias = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))]


class RetryPolicy(Model):
    """How often and how patiently an action is tried again after a failure that may pass."""

    maximum_attempts: Annotated[int, Field(ge=1, le=100)] = 5
    initial_interval: PositiveDuration = timedelta(seconds=1)
    backoff_coefficient: Annotated[float, Field(ge=1, le=10)] = 2.0
    maximum_interval: PositiveDuration = timedelta(minutes=1)


class ActionCall(Model):
    """An action of the registry, and what it is called with."""

    action: str = Field(min_length=1)
    arguments: Arguments = {}


class Compensation(Model):
    """How the step's own action is undone: its `compensate`, with these arguments beside the step's recorded result."""

    arguments: Arguments = {}
    timeout: PositiveDuration = timedelta(minutes=1)
    retry: RetryPolicy = RetryPolicy()


class HumanGate(Model):
    """Who must agree before a step starts; deadlines and the escalation ladder are the tenant's policy's."""

    reason: str = Field(min_length=1)
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    roles: tuple[str, ...] = ()


class Step(Model):
    """One step of a plan.

    `when_stopped` says what happens to the step if the plan is stopped while it runs: `cancel` asks it to end at once,
    `await` lets it finish; it is compensated either way. `idempotency_key` defaults to one of the run's own; a key
    given here makes the action happen once for all plans of the tenant that share it. Only the run that made the change
    undoes it, and the key is then spent.
    """

    name: Identifier
    depends_on: tuple[Identifier, ...] = ()
    action: str = Field(min_length=1)
    arguments: Arguments = {}
    compensation: Compensation | None = None
    verification: ActionCall | None = None
    gate: HumanGate | None = None
    timeout: PositiveDuration = timedelta(minutes=1)
    retry: RetryPolicy = RetryPolicy()
    when_stopped: Literal["cancel", "await"] = "await"
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    summary: str = ""


class ExecutionPlan(Model):
    """Steps that are all applied, or all undone.

    Raises:
        ValidationError: on a duplicate name or key, an unknown dependency or a cycle, naming the step.
    """

    name: str = Field(min_length=1, max_length=200)
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _is_acyclic_graph(self) -> "ExecutionPlan":
        names = Counter(step.name for step in self.steps)
        for name, count in names.items():
            if count > 1:
                raise ValueError(f"step {name!r}: {count} steps have this name; give each its own")
        holders: dict[str, str] = {}
        for step in self.steps:
            if (key := step.idempotency_key) and (other := holders.setdefault(key, step.name)) != step.name:
                raise ValueError(
                    f"step {step.name!r}: its idempotency_key {key!r} is also that of step {other!r}; give each its own"
                )
        for step in self.steps:
            for dependency in step.depends_on:
                if dependency not in names:
                    raise ValueError(
                        f"step {step.name!r}: depends_on names {dependency!r}, which is no step of this plan"
                    )
        try:
            TopologicalSorter({step.name: step.depends_on for step in self.steps}).prepare()
        except CycleError as error:
            path = " -> ".join(error.args[1])
            raise ValueError(f"step {error.args[1][0]!r}: the steps wait for each other: {path}") from None
        return self
