"""The worker: every workflow and every activity, on one task queue."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities.autonomy import AutonomyActivities
from activities.execution import ExecutionActivities
from activities.optimization import OptimizationActivities
from activities.policies import Controllers
from activities.reasoning import ReasoningActivities
from voicehive.execution.action import Resources
from voicehive.execution.outbound_http import create_client
from voicehive.execution.registry import ActionRegistry
from voicehive.reasoning.reasoner import FallbackReasoner
from voicehive.storage.database import Database, migrate
from workers.client import connect
from workers.settings import Settings
from workers.workflow_starter import TemporalWorkflowStarter
from workflows.decision import DecisionWorkflow
from workflows.execution import ExecutionWorkflow

WORKFLOWS = [DecisionWorkflow, ExecutionWorkflow]
GRACE = timedelta(seconds=10)
STICKY_TIMEOUT = timedelta(seconds=2)
"""How long a workflow's next task waits for a worker that may be dead before another one takes it."""


@asynccontextmanager
async def running_worker(
    client: Client, settings: Settings, *, registry: ActionRegistry | None = None, max_cached_workflows: int = 1_000
) -> AsyncGenerator[Worker]:
    """A worker with its store, migrated; both are closed at the end, after running activities had time to finish.

    `registry` replaces the installed actions; `max_cached_workflows` 0 replays every workflow on each of its tasks.
    """
    await migrate(settings.database_url)
    database = await Database.open(settings.database_url)
    try:
        async with create_client() as http:
            registry = registry or ActionRegistry.load()
            controllers = Controllers()
            resources = Resources(database=database, http=http, workflows=TemporalWorkflowStarter(client))
            optimization = OptimizationActivities(database)
            reasoning = ReasoningActivities(FallbackReasoner())
            autonomy = AutonomyActivities(database, controllers, registry, http)
            execution = ExecutionActivities(resources, controllers, registry)
            worker = Worker(
                client,
                task_queue=settings.task_queue,
                workflows=WORKFLOWS,
                activities=[
                    optimization.optimize,
                    reasoning.judge,
                    autonomy.propose,
                    autonomy.authorize,
                    autonomy.notify,
                    autonomy.record_decision,
                    execution.admit,
                    execution.run_step,
                    execution.verify_step,
                    execution.compensate_step,
                ],
                max_cached_workflows=max_cached_workflows,
                sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                graceful_shutdown_timeout=GRACE,
            )
            async with worker:
                yield worker
    finally:
        await database.close()


async def run_until_stopped(settings: Settings) -> None:
    """Run a worker until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    client = await connect(settings)
    async with running_worker(client, settings):
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(run_until_stopped(Settings.load()))
