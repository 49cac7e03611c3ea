"""A real Temporal server of our own: the CLI's development server on loopback, its data in one SQLite file."""

import asyncio
import os
import re
import signal
import socket
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Self

from temporalio.client import Client
from temporalio.service import RPCError

from workers.errors import ServerStartFailed
from workers.plugin import VoiceHivePlugin
from workers.search_attributes import register_search_attributes
from workers.server_record import ServerRecord, exclusive_ownership, write_record
from workers.settings import Settings
from workers.temporal_cli import temporal_cli

LOOPBACK = "127.0.0.1"
READY_SECONDS = 60.0
ANNOUNCED_SECONDS = 5.0
STOP_SECONDS = 10.0
START_ATTEMPTS = 5

DYNAMIC_CONFIGURATION = {
    "history.transferProcessorMaxPollRPS": "10000",
    "history.transferProcessorMaxPollHostRPS": "10000",
    "history.timerProcessorMaxPollRPS": "10000",
    "history.timerProcessorMaxPollHostRPS": "10000",
    "system.enableActivityEagerExecution": "true",
}
"""The development server has one shard and by default polls it 20 times a second, which costs each hop of a workflow
50 ms; eager execution hands an activity to the worker that scheduled it without another hop."""

GUARD = """
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(read -r _ <&3; kill -TERM $server; sleep 10; kill -KILL $server) 2>/dev/null &
exec 3<&-
wait $server
status=$?
trap '' TERM
kill 0
exit $status
"""
"""Runs the server for as long as this program holds the other end of the guard's input.

The kernel closes that end however the program dies, SIGKILL included, so no server is ever left behind. POSIX shell,
hence also for macOS; Linux's PR_SET_PDEATHSIG would follow the death of a thread and need code between fork and exec.
"""


class EmbeddedServer:
    """The server as an async context manager: ready inside, stopped and its data on disk after.

    Starting it on a directory that an earlier one used carries on with that data. Raises `ServerAlreadyRunning`
    where one runs there now, `TemporalCliUnavailable`, and `ServerStartFailed` with the end of the log.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cleanup = AsyncExitStack()
        self._process: Process | None = None
        self._log_begins = 0
        self.address = ""
        self.ui_url = ""

    @property
    def log_file(self) -> Path:
        """Where the server writes what it has to say."""
        return self._settings.data_directory / "temporal-server.log"

    async def __aenter__(self) -> Self:
        cli = await asyncio.to_thread(temporal_cli, self._settings)
        async with AsyncExitStack() as cleanup:
            cleanup.enter_context(exclusive_ownership(self._settings.data_directory))
            cleanup.push_async_callback(self._stop)
            await self._start(cli)
            self._cleanup = cleanup.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cleanup.aclose()

    async def wait(self) -> int:
        """Return the server's exit code once it has ended, by itself or stopped."""
        if self._process is None:
            raise RuntimeError("the server was not started: use `async with EmbeddedServer(...)`")
        return await self._process.wait()

    async def _start(self, cli: Path) -> None:
        port, ui_port = self._settings.temporal_port, self._settings.ui_port
        for _ in range(START_ATTEMPTS):
            port = next_free_port(port)
            ui_port = next_free_port(ui_port, taken=port)
            self._log_begins = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._process = await self._launch(cli, port, ui_port)
            self.address, self.ui_url = f"{LOOPBACK}:{port}", f"http://{LOOPBACK}:{ui_port}"
            if await self._became_ready(self._process, port):
                record = ServerRecord(pid=os.getpid(), address=self.address, ui_url=self.ui_url)
                return write_record(self._settings.data_directory, record)
            await self._stop()
            if "address already in use" not in self._log():
                break
        raise ServerStartFailed(
            f"the embedded Temporal server did not start; the end of {self.log_file}:\n{_tail(self._log())}"
        )

    async def _launch(self, cli: Path, port: int, ui_port: int) -> Process:
        database = self._settings.data_directory / "temporal.db"
        server = [cli, "server", "start-dev", "--ip", LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)]
        server += ["--db-filename", database, "--log-level", "warn", "--disable-config-file", "--disable-config-env"]
        for key, value in DYNAMIC_CONFIGURATION.items():
            server += ["--dynamic-config-value", f"{key}={value}"]
        with self.log_file.open("ab") as log:
            # A session of its own keeps a terminal's Ctrl-C from stopping the server before the worker has drained.
            return await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", GUARD, "temporal-guard", *server,
                stdin=PIPE, stdout=log, stderr=STDOUT, start_new_session=True,
            )  # fmt: skip

    async def _became_ready(self, process: Process, port: int) -> bool:
        """Whether the server serves its namespace and the search attributes; False once it died or time is up."""
        ready = asyncio.create_task(self._prepare(port))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
            return ready.done() and not ended.done()
        finally:
            ready.cancel()
            ended.cancel()

    async def _prepare(self, port: int) -> None:
        # Another server may have taken the port meanwhile, and would answer in place of ours, which is giving up.
        deadline = time.monotonic() + ANNOUNCED_SECONDS
        while not self._announced(port) and time.monotonic() < deadline:  # noqa: ASYNC110  # a file raises no event
            await asyncio.sleep(0.02)
        while True:
            try:
                client = await Client.connect(self.address, plugins=[VoiceHivePlugin()])
                await client.service_client.check_health(timeout=timedelta(seconds=2))
            except (RuntimeError, RPCError):
                await asyncio.sleep(0.05)
            else:
                return await register_search_attributes(client)

    def _announced(self, port: int) -> bool:
        return re.search(rf"^Server: +\S+:{port}\b", self._log(), re.MULTILINE) is not None

    def _log(self) -> str:
        return self.log_file.read_bytes()[self._log_begins :].decode(errors="replace")

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def next_free_port(first: int, *, taken: int | None = None) -> int:
    """The first port from `first` upwards that can be listened on at the loopback address, other than `taken`."""
    for port in range(first, 65536):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        if port != taken:
            return port
    raise ServerStartFailed(f"no free port from {first} upwards: set VOICEHIVE_TEMPORAL_PORT and VOICEHIVE_UI_PORT")


def _tail(log: str, lines: int = 15) -> str:
    return "\n".join(log.splitlines()[-lines:]) or "(it wrote nothing)"
