"""The worker: every workflow and every activity, on one task queue."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import ValidationError
from temporalio.client import Client
from temporalio.worker import Worker

from activities.autonomy import AutonomyActivities
from activities.execution import ExecutionActivities
from activities.islands import IslandActivities
from activities.observation import ObservationActivities
from activities.optimization import OptimizationActivities
from activities.optimizers import Optimizers
from activities.policies import Controllers
from activities.reasoning import ReasoningActivities
from activities.trust_measurement import TrustActivities
from voicehive.audit.errors import KeyInvalid
from voicehive.audit.keys import KEY_FILE_VARIABLE, KEY_VARIABLE, SigningKey, find_signing_key
from voicehive.execution.action import Resources
from voicehive.execution.outbound_http import create_client
from voicehive.execution.registry import ActionRegistry
from voicehive.optimization.advising.advice import Adviser
from voicehive.reasoning.budget import ModelBudget
from voicehive.reasoning.fallback_adviser import FallbackAdviser
from voicehive.reasoning.language_model import LanguageModel
from voicehive.reasoning.model_session import Services
from voicehive.reasoning.openai_adviser import OpenAIAdviser
from voicehive.reasoning.openai_reasoner import OpenAIReasoner, ReasonerOptions
from voicehive.reasoning.reasoner import FallbackReasoner, Reasoner
from voicehive.reasoning.stores import MeterOnLoop
from voicehive.storage.database import Database, migrate
from voicehive.storage.model_usage import ModelAnswers, ModelUsage
from workers.client import connect
from workers.errors import SettingsInvalid
from workers.settings import Settings
from workers.workflow_starter import TemporalWorkflowStarter
from workflows.activity_calls import search_queue
from workflows.decision import DecisionWorkflow
from workflows.execution import ExecutionWorkflow
from workflows.optimization import OptimizationWorkflow
from workflows.trust_measurement import TrustMeasurementWorkflow

WORKFLOWS = [DecisionWorkflow, ExecutionWorkflow, OptimizationWorkflow, TrustMeasurementWorkflow]
GRACE = timedelta(seconds=10)
STICKY_TIMEOUT = timedelta(seconds=2)
"""How long a workflow's next task waits for a worker that may be dead before another one takes it."""
PATIENCE = {"timeout_seconds": 8.0, "attempts": 2}
"""With the model, within the twenty seconds that a judgement may take."""
HEARTBEATS_APART = timedelta(seconds=1)
"""How seldom an island's signs of life go to the server: with each it learns whether the search is to stop."""


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
            optimizers = Optimizers(database, controllers, _advisers(settings, database))
            optimization = OptimizationActivities(database, optimizers)
            reasoning = ReasoningActivities(create_reasoner(settings, database), database)
            signing_key = _signing_key(settings)
            autonomy = AutonomyActivities(database, controllers, optimizers, registry, http, signing_key=signing_key)
            execution = ExecutionActivities(resources, controllers, registry, signing_key)
            observation = ObservationActivities(database, controllers, http)
            trust = TrustActivities(database, settings.observations_kept, settings.model_charges_kept)
            worker = Worker(
                client,
                task_queue=settings.task_queue,
                workflows=WORKFLOWS,
                activities=[
                    optimization.optimize,
                    optimization.prepare_optimization,
                    optimization.keep_checkpoints,
                    reasoning.judge,
                    autonomy.propose,
                    autonomy.authorize,
                    autonomy.notify,
                    autonomy.record_decision,
                    execution.admit,
                    execution.run_step,
                    execution.verify_step,
                    execution.compensate_step,
                    execution.close_execution,
                    observation.begin_observation,
                    observation.read_outcome,
                    trust.measure_trust,
                ],
                max_cached_workflows=max_cached_workflows,
                sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                graceful_shutdown_timeout=GRACE,
            )
            islands = _islands_worker(client, settings, IslandActivities(database, optimizers))
            async with worker, islands:
                yield worker
    finally:
        await database.close()


def _signing_key(settings: Settings) -> SigningKey | None:
    """What the heads of audit logs are signed with; None where this installation has no key."""
    try:
        return find_signing_key(os.environ, settings.data_directory)
    except KeyInvalid as error:
        raise SettingsInvalid(f"{KEY_VARIABLE}, {KEY_FILE_VARIABLE}: {error}") from None


def _advisers(settings: Settings, database: Database) -> Callable[[str], Adviser]:
    """Who advises each tenant; a model's advice is paid from the same budget as its judgements."""
    model, fallback = _language_model(settings), FallbackAdviser()
    if model is None:
        return lambda _: fallback
    meter = MeterOnLoop(_usage(settings, database), asyncio.get_running_loop())
    return lambda tenant: OpenAIAdviser(model, fallback, Services(tenant=tenant, meter=meter))


def _usage(settings: Settings, database: Database) -> ModelUsage:
    default = ModelBudget(tokens=settings.language_model_tokens_a_day, money=settings.language_model_money_a_day)
    budgets = settings.language_model_budgets
    limited = any(budget.money is not None for budget in (default, *budgets.values()))
    if limited and not settings.language_model_input_price and not settings.language_model_output_price:
        raise SettingsInvalid(
            "VOICEHIVE_LANGUAGE_MODEL_INPUT_PRICE, VOICEHIVE_LANGUAGE_MODEL_OUTPUT_PRICE: "
            "a limit in money takes prices; set them"
        )
    return ModelUsage(database, budgets, default)


def create_reasoner(settings: Settings, database: Database) -> Reasoner:
    """Who judges decisions. Raises SettingsInvalid for a model, or budgets for it, that cannot be."""
    model = _language_model(settings)
    if model is None:
        return FallbackReasoner()
    options = ReasonerOptions(
        samples=settings.language_model_samples,
        vocabulary=settings.language_model_vocabulary,
        disclosed_sources=settings.language_model_reads,
    )
    patient = model.model_copy(update=PATIENCE)
    return OpenAIReasoner(patient, options, meter=_usage(settings, database), cache=ModelAnswers(database))


def _language_model(settings: Settings) -> LanguageModel | None:
    if settings.language_model is None:
        return None
    try:
        return LanguageModel(
            name=settings.language_model,
            base_url=settings.language_model_url,
            input_price=settings.language_model_input_price,
            output_price=settings.language_model_output_price,
        )
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise SettingsInvalid(f"VOICEHIVE_LANGUAGE_MODEL, VOICEHIVE_LANGUAGE_MODEL_URL: {faults}") from None


def _islands_worker(client: Client, settings: Settings, islands: IslandActivities) -> Worker:
    """Takes one island at a time: they are work for a core, of which Python uses one a process.

    So the next island goes to a process that is idle, and searching takes no place from decisions and executions.
    """
    return Worker(
        client,
        task_queue=search_queue(settings.task_queue),
        activities=[islands.evolve_island, islands.merge_islands, islands.search_undivided],
        max_concurrent_activities=1,
        max_heartbeat_throttle_interval=HEARTBEATS_APART,
        graceful_shutdown_timeout=GRACE,
    )


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
