"""The facts about a step as they are at this moment in the store."""

from collections import defaultdict

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.autonomy.context import Change, StepContext
from voicehive.execution.canary import Arguments
from voicehive.execution.plan import Step, in_stages
from voicehive.storage.parameters import Parameters


async def step_contexts(
    session: AsyncSession, tenant: str, deployment: str, kind: str, steps: tuple[Step, ...]
) -> tuple[StepContext, ...]:
    """What the rules may know of each step, and of each stage of a canary.

    `earlier` is the stored value of the parameter it sets, if it sets one.
    """
    steps = in_stages(steps)
    places = {step.name: _place(step.arguments, deployment) for step in steps}
    names: defaultdict[str, list[str]] = defaultdict(list)
    for step in steps:
        if step.action == "parameter.set":
            names[places[step.name]].append(str(step.arguments["name"]))
    parameters = Parameters(session, tenant)
    stored = {
        (place, name): found.value
        for place, wanted in names.items()
        for name, found in (await parameters.get_all(place, wanted)).items()
    }
    return tuple(
        StepContext(
            tenant=tenant,
            deployment=places[step.name],
            kind=kind,
            step=step.name,
            action=step.action,
            arguments=step.arguments,
            compensation=step.compensation.arguments if step.compensation else {},
            earlier=stored.get((places[step.name], str(step.arguments.get("name")))),
        )
        for step in steps
    )


def verification_contexts(tenant: str, deployment: str, kind: str, steps: tuple[Step, ...]) -> tuple[StepContext, ...]:
    """The same of the steps' verifications, which are actions too."""
    return tuple(
        StepContext(
            tenant=tenant,
            deployment=_place(step.verification.arguments, deployment),
            kind=kind,
            step=f"{step.name} (verification)",
            action=step.verification.action,
            arguments=step.verification.arguments,
        )
        for step in in_stages(steps)
        if step.verification is not None
    )


def deployments_of(steps: tuple[Step, ...], deployment: str) -> set[str]:
    """The plan's deployment, and every other that a step or a verification touches."""
    calls = (call for step in in_stages(steps) for call in (step, step.verification) if call is not None)
    return {deployment, *(_place(call.arguments, deployment) for call in calls)}


def _place(arguments: Arguments, deployment: str) -> str:
    return str(arguments.get("deployment") or deployment)


def changes_of(steps: tuple[StepContext, ...]) -> tuple[Change, ...]:
    """The settings that the steps move."""
    return tuple(
        Change(name=str(step.arguments["name"]), earlier=step.earlier, value=step.arguments.get("value"))
        for step in steps
        if step.action == "parameter.set"
    )
