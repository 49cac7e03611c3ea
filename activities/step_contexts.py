"""The facts about a step as they are at this moment in the store."""

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.autonomy.context import Change, StepContext
from voicehive.execution.plan import Step
from voicehive.storage.parameters import Parameters


async def step_context(session: AsyncSession, tenant: str, deployment: str, kind: str, step: Step) -> StepContext:
    """What the rules may know of a step; `earlier` is the stored value of the parameter it sets, if it sets one."""
    where = str(step.arguments.get("deployment") or deployment)
    earlier = None
    if step.action == "parameter.set":
        earlier = (await Parameters(session, tenant).get(where, str(step.arguments["name"]))).value
    return StepContext(
        tenant=tenant,
        deployment=where,
        kind=kind,
        step=step.name,
        action=step.action,
        arguments=step.arguments,
        earlier=earlier,
    )


def changes_of(steps: tuple[StepContext, ...]) -> tuple[Change, ...]:
    """The settings that the steps move."""
    return tuple(
        Change(name=str(step.arguments["name"]), earlier=step.earlier, value=step.arguments.get("value"))
        for step in steps
        if step.action == "parameter.set"
    )
