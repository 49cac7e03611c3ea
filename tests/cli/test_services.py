"""`up` and `demo` start real processes and leave none behind."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ASK, Command, write_request
from workers.server_record import recorded_server
from workers.temporal_server import EmbeddedServer

FORBID = ASK | {"id": "forbid", "severity": "block"}


def at_own_ports(alone: Command) -> Command:
    return alone.having(VOICEHIVE_TEMPORAL_PORT="33233", VOICEHIVE_UI_PORT="34233")


async def refuses_connections(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def started(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The document that `up --json` prints once it is ready."""
    assert process.stdout is not None
    text = b""
    while not text.rstrip().endswith(b"}"):
        read = await asyncio.wait_for(process.stdout.read(4096), 60)
        assert read, (await process.communicate())[1]
        text += read
    return json.loads(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_up_serves_and_ends_everything(alone: Command, tmp_path: Path, number: signal.Signals) -> None:
    voicehive = at_own_ports(alone)
    process = await voicehive.start("up", "--json")
    place = await started(process)
    try:
        assert recorded_server(tmp_path / "data") is not None
        second = await voicehive("up")
        assert second.code == 7
        assert place["ui_url"] in second.stderr
        decided = await voicehive("decide", write_request(tmp_path / "r.json", "up", constraints=[FORBID]), "--wait")
        assert decided.code == 3, decided
    finally:
        process.send_signal(number)
        await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert await refuses_connections(place["address"])
    assert recorded_server(tmp_path / "data") is None


async def test_up_uses_the_server_that_the_environment_names(
    alone: Command, temporal_server: EmbeddedServer, tmp_path: Path
) -> None:
    voicehive = alone.having(TEMPORAL_ADDRESS=temporal_server.address, VOICEHIVE_TASK_QUEUE="elsewhere")
    process = await voicehive.start("up", "--json")
    try:
        assert await started(process) == {
            "address": temporal_server.address,
            "namespace": "default",
            "task_queue": "elsewhere",
            "ui_url": None,
        }
        assert (await voicehive("doctor", "--json")).code == 0
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert not (tmp_path / "data" / "temporal.db").exists()
    assert not await refuses_connections(temporal_server.address)


async def test_demo_stopped_midway_leaves_nothing(alone: Command, tmp_path: Path) -> None:
    process = await at_own_ports(alone).start("demo")
    while (record := recorded_server(tmp_path / "data")) is None:  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130, stderr
    assert await refuses_connections(record.address)


async def test_demo_twice_on_the_same_data(alone: Command, tmp_path: Path) -> None:
    voicehive = at_own_ports(alone)
    for _ in range(2):
        answer = await voicehive("demo", "--json")
        assert answer.code == 0, answer
        assert answer.document["as_expected"]
        assert "rolled back" in answer.stderr
        assert recorded_server(tmp_path / "data") is None
