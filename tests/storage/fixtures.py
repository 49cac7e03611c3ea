"""The databases every storage and execution test runs on; imported by the conftest of each."""

from collections.abc import AsyncGenerator, Generator
from uuid import uuid4

import pytest

from tests.storage.postgresql import HOW_TO_GET_IT, cluster, find_binaries
from voicehive.storage.database import Database, migrate


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'new' / 'voicehive.db'}"
        return
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(HOW_TO_GET_IT)
    with cluster(binaries) as url:
        yield url


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncGenerator[Database]:
    """It, migrated and open; shared by the session, so that a test must use a tenant of its own."""
    await migrate(database_url)
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def tenant() -> str:
    """A tenant nobody else uses."""
    return f"tenant-{uuid4().hex}"
