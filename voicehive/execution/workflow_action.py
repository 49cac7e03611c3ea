"""The action that starts another workflow."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, JsonValue

from voicehive.execution.action import Action, ActionContext, NoArguments
from voicehive.execution.errors import ActionRefused
from voicehive.execution.once import NEVER_HAPPENED, ledger_key
from voicehive.model import Model
from voicehive.storage.ledger import ActionLedger, JsonObject

START_TIMEOUT = timedelta(seconds=30)


class StartWorkflowArguments(Model):
    """`argument` is the workflow's one argument; `workflow_id` is made of the tenant and the step's key if left out."""

    workflow_type: Annotated[str, Field(min_length=1)]
    argument: JsonValue
    task_queue: Annotated[str, Field(min_length=1)]
    workflow_id: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class StartWorkflow(Action[StartWorkflowArguments, NoArguments]):
    """Start a workflow, without waiting for its end. The compensation asks it to cancel."""

    name = "workflow.start"
    arguments = StartWorkflowArguments
    compensation = NoArguments

    async def run(self, arguments: StartWorkflowArguments, context: ActionContext) -> Mapping[str, Any]:
        """Returns workflow_id and run_id."""
        workflow_id, own_key = _workflow_id(arguments, context), f"{context.tenant}:{context.key}"

        async def start() -> JsonObject:
            run_id = await self.resources.workflows.start(
                arguments.workflow_type, workflow_id, arguments.task_queue, arguments.argument, own_key
            )
            return {"workflow_id": workflow_id, "run_id": run_id}

        with ledger_key(self.name, arguments, context) as key:
            return await ActionLedger(self.resources.database).apply_outside(
                key, start, within=START_TIMEOUT, changed_nothing=lambda error: isinstance(error, ActionRefused)
            )

    async def compensate(
        self,
        arguments: StartWorkflowArguments,
        compensation: NoArguments,
        result: Mapping[str, Any] | None,
        context: ActionContext,
    ) -> Mapping[str, Any]:
        """Returns workflow_id and cancelled: false where no such workflow was found running."""
        workflow_id, own_key = _workflow_id(arguments, context), f"{context.tenant}:{context.key}"

        async def cancel(_: JsonObject | None) -> JsonObject:
            return {
                "workflow_id": workflow_id,
                "cancelled": await self.resources.workflows.cancel(workflow_id, own_key),
            }

        with ledger_key(self.name, arguments, context) as key:
            return await ActionLedger(self.resources.database).undo_outside(key, cancel) or NEVER_HAPPENED


def _workflow_id(arguments: StartWorkflowArguments, context: ActionContext) -> str:
    return arguments.workflow_id or f"{context.tenant}:{context.key}"
