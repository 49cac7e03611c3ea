"""A decision and the execution it started: cancelled, paused, vetoed, parked, and what both say of it afterwards."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from tests.workflows.requests import (
    ASK,
    RECOMMENDED,
    TODAY,
    Decision,
    policy,
    recorded,
    request,
    say,
    start,
    start_waiting,
    status,
    stored,
)
from tests.workflows.world import Journal, World, faulty_set, faulty_step, running_world, until
from voicehive.execution.parameter_actions import SetParameter
from voicehive.execution.record import ExecutionStatus
from voicehive.execution.registry import ActionRegistry
from workers.settings import Settings
from workers.worker import running_worker


def execution_of(world: World, decision: Decision) -> Any:
    return world.client.get_workflow_handle(f"{decision.id}-execution")


async def execution_status(world: World, decision: Decision) -> ExecutionStatus:
    return await execution_of(world, decision).query("status", result_type=ExecutionStatus)


async def cancelled(decision: Decision) -> str:
    """Wait for a decision to end as cancelled; what it says of it."""
    with pytest.raises(WorkflowFailureError) as error:
        await decision.result()
    assert isinstance(error.value.cause, CancelledError)
    assert (await decision.describe()).status is WorkflowExecutionStatus.CANCELED
    return (await status(decision)).reason


async def test_cancelled_while_it_waits(world: World) -> None:
    await world.policy(policy(ASK))
    decision, _ = await start_waiting(world, request())
    await decision.cancel()
    assert await cancelled(decision) == "cancelled before anything ran"
    assert await world.versions() == {"agents.day": 1, "agents.night": 1}
    assert await world.parameters() == TODAY
    found = await status(decision)
    assert ([proposal.ended for proposal in found.proposals], found.waiting) == (["voided"], ())
    kept = await stored(world, decision)
    assert (kept.outcome, kept.verdict) == ("rejected", "escalate")
    assert kept.closed_at is not None


async def test_cancelled_while_it_executes(world: World) -> None:
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow")))
    await until(world.begun("slow"))
    await decision.cancel()
    await decision.cancel()
    assert await cancelled(decision) == "the execution was cancelled and undone"
    assert await world.parameters() == TODAY
    assert world.journal.order("undo") == ["slow"]
    assert ("begin", "last") not in world.journal.events
    assert (await execution_of(world, decision).describe()).status is WorkflowExecutionStatus.CANCELED
    states = {step.name: step.state for step in (await status(decision)).steps}
    assert states == {
        "set-agents.day": "compensated",
        "set-agents.night": "compensated",
        "slow": "compensated",
        "last": "not_started",
    }
    assert (await stored(world, decision)).outcome == "rolled_back"


async def test_a_cancel_around_the_end_is_told_as_what_it_came_to(world: World) -> None:
    """It strikes within milliseconds of the last step's end: before, everything is undone; after, nothing is."""
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7)))
    await until(world.begun("slow"))
    execution = execution_of(world, decision)
    await until(lambda: _applied(execution, "slow"))
    with suppress(RPCError):
        await decision.cancel()
    with suppress(WorkflowFailureError):
        await decision.result()
    outcome = (await stored(world, decision)).outcome
    cancelled = (await decision.describe()).status is WorkflowExecutionStatus.CANCELED
    assert outcome == ("rolled_back" if cancelled else "executed")
    assert await world.parameters() == ({**RECOMMENDED, "slow": 1} if outcome == "executed" else TODAY)


async def _applied(execution: Any, step: str) -> bool:
    found = await execution.query("status", result_type=ExecutionStatus)
    return any(record.name == step and record.state == "applied" for record in found.steps)


async def test_the_execution_cancelled_directly(world: World) -> None:
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7)))
    await until(world.begun("slow"))
    await execution_of(world, decision).cancel()
    result = await decision.result()
    assert (result.outcome, result.reason) == ("rolled_back", "the execution was cancelled and undone")
    assert {step.state for step in result.steps} == {"compensated"}
    assert await world.parameters() == TODAY
    assert (await stored(world, decision)).outcome == "rolled_back"


async def test_pause_and_resume_reach_the_execution(world: World) -> None:
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow")))
    await until(world.begun("slow"))
    await decision.signal("pause", {"reviewer": "alice"})

    async def paused() -> bool:
        found = await execution_status(world, decision)
        return found.paused and found.steps[2].state == "applied"

    await until(paused)
    assert (await execution_status(world, decision)).steps[3].state == "pending"
    await say(decision, "resume", "bob")
    assert (await decision.result()).outcome == "executed"
    assert [entry.review.kind for entry in (await status(decision)).reviews] == ["pause", "resume"]


@pytest.mark.parametrize(
    ("word", "told"), [("rollback", "rollback asked for by bob: no"), ("reject", "vetoed by bob: no")]
)
async def test_rollback_and_veto_reach_the_execution(world: World, word: str, told: str) -> None:
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow")))
    await until(world.begun("slow"))
    with pytest.raises(WorkflowUpdateFailedError, match="update") as error:
        await say(decision, word, "mallory")
    assert "unknown reviewer 'mallory'" in str(error.value.cause)
    await decision.signal(word, {"reviewer": "bob", "reason": "no"})
    result = await decision.result()
    assert (result.outcome, result.reason) == ("rolled_back", told)
    assert await world.parameters() == TODAY
    assert ("begin", "last") not in world.journal.events


async def test_a_parked_compensation_is_settled_through_the_decision(world: World) -> None:
    stuck = faulty_step("stuck", 1, fail_undo=4)
    decision = await start(world, request(stuck, faulty_step("bad", 2, "stuck", refuse=True)))

    async def parked() -> bool:
        return (await status(decision)).stage == "needs_attention"

    await until(parked)
    found = await status(decision)
    assert [(step.name, step.state) for step in found.steps if step.state == "needs_attention"] == [
        ("stuck", "needs_attention")
    ]

    async def listed() -> set[str]:
        query = f"WorkflowId STARTS_WITH '{decision.id}' AND VoiceHiveStage = 'needs_attention'"
        found = {run.id async for run in world.client.list_workflows(query)}
        return found if len(found) == 2 else set()

    assert await until(listed) == {decision.id, f"{decision.id}-execution"}
    await decision.signal("skip", {"reviewer": "alice"})
    await decision.signal("skip", {"reviewer": "mallory", "reason": "let me"})
    await recorded(decision, 1)
    assert (await execution_status(world, decision)).needs_attention == ("stuck",)
    await decision.signal("retry", {"reviewer": "alice"})

    async def parked_again() -> bool:
        return len(world.journal.failures) > 0 and world.journal.failures.most_common(1)[0][1] == 4 and await parked()

    await until(parked_again)
    await decision.signal("skip", {"reviewer": "alice", "reason": "1 is harmless", "step": "stuck"})
    result = await decision.result()
    assert result.outcome == "rolled_back"
    by_name = {step.name: step for step in result.steps}
    assert (by_name["stuck"].state, by_name["stuck"].detail) == ("skipped", "alice: 1 is harmless")
    assert await world.parameters() == {**TODAY, "stuck": 1}
    assert (await status(decision)).malformed == ("skip: give the reason why the compensation may be left out",)


@asynccontextmanager
async def _worker_on(client: Client, settings: Settings) -> AsyncGenerator[None]:
    registry = ActionRegistry([faulty_set(Journal()), SetParameter])
    async with running_worker(client, settings, registry=registry, max_cached_workflows=2):
        yield


async def test_words_and_a_cancel_that_arrive_while_no_worker_runs(
    temporal_client: Client, settings: Settings, tmp_path: Path
) -> None:
    """An edit still to be assessed when the cancel strikes is answered, and does not hold the run open."""
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own, max_cached_workflows=2) as world:
        await world.policy(policy(ASK))
        decision, _ = await start_waiting(world, request())
    edit = asyncio.create_task(say(decision, "edit", "alice", solution=2))
    await asyncio.sleep(0.3)
    await decision.cancel()
    async with _worker_on(temporal_client, world.settings):
        async with asyncio.timeout(30):
            assert await cancelled(decision) == "cancelled before anything ran"
            entry = await edit
        assert (entry.accepted, entry.refusal) == (False, "the wait ended before it was assessed")


async def test_a_cancel_before_the_verdict_answers_who_waits_for_it(
    temporal_client: Client, settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own) as world:
        await world.set(TODAY)
    decision = await start(world, request(), known=False)
    verdict = asyncio.create_task(decision.execute_update("verdict"))
    await asyncio.sleep(0.3)
    await decision.cancel()
    async with _worker_on(temporal_client, world.settings), asyncio.timeout(30):
        assert await cancelled(decision) == "cancelled before anything ran"
        with pytest.raises(WorkflowUpdateFailedError) as error:
            await verdict
    assert "ended without a verdict: cancelled before anything ran" in str(error.value.cause)


async def test_a_decision_waits_through_a_change_of_workers(
    temporal_client: Client, settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(temporal_client, own, max_cached_workflows=2) as world:
        await world.policy(policy(ASK))
        decision, digest = await start_waiting(world, request())
    await decision.signal("approve", {"reviewer": "alice", "digest": digest})
    async with running_world(temporal_client, own, max_cached_workflows=2) as later:
        async with _worker_on(temporal_client, world.settings):
            assert (await decision.result()).outcome == "executed"
        assert await later.parameters() == RECOMMENDED
