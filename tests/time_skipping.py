"""Temporal's Java test server, whose clock jumps over days; fetched once from Maven Central into the user's cache."""

import asyncio
import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment

from workers.plugin import VoiceHivePlugin
from workers.search_attributes import SEARCH_ATTRIBUTES
from workers.temporal_cli import cache_directory

POM = Path(__file__).with_name("temporal-test-server.pom.xml")
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS = 600
DOWNLOAD_SECONDS = 60


@asynccontextmanager
async def time_skipping_environment() -> AsyncGenerator[WorkflowEnvironment]:
    """A server with the search attributes registered and a client with the plugin; skips the test without one."""
    environment = await _start()
    async with environment:
        # This server cannot list them, so `register_search_attributes` cannot find out what is missing.
        request = AddSearchAttributesRequest(search_attributes=SEARCH_ATTRIBUTES)
        await environment.client.operator_service.add_search_attributes(request)
        yield environment


async def _start() -> WorkflowEnvironment:
    launcher = await asyncio.to_thread(_launcher)
    if launcher is not None:
        return await WorkflowEnvironment.start_time_skipping(
            plugins=[VoiceHivePlugin()],
            test_server_existing_path=str(launcher),
            test_server_startup_timeout=timedelta(seconds=60),
        )
    try:
        async with asyncio.timeout(DOWNLOAD_SECONDS):
            return await WorkflowEnvironment.start_time_skipping(plugins=[VoiceHivePlugin()])
    except (RuntimeError, TimeoutError) as error:
        pytest.skip(f"no time-skipping server: install Java and Maven (on Debian `apt-get install maven`) ({error})")


def _launcher() -> Path | None:
    """A program that takes the port and becomes the server; None without Java and Maven."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    jars = cache_directory().parent / "test-server-1.31.0"
    if java is None or (maven is None and not jars.is_dir()):
        return None
    jars.parent.mkdir(parents=True, exist_ok=True)
    with jars.with_name(f"{jars.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            _fetch(str(maven), java, jars)
    return jars / "launch"


def _fetch(maven: str, java: str, jars: Path) -> None:
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="unfinished-") as directory:
        unfinished = Path(directory) / "jars"
        subprocess.run(
            [maven, "--batch-mode", "--quiet", "-f", POM, COPY_DEPENDENCIES, f"-DoutputDirectory={unfinished}"],
            check=True,
            timeout=FETCH_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        launch = unfinished / "launch"
        launch.write_text(f'#!/bin/sh\nexec "{java}" -cp "{jars}/*" io.temporal.testserver.TestServer "$1"\n')
        launch.chmod(0o755)
        unfinished.rename(jars)
