"""Actions on a deployment's parameters, which live in the store."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field, JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.execution.action import Action, ActionContext, NoArguments
from voicehive.execution.errors import ActionRefused, CompensationConflict
from voicehive.execution.once import NEVER_HAPPENED, ledger_key
from voicehive.model import Model
from voicehive.storage.errors import VersionConflict
from voicehive.storage.ledger import ActionLedger, JsonObject
from voicehive.storage.parameters import Parameters

ParameterName: TypeAlias = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,200}$")]


class SetParameterArguments(Model):
    """`value` null removes the parameter; `deployment` is the decision's own where it is left out."""

    name: ParameterName
    value: JsonValue
    expected_version: Annotated[int, Field(ge=0)] | None = None
    deployment: ParameterName | None = None


class SetParameter(Action[SetParameterArguments, NoArguments]):
    """Set a parameter, if it is still at the expected version where one is given.

    Change and ledger entry are one transaction. The compensation restores the exact earlier value, or its absence.
    """

    name = "parameter.set"
    arguments = SetParameterArguments
    compensation = NoArguments

    async def run(self, arguments: SetParameterArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns deployment, name, earlier (null: absent), earlier_version and version (the one now).

        Raises:
            ActionRefused: the parameter is at another version than expected.
        """
        deployment = arguments.deployment or context.deployment

        async def change(session: AsyncSession) -> JsonObject:
            parameters = Parameters(session, context.tenant)
            change = await parameters.set(deployment, arguments.name, arguments.value, arguments.expected_version)
            return {
                "deployment": deployment,
                "name": arguments.name,
                "earlier": change.earlier.value,
                "earlier_version": change.earlier.version,
                "version": change.current.version,
            }

        with ledger_key(self.name, arguments, context) as key:
            try:
                return await ActionLedger(self.resources.database).apply(key, change)
            except VersionConflict as error:
                raise ActionRefused(f"{error}; decide again from the value it has now") from error

    async def compensate(
        self,
        arguments: SetParameterArguments,
        compensation: NoArguments,
        result: Mapping[str, Any] | None,
        context: ActionContext,
    ) -> Mapping[str, Any]:
        """Returns deployment, name, restored (null: absent), restored_version and version (the one now).

        Raises:
            CompensationConflict: the parameter was changed since by somebody else.
        """

        async def undo(session: AsyncSession, done: JsonObject) -> JsonObject:
            restored = await Parameters(session, context.tenant).set(
                done["deployment"], done["name"], done["earlier"], _expected(done, context.undone_next)
            )
            current = restored.current
            return {
                "deployment": current.deployment,
                "name": current.name,
                "restored": current.value,
                "restored_version": done["earlier_version"],
                "version": current.version,
            }

        with ledger_key(self.name, arguments, context) as key:
            try:
                return await ActionLedger(self.resources.database).undo(key, undo) or NEVER_HAPPENED
            except VersionConflict as error:
                raise CompensationConflict(
                    f"{error}; undoing this step would destroy that change. Look at both values and set the right one "
                    "by hand, then mark the compensation as done or skip it"
                ) from error


def _expected(done: JsonObject, undone_next: Mapping[str, JsonValue] | None) -> int:
    """The version at which only this change is in force: its own, or the one at which the next stage restored it."""
    next_restored = undone_next or {}
    restored = tuple(next_restored.get(field) for field in ("deployment", "name", "restored_version"))
    is_restored = restored == (done["deployment"], done["name"], done["version"])
    return int(str(next_restored["version"])) if is_restored else done["version"]


class CheckParameterArguments(Model):
    """What the parameter must be equal to; null: absent."""

    name: ParameterName
    equals: JsonValue
    deployment: ParameterName | None = None


class CheckParameter(Action[CheckParameterArguments, NoArguments]):
    """Check that a parameter has a value."""

    name = "parameter.check"
    arguments = CheckParameterArguments
    compensation = None

    async def run(self, arguments: CheckParameterArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns deployment, name, value and version.

        Raises:
            ActionRefused: it has another value.
        """
        deployment = arguments.deployment or context.deployment
        async with self.resources.database.reading() as session:
            found = await Parameters(session, context.tenant).get(deployment, arguments.name)
        if found.value != arguments.equals:
            value = "absent" if found.value is None else repr(found.value)
            raise ActionRefused(
                f"parameter {found.name!r} of {deployment!r} is {value} at version {found.version}, "
                f"not {arguments.equals!r}"
            )
        return {"deployment": deployment, "name": found.name, "value": found.value, "version": found.version}
