"""What people say to a waiting decision: who counts, what is refused and recorded, and that nothing else resumes it."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from tests.workflows.requests import (
    ASK,
    RECOMMENDED,
    TODAY,
    policy,
    recorded,
    refusal,
    request,
    rule,
    say,
    start,
    start_waiting,
    status,
    stored,
    waiting,
)
from tests.workflows.world import DEPLOYMENT, TENANT, World, faulty_step, until
from voicehive.autonomy.review import RecordedReview
from voicehive.execution.record import ExecutionRequest, ExecutionResult, ExecutionStatus


@pytest.fixture
async def asking(world: World) -> World:
    await world.policy(policy(ASK))
    return world


async def test_approved_by_a_signal(asking: World) -> None:
    decision, digest = await start_waiting(asking, request())
    assert await asking.parameters() == TODAY
    await decision.signal("approve", {"reviewer": "alice", "reason": "good", "digest": digest})
    result = await decision.result()
    assert (result.outcome, result.verdict) == ("executed", "escalate")
    assert await asking.parameters() == RECOMMENDED
    [entry] = result.reviews
    assert (entry.review.reviewer, entry.review.reason, entry.accepted) == ("alice", "good", True)
    document: Any = (await stored(asking, decision)).document
    [kept] = document["outcome"]["reviews"]
    assert RecordedReview.model_validate_json(entry.model_dump_json()).model_dump(mode="json") == kept


async def test_approved_by_an_update_that_answers(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    entry = await say(decision, "approve", "bob")
    assert (entry.number, entry.accepted, entry.subject, entry.refusal) == (1, True, "decision", "")
    assert (await decision.result()).outcome == "executed"


async def test_rejected_with_a_reason(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    await decision.signal("reject", {"reviewer": "alice", "reason": "not before Easter"})
    result = await decision.result()
    assert (result.outcome, result.reason) == ("rejected", "rejected by alice: not before Easter")
    assert await asking.parameters() == TODAY
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["rejected"]


async def test_who_may_not_decide(asking: World) -> None:
    decision, digest = await start_waiting(asking, request())
    assert "'olivia' asked for it or edited it, so somebody else" in await refusal(decision, "approve", "olivia")
    assert "unknown reviewer 'mallory': the policy knows alice, bob" in await refusal(decision, "approve", "mallory")
    assert "'carol' may not decide here; asked are alice, bob" in await refusal(decision, "approve", "carol")
    assert "is no longer what would run" in await refusal(decision, "approve", "alice", digest="0" * 64)
    assert "is no longer what would run" in await refusal(decision, "reject", "alice", digest="0" * 64)
    assert "means nothing now: no plan is running" in await refusal(decision, "pause", "alice")
    assert "nothing waits for this answer now on 'x'" in await refusal(decision, "approve", "alice", step="x")
    assert (await status(decision)).reviews == ()
    for reviewer in ("olivia", "mallory", "carol"):
        await decision.signal("approve", {"reviewer": reviewer})
    await decision.signal("approve", {"reviewer": "alice", "digest": "0" * 64})
    entries = await recorded(decision, 4)
    assert [entry.accepted for entry in entries] == [False] * 4
    assert "four eyes" in entries[0].refusal
    found = await status(decision)
    assert found.stage == "waiting_for_people"
    assert (found.waiting[0].approvals, found.waiting[0].digest) == ((), digest)
    assert (await say(decision, "reject", "olivia", reason="withdrawn")).accepted
    assert (await decision.result()).reason == "rejected by olivia: withdrawn"


async def test_the_requester_may_approve_where_the_policy_says_so(world: World) -> None:
    await world.policy(policy(ASK, four_eyes=False))
    decision, _ = await start_waiting(world, request())
    await say(decision, "approve", "olivia")
    assert (await decision.result()).outcome == "executed"


async def test_a_quorum_of_two_different_people(world: World) -> None:
    await world.policy(policy(ASK, quorum=2))
    decision, _ = await start_waiting(world, request())
    await decision.signal("approve", {"reviewer": "alice"})
    await decision.signal("approve", {"reviewer": "alice"})
    entries = await recorded(decision, 2)
    assert [(entry.accepted, entry.refusal) for entry in entries] == [
        (True, ""),
        (False, "'alice' has approved already"),
    ]
    assert (await status(decision)).waiting[0].approvals == ("alice",)
    assert await world.parameters() == TODAY
    await say(decision, "approve", "bob")
    result = await decision.result()
    assert result.outcome == "executed"
    assert [entry.accepted for entry in result.reviews] == [True, False, True]


async def test_late_words_change_nothing_and_are_recorded(asking: World) -> None:
    decision, digest = await start_waiting(asking, request(faulty_step("slow", 1, seconds=1.0)))
    await say(decision, "approve", "alice", digest=digest)
    await until(asking.begun("slow"))
    await decision.signal("approve", {"reviewer": "bob", "digest": digest})
    await decision.signal("edit", {"reviewer": "bob", "solution": 2})
    entries = await recorded(decision, 3)
    assert [entry.accepted for entry in entries] == [True, False, False]
    assert entries[1].refusal == entries[2].refusal == "nothing waits for this answer now"
    result = await decision.result()
    assert (result.outcome, result.settings) == ("executed", RECOMMENDED)
    with pytest.raises(RPCError) as error:
        await decision.signal("approve", {"reviewer": "bob"})
    assert error.value.status is RPCStatusCode.NOT_FOUND
    assert await asking.parameters() == {**RECOMMENDED, "slow": 1}


@pytest.mark.parametrize(
    ("kind", "word", "told"),
    [
        ("approve", "yes", "approve: send one JSON object"),
        ("approve", ["alice"], "approve: send one JSON object"),
        ("approve", {}, "approve: reviewer: Field required"),
        ("approve", {"reviewer": "alice", "approved": True}, "approve: approved: Extra inputs are not permitted"),
        ("approve", {"reviewer": 7}, "approve: reviewer: Input should be a valid string"),
        ("reject", None, "reject: send one JSON object"),
        ("edit", {"reviewer": "alice"}, "edit: give solution, settings or arguments"),
        ("delegate", {"reviewer": "alice"}, "delegate: say to whom"),
    ],
)
async def test_malformed_signals_resume_nothing(asking: World, kind: str, word: Any, told: str) -> None:
    decision, digest = await start_waiting(asking, request())
    await decision.signal(kind, word)

    async def noted() -> tuple[str, ...]:
        return (await status(decision)).malformed

    [line] = await until(noted)
    assert line.startswith(told)
    found = await status(decision)
    assert (found.stage, found.reviews, found.waiting[0].digest) == ("waiting_for_people", (), digest)
    if isinstance(word, dict):
        with pytest.raises(WorkflowUpdateFailedError) as error:
            await decision.execute_update("review", {"kind": kind, **word})
        assert told in str(error.value.cause)
    assert await asking.parameters() == TODAY
    await decision.signal("reject", {"reviewer": "alice"})
    await decision.result()


async def test_a_malformed_word_in_a_quorum_counts_for_nobody(world: World) -> None:
    await world.policy(policy(ASK, quorum=2))
    decision, _ = await start_waiting(world, request())
    await say(decision, "approve", "alice")
    await decision.signal("approve", {"reviewer": "bob", "digest": 5})
    assert (await waiting(decision)).waiting[0].approvals == ("alice",)
    await say(decision, "reject", "bob")
    assert (await decision.result()).outcome == "rejected"


async def test_a_delegate_may_decide_and_a_comment_does_not(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    assert "unknown reviewer 'mallory'" in await refusal(decision, "delegate", "alice", to="mallory")
    assert "'carol' may not decide here" in await refusal(decision, "delegate", "carol", to="carol")
    assert (await say(decision, "comment", "carol", reason="looks fine")).accepted
    assert (await status(decision)).stage == "waiting_for_people"
    assert "to themselves" in await refusal(decision, "delegate", "alice", to="alice")
    assert (await say(decision, "delegate", "alice", to="carol")).accepted
    assert "carol" in (await status(decision)).waiting[0].reviewers
    await say(decision, "approve", "carol")
    result = await decision.result()
    assert result.outcome == "executed"
    assert [entry.review.kind for entry in result.reviews if entry.accepted] == ["comment", "delegate", "approve"]


async def test_many_signals_at_once_settle_it_once(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    words = [("approve", "alice"), ("reject", "bob"), ("approve", "bob"), ("approve", "alice")]
    await asyncio.gather(*(decision.signal(kind, {"reviewer": reviewer}) for kind, reviewer in words))
    result = await decision.result()
    accepted = [entry for entry in result.reviews if entry.accepted]
    assert accepted[0].review.kind in ("approve", "reject")
    rejected = accepted[0].review.kind == "reject" or any(entry.review.kind == "reject" for entry in accepted[1:])
    assert result.outcome in (("rejected", "rolled_back") if rejected else ("executed",))
    assert await asking.parameters() == (TODAY if rejected else RECOMMENDED)


async def test_a_review_is_used_once(world: World) -> None:
    hand_made = rule("hand-made", "false", "escalate", kinds=["plan"])
    await world.policy(policy(rule("ask", "false", "escalate", kinds=["capacity"]), hand_made))
    decision, _ = await start_waiting(world, request())
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "executed"
    executed = world.client.get_workflow_handle(f"{decision.id}-execution")
    history = await executed.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    payloads = await world.client.data_converter.decode(list(started.input.payloads), [ExecutionRequest])
    assert payloads[0].kind == "capacity"
    again = await world.client.start_workflow(
        "ExecutionWorkflow",
        payloads[0],
        id=f"{decision.id}-again",
        task_queue=world.settings.task_queue,
        result_type=ExecutionResult,
    )

    async def asked() -> bool:
        return bool((await again.query("status", result_type=ExecutionStatus)).waiting)

    await until(asked)
    versions = await world.versions()
    await again.signal("reject", {"reviewer": "bob", "reason": "once is enough"})
    result = await again.result()
    assert (result.outcome, result.reason) == ("rejected", "rejected by bob: once is enough")
    assert await world.versions() == versions
    assert (payloads[0].deployment, payloads[0].tenant) == (DEPLOYMENT, TENANT)


async def test_a_second_decision_does_not_live_off_the_firsts_approval(asking: World) -> None:
    first, _ = await start_waiting(asking, request())
    second = await start(asking, request())
    assert (await waiting(second)).waiting[0].digest == (await waiting(first)).waiting[0].digest
    await say(first, "approve", "alice")
    assert (await first.result()).outcome == "executed"
    found = await status(second)
    assert (found.stage, found.reviews) == ("waiting_for_people", ())
    await say(second, "reject", "bob")
    assert (await second.result()).outcome == "rejected"
