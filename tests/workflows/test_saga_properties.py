"""Whatever fails wherever, the world is afterwards wholly as planned, exactly as before, or waiting for a person."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from tests.workflows.world import World, faulty_plan, faulty_step, until
from voicehive.execution.plan import ExecutionPlan, HumanGate, Step
from voicehive.execution.record import ExecutionStatus

BEFORE = {"s0": "old", "s1": "old"}

fault = st.sampled_from(
    [{}, {}, {}, {"fail_before": 1}, {"fail_after": 1}, {"refuse": True}, {"fail_after": -1}, {"fail_undo": 2}]
)


@st.composite
def plans(draw: st.DrawFn) -> ExecutionPlan:
    """Graphs of one to seven steps, each of which may fail before, after, or when undone."""
    steps: list[Step] = []
    for index in range(draw(st.integers(1, 7))):
        earlier = [f"s{number}" for number in range(index)]
        depends_on = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        stopped: Any = draw(st.sampled_from(["await", "cancel"]))
        steps.append(faulty_step(f"s{index}", "new", *depends_on, when_stopped=stopped, **draw(fault)))
    return faulty_plan(*draw(st.permutations(steps)))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans(), stop_after=st.none() | st.integers(0, 12))
async def test_all_or_nothing_or_a_person(replaying_world: World, plan: ExecutionPlan, stop_after: int | None) -> None:
    world = replaying_world
    names = [step.name for step in plan.steps]
    place = f"voice-{uuid4()}"
    await world.set(BEFORE, place)
    world.journal.events.clear()
    handle = await world.start(plan, place)
    if stop_after is not None:
        await asyncio.sleep(stop_after * 0.015)
        if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await handle.cancel()
    outcome = await finished(handle)
    after = await world.parameters(place)
    if outcome == "applied":
        assert after == BEFORE | dict.fromkeys(names, "new")
        once = {name: (name in names) + (name in BEFORE) for name in {*names, *BEFORE}}
        assert await world.versions(place) == once
    else:
        assert outcome in ("rolled_back", "nothing"), outcome
        assert after == BEFORE
    respects_dependencies(world, plan)


async def finished(handle: Any) -> str:
    """Wait for the end; whatever is parked is tried again, which by then succeeds."""

    async def ended_or_parked() -> Any:
        description = await handle.describe()
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return description
        for step in (await handle.query("status", result_type=ExecutionStatus)).needs_attention:
            await handle.signal("retry", {"reviewer": "alice", "step": step})
        return None

    await until(ended_or_parked, seconds=30)
    if (await handle.describe()).status is not WorkflowExecutionStatus.CANCELED:
        return (await handle.result()).outcome
    steps = (await handle.query("status", result_type=ExecutionStatus)).steps
    return "rolled_back" if steps else "nothing"


def respects_dependencies(world: World, plan: ExecutionPlan) -> None:
    """No step began before those it depends on were set; none was undone before those that depend on it."""
    begun, done, undone = (world.journal.order(what) for what in ("begin", "set", "undo"))
    for step in plan.steps:
        for dependency in step.depends_on:
            if step.name in begun:
                assert dependency in done
            if step.name in undone and dependency in undone:
                assert undone.index(step.name) < undone.index(dependency)


GATE = HumanGate(reason="look first", roles=("supervisor",))
LONG_WAY = faulty_plan(
    faulty_step("s0", "new"),
    faulty_step("s1", "new", "s0", gate=GATE),
    Step(name="pause", depends_on=("s1",), action="wait", arguments={"duration": "PT0.2S"}),
    faulty_step("s2", "new", "pause", seconds=0.1),
    faulty_step("s3", "new", "s2", fail_after=-1, fail_undo=2),
)
"""Comes past every await of the saga: activities, a gate, a timer, compensations, and a person's word."""


async def test_a_cancel_at_any_event_leaves_everything_as_before(cached_world: World) -> None:
    events = await history_length(await helped_to_the_end(cached_world, "voice-whole"))
    turns = asyncio.Semaphore(8)

    async def cancelled_at(position: int) -> None:
        async with turns:
            await cancel_at(cached_world, position, times=1)

    await asyncio.gather(*(cancelled_at(position) for position in range(1, events)))


@pytest.mark.parametrize("position", [2, 8, 14, 21, 30, 40, 55, 70])
async def test_a_second_cancel_changes_nothing_and_every_task_replays(replaying_world: World, position: int) -> None:
    await cancel_at(replaying_world, position, times=2)


async def cancel_at(world: World, position: int, times: int) -> None:
    """Run the long way, cancel it as soon as its history is that long, and look at the settings."""
    place = f"voice-{uuid4()}"
    await world.set(BEFORE, place)
    handle = await world.start(LONG_WAY, place)
    helper = asyncio.create_task(help_along(handle))

    async def reached() -> bool:
        return await history_length(handle) >= position or await ended(handle)

    await until(reached, seconds=60)
    for _ in range(times):
        if not await ended(handle):
            await handle.cancel()
            await asyncio.sleep(0.03 * (times - 1))
    await until(lambda: ended(handle), seconds=60)
    helper.cancel()
    assert await world.parameters(place) == BEFORE, f"cancelled at event {position}"
    assert (await handle.describe()).status in (
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.COMPLETED,
    ), f"cancelled at event {position}"


async def helped_to_the_end(world: World, place: str) -> Any:
    handle = await world.start(LONG_WAY, place)
    helper = asyncio.create_task(help_along(handle))
    assert (await handle.result()).outcome == "rolled_back"
    helper.cancel()
    return handle


async def help_along(handle: Any) -> None:
    """Approve the gate and retry the parked compensation, as a patient person would."""
    while True:
        with suppress(RPCError):
            found = await handle.query("status", result_type=ExecutionStatus)
            for question in found.waiting:
                await handle.signal("approve", {"reviewer": "alice", "step": question.subject})
            for step in found.needs_attention:
                await handle.signal("retry", {"reviewer": "alice", "step": step})
            if found.stage == "closed":
                return
        await asyncio.sleep(0.1)


async def ended(handle: Any) -> bool:
    return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING


async def history_length(handle: Any) -> int:
    return (await handle.describe()).history_length
