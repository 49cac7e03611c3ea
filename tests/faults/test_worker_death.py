"""Workers killed at random moments: no plan is lost, no step is applied twice."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from tests.workflows.world import PERMISSIVE
from voicehive.autonomy.policy_document import parse_policy
from voicehive.execution.plan import Compensation, ExecutionPlan, Step
from voicehive.execution.record import ExecutionRequest, ExecutionResult
from voicehive.storage.database import Database, migrate
from voicehive.storage.parameters import Parameters
from voicehive.storage.policies import Policies
from workers.settings import Settings

PLANS = 50
KILLS = 12
TENANT = "faults"
QUEUE = "voicehive-faults"


def plan(number: int) -> ExecutionPlan:
    """Four settings, two of them side by side; every third plan fails at its end."""
    links = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    steps = [
        Step(
            name=name,
            depends_on=depends_on,
            action="parameter.set",
            arguments={"name": name, "value": number},
            compensation=Compensation(),
        )
        for name, depends_on in links.items()
    ]
    wanted = number if number % 3 else -1
    check = Step(name="check", depends_on=("d",), action="parameter.check", arguments={"name": "a", "equals": wanted})
    return ExecutionPlan(name=f"plan {number}", steps=(*steps, check))


@pytest.fixture
async def store(settings: Settings, tmp_path: Path) -> Any:
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}", "task_queue": QUEUE})
    await migrate(own.database_url)
    database = await Database.open(own.database_url)
    async with database.transaction() as session:
        await Policies(session, TENANT).add(PERMISSIVE, parse_policy(PERMISSIVE).content_digest(), "tests")
    yield own, database
    await database.close()


async def start_worker(settings: Settings, address: str) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "TEMPORAL_ADDRESS": address,
        "VOICEHIVE_DATABASE_URL": settings.database_url,
        "VOICEHIVE_DATA_DIRECTORY": str(settings.data_directory),
        "VOICEHIVE_TASK_QUEUE": settings.task_queue,
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "workers.worker", env=environment)


@pytest.mark.timeout(600)
async def test_fifty_plans_survive_workers_killed_at_random(
    temporal_client: Client, store: tuple[Settings, Database]
) -> None:
    settings, database = store
    chance = random.Random(7)
    address = temporal_client.service_client.config.target_host
    handles: list[WorkflowHandle[Any, ExecutionResult]] = []
    for number in range(1, PLANS + 1):
        request = ExecutionRequest(tenant=TENANT, deployment=f"d{number}", requester="olivia", plan=plan(number))
        handles.append(
            await temporal_client.start_workflow(
                "ExecutionWorkflow", request, id=f"killed-{number}", task_queue=QUEUE, result_type=ExecutionResult
            )
        )
    results = asyncio.gather(*(handle.result() for handle in handles))
    killed = 0
    worker = await start_worker(settings, address)
    try:
        while not results.done():
            await asyncio.wait([results], timeout=chance.uniform(1.2, 4.0))
            if killed < KILLS and not results.done():
                worker.send_signal(signal.SIGKILL)
                await worker.wait()
                killed += 1
                worker = await start_worker(settings, address)
    finally:
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
    assert killed > 0
    for number, result in enumerate(await results, 1):
        expected = "applied" if number % 3 else "rolled_back"
        assert result.outcome == expected, result
        async with database.reading() as session:
            parameters = Parameters(session, TENANT)
            found = [await parameters.get(f"d{number}", name) for name in "abcd"]
        if expected == "applied":
            assert [(p.value, p.version) for p in found] == [(number, 1)] * 4
        else:
            assert [(p.value, p.version) for p in found] == [(None, 2)] * 4
