"""Workers killed at random moments: no plan is lost, no step is applied twice."""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from tests.execution.http_server import HttpServer, Received, http_server
from tests.workflows.world import PERMISSIVE
from voicehive.autonomy.policy_document import parse_policy
from voicehive.execution.plan import Compensation, ExecutionPlan, RetryPolicy, Step
from voicehive.execution.record import ExecutionRequest, ExecutionResult
from voicehive.storage.database import Database, migrate
from voicehive.storage.parameters import Parameters
from voicehive.storage.policies import Policies
from workers.settings import Settings

PLANS = 50
KILLS = 12
TENANT = "faults"
QUEUE = "voicehive-faults"
PATIENT = RetryPolicy(maximum_attempts=100, maximum_interval=timedelta(seconds=2))
"""More attempts than there are kills: each one takes an attempt with it."""


@dataclass
class Orders:
    """What a system outside has on order: it does whatever it is asked as often as it is asked, and takes its time."""

    server: HttpServer
    by_key: dict[str, set[tuple[str, Any]]] = field(default_factory=dict[str, set[tuple[str, Any]]])
    cancelled: list[str] = field(default_factory=list[str])
    requests: Counter[str] = field(default_factory=Counter[str])

    def answer(self, received: Received) -> tuple[int, bytes]:
        key = received.headers["idempotency-key"]
        self.requests[key] += 1
        if received.method == "POST":
            self.by_key.setdefault(key, set()).add((received.path, received.json))
        else:
            key = key.removesuffix(":compensation")
            self.cancelled.append(key)
            self.by_key.pop(key, None)
        time.sleep(0.3)
        return 200, b"done"


@pytest.fixture
def orders() -> Generator[Orders]:
    with http_server() as server:
        orders = Orders(server)
        server.answer = orders.answer
        yield orders


def has_order(number: int) -> bool:
    """A third of the plans, applied ones and rolled back ones."""
    return number // 3 % 3 == 0


def order(number: int, server: HttpServer) -> Step:
    """An order outside, cancelled when the plan is undone."""
    url = f"{server.url}/orders/{number}"
    return Step(
        name="order",
        depends_on=("a",),
        action="http.request",
        arguments={"method": "POST", "url": url, "json": number, "timeout_seconds": 2},
        compensation=Compensation(arguments={"method": "DELETE", "url": url, "timeout_seconds": 2}, retry=PATIENT),
        retry=PATIENT,
    )


def plan(number: int, server: HttpServer) -> ExecutionPlan:
    """Four settings, two of them side by side; some place an order too, every third plan fails at its end.

    Each begins a little later than the one before, so that no machine is done with all of them before the kills.
    """
    delay = Step(name="delay", action="wait", arguments={"duration": f"PT{number * 0.4:.1f}S"})
    links = {"a": ("delay",), "b": ("a",), "c": ("a",), "d": ("b", "c")}
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
    if has_order(number):
        steps.append(order(number, server))
    check = Step(
        name="check",
        depends_on=tuple(step.name for step in steps),
        action="parameter.check",
        arguments={"name": "a", "equals": number if number % 3 else -1},
    )
    return ExecutionPlan(name=f"plan {number}", steps=(delay, *steps, check))


@pytest.fixture
async def store(settings: Settings, tmp_path: Path, orders: Orders) -> AsyncGenerator[tuple[Settings, Database]]:
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}", "task_queue": QUEUE})
    policy = f"{PERMISSIVE}allowed_hosts: ['{orders.server.host}']\n"
    await migrate(own.database_url)
    database = await Database.open(own.database_url)
    async with database.transaction() as session:
        await Policies(session, TENANT).add(policy, parse_policy(policy).content_digest(), "tests")
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
    temporal_client: Client, store: tuple[Settings, Database], orders: Orders
) -> None:
    settings, database = store
    chance = random.Random(7)
    address = temporal_client.service_client.config.target_host
    handles: list[WorkflowHandle[Any, ExecutionResult]] = []
    for number in range(1, PLANS + 1):
        steps = plan(number, orders.server)
        request = ExecutionRequest(tenant=TENANT, deployment=f"d{number}", requester="olivia", plan=steps)
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
            await asyncio.wait([results], timeout=chance.uniform(1.2, 3.6))
            if killed < KILLS and not results.done():
                worker.send_signal(signal.SIGKILL)
                await worker.wait()
                killed += 1
                worker = await start_worker(settings, address)
    finally:
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
    assert killed >= 5
    ordered = set[str]()
    for number, (handle, result) in enumerate(zip(handles, await results, strict=True), 1):
        expected = "applied" if number % 3 else "rolled_back"
        assert result.outcome == expected, result
        async with database.reading() as session:
            parameters = Parameters(session, TENANT)
            found = [await parameters.get(f"d{number}", name) for name in "abcd"]
        if expected == "applied":
            assert [(p.value, p.version) for p in found] == [(number, 1)] * 4
        else:
            assert [(p.value, p.version) for p in found] == [(None, 2)] * 4
        if not has_order(number):
            continue
        key = f"{handle.id}/{handle.first_execution_run_id}/order"
        ordered.add(key)
        assert orders.requests[key] >= 1
        if expected == "applied":
            assert orders.by_key[key] == {(f"/orders/{number}", number)}
            assert key not in orders.cancelled
        else:
            assert key not in orders.by_key
            assert key in orders.cancelled
    assert set(orders.by_key) <= ordered
