"""How the action `workflow.start` reaches Temporal."""

from pydantic import JsonValue
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
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
        """Start a workflow, or find the one that this key already started, running or ended; returns its run id.

        A key starts at most once for as long as the server retains the ended run: its id is never used again.

        Raises:
            ActionRefused: the id belongs to a workflow that something else started.
        """
        try:
            handle = await self._client.start_workflow(
                workflow_type,
                argument,
                id=workflow_id,
                task_queue=task_queue,
                memo={KEY: key},
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
        except WorkflowAlreadyStartedError as error:
            found = await self._client.get_workflow_handle(workflow_id).describe()
            if await found.memo_value(KEY, None) != key:
                raise ActionRefused(
                    f"the id {workflow_id!r} belongs to a workflow, running or ended, that this step did not start; "
                    "give another workflow_id"
                ) from error
            return found.run_id
        return handle.first_execution_run_id or ""

    async def cancel(self, workflow_id: str, key: str) -> bool:
        """Ask a workflow that this key started to cancel; False where there is none, or it has ended."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        if found.status is not WorkflowExecutionStatus.RUNNING or await found.memo_value(KEY, None) != key:
            return False
        await self._client.get_workflow_handle(workflow_id, run_id=found.run_id).cancel()
        return True
