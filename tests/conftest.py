"""What every test may ask for: a real development server, a client on it, and a server whose clock jumps."""

import os
import signal
from collections.abc import AsyncGenerator, Generator

import hypothesis
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.time_skipping import time_skipping_environment
from workers.client import connect
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has it ignored by what it runs in the background, and every command that is tested would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
"""How long an example takes says more about what else the machine does."""


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep the developer's own Temporal and VoiceHive settings out of the tests, but for where the CLI is."""
    no_configuration = tmp_path_factory.mktemp("temporal") / "temporal.toml"
    no_configuration.touch()
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("TEMPORAL_", "VOICEHIVE_")) and name != "VOICEHIVE_TEMPORAL_CLI":
                patch.delenv(name)
        patch.setenv("TEMPORAL_CONFIG_FILE", str(no_configuration))
        yield


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the session's server, in a directory of its own; the ports keep clear of a developer's `up`.

    Each process of pytest-xdist has a session, and so a server, of its own.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = {"temporal_port": 27233 + process, "ui_port": 28233 + process}
    return Settings.model_validate({"data_directory": tmp_path_factory.mktemp("voicehive"), **ports})


@pytest.fixture(scope="session")
async def temporal_server(settings: Settings) -> AsyncGenerator[EmbeddedServer]:
    """The embedded server, one for the whole session: give every workflow an id of its own."""
    async with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture(scope="session")
async def temporal_client(temporal_server: EmbeddedServer, settings: Settings) -> Client:
    """A client of `temporal_server` with the plugin."""
    return await connect(settings)


@pytest.fixture(scope="module")
async def time_skipping() -> AsyncGenerator[WorkflowEnvironment]:
    """A server that skips time, one for each test module: its clock is shared by all that runs on it."""
    async with time_skipping_environment() as environment:
        yield environment
