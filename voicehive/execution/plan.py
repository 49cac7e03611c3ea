"""Execution plans: named steps in a directed acyclic graph, each with the action that undoes it."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError, model_validator

from voicehive.autonomy.outcomes.progress import LARGEST_OBSERVATION
from voicehive.execution.canary import PERCENT, SHARE, Arguments, Canary, percent, with_share
from voicehive.model import Identifier, Model

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

    A step with a `canary` runs once for each of its shares, see `stages_of`.
    """

    name: Identifier
    depends_on: tuple[Identifier, ...] = ()
    action: str = Field(min_length=1)
    arguments: Arguments = {}
    compensation: Compensation | None = None
    verification: ActionCall | None = None
    gate: HumanGate | None = None
    canary: Canary | None = None
    timeout: PositiveDuration = timedelta(minutes=1)
    retry: RetryPolicy = RetryPolicy()
    when_stopped: Literal["cancel", "await"] = "await"
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    summary: str = ""


class ExecutionPlan(Model):
    """Steps that are all applied, or all undone.

    Raises:
        ValidationError: on a duplicate name or key, an unknown dependency, a cycle, or a canary that nothing in its
            step depends on, naming the step.
    """

    name: str = Field(min_length=1, max_length=200)
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _is_acyclic_graph(self) -> "ExecutionPlan":
        names = Counter(step.name for step in self.steps)
        for name, count in names.items():
            if count > 1:
                raise ValueError(f"step {name!r}: {count} steps have this name; give each its own")
        _check_keys(self.steps)
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

    @model_validator(mode="after")
    def _canaries_have_stages(self) -> "ExecutionPlan":
        canaries = [step for step in self.steps if step.canary is not None]
        for step in canaries:
            _check_canary(step)
        names = Counter(step.name for step in in_stages(self.steps))
        if twice := [stage.name for step in canaries for stage in stages_of(step) if names[stage.name] > 1]:
            raise ValueError(f"step {twice[0]!r}: this is the name of a canary's stage; give the step another")
        _check_keys(in_stages(self.steps))
        readings = sum(stage.watch.readings for step in canaries if step.canary for stage in step.canary.stages)
        if readings > LARGEST_OBSERVATION:
            raise ValueError(
                f"the canaries' windows hold {readings} readings and a run makes at most {LARGEST_OBSERVATION}; "
                "lengthen interval or shorten window"
            )
        return self


def stages_of(step: Step) -> tuple[Step, ...]:
    """The steps that a step with a canary runs as, one for each share; one without runs as itself.

    Each stage has a name and a key of its own, waits for the one before, and gets its share in its arguments. Undoing
    it goes back to the share before, which is what the compensation's arguments get. Only the first stage has the gate.
    """
    if step.canary is None:
        return (step,)
    stages: list[Step] = []
    for before, share in step.canary.shares:
        suffix = f"{percent(share)}-percent"
        verification, compensation, key = step.verification, step.compensation, step.idempotency_key
        assert compensation is not None, "the plan was checked"
        fields = {
            "name": f"{step.name}.{suffix}",
            "depends_on": (stages[-1].name,) if stages else step.depends_on,
            "arguments": with_share(step.arguments, share),
            "compensation": compensation.model_copy(update={"arguments": with_share(compensation.arguments, before)}),
            "verification": verification
            and verification.model_copy(update={"arguments": with_share(verification.arguments, share)}),
            "gate": None if stages else step.gate,
            "canary": None,
            "idempotency_key": f"{key}/{suffix}" if key else None,
            "summary": f"{step.summary or step.name} at {percent(share)} %",
        }
        stages.append(Step.model_validate({**dict(step), **fields}))
    return tuple(stages)


def in_stages(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps as they run: canaries as their stages, and what depends on a canary after its last stage."""
    stages = {step.name: stages_of(step) for step in steps}
    last = {name: run_as[-1].name for name, run_as in stages.items() if len(run_as) > 1}
    return tuple(
        stage.model_copy(update={"depends_on": tuple(last.get(name, name) for name in stage.depends_on)})
        for run_as in stages.values()
        for stage in run_as
    )


def _check_keys(steps: Iterable[Step]) -> None:
    holders: dict[str, str] = {}
    for step in steps:
        if (key := step.idempotency_key) and (other := holders.setdefault(key, step.name)) != step.name:
            raise ValueError(
                f"step {step.name!r}: its idempotency_key {key!r} is also that of step {other!r}; give each its own"
            )


def _check_canary(step: Step) -> None:
    if step.compensation is None:
        raise ValueError(f'step {step.name!r}: a canary must be undone; say how, at the least "compensation": {{}}')
    if with_share(step.arguments, 1.0) == step.arguments:
        raise ValueError(
            f"step {step.name!r}: its action takes no share, so every stage of the canary would do the same; "
            f'put "{SHARE}" or "{PERCENT}" where its arguments say how much'
        )
    try:
        stages_of(step)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"step {step.name!r}: its stages would need a longer {where}; shorten it") from None
