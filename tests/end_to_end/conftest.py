"""A whole installation: the embedded server, a worker in its own process, and its store."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from voicehive.storage.database import Database, migrate
from workers.settings import Settings
from workers.temporal_cli import temporal_cli

ROOT = Path(__file__).parents[2]


@dataclass
class Installation:
    """What a user has after `voicehive up`: an address, the store, and the Temporal CLI as the only client."""

    address: str
    settings: Settings
    cli: Path

    @property
    def environment(self) -> dict[str, str]:
        """What every command of this installation runs under."""
        return {
            **os.environ,
            "TEMPORAL_ADDRESS": self.address,
            "VOICEHIVE_DATABASE_URL": self.settings.database_url,
            "VOICEHIVE_DATA_DIRECTORY": str(self.settings.data_directory),
        }

    async def run(self, *command: str | Path) -> tuple[int, str]:
        """Run a command from the project's root; its exit code, and everything it printed."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            env=self.environment,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, output.decode()

    async def temporal(self, *arguments: str) -> tuple[int, str]:
        """Run the Temporal CLI."""
        return await self.run(self.cli, *arguments)


@pytest.fixture(scope="module")
async def installation(temporal_client: Client, settings: Settings) -> AsyncGenerator[Installation]:
    """A worker process on the task queue `voicehive` beside the session's server."""
    await migrate(settings.database_url)
    address = temporal_client.service_client.config.target_host
    found = Installation(address, settings, temporal_cli(settings))
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "workers.worker", env=found.environment)
    try:
        yield found
    finally:
        worker.terminate()
        await worker.wait()


@pytest.fixture(scope="module")
async def database(installation: Installation) -> AsyncGenerator[Database]:
    """The installation's store."""
    database = await Database.open(installation.settings.database_url)
    yield database
    await database.close()
