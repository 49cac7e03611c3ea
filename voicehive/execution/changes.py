"""From chosen settings to a plan: one step a changed setting, then whatever must follow."""

from pydantic import JsonValue

from voicehive.execution.errors import PlanInvalid
from voicehive.execution.plan import Arguments, Compensation, ExecutionPlan, Step, in_stages
from voicehive.model import Model


class SettingChange(Model):
    """One setting's move, and the version it was seen at; `earlier` is None where it had no value."""

    name: str
    earlier: JsonValue
    value: JsonValue
    version: int


def plan_changes(
    name: str, changes: tuple[SettingChange, ...], one_at_a_time: bool, afterwards: tuple[Step, ...]
) -> ExecutionPlan:
    """A `parameter.set` for each change, one after another or side by side, then `afterwards`.

    Each is bound to the version it was seen at, so a setting that somebody changed meanwhile stops the plan.
    """
    steps: list[Step] = []
    for change in changes:
        previous = (steps[-1].name,) if steps and one_at_a_time else ()
        steps.append(
            Step(
                name=f"set-{change.name}",
                depends_on=previous,
                action="parameter.set",
                arguments={"name": change.name, "value": change.value, "expected_version": change.version},
                compensation=Compensation(),
                summary=f"{change.name} {_shown(change.earlier)} -> {_shown(change.value)}",
            )
        )
    awaited = (steps[-1].name,) if one_at_a_time else tuple(step.name for step in steps)
    following = (step if step.depends_on else step.model_copy(update={"depends_on": awaited}) for step in afterwards)
    return ExecutionPlan(name=name, steps=(*steps, *following))


def with_arguments(plan: ExecutionPlan, arguments: dict[str, Arguments]) -> ExecutionPlan:
    """The plan with other arguments for the steps named; what is not named stays.

    Raises:
        PlanInvalid: a name is no step of the plan.
    """
    names = [step.name for step in plan.steps]
    for name in arguments:
        if name not in names:
            raise PlanInvalid(f"step {name!r} is none of this plan's: {', '.join(names)}")
    steps = tuple(
        step.model_copy(
            update={"arguments": {**step.arguments, **arguments[step.name]}, "summary": _edited(arguments[step.name])}
        )
        if step.name in arguments
        else step
        for step in plan.steps
    )
    return ExecutionPlan(name=plan.name, steps=steps)


def _edited(arguments: Arguments) -> str:
    return f"edited: {', '.join(f'{name} {_shown(value)}' for name, value in arguments.items())}"[:200]


def settings_set(plan: ExecutionPlan, deployment: str) -> dict[str, JsonValue]:
    """What the plan's `parameter.set` steps leave the deployment's settings at."""
    return {
        str(step.arguments["name"]): step.arguments.get("value")
        for step in in_stages(plan.steps)
        if step.action == "parameter.set" and step.arguments.get("deployment") in (None, deployment)
    }


def _shown(value: JsonValue) -> str:
    if value is None:
        return "unset"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
