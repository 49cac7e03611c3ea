"""Deadlines of hours and days, on a server that skips them: reminders, the ladder, and what silence means."""

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from tests.workflows.requests import (
    ASK,
    RECOMMENDED,
    TODAY,
    Decision,
    Document,
    policy,
    refusal,
    request,
    rule,
    say,
    start_waiting,
    status,
    stored,
)
from tests.workflows.world import TENANT, World, running_world, until
from voicehive.storage.notifications import Notification, Notifications
from workers.settings import Settings

LADDER: tuple[Document, ...] = (
    {"name": "supervisors", "roles": ["supervisor"], "deadline": "PT4H", "remind_before": "PT30M"},
    {"name": "directors", "roles": ["director"], "deadline": "PT20H", "remind_before": "PT2H"},
)
TELL_SUPERVISORS = {("requested", name) for name in ("alice", "bob")}
REMIND_SUPERVISORS = {("reminder", name) for name in ("alice", "bob")}
TELL_DIRECTORS = {("requested", "carol")}
REMIND_DIRECTORS = {("reminder", "carol")}


@pytest.fixture
async def world(time_skipping: WorkflowEnvironment, settings: Settings, tmp_path: Path) -> AsyncGenerator[World]:
    """A world whose clock jumps."""
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(time_skipping.client, own) as world:
        yield world


async def told(world: World, decision: Decision, count: int) -> set[tuple[str, str]]:
    """Who was told what, once there are so many notifications; each is stored once."""

    async def stored_ones() -> list[Notification] | None:
        async with world.database.reading() as session:
            found = await Notifications(session, TENANT).list(decision.id)
        return found if len(found) >= count else None

    notifications = await until(stored_ones)
    told = [(notification.kind, notification.recipient) for notification in notifications]
    assert len(told) == len(set(told)) == count
    return set(told)


async def pass_time(environment: WorkflowEnvironment, decision: Decision, **duration: float) -> datetime:
    """Let time pass, and the decision act on it; the time it is then."""
    await environment.sleep(timedelta(**duration))
    await status(decision)
    return await environment.get_current_time()


async def test_reminders_and_rungs_until_the_end_rejects(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK, ladder=LADDER))
    decision, _ = await start_waiting(world, request())
    began = await time_skipping.get_current_time()
    first = (await status(decision)).waiting[0]
    assert first.until is not None
    assert abs(first.until - began - timedelta(hours=4)) < timedelta(minutes=1)
    assert first.rung == "supervisors"
    seen = await told(world, decision, 2)
    assert seen == TELL_SUPERVISORS

    await pass_time(time_skipping, decision, hours=3, minutes=25)
    assert await told(world, decision, 2) == seen
    await pass_time(time_skipping, decision, minutes=10)
    seen = await told(world, decision, 4)
    assert seen == TELL_SUPERVISORS | REMIND_SUPERVISORS

    await pass_time(time_skipping, decision, minutes=30)
    seen = await told(world, decision, 5)
    assert seen == TELL_SUPERVISORS | REMIND_SUPERVISORS | TELL_DIRECTORS
    second = (await status(decision)).waiting[0]
    assert (second.rung, second.reviewers) == ("directors", ("carol",))
    assert second.until is not None
    assert abs(second.until - first.until - timedelta(hours=20)) < timedelta(minutes=1)
    assert "'alice' may not decide here; asked are carol" in await refusal(decision, "approve", "alice")

    await pass_time(time_skipping, decision, hours=18)
    assert await told(world, decision, 6) == seen | REMIND_DIRECTORS
    assert (await status(decision)).stage == "waiting_for_people"
    await time_skipping.sleep(timedelta(hours=2))
    result = await decision.result()
    assert (result.outcome, result.reason) == ("rejected", "nobody answered before the last deadline")
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["expired"]
    assert await told(world, decision, 6) == seen | REMIND_DIRECTORS
    assert await world.parameters() == TODAY

    with pytest.raises(RPCError):
        await decision.signal("approve", {"reviewer": "carol"})
    with pytest.raises(RPCError):
        await say(decision, "approve", "carol")
    await time_skipping.sleep(timedelta(days=2))
    assert await world.versions() == {"agents.day": 1, "agents.night": 1}
    assert (await stored(world, decision)).outcome == "rejected"


async def test_approved_on_the_third_day(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK, ladder=[{"name": "slow", "roles": ["supervisor"], "deadline": "P7D"}], quorum=2))
    decision, _ = await start_waiting(world, request())
    began = await time_skipping.get_current_time()
    await say(decision, "approve", "alice")
    now = await pass_time(time_skipping, decision, days=3)
    assert now - began >= timedelta(days=3)
    assert (await status(decision)).waiting[0].approvals == ("alice",)
    entry = await say(decision, "approve", "bob")
    assert entry.at - began >= timedelta(days=3)
    assert (await decision.result()).outcome == "executed"
    assert await world.parameters() == RECOMMENDED


async def test_a_refused_edit_moves_no_deadline(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK, ladder=LADDER))
    decision, digest = await start_waiting(world, request())
    first = (await status(decision)).waiting[0]
    await pass_time(time_skipping, decision, hours=2)
    entry = await say(decision, "edit", "alice", settings={"agents.day": 50})
    assert not entry.accepted
    assert (await status(decision)).waiting[0] == first
    await pass_time(time_skipping, decision, hours=2, minutes=1)
    second = (await status(decision)).waiting[0]
    assert (second.rung, second.digest) == ("directors", digest)
    await say(decision, "approve", "carol")
    assert (await decision.result()).outcome == "executed"


async def test_an_edit_starts_the_ladder_again(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK, ladder=LADDER))
    decision, _ = await start_waiting(world, request())
    await pass_time(time_skipping, decision, hours=5)
    await say(decision, "edit", "carol", solution=3)

    async def asked_anew() -> bool:
        waiting = (await status(decision)).waiting
        return bool(waiting) and waiting[0].rung == "supervisors"

    await until(asked_anew)
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "executed"


async def test_a_delegate_is_told_once(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK))
    decision, _ = await start_waiting(world, request())
    await say(decision, "delegate", "alice", to="carol")
    for word in ("delegate", "approve"):
        assert "'alice' has handed their say to 'carol'" in await refusal(decision, word, "alice", to="carol")
    assert await told(world, decision, 3) == TELL_SUPERVISORS | {("delegated", "carol")}
    await say(decision, "approve", "carol")
    await decision.result()


async def test_the_end_may_wait_for_ever(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK, at_end="wait"))
    decision, _ = await start_waiting(world, request())
    await pass_time(time_skipping, decision, days=30)
    assert await told(world, decision, 4) == TELL_SUPERVISORS | {
        ("needs_attention", name) for _, name in TELL_SUPERVISORS
    }
    found = await status(decision)
    assert found.stage == "needs_attention"
    assert found.waiting[0].until is None
    assert await world.parameters() == TODAY
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "executed"


async def test_the_end_may_take_the_default(time_skipping: WorkflowEnvironment, world: World) -> None:
    bold = rule("bold", "settings['agents.day'] >= 29", "escalate")
    await world.policy(policy(bold, at_end="default"))
    default = {"agents.day": 29, "agents.night": 15}
    decision, _ = await start_waiting(world, request(default=default))
    await pass_time(time_skipping, decision, hours=5)
    result = await decision.result()
    assert (result.outcome, result.verdict, result.settings) == ("executed", "execute", default)
    assert await world.parameters() == default
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["expired", "approved"]


@pytest.mark.parametrize("default", [None, {"agents.day": 27, "agents.night": 15}, TODAY])
async def test_a_default_that_may_not_run_alone_is_not_taken(
    time_skipping: WorkflowEnvironment, world: World, default: Document | None
) -> None:
    bold = rule("bold", "settings['agents.day'] >= 29", "escalate")
    await world.policy(policy(bold, at_end="default"))
    decision, _ = await start_waiting(world, request(default=default))
    await pass_time(time_skipping, decision, hours=5)
    result = await decision.result()
    assert (result.outcome, result.reason) == ("rejected", "nobody answered before the last deadline")
    assert await world.parameters() == TODAY
    assert "open" not in [proposal.ended for proposal in (await status(decision)).proposals]


async def test_a_default_out_of_reach_rejects(time_skipping: WorkflowEnvironment, world: World) -> None:
    await world.policy(policy(ASK, at_end="default"))
    decision, _ = await start_waiting(world, request(default={"agents.day": 55, "agents.night": 15}))
    await pass_time(time_skipping, decision, hours=5)
    result = await decision.result()
    assert result.outcome == "rejected"
    assert "the default cannot be taken: candidate 0: parameter 'agents.day': 55 is more than 10" in result.reason
    assert await world.parameters() == TODAY
