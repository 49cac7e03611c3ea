"""Runs the server and the worker until stopped."""

import asyncio
import logging
import signal
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from rich.console import Console

from voicehive.cli import rendering
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.cli.session import Session, open_session
from workers.client import uses_own_server
from workers.errors import ServerAlreadyRunning, ServerStartFailed
from workers.search_attributes import register_search_attributes
from workers.settings import Settings
from workers.temporal_cli import temporal_cli
from workers.temporal_server import EmbeddedServer
from workers.worker import running_worker


def up(output: Output) -> ExitCode:
    """Run the server, unless the environment names one, and a worker."""
    settings = Settings.load()
    obtain_server_program(settings, output.console)
    log_to_file(settings, output.console)
    return _until_stopped(_serve(settings, output), output)


def worker(output: Output) -> ExitCode:
    """Run a worker for a server that is there."""
    return _until_stopped(_work(Settings.load(), output), output)


def obtain_server_program(settings: Settings, console: Console) -> None:
    """Find or build the Temporal CLI where it will be needed; outside any event loop, so that Ctrl-C ends a build."""
    if not uses_own_server():
        temporal_cli(settings, console)


def log_to_file(settings: Settings, console: Console) -> None:
    """Keep the worker's log, tracebacks of failed steps included, out of what people read."""
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    log = settings.data_directory / "worker.log"
    logging.basicConfig(filename=log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    console.print(rendering.line("✔", f"log: {log}", "green"))


@asynccontextmanager
async def running_server(settings: Settings, *, shared: bool) -> AsyncGenerator[tuple[Session, EmbeddedServer | None]]:
    """The server the environment names, else the embedded one, started here, with its search attributes.

    `shared` takes the embedded server that already runs on the data directory instead of refusing; what is not
    started here is not stopped here, and comes as None.
    """
    async with AsyncExitStack() as stack:
        server = None
        if not uses_own_server():
            try:
                server = await stack.enter_async_context(EmbeddedServer(settings))
            except ServerAlreadyRunning:
                if not shared:
                    raise
        session = await open_session(settings)
        if server is None:
            await register_search_attributes(session.client)
        yield session, server


async def stay(server: EmbeddedServer | None) -> None:
    """Wait for ever, or for the server's own end, which is an error.

    Raises:
        ServerStartFailed: the server ended by itself.
    """
    if server is None:
        await asyncio.Event().wait()
    else:
        code = await server.wait()
        raise ServerStartFailed(f"the Temporal server ended by itself (code {code}); its log is {server.log_file}")


def describe(session: Session, console: Console) -> None:
    """Say where everything is."""
    address = session.client.service_client.config.target_host
    console.print(rendering.line("✔", f"Temporal server: {address}, namespace {session.client.namespace}", "green"))
    if session.ui_url:
        console.print(rendering.line("✔", f"web UI: {session.ui_url}", "green"))


async def _serve(settings: Settings, output: Output) -> None:
    async with running_server(settings, shared=False) as (session, server), running_worker(session.client, settings):
        _announce(session, output)
        await stay(server)


async def _work(settings: Settings, output: Output) -> None:
    session = await open_session(settings)
    await register_search_attributes(session.client)
    async with running_worker(session.client, settings):
        _announce(session, output)
        await stay(None)


def _announce(session: Session, output: Output) -> None:
    describe(session, output.console)
    queue = session.settings.task_queue
    output.console.print(rendering.line("✔", f"worker: task queue {queue}; Ctrl-C to stop", "green"))
    output.document(
        {
            "address": session.client.service_client.config.target_host,
            "namespace": session.client.namespace,
            "task_queue": queue,
            "ui_url": session.ui_url,
        }
    )


def _until_stopped(service: Coroutine[Any, Any, None], output: Output) -> ExitCode:
    """Run until SIGINT or SIGTERM, which cancel it, so that everything it started is ended on the way out."""
    try:
        asyncio.run(ending_on_sigterm(service))
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.console.print("stopped")
    return ExitCode.DONE


async def ending_on_sigterm(service: Coroutine[Any, Any, None]) -> None:
    """Let SIGTERM cancel a coroutine as asyncio lets SIGINT."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await service
