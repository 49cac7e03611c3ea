"""Worlds to run workflows in; whatever ran in one is replayed from its history when the test is over."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Replayer

from tests.execution.http_server import HttpServer, http_server
from tests.workflows.world import World, running_world
from workers.plugin import VoiceHivePlugin
from workers.settings import Settings
from workers.worker import WORKFLOWS


@pytest.fixture
async def world(temporal_client: Client, settings: Settings, tmp_path: Path) -> AsyncGenerator[World]:
    """A world of its own, with room in memory for two runs: more evict each other and are replayed."""
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own, max_cached_workflows=2) as world:
        yield world
    await replay_all(world)


@pytest.fixture
def metrics() -> Generator[HttpServer]:
    """An HTTP service that metrics are read from."""
    with http_server() as server:
        yield server


@pytest.fixture
async def replaying_world(temporal_client: Client, settings: Settings, tmp_path: Path) -> AsyncGenerator[World]:
    """A world where nothing is cached: every workflow task replays the whole history.

    For one execution at a time. Without a cache the SDK breaks off a local activity when another task needs the place,
    and may then wait for it for ever; decisions, which run several, are replayed at the end instead.
    """
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own, max_cached_workflows=0) as world:
        yield world
    await replay_all(world)


@pytest.fixture
async def cached_world(temporal_client: Client, settings: Settings, tmp_path: Path) -> AsyncGenerator[World]:
    """A world as it is in the field: runs stay in the worker's memory."""
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own) as world:
        yield world
    await replay_all(world)


async def replay_all(world: World) -> None:
    """Replay every run of the world's task queue; fails where one does not."""
    replayer = Replayer(workflows=WORKFLOWS, plugins=[VoiceHivePlugin()])
    async for run in world.client.list_workflows(f"TaskQueue = '{world.settings.task_queue}'"):
        history = await world.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        await replayer.replay_workflow(history)
