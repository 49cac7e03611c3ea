"""Plans on the real server: applied wholly, or undone in reverse, or parked for a person."""

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from tests.workflows.world import PERMISSIVE, World, faulty_plan, faulty_step, until
from voicehive.execution.plan import ActionCall, HumanGate, Step
from voicehive.execution.record import ExecutionStatus


@pytest.fixture
def world(replaying_world: World) -> World:
    """Every task of every test here replays the whole history."""
    return replaying_world


async def status(handle: Any) -> ExecutionStatus:
    return await handle.query("status", result_type=ExecutionStatus)


def states(outcome: Any) -> dict[str, str]:
    return {step.name: step.state for step in outcome.steps}


async def test_applies_every_step_in_the_order_of_its_dependencies(world: World) -> None:
    plan = faulty_plan(
        faulty_step("d", 4, "b", "c"), faulty_step("b", 2, "a"), faulty_step("c", 3, "a"), faulty_step("a", 1)
    )
    result = await world.execute(plan)
    assert result.outcome == "applied"
    assert await world.parameters() == {"a": 1, "b": 2, "c": 3, "d": 4}
    order = world.journal.order("set")
    assert order[0] == "a"
    assert order[-1] == "d"


async def test_independent_branches_run_side_by_side(world: World) -> None:
    plan = faulty_plan(*(faulty_step(name, 1, seconds=0.4) for name in "abc"))
    await world.execute(plan)
    assert [what for what, _ in world.journal.events[:3]] == ["begin", "begin", "begin"]


async def test_a_failure_undoes_what_was_done_in_reverse(world: World) -> None:
    await world.set({"a": 10, "b": 20})
    plan = faulty_plan(
        faulty_step("a", 1),
        faulty_step("b", 2, "a"),
        faulty_step("c", 3, "b"),
        faulty_step("d", 4, "c", refuse=True),
        faulty_step("e", 5, "d"),
    )
    result = await world.execute(plan)
    assert result.outcome == "rolled_back"
    assert "step 'd' failed: made to refuse" in result.reason
    assert world.journal.order("undo") == ["d", "c", "b", "a"]
    assert await world.parameters() == {"a": 10, "b": 20}
    assert states(result) == {**dict.fromkeys("abcd", "compensated"), "e": "not_started"}
    assert result.steps[3].detail == "it had never happened"


async def test_a_step_that_died_after_it_happened_is_undone(world: World) -> None:
    await world.set({"a": 10})
    result = await world.execute(faulty_plan(faulty_step("a", 1, fail_after=-1)))
    assert result.outcome == "rolled_back"
    assert await world.parameters() == {"a": 10}
    assert (await world.versions())["a"] == 3


async def test_a_passing_failure_is_retried_and_applied_once(world: World) -> None:
    result = await world.execute(faulty_plan(faulty_step("a", 1, fail_before=1), faulty_step("b", 2, fail_after=1)))
    assert result.outcome == "applied"
    assert await world.versions() == {"a": 1, "b": 1}


async def test_a_failed_verification_undoes_its_own_step(world: World) -> None:
    check = ActionCall(action="parameter.check", arguments={"name": "a", "equals": 2})
    result = await world.execute(faulty_plan(faulty_step("a", 1, verification=check)))
    assert result.outcome == "rolled_back"
    assert "parameter 'a' of 'voice-test' is 1 at version 1, not 2" in result.reason
    assert result.steps[0].result is not None, "its compensation must see what the step itself had answered"
    assert await world.parameters() == {}


@pytest.mark.parametrize(
    ("word", "state", "left"),
    [("retry", "compensated", {}), ("skip", "skipped", {"a": 1}), ("done", "done_by_hand", {"a": 1})],
)
async def test_a_compensation_that_keeps_failing_waits_for_a_person(
    world: World, word: str, state: str, left: dict[str, int]
) -> None:
    plan = faulty_plan(faulty_step("a", 1, fail_undo=2), faulty_step("b", 2, "a", refuse=True))
    handle = await world.start(plan)

    async def parked() -> bool:
        return (await status(handle)).stage == "needs_attention"

    await until(parked)

    async def listed() -> bool:
        query = f"WorkflowId = '{handle.id}' AND VoiceHiveStage = 'needs_attention'"
        return [run.id async for run in world.client.list_workflows(query)] == [handle.id]

    await until(listed)
    await handle.signal(word, {"reviewer": "mallory", "reason": "let me"})
    await handle.signal(word, {"reviewer": "alice", "reason": "seen to it", "step": "a"})
    result = await handle.result()
    assert states(result)["a"] == state
    assert await world.parameters() == left


async def test_somebody_elses_change_is_not_overwritten(world: World) -> None:
    plan = faulty_plan(faulty_step("a", 1), faulty_step("b", 2, "a", seconds=1.0, refuse=True))
    handle = await world.start(plan)

    async def set_and_waiting() -> bool:
        return ("begin", "b") in world.journal.events

    await until(set_and_waiting)
    await world.set({"a": 99})

    async def parked() -> bool:
        return (await status(handle)).needs_attention == ("a",)

    await until(parked)
    assert "somebody" in (await status(handle)).steps[0].detail or "version" in (await status(handle)).steps[0].detail
    await handle.signal("done", {"reviewer": "bob", "reason": "99 is right"})
    await handle.result()
    assert await world.parameters() == {"a": 99}


async def test_pause_resume_veto_and_rollback(world: World) -> None:
    for word in ("rollback", "reject"):
        plan = faulty_plan(faulty_step("a", 1, seconds=0.3), faulty_step("b", 2, "a"))
        handle = await world.start(plan)

        async def running(handle: Any = handle) -> bool:
            return "running" in states(await status(handle)).values()

        await until(running)
        await handle.signal("pause", {"reviewer": "alice"})

        async def first_done(handle: Any = handle) -> bool:
            return states(await status(handle)).get("a") == "applied"

        await until(first_done)
        assert (await status(handle)).paused
        assert states(await status(handle))["b"] == "pending"
        await handle.signal(word, {"reviewer": "bob", "reason": "not today"})
        result = await handle.result()
        assert result.outcome == "rolled_back"
        assert "bob: not today" in result.reason
        assert await world.parameters() == {}

    handle = await world.start(faulty_plan(faulty_step("a", 1, seconds=0.3), faulty_step("b", 2, "a")))
    await until(lambda: running(handle))
    await handle.execute_update("review", {"kind": "pause", "reviewer": "alice"})
    await handle.execute_update("review", {"kind": "resume", "reviewer": "alice"})
    assert (await handle.result()).outcome == "applied"


async def test_a_step_that_says_so_is_cancelled_when_the_plan_stops(world: World) -> None:
    plan = faulty_plan(
        faulty_step("slow", 1, seconds=60.0, when_stopped="cancel"),
        faulty_step("patient", 2, seconds=1.0),
        faulty_step("bad", 3, refuse=True),
    )
    result = await world.execute(plan)
    assert result.outcome == "rolled_back"
    assert ("set", "patient") in world.journal.events
    assert ("set", "slow") not in world.journal.events
    assert await world.parameters() == {}


async def test_a_gate_asks_before_its_step(world: World) -> None:
    gate = HumanGate(reason="it is costly", quorum=2, roles=("supervisor",))
    handle = await world.start(faulty_plan(faulty_step("a", 1), faulty_step("b", 2, "a", gate=gate)))

    async def waiting() -> bool:
        return bool((await status(handle)).waiting)

    await until(waiting)
    assert await world.parameters() == {"a": 1}
    for word, refusal in [
        ({"kind": "approve", "reviewer": "mallory"}, "unknown reviewer 'mallory'"),
        ({"kind": "approve", "reviewer": "carol"}, "'carol' may not decide here; asked are alice, bob"),
        ({"kind": "approve", "reviewer": "alice", "digest": "0" * 64}, "no longer what would run"),
        ({"kind": "edit", "reviewer": "alice", "solution": 1}, "cannot be edited"),
        ({"kind": "retry", "reviewer": "alice"}, "name the step whose compensation needs attention: none"),
        ({"kind": "approve"}, "reviewer: Field required"),
        ({"kind": "applaud", "reviewer": "alice"}, "kind: Input should be 'approve'"),
        ({"reviewer": "alice"}, "send one JSON object"),
    ]:
        with pytest.raises(WorkflowUpdateFailedError) as error:
            await handle.execute_update("review", word)
        assert refusal in str(error.value.cause)
    await handle.execute_update("review", {"kind": "approve", "reviewer": "alice"})
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await handle.execute_update("review", {"kind": "approve", "reviewer": "alice"})
    assert "has approved already" in str(error.value.cause)
    await handle.signal("approve", {"reviewer": "bob", "step": "b"})
    assert (await handle.result()).outcome == "applied"


async def test_a_refused_gate_undoes_the_plan(world: World) -> None:
    gate = HumanGate(reason="it is costly", roles=("supervisor",))
    handle = await world.start(faulty_plan(faulty_step("a", 1), faulty_step("b", 2, "a", gate=gate)))

    async def waiting() -> bool:
        return bool((await status(handle)).waiting)

    await until(waiting)
    await handle.signal("reject", {"reviewer": "alice"})
    assert (await handle.result()).outcome == "rolled_back"
    assert await world.parameters() == {}


BLOCKING = (
    PERMISSIVE
    + """
constraints:
  - {id: ceiling, expression: "parameter != 'b' || double(value) <= 5.0", severity: block, message: too many,
     when: step}
"""
)


async def test_a_block_rule_stops_a_plan_started_by_hand(world: World) -> None:
    await world.policy(BLOCKING)
    result = await world.execute(faulty_plan(faulty_step("a", 1), faulty_step("b", 6, "a")))
    assert result.outcome == "rejected"
    assert "too many (ceiling" in result.reason
    assert world.journal.events == []


async def test_rules_are_asked_again_immediately_before_each_step(world: World) -> None:
    handle = await world.start(faulty_plan(faulty_step("a", 1, seconds=1.0), faulty_step("b", 6, "a")))

    async def begun() -> bool:
        return ("begin", "a") in world.journal.events

    await until(begun)
    await world.policy(BLOCKING)
    result = await handle.result()
    assert result.outcome == "rolled_back"
    assert "step 'b' was not run" in result.reason
    assert ("begin", "b") not in world.journal.events
    assert await world.parameters() == {}


async def test_a_plan_that_does_not_fit_fails_before_anything_runs(world: World) -> None:
    for step, message in [
        (Step(name="x", action="nothing.such"), "step 'x': action 'nothing.such' is unknown"),
        (Step(name="x", action="parameter.set", arguments={"name": "a", "value": 1}), "compensation is missing"),
    ]:
        with pytest.raises(WorkflowFailureError) as error:
            await world.execute(faulty_plan(faulty_step("a", 1), step))
        assert message in str(error.value.cause)
    assert world.journal.events == []


async def test_a_wait_is_a_timer_that_a_stop_ends(world: World) -> None:
    wait = Step(name="w", depends_on=("a",), action="wait", arguments={"duration": "P3D"})
    handle = await world.start(faulty_plan(faulty_step("a", 1), wait))

    async def waiting() -> bool:
        return states(await status(handle)).get("w") == "running"

    await until(waiting)
    await handle.signal("rollback", {"reviewer": "alice"})
    assert (await handle.result()).outcome == "rolled_back"
    assert await world.parameters() == {}


async def test_tenants_are_apart(world: World) -> None:
    await world.execute(faulty_plan(faulty_step("a", 1)))
    assert await world.parameters() == {"a": 1}
    assert await world.parameters(tenant="other") == {}
