"""`workflow.start` on the real server: one key starts once, also after the run has ended, and touches nobody else's."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.worker import Worker

from tests.workers.converter_workflows import SleepWorkflow
from voicehive.execution.errors import ActionRefused
from workers.workflow_starter import TemporalWorkflowStarter

TASK_QUEUE = "workflow-starter-tests"
AT_ONCE, AN_HOUR = "PT0.001S", "PT1H"


@pytest.fixture
async def worker(temporal_client: Client) -> AsyncGenerator[Worker]:
    async with Worker(temporal_client, task_queue=TASK_QUEUE, workflows=[SleepWorkflow]) as running:
        yield running


@pytest.fixture
def starter(temporal_client: Client, worker: Worker) -> TemporalWorkflowStarter:
    return TemporalWorkflowStarter(temporal_client)


@pytest.fixture
def workflow_id() -> str:
    return f"started-{uuid4()}"


async def start(starter: TemporalWorkflowStarter, workflow_id: str, duration: str, key: str = "key") -> str:
    return await starter.start("SleepWorkflow", workflow_id, TASK_QUEUE, duration, key)


async def test_a_key_starts_once_while_the_run_lasts_and_after_it_has_ended(
    temporal_client: Client, starter: TemporalWorkflowStarter, workflow_id: str
) -> None:
    first = await start(starter, workflow_id, "PT0.5S")
    assert await start(starter, workflow_id, "PT0.5S") == first
    await temporal_client.get_workflow_handle(workflow_id).result()
    assert await start(starter, workflow_id, "PT0.5S") == first
    found = await temporal_client.get_workflow_handle(workflow_id).describe()
    assert (found.run_id, found.status) == (first, WorkflowExecutionStatus.COMPLETED)
    assert not await starter.cancel(workflow_id, "key")


@pytest.mark.parametrize("ended", [False, True])
async def test_somebody_elses_workflow_is_neither_taken_for_ones_own_nor_cancelled(
    temporal_client: Client, starter: TemporalWorkflowStarter, workflow_id: str, ended: bool
) -> None:
    other = await temporal_client.start_workflow(
        SleepWorkflow.run, timedelta(seconds=0.001 if ended else 3600), id=workflow_id, task_queue=TASK_QUEUE
    )
    if ended:
        await other.result()
    for key in ("key", "another"):
        with pytest.raises(ActionRefused, match=rf"{workflow_id}' belongs to a workflow.*give another workflow_id"):
            await start(starter, workflow_id, AT_ONCE, key)
        assert not await starter.cancel(workflow_id, key)
    found = await other.describe()
    assert found.run_id == other.first_execution_run_id
    assert found.status is (WorkflowExecutionStatus.COMPLETED if ended else WorkflowExecutionStatus.RUNNING)
    if not ended:
        await other.terminate()


async def test_another_key_gets_neither_the_run_nor_its_end(starter: TemporalWorkflowStarter, workflow_id: str) -> None:
    await start(starter, workflow_id, AN_HOUR)
    with pytest.raises(ActionRefused):
        await start(starter, workflow_id, AN_HOUR, "another")
    assert not await starter.cancel(workflow_id, "another")
    assert await starter.cancel(workflow_id, "key")


async def test_a_run_of_ones_own_is_cancelled_and_one_that_never_was_is_not(
    temporal_client: Client, starter: TemporalWorkflowStarter, workflow_id: str
) -> None:
    assert not await starter.cancel(workflow_id, "key")
    await start(starter, workflow_id, AN_HOUR)
    assert await starter.cancel(workflow_id, "key")
    with pytest.raises(WorkflowFailureError) as error:
        await temporal_client.get_workflow_handle(workflow_id).result()
    assert isinstance(error.value.cause, CancelledError)
    assert not await starter.cancel(workflow_id, "key")
