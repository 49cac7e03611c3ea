from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from itertools import count

import pytest
from pydantic import JsonValue

from tests.execution.http_server import HttpServer, http_server
from tests.storage.fixtures import database, database_url, tenant
from voicehive.execution.action import ActionContext, Resources
from voicehive.execution.outbound_http import create_client
from voicehive.storage.database import Database

__all__ = ["database", "database_url", "tenant"]


@dataclass
class Orchestrator:
    """Stands for the worker's workflow starter: workflows by id, started once and cancelled once."""

    running: dict[str, tuple[str, str, JsonValue]] = field(default_factory=dict[str, tuple[str, str, JsonValue]])
    started: int = 0
    lose_answers: int = 0

    async def start(self, workflow_type: str, workflow_id: str, task_queue: str, argument: JsonValue, key: str) -> str:
        if workflow_id not in self.running:
            self.started += 1
            self.running[workflow_id] = (workflow_type, task_queue, argument)
        if self.lose_answers:
            self.lose_answers -= 1
            raise ConnectionResetError("the answer was lost")
        return f"run-of-{workflow_id}"

    async def cancel(self, workflow_id: str, key: str) -> bool:
        return self.running.pop(workflow_id, None) is not None


@pytest.fixture
def orchestrator() -> Orchestrator:
    return Orchestrator()


@pytest.fixture
async def resources(database: Database, orchestrator: Orchestrator) -> AsyncGenerator[Resources]:
    async with create_client() as client:
        yield Resources(database=database, http=client, workflows=orchestrator)


@pytest.fixture
def server() -> Generator[HttpServer]:
    with http_server() as running:
        yield running


_keys = count()


@pytest.fixture
def context(tenant: str) -> ActionContext:
    return ActionContext(tenant=tenant, deployment="line-1", key=f"run/step-{next(_keys)}", owner="run")
