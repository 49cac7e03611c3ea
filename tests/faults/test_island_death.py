"""Workers killed in the middle of an epoch: the front is the same as that of an undisturbed search."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from activities.finished_optimizations import StoredOptimization
from tests.faults.test_worker_death import start_worker
from tests.workflows.optimizations import in_this_process, rows, zdt1
from voicehive.optimization.request import OptimizationOutcome, OptimizationStatus
from voicehive.storage.database import Database, migrate
from voicehive.storage.optimizations import RESULT_KIND
from voicehive.storage.results import Results
from workers.settings import Settings

TENANT = "faults"
QUEUE = "voicehive-island-faults"
MOST_KILLS = 3
REQUEST = {
    "tenant": TENANT,
    "problem": zdt1(seed=11, budget={"population": 100, "generations": 2_400}),
    "islands": 3,
    "epochs": 4,
}


@pytest.fixture
async def settings_and_store(settings: Settings, tmp_path: Path) -> AsyncGenerator[tuple[Settings, Database]]:
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}", "task_queue": QUEUE})
    await migrate(own.database_url)
    database = await Database.open(own.database_url)
    yield own, database
    await database.close()


@asynccontextmanager
async def two_workers(settings: Settings, address: str) -> AsyncGenerator[list[asyncio.subprocess.Process]]:
    workers = [await start_worker(settings, address) for _ in range(2)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
            await worker.wait()


async def test_killed_workers_cost_an_epoch_at_most_and_change_nothing(
    temporal_client: Client, settings_and_store: tuple[Settings, Database]
) -> None:
    settings, database = settings_and_store
    chance = random.Random(3)
    address = temporal_client.service_client.config.target_host
    expected = asyncio.create_task(asyncio.to_thread(in_this_process, REQUEST))
    optimization: Any = await temporal_client.start_workflow(
        "OptimizationWorkflow", REQUEST, id="islands-killed", task_queue=QUEUE, result_type=OptimizationOutcome
    )
    result = asyncio.ensure_future(optimization.result())
    deaths: list[int] = []
    async with two_workers(settings, address) as workers:
        while not result.done():
            await asyncio.wait([result], timeout=chance.uniform(0.1, 0.5))
            described = await optimization.describe()
            running = [
                json.loads(activity.heartbeat_details.payloads[0].data)
                for activity in described.raw_description.pending_activities
                if activity.heartbeat_details.payloads
            ]
            # An island has told how far it is: whoever has it dies in the middle of the epoch.
            if running and len(deaths) < MOST_KILLS:
                victim = workers.pop(0)
                victim.send_signal(signal.SIGKILL)
                await victim.wait()
                deaths.append((await optimization.query("status", result_type=OptimizationStatus)).epoch)
                workers.append(await start_worker(settings, address))
        outcome = await result
    assert deaths
    history = await optimization.fetch_history()
    attempts = [
        event.activity_task_started_event_attributes.attempt
        for event in history.events
        if event.HasField("activity_task_started_event_attributes")
    ]
    assert max(attempts) > 1, "no worker died while it had an island"
    async with database.reading() as session:
        document = await Results(session, TENANT).get(outcome.result, RESULT_KIND)
    assert document is not None
    assert rows(StoredOptimization.model_validate_json(document).result) == rows(await expected)
    assert outcome.stopped_by == "generations"
