"""The embedded server: keeps its data, leaves nothing behind, and says what is wrong."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest, RemoveSearchAttributesRequest
from temporalio.client import Client

from workers.client import connect
from workers.errors import ServerAlreadyRunning, ServerStartFailed
from workers.search_attributes import SEARCH_ATTRIBUTES, register_search_attributes
from workers.server_record import recorded_server
from workers.settings import Settings
from workers.temporal_cli import temporal_cli
from workers.temporal_server import LOOPBACK, EmbeddedServer, next_free_port

SERVE = """
import asyncio, sys
from pathlib import Path
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer

async def serve():
    async with EmbeddedServer(Settings(data_directory=Path(sys.argv[1]), temporal_port=37233, ui_port=38233)) as server:
        print(server.address, flush=True)
        await server.wait()

asyncio.run(serve())
"""


def settings_in(directory: Path, **changes: object) -> Settings:
    return Settings.model_validate({"data_directory": directory, "temporal_port": 29233, "ui_port": 30233, **changes})


async def test_second_start_carries_on_with_the_data(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with EmbeddedServer(settings):
        client = await connect(settings)
        started = await client.start_workflow("Waiting", id="kept", task_queue="nobody")
    assert recorded_server(tmp_path) is None
    async with EmbeddedServer(settings):
        description = await (await connect(settings)).get_workflow_handle("kept").describe()
    assert description.run_id == started.first_execution_run_id


async def test_one_server_a_directory(temporal_server: EmbeddedServer, settings: Settings) -> None:
    with pytest.raises(ServerAlreadyRunning, match=f"process {os.getpid()}, web UI {temporal_server.ui_url}"):
        async with EmbeddedServer(settings):
            pass
    assert (await connect(settings)).namespace == "default"


async def test_takes_the_next_port_where_one_is_in_use(tmp_path: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind((LOOPBACK, 0))
        occupied.listen()
        port: int = occupied.getsockname()[1]
        async with EmbeddedServer(settings_in(tmp_path, temporal_port=port)) as server:
            assert int(server.address.rpartition(":")[2]) > port
            assert await connect(settings_in(tmp_path))


async def test_is_not_fooled_by_a_server_that_takes_its_port_first(
    tmp_path: Path, settings: Settings, temporal_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = tmp_path / "temporal"
    cli.write_text(f'#!/bin/sh\nsleep 0.5\nexec {temporal_cli(settings)} "$@"\n')
    cli.chmod(0o755)
    lost_race = [int(temporal_server.address.rpartition(":")[2])]

    def next_port(first: int, *, taken: int | None = None) -> int:
        return lost_race.pop() if lost_race else next_free_port(first, taken=taken)

    monkeypatch.setattr("workers.temporal_server.next_free_port", next_port)
    async with EmbeddedServer(settings_in(tmp_path, temporal_cli=cli)) as server:
        assert server.address != temporal_server.address
        assert await connect(settings_in(tmp_path))


def test_next_free_port_skips_the_one_taken() -> None:
    first = next_free_port(31000)
    assert next_free_port(first, taken=first) > first


async def test_web_ui_answers(temporal_server: EmbeddedServer) -> None:
    async with httpx.AsyncClient() as http:
        page = await http.get(temporal_server.ui_url, follow_redirects=True)
    assert page.status_code == 200
    assert "<html" in page.text


async def test_search_attributes_are_registered_again_where_missing(temporal_client: Client) -> None:
    await temporal_client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace="default", search_attributes=["VoiceHiveRisk"])
    )
    await register_search_attributes(temporal_client)
    await register_search_attributes(temporal_client)
    listed = await temporal_client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="default")
    )
    assert SEARCH_ATTRIBUTES.items() <= dict(listed.custom_attributes).items()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
async def test_server_never_outlives_its_owner(tmp_path: Path, ending: signal.Signals) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, tmp_path, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert owner.stdout is not None
    async with asyncio.timeout(30):
        port = int((await owner.stdout.readline()).decode().rpartition(":")[2])
    owner.send_signal(ending)
    await owner.wait()
    await asyncio.to_thread(_wait_until_closed, port)
    async with EmbeddedServer(settings_in(tmp_path)):
        assert await connect(settings_in(tmp_path))


def _wait_until_closed(port: int) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) != 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"something still listens on port {port}")


async def test_server_that_dies_at_start_is_explained(tmp_path: Path) -> None:
    cli = tmp_path / "temporal"
    cli.write_text("#!/bin/sh\necho no such schema\nexit 3\n")
    cli.chmod(0o755)
    with pytest.raises(ServerStartFailed, match=r"temporal-server\.log:\nno such schema"):
        async with EmbeddedServer(settings_in(tmp_path / "data", temporal_cli=cli)):
            pass
    async with EmbeddedServer(settings_in(tmp_path / "data")):
        pass


async def test_wait_returns_when_the_server_dies_by_itself(tmp_path: Path, settings: Settings) -> None:
    cli = tmp_path / "temporal"
    cli.write_text(f'#!/bin/sh\necho $$ > {tmp_path}/pid\nexec {temporal_cli(settings)} "$@"\n')
    cli.chmod(0o755)
    async with EmbeddedServer(settings_in(tmp_path, temporal_cli=cli)) as server:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        async with asyncio.timeout(10):
            assert await server.wait() == 128 + signal.SIGKILL
