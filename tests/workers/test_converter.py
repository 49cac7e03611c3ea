"""Input that does not fit ends the run at once, says where, and keeps what was typed to itself."""

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from tests.workers.converter_workflows import (
    Bound,
    NamesWorkflow,
    Problem,
    Request,
    SleepWorkflow,
    WrongActivityInputWorkflow,
    name_of,
)
from workers.converter import data_converter
from workers.plugin import VoiceHivePlugin
from workers.settings import Settings
from workers.temporal_cli import temporal_cli
from workers.temporal_server import EmbeddedServer

TASK_QUEUE = "converter-tests"


@pytest.fixture(scope="module")
async def worker(temporal_client: Client) -> AsyncGenerator[Worker]:
    async with Worker(
        temporal_client,
        task_queue=TASK_QUEUE,
        workflows=[NamesWorkflow, WrongActivityInputWorkflow],
        activities=[name_of],
        max_cached_workflows=0,
    ) as running:
        yield running


async def run_with_cli(
    settings: Settings, server: EmbeddedServer, *inputs: str, workflow_id: str
) -> subprocess.CompletedProcess[str]:
    """Start NamesWorkflow with the Temporal CLI, as a user without any SDK does, and wait for it at most 20 s."""
    command: list[str] = [
        str(temporal_cli(settings)), "workflow", "execute", "--address", server.address, "--output", "json",
        "--task-queue", TASK_QUEUE, "--type", "NamesWorkflow", "--workflow-id", workflow_id,
    ]  # fmt: skip
    for given_input in inputs:
        command += ["--input", given_input]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=20)


async def failure_of(client: Client, workflow_id: str) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as failed:
        await client.get_workflow_handle(workflow_id).result()
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


@pytest.mark.parametrize(
    ("inputs", "in_message"),
    [
        (
            ['{"problem": {"parameters": [{"name": "agents", "low": "s3cret"}]}}'],
            ["problem.parameters.0.low: Input should be a valid number"],
        ),
        (
            ['{"problem": {"parameters": [{"low": 1.0, "hihg": 2.0}]}}'],
            ["problem.parameters.0.name: Field required", "problem.parameters.0.hihg: Extra inputs are not permitted"],
        ),
        (['"not an object"'], ["Input should be an object"]),
        ([], ["NamesWorkflow takes 1 input", "got 0", "--input-file"]),
        (["{}", "{}"], ["NamesWorkflow takes 1 input", "got 2"]),
    ],
    ids=["wrong type", "missing and unknown", "no object", "no input", "two inputs"],
)
async def test_malformed_start_fails_the_run_at_once(
    inputs: list[str],
    in_message: list[str],
    settings: Settings,
    temporal_server: EmbeddedServer,
    temporal_client: Client,
    worker: Worker,
) -> None:
    workflow_id = f"malformed-{uuid4()}"
    ended = await run_with_cli(settings, temporal_server, *inputs, workflow_id=workflow_id)
    assert ended.returncode != 0
    assert json.loads(ended.stdout)["status"] == "FAILED"
    failure = await failure_of(temporal_client, workflow_id)
    assert failure.non_retryable
    assert failure.type == "PayloadValidationError"
    for text in in_message:
        assert text in failure.message
    assert "s3cret" not in failure.message + json.dumps(failure.details)


async def test_details_list_every_field_for_programs(
    settings: Settings, temporal_server: EmbeddedServer, temporal_client: Client, worker: Worker
) -> None:
    workflow_id = f"malformed-{uuid4()}"
    malformed = '{"problem": {"parameters": [{"name": 5, "low": 1.0}, {"name": "a", "low": null}]}}'
    await run_with_cli(settings, temporal_server, malformed, workflow_id=workflow_id)
    failure = await failure_of(temporal_client, workflow_id)
    [problems] = failure.details
    assert [each["field"] for each in problems] == ["problem.parameters.0.name", "problem.parameters.1.low"]


async def test_well_formed_start_runs_and_replays(
    settings: Settings, temporal_server: EmbeddedServer, temporal_client: Client, worker: Worker
) -> None:
    workflow_id = f"well-formed-{uuid4()}"
    well_formed = Request(problem=Problem(parameters=(Bound(name="a", low=1.0), Bound(name="b", low=2.5))))
    ended = await run_with_cli(settings, temporal_server, well_formed.model_dump_json(), workflow_id=workflow_id)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["result"] == ["a", "b"]
    history = await temporal_client.get_workflow_handle(workflow_id).fetch_history()
    await Replayer(workflows=[NamesWorkflow], plugins=[VoiceHivePlugin()]).replay_workflow(history)


async def test_wrong_activity_input_names_the_field(temporal_client: Client, worker: Worker) -> None:
    with pytest.raises(WorkflowFailureError) as failed:
        await temporal_client.execute_workflow(
            WrongActivityInputWorkflow.run, id=f"activity-{uuid4()}", task_queue=TASK_QUEUE
        )
    assert isinstance(failed.value.cause, ActivityError)
    undecodable = failed.value.cause.cause
    assert isinstance(undecodable, ApplicationError)
    assert isinstance(undecodable.cause, ApplicationError)
    assert "name: Input should be a valid string" in undecodable.cause.message


async def test_plugin_serves_the_time_skipping_server_too(time_skipping: WorkflowEnvironment) -> None:
    async with Worker(time_skipping.client, task_queue=TASK_QUEUE, workflows=[SleepWorkflow], max_cached_workflows=0):
        days = await time_skipping.client.execute_workflow(
            SleepWorkflow.run, timedelta(days=30), id=f"sleep-{uuid4()}", task_queue=TASK_QUEUE
        )
    assert timedelta(days=30) <= days < timedelta(days=31)


@given(st.builds(Request, problem=st.builds(Problem, parameters=st.lists(
    st.builds(Bound, name=st.text(), low=st.floats(allow_nan=False, allow_infinity=False))).map(tuple))))  # fmt: skip
def test_models_survive_the_round_trip(request_: Request) -> None:
    converter = data_converter.payload_converter
    assert converter.from_payload(converter.to_payload(request_), Request) == request_


@given(st.binary())
def test_any_bytes_are_a_model_or_a_validation_failure(data: bytes) -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    with pytest.raises(ApplicationError) as refused:
        data_converter.payload_converter.from_payload(payload, Request)
    assert refused.value.type == "PayloadValidationError"
