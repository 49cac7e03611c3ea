"""A world to run plans in: a worker on the real server, a store of its own, and actions that fail on demand."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle

from voicehive.autonomy.policy_document import parse_policy
from voicehive.execution.action import ActionContext, NoArguments
from voicehive.execution.errors import ActionFailed, ActionRefused
from voicehive.execution.parameter_actions import CheckParameter, SetParameter, SetParameterArguments
from voicehive.execution.plan import Compensation, ExecutionPlan, RetryPolicy, Step
from voicehive.execution.record import ExecutionRequest, ExecutionResult
from voicehive.execution.registry import ActionRegistry
from voicehive.execution.wait_action import Wait
from voicehive.storage.database import Database
from voicehive.storage.parameters import Parameters
from voicehive.storage.policies import Policies
from workers.settings import Settings
from workers.worker import running_worker

TENANT = "tests"
DEPLOYMENT = "voice-test"
PERMISSIVE = """
name: permissive
autonomy: {threshold: 0.0}
reviewers: {alice: [supervisor], bob: [supervisor], carol: [director]}
review:
  ladder: [{name: supervisors, roles: [supervisor], deadline: PT4H}]
"""
"""Lets every plan run; who may review is known."""


class FaultyArguments(SetParameterArguments):
    """How often the action fails before it does anything, after it did everything, and when it is undone.

    `refuse` makes the failure before final. -1 is for ever.
    """

    fail_before: int = 0
    fail_after: int = 0
    fail_undo: int = 0
    refuse: bool = False
    seconds: float = 0.0


@dataclass
class Journal:
    """What the faulty actions did, in order, and how often each has failed yet."""

    events: list[tuple[str, str]] = field(default_factory=list)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)

    def fail(self, key: str, point: str, times: int) -> None:
        """Fail the first `times` times."""
        if times < 0 or self.failures[key, point] < times:
            self.failures[key, point] += 1
            raise ActionFailed(f"made to fail {point}")

    def order(self, what: str) -> list[str]:
        """The parameters to which this happened."""
        return [name for event, name in self.events if event == what]


def faulty_set(journal: Journal) -> type[SetParameter]:
    """`parameter.set` that fails as its arguments say."""

    class FaultySet(SetParameter):
        name = "faulty.set"
        arguments = FaultyArguments

        async def run(self, arguments: Any, context: ActionContext) -> Mapping[str, Any]:
            journal.events.append(("begin", arguments.name))
            await asyncio.sleep(arguments.seconds)
            if arguments.refuse:
                raise ActionRefused("made to refuse")
            journal.fail(context.key, "before", arguments.fail_before)
            result = await super().run(arguments, context)
            journal.fail(context.key, "after", arguments.fail_after)
            journal.events.append(("set", arguments.name))
            return result

        async def compensate(
            self, arguments: Any, compensation: NoArguments, result: Mapping[str, Any] | None, context: ActionContext
        ) -> Mapping[str, Any]:
            journal.fail(context.key, "undo", arguments.fail_undo)
            undone = await super().compensate(arguments, compensation, result, context)
            journal.events.append(("undo", arguments.name))
            return undone

    return FaultySet


@dataclass
class World:
    """A running worker, its store, and what happened."""

    client: Client
    database: Database
    settings: Settings
    journal: Journal

    def begun(self, name: str) -> Callable[[], Awaitable[bool]]:
        """A condition for `until`: the faulty step of that name has begun."""

        async def condition() -> bool:
            return ("begin", name) in self.journal.events

        return condition

    async def parameters(self, deployment: str = DEPLOYMENT, tenant: str = TENANT) -> dict[str, Any]:
        """Every parameter of a deployment by its value."""
        async with self.database.reading() as session:
            return {p.name: p.value for p in await Parameters(session, tenant).list(deployment)}

    async def versions(self, deployment: str = DEPLOYMENT) -> dict[str, int]:
        """Every parameter of a deployment by its version, which counts its changes."""
        async with self.database.reading() as session:
            return {p.name: p.version for p in await Parameters(session, TENANT).list(deployment)}

    async def set(self, values: Mapping[str, Any], deployment: str = DEPLOYMENT, tenant: str = TENANT) -> None:
        """Set parameters as somebody else would."""
        async with self.database.transaction() as session:
            for name, value in values.items():
                await Parameters(session, tenant).set(deployment, name, value)

    async def policy(self, text: str, tenant: str = TENANT) -> str:
        """Put a policy in force; returns its digest."""
        digest = parse_policy(text).content_digest()
        async with self.database.transaction() as session:
            await Policies(session, tenant).add(text, digest, "tests")
        return digest

    async def start(
        self, plan: ExecutionPlan, deployment: str = DEPLOYMENT, **more: Any
    ) -> WorkflowHandle[Any, ExecutionResult]:
        """Start an execution, as anybody with a client could."""
        request = ExecutionRequest(tenant=TENANT, deployment=deployment, requester="olivia", plan=plan, **more)
        return await self.client.start_workflow(
            "ExecutionWorkflow",
            request,
            id=f"execution-{uuid4()}",
            task_queue=self.settings.task_queue,
            result_type=ExecutionResult,
        )

    async def execute(self, plan: ExecutionPlan) -> ExecutionResult:
        """Start an execution and wait for its end."""
        return await (await self.start(plan)).result()


QUICK = RetryPolicy.model_validate_json(
    '{"maximum_attempts": 2, "initial_interval": "PT0.01S", "maximum_interval": "PT0.01S"}'
)


def faulty_step(name: str, value: Any, *depends_on: str, **more: Any) -> Step:
    """A step that sets the parameter of its own name; fields of `Step` are taken as such, the rest are faults."""
    fields = {key: more.pop(key) for key in list(more) if key in Step.model_fields}
    return Step(
        name=name,
        depends_on=depends_on,
        action="faulty.set",
        arguments={"name": name, "value": value, **more},
        compensation=Compensation(retry=QUICK),
        retry=QUICK,
        **fields,
    )


def faulty_plan(*steps: Step) -> ExecutionPlan:
    """A plan of these steps."""
    return ExecutionPlan(name="test plan", steps=steps)


@asynccontextmanager
async def running_world(
    client: Client, settings: Settings, *, max_cached_workflows: int = 1_000
) -> AsyncGenerator[World]:
    """A worker on a task queue of its own, under the permissive policy."""
    own = settings.model_copy(update={"task_queue": f"voicehive-{uuid4()}"})
    journal = Journal()
    registry = ActionRegistry([faulty_set(journal), SetParameter, CheckParameter, Wait])
    async with running_worker(client, own, registry=registry, max_cached_workflows=max_cached_workflows):
        database = await Database.open(own.database_url)
        try:
            world = World(client, database, own, journal)
            await world.policy(PERMISSIVE)
            yield world
        finally:
            await database.close()


async def until(condition: Any, seconds: float = 40.0) -> Any:
    """Poll until a coroutine function answers something true; fails after `seconds`.

    Without a cache the SDK now and then loses a workflow task, which the server hands out again after ten seconds.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        if found := await condition():
            return found
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
