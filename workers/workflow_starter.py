"""How the action `workflow.start` reaches Temporal."""

from pydantic import JsonValue
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from voicehive.execution.errors import ActionRefused

KEY = "voicehive_key"
"""The memo that says which step started a workflow, so that no step ever cancels somebody else's."""


class TemporalWorkflowStarter:
    """Starts and cancels workflows with the worker's own client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, workflow_type: str, workflow_id: str, task_queue: str, argument: JsonValue, key: str) -> str:
        """Start a workflow, or find the one that this key already started; returns its run id.

        Raises:
            ActionRefused: the id belongs to a workflow that something else started.
        """
        try:
            handle = await self._client.start_workflow(
                workflow_type, argument, id=workflow_id, task_queue=task_queue, memo={KEY: key}
            )
        except WorkflowAlreadyStartedError as error:
            if await self._own(workflow_id, key) is None:
                raise ActionRefused(
                    f"a workflow {workflow_id!r} that this step did not start is running; give another workflow_id"
                ) from error
            return error.run_id or ""
        return handle.first_execution_run_id or ""

    async def cancel(self, workflow_id: str, key: str) -> bool:
        """Ask a workflow that this key started to cancel; False where there is none, or it has ended."""
        run_id = await self._own(workflow_id, key)
        if run_id is None:
            return False
        await self._client.get_workflow_handle(workflow_id, run_id=run_id).cancel()
        return True

    async def _own(self, workflow_id: str, key: str) -> str | None:
        """The run of that id, if it is running and this key started it."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        running = found.status is WorkflowExecutionStatus.RUNNING
        return found.run_id if running and (await found.memo()).get(KEY) == key else None
