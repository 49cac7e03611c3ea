"""Decisions on the real server: which verdict leads where, and what people and programs see of it."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.workflows.requests import (
    ASK,
    CHEAPER,
    RECOMMENDED,
    TODAY,
    Decision,
    plan,
    policy,
    request,
    rule,
    say,
    start,
    start_waiting,
    status,
    stored,
    waiting,
)
from tests.workflows.world import DEPLOYMENT, World, faulty_step, until
from voicehive.autonomy.request import DecisionOutcome

CAPACITY = Path(__file__).resolve().parents[2] / "examples" / "decisions" / "capacity.json"
KNOWN = rule("known", "size(unknown) == 0", "escalate")


async def details(decision: Decision) -> str:
    """What the web UI shows of it."""
    return (await decision.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)).current_details


async def test_executes_alone_inside_the_envelope(world: World) -> None:
    await world.policy(policy(KNOWN))
    decision = await start(world, request(note="cheaper nights"))
    result = await decision.result()
    assert (result.outcome, result.verdict, result.settings) == ("executed", "execute", RECOMMENDED)
    assert await world.parameters() == RECOMMENDED
    assert [(step.name, step.state) for step in result.steps] == [
        ("set-agents.day", "applied"),
        ("set-agents.night", "applied"),
    ]
    ended = await status(decision)
    assert [proposal.ended for proposal in ended.proposals] == ["approved"]
    assert ended.stage == "closed"
    kept = await stored(world, decision)
    assert (kept.outcome, kept.verdict) == ("executed", "execute")
    assert kept.closed_at is not None
    assert kept.closed_at >= kept.started_at


async def test_asks_where_the_store_does_not_know_todays_settings(world: World) -> None:
    await world.policy(policy(KNOWN))
    await world.set({"agents.day": 30})
    decision, _ = await start_waiting(world, request())
    found = (await status(decision)).result
    assert found is not None
    assert found.verdict == "escalate"
    assert [finding.id for finding in found.violated] == ["known"]
    await decision.signal("reject", {"reviewer": "alice"})
    await decision.result()


async def test_too_little_confidence_asks(world: World) -> None:
    await world.policy(policy(threshold=1.0))
    decision, _ = await start_waiting(world, request())
    found = (await status(decision)).result
    assert found is not None
    assert "under the threshold 1.00" in found.reasons[0]
    assert await world.parameters() == TODAY
    await say(decision, "approve", "alice")
    assert (await decision.result()).outcome == "executed"


@pytest.mark.parametrize("at", ["verdict", "step"])
async def test_a_block_rule_rejects_and_nothing_runs(world: World, at: str) -> None:
    broken = {
        "verdict": rule("ceiling", "proposed.abandonment <= 0.03", "block"),
        "step": rule("night-floor", "parameter != 'agents.night' || double(value) >= 15.0", "block", when="step"),
    }[at]
    await world.policy(policy(broken, ASK))
    decision = await start(world, request(faulty_step("after", 1)))
    result = await decision.result()
    assert (result.outcome, result.verdict) == ("rejected", "reject")
    assert f"({broken['id']}: {broken['expression']})" in result.reason
    assert await world.parameters() == TODAY
    assert await world.versions() == {"agents.day": 1, "agents.night": 1}
    assert world.journal.events == []
    assert [proposal.ended for proposal in (await status(decision)).proposals] == ["rejected"]
    assert (await stored(world, decision)).outcome == "rejected"


async def test_unchanged_where_today_is_best(world: World) -> None:
    objectives = [{"name": "cost", "direction": "minimize"}]
    document = request(faulty_step("after", 1), candidates=[{"agents.day": 31, "agents.night": 15}])
    document["problem"]["objectives"] = objectives
    result = await (await start(world, document)).result()
    assert (result.outcome, result.settings) == ("unchanged", TODAY)
    assert await world.versions() == {"agents.day": 1, "agents.night": 1}
    assert world.journal.events == []


async def test_starts_from_the_settings_in_the_store(world: World) -> None:
    await world.set({"agents.day": 29, "agents.night": 14})
    decision = await start(world, request())
    assert (await decision.result()).outcome == "executed"
    first = (await plan(decision)).steps[0]
    assert first.summary == "agents.day 29 -> 28"


async def test_a_requests_own_constraints_add_to_the_policy(world: World) -> None:
    constraint = rule("mine", "settings['agents.night'] >= 15", "block")
    result = await (await start(world, request(constraints=[constraint]))).result()
    assert result.outcome == "rejected"
    assert "(mine: " in result.reason
    await world.policy(policy(rule("theirs", "settings['agents.night'] >= 15", "block")))
    result = await (await start(world, request(constraints=[rule("mine", "true", "warn")]))).result()
    assert result.outcome == "rejected"
    assert "(theirs: " in result.reason
    assert await world.parameters() == TODAY


def renamed(document: dict[str, Any]) -> None:
    document["knid"] = document.pop("kind")


def mistyped(document: dict[str, Any]) -> None:
    document["problem"]["parameters"][0]["low"] = "five"


def unresolved(document: dict[str, Any]) -> None:
    document["problem"]["objectives"][0]["name"] = "costs"


def out_of_reach(document: dict[str, Any]) -> None:
    document["candidates"][0] = {"agents.day": 55, "agents.night": 14}


def uncompiled(document: dict[str, Any]) -> None:
    document["constraints"] = [rule("typo", "propsed.cost <= 1.0", "block")]


def unknown_action(document: dict[str, Any]) -> None:
    document["execution"]["afterwards"] = [{"name": "after", "action": "nothing.such"}]


@pytest.mark.parametrize(
    ("spoil", "messages"),
    [
        (renamed, ["kind: Field required", "knid: Extra inputs are not permitted"]),
        (mistyped, ["problem.parameters.0.low: Input should be a valid number"]),
        (unresolved, ["objective 'costs': the evaluator computes only"]),
        (out_of_reach, ["candidate 0: parameter 'agents.day': 55 is more than 10 from the current 30"]),
        (uncompiled, ["constraint 'typo'", "propsed"]),
        (unknown_action, ["step 'after': action 'nothing.such' is unknown"]),
    ],
)
async def test_malformed_input_fails_at_once_and_names_the_field(world: World, spoil: Any, messages: list[str]) -> None:
    document = request()
    spoil(document)
    with pytest.raises(WorkflowFailureError) as error:
        await (await start(world, document)).result()
    assert isinstance(error.value.cause, ApplicationError)
    for message in messages:
        assert message in error.value.cause.message
    assert await world.parameters() == TODAY


async def test_the_web_ui_tells_the_story(world: World) -> None:
    ask = rule("night-watch", "settings['agents.night'] >= 15", "escalate")
    await world.policy(policy(ask, rule("spend", "proposed.cost <= current.cost", "warn"), quorum=2))
    decision, digest = await start_waiting(world, request(faulty_step("after", 1), note="cheaper nights"))
    await decision.signal("approve", {"reviewer": "alice", "reason": "seen"})
    await decision.signal("approve", {"reviewer": "mallory"})

    async def both_seen() -> str | None:
        text = await details(decision)
        return text if "mallory" in text else None

    told = await until(both_seen)
    asked = (await status(decision)).waiting[0]
    assert asked.until is not None
    assert "### capacity decision for voice-test, asked by olivia" in told
    assert "> cheaper nights" in told
    assert "| `agents.day` | 30 | **28** |" in told
    assert "| cost (minimize) | 456.2 EUR | 430.7 EUR |" in told
    assert "**Verdict: escalate** (night-watch (night-watch: settings['agents.night'] >= 15))" in told
    assert "- confidence " in told
    assert "preference" in told
    assert "- ✘ escalate night-watch: `settings['agents.night'] >= 15`" in told
    assert "- ✔ spend" in told
    assert f"until {asked.until:%Y-%m-%d %H:%M} UTC: 1 of 2 approvals" in told
    assert "**Waiting for alice or bob** (supervisors) on decision" in told
    example = told.split("- send signal `approve` or `reject` with `")[1].split("`")[0]
    assert json.loads(example) == {"reviewer": "alice", "digest": digest}
    assert "**alice** approve: seen" in told
    assert "**mallory** approve (refused: unknown reviewer 'mallory'" in told

    await decision.signal("approve", json.loads(example) | {"reviewer": "bob"})
    await decision.result()
    told = await details(decision)
    assert "**executed**: every step was applied" in told
    assert "1. ✔ parameter.set agents.day 30 -> 28 (applied)" in told
    assert "3. ✔ faulty.set after (applied)" in told
    assert f"**Execution:** `{decision.id}-execution`" in told
    assert "Waiting for" not in told


async def test_a_rollback_is_told_step_by_step(world: World) -> None:
    decision = await start(world, request(faulty_step("after", 1, refuse=True)))
    assert (await decision.result()).outcome == "rolled_back"
    told = await details(decision)
    assert "**rolled back**: step 'after' failed: made to refuse" in told
    assert "1. ↩ parameter.set agents.day 30 -> 28 (compensated)" in told
    assert await world.parameters() == TODAY


async def test_search_attributes_find_it(world: World) -> None:
    await world.policy(policy(ASK, rule("spend", "false", "warn")))
    decision, _ = await start_waiting(world, request())

    async def found(query: str) -> dict[str, Any] | None:
        async for run in world.client.list_workflows(f"WorkflowId = '{decision.id}' AND {query}"):
            return {pair.key.name: pair.value for pair in run.typed_search_attributes}
        return None

    attributes = await until(lambda: found("VoiceHiveStage = 'waiting_for_people' AND VoiceHiveReviewer = 'bob'"))
    result = (await status(decision)).result
    assert result is not None
    assert attributes["VoiceHiveTenant"] == "tests"
    assert attributes["VoiceHiveVerdict"] == "escalate"
    assert attributes["VoiceHiveRisk"] == "escalate"
    assert attributes["VoiceHiveConfidence"] == pytest.approx(result.confidence.value)
    assert sorted(attributes["VoiceHiveReviewer"]) == ["alice", "bob"]
    await decision.signal("approve", {"reviewer": "bob"})
    await decision.result()
    attributes = await until(lambda: found("VoiceHiveStage = 'closed'"))
    assert not attributes.get("VoiceHiveReviewer")


async def test_a_real_search_on_the_users_file(world: World) -> None:
    document = json.loads(CAPACITY.read_text()) | {"tenant": "tests"}
    document["problem"]["budget"] = {"population": 60, "generations": 25}
    current = {parameter["name"]: parameter["current"] for parameter in document["problem"]["parameters"]}
    await world.set(current, deployment=document["deployment"])
    decision = await world.client.start_workflow(
        "DecisionWorkflow",
        document,
        id=f"decision-{uuid4()}",
        task_queue=world.settings.task_queue,
        result_type=DecisionOutcome,
    )
    result = await decision.result()
    ended = await status(decision)
    assert result.outcome == "executed"
    assert ended.summary is not None
    assert ended.solution is not None
    assert ended.summary.front_size >= 100
    assert await world.parameters(document["deployment"]) == result.settings
    outcomes = ended.solution.outcomes
    for constraint in document["problem"]["constraints"]:
        assert outcomes[constraint["subject"]] <= constraint["at_most"]
    for parameter in document["problem"]["parameters"]:
        if parameter["kind"] == "integer":
            moved = abs(result.settings[parameter["name"]] - parameter["current"])
            assert moved <= parameter["maximum_change"]
    assert DEPLOYMENT not in ended.model_dump_json()


async def test_the_reasoners_choice_is_the_plan(world: World) -> None:
    await world.policy(policy(ASK))
    decision, _ = await start_waiting(world, request())
    found = await waiting(decision)
    assert found.judgement is not None
    assert found.summary is not None
    assert found.solution is not None
    assert found.judgement.choice == found.summary.recommended == found.solution.index
    assert found.judgement.source == "fallback"
    assert [step.arguments["value"] for step in (await plan(decision)).steps] == list(RECOMMENDED.values())
    assert found.solution.settings != CHEAPER
    await decision.signal("reject", {"reviewer": "alice"})
    await decision.result()
