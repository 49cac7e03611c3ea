"""How the action `workflow.start` reaches Temporal."""

from pydantic import JsonValue
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode


class TemporalWorkflowStarter:
    """Starts and cancels workflows with the worker's own client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, workflow_type: str, workflow_id: str, task_queue: str, argument: JsonValue) -> str:
        """Start a workflow, or find the one that already runs under this id; returns its run id."""
        try:
            handle = await self._client.start_workflow(workflow_type, argument, id=workflow_id, task_queue=task_queue)
        except WorkflowAlreadyStartedError as error:
            return error.run_id or ""
        return handle.first_execution_run_id or ""

    async def cancel(self, workflow_id: str) -> bool:
        """Ask a workflow to cancel; False where there is none of this id, or it has ended."""
        try:
            await self._client.get_workflow_handle(workflow_id).cancel()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True
