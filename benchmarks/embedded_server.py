"""Claim: the embedded server runs a workflow several times faster than a development server with its defaults.

Peer: the SDK's own local server, the same binary on the same kind of SQLite file, in the same run.
"""

import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from workers.client import connect
    from workers.settings import Settings
    from workers.temporal_cli import temporal_cli
    from workers.temporal_server import EmbeddedServer

TASK_QUEUE = "benchmark"
WARM_UP = 3
RUNS = 20


@activity.defn
async def nothing() -> None:
    """Do nothing, so that only the server's hops count."""


@workflow.defn
class FiveActivities:
    """Five activities, one after the other."""

    @workflow.run
    async def run(self) -> None:
        """Run them."""
        for _ in range(5):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))


async def median_seconds(client: Client) -> float:
    """The median time from start to result, over `RUNS` workflows one after the other."""
    seconds: list[float] = []
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[FiveActivities], activities=[nothing]):
        for run in range(WARM_UP + RUNS):
            began = time.perf_counter()
            await client.execute_workflow(FiveActivities.run, id=f"run-{run}", task_queue=TASK_QUEUE)
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[WARM_UP:])


async def main() -> None:
    """Measure both and print the ratio."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data_directory=Path(directory), temporal_port=47233, ui_port=48233)
        async with EmbeddedServer(settings):
            ours = await median_seconds(await connect(settings))
        peer = await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(temporal_cli(settings)),
            dev_server_database_filename=str(Path(directory) / "peer.db"),
        )
        async with peer:
            theirs = await median_seconds(peer.client)
    print(
        f"five-activity workflow, median of {RUNS}: embedded server {ours * 1000:.0f} ms, "
        f"defaults {theirs * 1000:.0f} ms: {theirs / ours:.1f} times faster"
    )


if __name__ == "__main__":
    asyncio.run(main())
