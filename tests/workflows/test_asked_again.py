"""What begins or changes after a verdict, while people think or a plan runs, is still looked at; on the real server."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.workflows.requests import ASK, TODAY, Document, policy, request, rule, say, start, start_waiting, waiting
from tests.workflows.test_safety_policy import action_of, governed, run_of
from tests.workflows.world import DEPLOYMENT, TENANT, World, faulty_plan, faulty_step, until
from voicehive.execution.plan import Compensation, ExecutionPlan, Step
from voicehive.execution.record import ExecutionStatus
from voicehive.storage.authorizations import Authorizations
from voicehive.storage.policies import Policies
from voicehive.storage.tables import ConcurrencySlotRow


def freeze_from(begins: datetime, **more: Any) -> Document:
    ends = begins + timedelta(days=1)
    window = {"begins": begins.isoformat(), "ends": ends.isoformat()}
    return {"id": "freeze", "severity": "block", "message": "nothing changes", **window, **more}


def soon(seconds: float = 5.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def past(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 0.1)


async def asked(execution: Any) -> ExecutionStatus:
    async def found() -> ExecutionStatus | None:
        how = await execution.query("status", result_type=ExecutionStatus)
        return how if how.waiting else None

    return await until(found)


def setting(name: str, value: Any) -> ExecutionPlan:
    step = Step(
        name=name, action="parameter.set", arguments={"name": name, "value": value}, compensation=Compensation()
    )
    return ExecutionPlan(name="by hand", steps=(step,))


async def test_a_freeze_that_began_while_people_thought_rejects_what_they_approve(world: World) -> None:
    begins = soon()
    await world.policy(governed(ASK, freezes=[freeze_from(begins)]))
    decision, _ = await start_waiting(world, request())
    by_hand = await world.start(faulty_plan(faulty_step("a", 1)))
    await asked(by_hand)
    await past(begins)
    await say(decision, "approve", "alice")
    await by_hand.signal("approve", {"reviewer": "alice"})
    result = await decision.result()
    assert (result.outcome, result.verdict) == ("rejected", "reject")
    assert "nothing changes" in result.reason
    plan = await by_hand.result()
    assert plan.outcome == "rejected"
    assert "nothing changes" in plan.reason
    assert await world.parameters() == TODAY


async def test_a_plan_by_hand_is_judged_again_on_the_facts_at_its_approval(world: World) -> None:
    await world.policy(policy(rule("small", "largest_change <= 0.2", "block"), ASK))
    await world.set({"a": 100})
    kept, changed = await world.start(setting("a", 110)), await world.start(setting("a", 110))
    await asked(kept)
    await asked(changed)
    await world.set({"a": 10})
    await changed.signal("approve", {"reviewer": "alice"})
    result = await changed.result()
    assert result.outcome == "rejected"
    assert "small" in result.reason
    assert await world.parameters() == {"a": 10}
    await world.set({"a": 100})
    await kept.signal("approve", {"reviewer": "alice"})
    assert (await kept.result()).outcome == "applied"


@pytest.mark.parametrize("approved", [False, True])
async def test_a_freeze_that_begins_between_two_steps_stops_the_second(world: World, approved: bool) -> None:
    begins = soon()
    await world.policy(governed(*[ASK] * approved, freezes=[freeze_from(begins, kinds=["plan"])]))
    plan = faulty_plan(faulty_step("a", 1, seconds=5.5), faulty_step("b", 2, "a"))
    execution = await world.start(plan)
    if approved:
        await asked(execution)
        await execution.signal("approve", {"reviewer": "alice"})
    await until(world.begun("a"))
    result = await execution.result()
    assert result.outcome == "rolled_back"
    assert "step 'b' was not run: nothing changes" in result.reason
    assert ("begin", "b") not in world.journal.events
    assert await world.parameters() == {}


async def test_a_policy_that_changes_before_the_admission_asks_through_the_decision_that_holds_the_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[Document] = [{"id": "one-at-a-time", "severity": "block"}]
    await world.policy(governed(concurrency=limits))
    stricter = governed(ASK, concurrency=limits)
    grant = Authorizations.grant

    async def grant_and_change(self: Authorizations, *parts: Any, **named: Any) -> Any:
        granted = await grant(self, *parts, **named)
        if not named["reviews"]:
            await Policies(self._session, TENANT).add(stricter, "stricter", "tests")  # pyright: ignore[reportPrivateUsage]
        return granted

    monkeypatch.setattr(Authorizations, "grant", grant_and_change)
    decision = await start(world, request())
    shown = await waiting(decision)
    assert shown.stage == "waiting_for_people"
    assert [question.subject for question in shown.waiting] == ["plan"]
    assert shown.result is not None
    await say(decision, "approve", "alice")
    result = await decision.result()
    assert result.outcome == "executed"
    assert [entry.review.reviewer for entry in result.reviews] == ["alice"]
    assert (await world.parameters(DEPLOYMENT)) != TODAY
    action = await action_of(world, await run_of(decision))
    assert action is not None
    assert action.state == "settled"
    async with world.database.reading() as session:
        assert list(await session.scalars(select(ConcurrencySlotRow.run))) == []
