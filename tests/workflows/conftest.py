"""A world for each test module, and one that replays every workflow on each of its tasks."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.workflows.world import World, running_world
from workers.settings import Settings


@pytest.fixture
async def world(temporal_client: Client, settings: Settings, tmp_path: Path) -> AsyncGenerator[World]:
    """A world of its own, where nothing is cached: every workflow task replays the whole history."""
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own, max_cached_workflows=0) as world:
        yield world


@pytest.fixture
async def cached_world(temporal_client: Client, settings: Settings, tmp_path: Path) -> AsyncGenerator[World]:
    """A world as it is in the field: runs stay in the worker's memory, and many at once do not disturb each other.

    Without a cache the SDK breaks off local activities when another run needs the place, and the server hands the task
    out again only after ten seconds.
    """
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own) as world:
        yield world
