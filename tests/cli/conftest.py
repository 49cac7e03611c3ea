from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.cli.command import POLICY, TENANT, Command
from voicehive.autonomy.policy_document import parse_policy
from voicehive.storage.database import Database
from voicehive.storage.policies import Policies
from workers.settings import Settings
from workers.worker import running_worker

QUEUE = "cli-tests"


@pytest.fixture(scope="session")
def cli_settings(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    store = tmp_path_factory.mktemp("cli") / "store.db"
    return settings.model_copy(update={"task_queue": QUEUE, "database_url": f"sqlite:///{store}"})


@pytest.fixture(scope="session")
async def store(temporal_client: Client, cli_settings: Settings) -> AsyncGenerator[Database]:
    """The store, while a worker serves the task queue of these tests."""
    async with running_worker(temporal_client, cli_settings):
        database = await Database.open(cli_settings.database_url)
        async with database.transaction() as session:
            await Policies(session, TENANT).add(POLICY, parse_policy(POLICY).content_digest(), "tests")
        yield database
        await database.close()


@pytest.fixture
def voicehive(store: Database, cli_settings: Settings) -> Command:
    return Command(
        {
            "VOICEHIVE_DATA_DIRECTORY": str(cli_settings.data_directory),
            "VOICEHIVE_DATABASE_URL": cli_settings.database_url,
            "VOICEHIVE_TASK_QUEUE": cli_settings.task_queue,
        }
    )


@pytest.fixture
def alone(tmp_path: Path) -> Command:
    """The command where there is no server, no store and no worker."""
    return Command({"VOICEHIVE_DATA_DIRECTORY": str(tmp_path / "data"), "TEMPORAL_ADDRESS": ""})
