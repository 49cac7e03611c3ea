"""The safety policy in force on the real server: modes, budgets, limits, freezes, kill switches, and rules' rungs."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.workflows.requests import (
    ASK,
    CHEAPER,
    RECOMMENDED,
    SUPERVISORS,
    TODAY,
    Decision,
    Document,
    policy,
    refusal,
    request,
    rule,
    say,
    start,
    start_waiting,
    status,
    waiting,
)
from tests.workflows.world import DEPLOYMENT, TENANT, World, faulty_plan, faulty_step, until
from voicehive.autonomy.context import Facts
from voicehive.autonomy.request import DecisionOutcome
from voicehive.execution.record import ExecutionStatus
from voicehive.storage.assessments import Assessments
from voicehive.storage.autonomous_actions import AutonomousAction, AutonomousActions
from voicehive.storage.kill_switches import EVERYWHERE, KillSwitches

DIRECTORS = {"name": "directors", "roles": ["director"], "deadline": "PT4H"}
HOURLY = {"id": "hourly", "at_most": 2, "period": "PT1H"}


def governed(*constraints: Document, mode: Document | None = None, **fields: Any) -> str:
    """A policy with more than rules; `mode` adds to its autonomy."""
    document = json.loads(policy(*constraints)) | fields
    document["autonomy"] |= mode or {}
    return json.dumps(document)


async def turn(world: World, *, stopped: bool, tenant: str = TENANT) -> None:
    async with world.database.transaction() as session:
        await KillSwitches(session).turn(tenant, stopped=stopped, author="alice", reason="an incident")


async def run_of(decision: Decision) -> str:
    return f"{decision.id}/{(await decision.describe()).run_id}"


async def action_of(world: World, run: str) -> AutonomousAction | None:
    async with world.database.reading() as session:
        return await AutonomousActions(session, TENANT).get(run)


async def reasons(decision: Decision) -> str:
    """Why it asks people."""
    result = (await waiting(decision)).result
    assert result is not None
    assert result.verdict == "escalate"
    return "; ".join(result.reasons)


async def rejected(decision: Decision) -> None:
    await say(decision, "reject", "alice")
    assert (await decision.result()).outcome == "rejected"


async def execution_status(world: World, decision: Decision) -> ExecutionStatus:
    handle = world.client.get_workflow_handle(f"{decision.id}-execution")
    return await handle.query("status", result_type=ExecutionStatus)


async def paused(world: World, decision: Decision, step: str) -> str:
    """Wait until the plan is paused before this step; what it says of it."""

    async def found() -> str | None:
        how = await execution_status(world, decision)
        (record,) = [record for record in how.steps if record.name == step]
        return record.detail if how.paused and record.state == "pending" and record.detail else None

    return await until(found)


@pytest.mark.parametrize("asked", [False, True])
async def test_shadow_decides_and_records_but_asks_nobody_and_changes_nothing(world: World, asked: bool) -> None:
    constraints = [ASK] if asked else []
    await world.policy(governed(*constraints, mode={"mode": "shadow"}, budgets=[HOURLY]))
    decision = await start(world, request(faulty_step("after", 1)))
    result = await decision.result()
    assert (result.outcome, result.verdict) == ("unchanged", "escalate" if asked else "execute")
    assert f"it would have {'asked people' if asked else 'run alone'}" in result.reason
    assert await world.versions() == {"agents.day": 1, "agents.night": 1}
    assert world.journal.events == []
    assert (await status(decision)).execution is None
    assert await action_of(world, await run_of(decision)) is None
    async with world.database.reading() as session:
        (kept,) = await Assessments(session, TENANT).list(10)
    assert (kept.decision_id, kept.verdict, kept.mode) == (decision.id, result.verdict, "shadow")
    facts = Facts.model_validate_json(json.dumps(kept.facts))
    assert facts.context.settings == RECOMMENDED


async def test_in_shadow_a_plan_by_hand_runs_only_when_people_approve_it(world: World) -> None:
    await world.policy(governed(mode={"mode": "shadow"}))
    execution = await world.start(faulty_plan(faulty_step("a", 1)))

    async def asked() -> ExecutionStatus | None:
        found = await execution.query("status", result_type=ExecutionStatus)
        return found if found.waiting else None

    await until(asked)
    assert world.journal.events == []
    await execution.signal("approve", {"reviewer": "alice"})
    assert (await execution.result()).outcome == "applied"
    assert await world.parameters() == {"a": 1}


async def test_supervised_runs_alone_only_the_kinds_named(world: World) -> None:
    await world.policy(governed(mode={"mode": "supervised", "alone": ["capacity"]}))
    other, _ = await start_waiting(world, request(kind="routing"))
    assert "mode is supervised, which lets only capacity run alone" in await reasons(other)
    await rejected(other)
    assert await world.parameters() == TODAY
    alone = await start(world, request())
    assert (await alone.result()).outcome == "executed"


async def test_beyond_the_budget_people_are_asked_and_what_they_approve_does_not_count(world: World) -> None:
    await world.policy(governed(budgets=[HOURLY]))
    places = ("voice-1", "voice-2", "voice-3")
    for place in places:
        await world.set(TODAY, place)
    for place in places[:2]:
        decision = await start(world, request(deployment=place))
        assert (await decision.result()).outcome == "executed"
        action = await action_of(world, await run_of(decision))
        assert action is not None
        assert (action.state, action.approved) == ("settled", False)
    third = await start(world, request(deployment=places[2]))
    why = await reasons(third)
    assert "2 of 2 actions in 1 hour used up; free again at" in why
    assert "(hourly)" in why
    assert await world.parameters(places[2]) == TODAY
    await say(third, "approve", "alice")
    assert (await third.result()).outcome == "executed"
    action = await action_of(world, await run_of(third))
    assert action is not None
    assert action.approved


async def test_racing_decisions_never_exceed_the_budget(cached_world: World) -> None:
    world = cached_world
    await world.policy(governed(budgets=[HOURLY]))
    places = [f"voice-{number}" for number in range(5)]
    for place in places:
        await world.set(TODAY, place)
    await world.set(TODAY)
    decisions = await asyncio.gather(*(start(world, request(deployment=place)) for place in places))

    async def settled(decision: Decision) -> bool:
        if (await decision.describe()).status is WorkflowExecutionStatus.COMPLETED:
            return True
        return bool((await status(decision)).waiting)

    await asyncio.gather(*(until(lambda each=each: settled(each)) for each in decisions))
    ended = [(await each.describe()).status is WorkflowExecutionStatus.COMPLETED for each in decisions]
    assert sum(ended) == 2
    changed = [place for place in places if await world.parameters(place) == RECOMMENDED]
    assert changed == [place for place, done in zip(places, ended, strict=True) if done]
    for decision, done in zip(decisions, ended, strict=True):
        if not done:
            assert "(hourly)" in await reasons(decision)
            await rejected(decision)
            assert await action_of(world, await run_of(decision)) is None


async def test_one_change_of_a_deployment_at_a_time(world: World) -> None:
    await world.policy(governed(concurrency=[{"id": "one-at-a-time"}]))
    first = await start(world, request(faulty_step("slow", 1, seconds=1.5)))
    await until(world.begun("slow"))
    cheaper = request(candidates=[CHEAPER])
    cheaper["problem"]["objectives"] = [{"name": "cost", "direction": "minimize"}]
    second = await start(world, cheaper)
    assert "(one-at-a-time)" in await reasons(second)
    await world.set(TODAY, "elsewhere")
    elsewhere = await start(world, request(deployment="elsewhere"))
    assert (await elsewhere.result()).outcome == "executed"
    assert (await first.result()).outcome == "executed"
    await rejected(second)
    await world.set(TODAY)
    assert (await (await start(world, request())).result()).outcome == "executed"


async def test_a_rolled_back_decision_gives_its_place_back_but_has_spent(world: World) -> None:
    await world.policy(governed(budgets=[HOURLY | {"at_most": 1}], concurrency=[{"id": "one-at-a-time"}]))
    failing = await start(world, request(faulty_step("bad", 1, refuse=True)))
    assert (await failing.result()).outcome == "rolled_back"
    action = await action_of(world, await run_of(failing))
    assert action is not None
    assert action.state == "settled"
    later = await start(world, request())
    why = await reasons(later)
    assert "(hourly)" in why
    assert "one-at-a-time" not in why
    await rejected(later)


async def test_a_plan_by_hand_takes_from_the_budget_too_and_gives_its_place_back(world: World) -> None:
    await world.policy(governed(budgets=[HOURLY | {"at_most": 1}], concurrency=[{"id": "one-at-a-time"}]))
    execution = await world.start(faulty_plan(faulty_step("a", 1)))
    assert (await execution.result()).outcome == "applied"
    action = await action_of(world, f"{execution.id}/{execution.result_run_id}")
    assert action is not None
    assert action.state == "settled"
    decision = await start(world, request())
    why = await reasons(decision)
    assert "(hourly)" in why
    assert "one-at-a-time" not in why
    await rejected(decision)


async def test_a_freeze_asks_people_and_says_when_it_ends(world: World) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    begins = ends - timedelta(days=2)
    freeze = {"id": "peak", "message": "peak season", "begins": begins.isoformat(), "ends": ends.isoformat()}
    await world.policy(governed(freezes=[freeze]))
    decision, _ = await start_waiting(world, request())
    assert f"peak season; free again at {ends:%Y-%m-%d %H:%M:%S} UTC" in await reasons(decision)
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "executed"


@pytest.mark.parametrize("switch", [TENANT, EVERYWHERE])
async def test_under_a_kill_switch_a_new_decision_asks_people(world: World, switch: str) -> None:
    await turn(world, stopped=True, tenant=switch)
    decision, _ = await start_waiting(world, request())
    assert "alice stopped autonomous work" in await reasons(decision)
    assert "an incident" in await reasons(decision)
    await turn(world, stopped=False, tenant=switch)
    await rejected(decision)
    assert (await (await start(world, request())).result()).outcome == "executed"


async def stopped_midway(world: World) -> Decision:
    """A decision that runs alone, with a step under way while the switch is turned, and one after it."""
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow")))
    await until(world.begun("slow"))
    await turn(world, stopped=True)
    assert "alice stopped autonomous work" in await paused(world, decision, "last")
    assert ("begin", "last") not in world.journal.events
    return decision


async def test_a_running_plan_pauses_before_its_next_step_until_people_resume_it(world: World) -> None:
    decision = await stopped_midway(world)

    async def told() -> bool:
        return any("alice stopped autonomous work" in step.detail for step in (await status(decision)).steps)

    await until(told)
    await say(decision, "resume", "bob")
    await asyncio.sleep(0.5)
    assert "alice stopped autonomous work" in await paused(world, decision, "last")
    assert ("begin", "last") not in world.journal.events
    await turn(world, stopped=False)
    await asyncio.sleep(0.3)
    assert (await execution_status(world, decision)).paused
    await say(decision, "resume", "bob")
    result: DecisionOutcome = await decision.result()
    assert result.outcome == "executed"
    assert {step.state for step in result.steps} == {"applied"}
    assert world.journal.order("set") == ["slow", "last"]


@pytest.mark.parametrize("word", ["rollback", "cancel"])
async def test_a_plan_that_the_switch_paused_can_be_undone(world: World, word: str) -> None:
    decision = await stopped_midway(world)
    if word == "cancel":
        await decision.cancel()
        await until(lambda: _closed(decision))
    else:
        await say(decision, word, "bob", reason="not today")
        assert (await decision.result()).reason == "rollback asked for by bob: not today"
    assert await world.parameters() == TODAY
    assert ("begin", "last") not in world.journal.events
    ended = {step.name: (step.state, step.detail) for step in (await status(decision)).steps}
    assert ended["last"] == ("compensated", "it had never happened")
    assert ended["slow"][0] == "compensated"


async def _closed(decision: Decision) -> bool:
    return (await decision.describe()).status is not WorkflowExecutionStatus.RUNNING


async def test_a_plan_that_people_approved_goes_on_under_a_kill_switch(world: World) -> None:
    await world.policy(policy(ASK))
    decision, _ = await start_waiting(
        world, request(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow"))
    )
    await say(decision, "approve", "alice")
    await until(world.begun("slow"))
    await turn(world, stopped=True)
    assert (await decision.result()).outcome == "executed"
    assert world.journal.order("set") == ["slow", "last"]


async def test_a_waiting_step_that_was_stopped_does_not_wait_again(world: World) -> None:
    """The switch is found on when the wait is over; what follows is the step's end, not another wait."""
    pause = faulty_step("slow", 1).model_copy(
        update={"name": "pause", "action": "wait", "arguments": {"duration": "PT2S"}, "compensation": None}
    )
    decision = await start(world, request(pause))

    async def running() -> bool:
        return any(step.name == "pause" and step.state == "running" for step in await _steps(world, decision))

    await until(running)
    await turn(world, stopped=True)
    await paused(world, decision, "pause")
    await turn(world, stopped=False)
    began = asyncio.get_running_loop().time()
    await say(decision, "resume", "bob")
    assert (await decision.result()).outcome == "executed"
    assert asyncio.get_running_loop().time() - began < 1.5


async def _steps(world: World, decision: Decision) -> Any:
    if (await status(decision)).execution is None:
        return ()
    return (await execution_status(world, decision)).steps


async def test_a_rule_that_a_steps_result_breaks_undoes_the_plan(world: World) -> None:
    await world.policy(policy(rule("after-night", "parameter != 'agents.night'", "block", when="after")))
    result = await (await start(world, request())).result()
    assert result.outcome == "rolled_back"
    assert "ran, but must be undone: after-night (after-night" in result.reason
    assert await world.parameters() == TODAY
    assert (await world.versions())["agents.night"] == 3


async def test_a_rules_own_rung_is_asked_first(world: World) -> None:
    constraint = rule("money", "false", "escalate", rung="directors")
    await world.policy(policy(constraint, ladder=(SUPERVISORS, DIRECTORS)))
    decision, _ = await start_waiting(world, request())
    (asked,) = (await waiting(decision)).waiting
    assert (asked.rung, asked.reviewers) == ("directors", ("carol",))
    assert "'alice' may not decide here; asked are carol" in await refusal(decision, "approve", "alice")
    await say(decision, "approve", "carol")
    assert (await decision.result()).outcome == "executed"


async def test_a_policy_that_changes_while_a_person_thinks_is_asked_again(world: World) -> None:
    await world.policy(policy(ASK))
    decision, digest = await start_waiting(world, request())
    freeze = {"id": "new", "begins": "2020-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z", "message": "frozen"}
    await world.policy(governed(freezes=[freeze]))
    await say(decision, "approve", "alice", digest=digest)
    again = await waiting(decision, other_than=digest)
    assert again.result is not None
    assert [finding.id for finding in again.result.violated] == ["new"]
    assert await world.versions() == {"agents.day": 1, "agents.night": 1}
    await world.policy(governed(freezes=[freeze | {"severity": "block"}]))
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "rejected"
    assert await world.parameters() == TODAY


async def test_the_executions_own_view_shows_no_budget_as_violated_by_itself(world: World) -> None:
    await world.policy(governed(budgets=[HOURLY | {"at_most": 1}], concurrency=[{"id": "one-at-a-time"}]))
    decision = await start(world, request())
    assert (await decision.result()).outcome == "executed"
    admission = (await execution_status(world, decision)).admission
    assert admission is not None
    assert admission.violated == ()
    assert await world.parameters(DEPLOYMENT) == RECOMMENDED
