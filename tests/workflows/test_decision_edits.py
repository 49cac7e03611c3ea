"""What becomes of a proposal that people edit, and of one whose policy changes while they think."""

from typing import Any

import pytest

from tests.workflows.requests import (
    ASK,
    CHEAPER,
    DEARER,
    RECOMMENDED,
    TODAY,
    Decision,
    plan,
    policy,
    recorded,
    refusal,
    request,
    rule,
    say,
    start_waiting,
    status,
    waiting,
)
from tests.workflows.world import World, faulty_step, until
from voicehive.execution.plan import Arguments

CEILING = rule("ceiling", "proposed.abandonment <= 0.045", "block")
"""(28, 14) keeps it, (27, 13) does not."""


async def arguments(decision: Decision) -> dict[str, Arguments]:
    """What each step of the plan is called with."""
    return {step.name: step.arguments for step in (await plan(decision)).steps}


@pytest.fixture
async def asking(world: World) -> World:
    await world.policy(policy(ASK, CEILING))
    return world


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        ({"solution": 3}, DEARER),
        ({"settings": {"agents.day": 29}}, {"agents.day": 29, "agents.night": 14}),
        ({"solution": 3, "settings": {"agents.night": 15}}, {"agents.day": 32, "agents.night": 15}),
        ({"arguments": {"set-agents.night": {"value": 16}}}, {"agents.day": 28, "agents.night": 16}),
    ],
    ids=["solution", "settings", "both", "arguments"],
)
async def test_an_edit_is_assessed_and_asked_anew(asking: World, edit: Any, wanted: Any) -> None:
    decision, original = await start_waiting(asking, request())
    assert (await say(decision, "edit", "alice", reason="better", **edit)).accepted
    found = await waiting(decision, other_than=original)
    edited = found.waiting[0].digest
    assert found.solution is not None
    assert found.solution.settings == wanted
    assert [(proposal.digest, proposal.ended) for proposal in found.proposals] == [
        (original, "superseded"),
        (edited, "open"),
    ]
    assert found.proposals[0].settings == RECOMMENDED
    assert found.proposals[1].authors == ("alice", "olivia")
    assert "no longer what would run" in await refusal(decision, "approve", "bob", digest=original)
    assert "'alice' asked for it or edited it" in await refusal(decision, "approve", "alice")
    assert await asking.parameters() == TODAY
    await say(decision, "approve", "bob", digest=edited)
    result = await decision.result()
    assert (result.outcome, result.settings) == ("executed", wanted)
    assert await asking.parameters() == wanted
    versions = {name: 1 + (wanted[name] != TODAY[name]) for name in TODAY}
    assert await asking.versions() == versions
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["superseded", "approved"]


async def test_an_edit_asks_even_where_the_policy_would_not(world: World) -> None:
    await world.policy(policy(rule("small", "settings['agents.day'] >= 29", "escalate")))
    decision, original = await start_waiting(world, request())
    await say(decision, "edit", "alice", settings={"agents.day": 29})
    found = await waiting(decision, other_than=original)
    assert found.result is not None
    assert found.result.verdict == "execute"
    assert await world.parameters() == TODAY
    await say(decision, "approve", "bob")
    assert (await decision.result()).outcome == "executed"


async def test_an_edit_goes_on_from_what_the_editor_sees(asking: World) -> None:
    decision, first = await start_waiting(asking, request())
    await say(decision, "edit", "alice", settings={"agents.day": 29})
    second = (await waiting(decision, other_than=first)).waiting[0].digest
    await say(decision, "edit", "bob", settings={"agents.night": 15})
    found = await waiting(decision, other_than=second)
    assert found.solution is not None
    assert found.solution.settings == {"agents.day": 29, "agents.night": 15}
    assert "four eyes" in await refusal(decision, "approve", "alice")
    assert "four eyes" in await refusal(decision, "approve", "bob")
    await say(decision, "reject", "bob")
    assert (await decision.result()).outcome == "rejected"
    assert [p.ended for p in (await status(decision)).proposals] == ["superseded", "superseded", "rejected"]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"solution": 2}, "(ceiling: proposed.abandonment <= 0.045)"),
        ({"settings": CHEAPER}, "(ceiling: proposed.abandonment <= 0.045)"),
        ({"arguments": {"set-agents.day": {"value": 24}}}, "(ceiling: "),
        ({"solution": 9}, "solution 9 is none of the front's, which are 0 to 4"),
        ({"settings": {"agents.day": 50}}, "'agents.day': 50 is more than 10 from the current 30"),
        ({"settings": {"agents.day": 29.5}}, "'agents.day': 29.5 is not an integer"),
        ({"settings": {"agents.noon": 5}}, "'agents.noon' is not a parameter"),
        ({"settings": TODAY}, "these are today's settings"),
        ({"arguments": {"set-agents.day": {"value": 50}}}, "50 is more than 10 from the current 30"),
        ({"arguments": {"set-agents.day": {"value": [28]}}}, "cannot be [28]"),
        ({"arguments": {"set-agents.day": {"valeu": 29}}}, "valeu: Extra inputs are not permitted"),
        ({"arguments": {"set-agents.noon": {"value": 29}}}, "step 'set-agents.noon' is none of this plan's"),
    ],
)
async def test_a_bad_edit_is_refused_and_the_original_waits_on(world: World, edit: Any, why: str) -> None:
    await world.policy(policy(ASK, CEILING, quorum=2))
    decision, original = await start_waiting(world, request())
    await say(decision, "approve", "alice")
    before = (await status(decision)).waiting
    entry = await say(decision, "edit", "bob", **edit)
    assert not entry.accepted
    assert why in entry.refusal
    found = await status(decision)
    assert found.waiting == before
    assert found.waiting[0].digest == original
    assert found.waiting[0].approvals == ("alice",)
    assert [proposal.ended for proposal in found.proposals] == ["open"]
    assert [(kept.review.kind, kept.accepted) for kept in found.reviews] == [("approve", True), ("edit", False)]
    assert found.reviews[1].refusal == entry.refusal
    await say(decision, "approve", "bob", digest=original)
    assert (await decision.result()).outcome == "executed"
    assert await world.parameters() == RECOMMENDED


async def test_a_bad_edit_by_signal_is_recorded_as_refused(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    await decision.signal("edit", {"reviewer": "alice", "settings": {"agents.day": 50}})

    async def refused() -> bool:
        [entry] = await recorded(decision, 1)
        return not entry.accepted and "50 is more than 10" in entry.refusal

    await until(refused)
    await say(decision, "reject", "alice")
    await decision.result()


async def test_only_the_approved_arguments_reach_an_action(asking: World) -> None:
    decision, original = await start_waiting(asking, request(faulty_step("after", 1), faulty_step("last", 2)))
    await decision.signal("edit", {"reviewer": "alice", "arguments": {"after": {"value": 7}}})
    found = await waiting(decision, other_than=original)
    assert (await arguments(decision))["after"]["value"] == 7
    await decision.signal("approve", {"reviewer": "bob", "digest": original})
    await decision.signal("approve", {"reviewer": "bob", "digest": found.waiting[0].digest})
    assert (await decision.result()).outcome == "executed"
    assert await asking.parameters() == {**RECOMMENDED, "after": 7, "last": 2}
    assert [entry.accepted for entry in (await status(decision)).reviews] == [True, False, True]
    assert sorted(asking.journal.order("set")) == ["after", "last"]


async def test_a_policy_that_changes_meanwhile_voids_the_approval(asking: World) -> None:
    decision, old = await start_waiting(asking, request())
    await asking.policy(policy(ASK, CEILING, rule("new", "true", "warn")))
    await say(decision, "approve", "alice", digest=old)
    found = await waiting(decision, other_than=old)
    assert [proposal.ended for proposal in found.proposals] == ["voided", "open"]
    assert found.waiting[0].approvals == ()
    assert found.result is not None
    assert "new" in found.result.held[""]
    assert await asking.parameters() == TODAY
    assert "no longer what would run" in await refusal(decision, "approve", "alice", digest=old)
    await say(decision, "approve", "alice", digest=found.waiting[0].digest)
    assert (await decision.result()).outcome == "executed"
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["voided", "approved"]


async def test_a_policy_that_forbids_it_meanwhile_rejects_it(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    await asking.policy(policy(ASK, rule("freeze", "size(changed) == 0", "block")))
    await say(decision, "approve", "alice")
    result = await decision.result()
    assert (result.outcome, result.verdict) == ("rejected", "reject")
    assert "(freeze: " in result.reason
    assert await asking.parameters() == TODAY
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["voided", "rejected"]


async def test_an_edit_outlives_a_change_of_the_policy(asking: World) -> None:
    decision, original = await start_waiting(asking, request(faulty_step("after", 1)))
    await say(decision, "edit", "alice", settings={"agents.day": 29}, arguments={"after": {"value": 7}})
    edited = (await waiting(decision, other_than=original)).waiting[0].digest
    await asking.policy(policy(CEILING))
    await say(decision, "approve", "bob", digest=edited)
    found = await waiting(decision, other_than=edited)
    assert found.solution is not None
    assert found.solution.settings["agents.day"] == 29
    assert (await arguments(decision))["after"]["value"] == 7
    assert "four eyes" in await refusal(decision, "approve", "alice")
    await say(decision, "approve", "bob")
    await decision.result()
    assert await asking.parameters() == {"agents.day": 29, "agents.night": 14, "after": 7}


async def test_a_setting_changed_meanwhile_stops_the_plan(asking: World) -> None:
    decision, _ = await start_waiting(asking, request())
    await asking.set({"agents.night": 17})
    await say(decision, "approve", "alice")
    result = await decision.result()
    assert result.outcome == "rolled_back"
    assert "decide again from the value it has now" in result.reason
    assert await asking.parameters() == {"agents.day": 30, "agents.night": 17}
