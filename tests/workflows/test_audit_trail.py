"""The audit trail of whole decisions on the real server: complete, in order, signed, verified without the database."""

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities import audit_trail
from activities.autonomy import AutonomyActivities
from activities.policies import Controllers
from tests.workflows.conftest import replay_all
from tests.workflows.requests import (
    ASK,
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
)
from tests.workflows.test_decision_execution import cancelled
from tests.workflows.test_safety_policy import HOURLY, governed, turn
from tests.workflows.world import TENANT, World, faulty_plan, faulty_step, running_world, until
from voicehive.audit.checkpoints import Checkpoint
from voicehive.audit.entries import Draft
from voicehive.audit.errors import ExportInvalid
from voicehive.audit.keys import KEY_FILE, SigningKey, write_signing_key
from voicehive.audit.verification import Trust, Verified, verify_export
from voicehive.autonomy.authorization import Authorization
from voicehive.autonomy.budgets import Budget
from voicehive.autonomy.request import AuthorizationInput, DecisionOutcome, DecisionRecord, Proposal
from voicehive.execution.record import ExecutionRequest, ExecutionResult
from voicehive.reasoning.mock_service.faults import Fault
from voicehive.reasoning.mock_service.server import FaultPlan, MockOpenAI
from voicehive.reasoning.models import ModelCall
from voicehive.storage.allowances import Charge, Demand
from voicehive.storage.audit_export import export_lines
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.audit_subject_keys import purge_destroyed_keys
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.database import Database
from voicehive.storage.tables import AuditEntryRow
from workers.settings import Settings

KEY = SigningKey.generate("tests.example/voicehive")
Said = tuple[str, str]


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """A store and a signing key of one's own."""
    write_signing_key(tmp_path / KEY_FILE, KEY)
    return settings.model_copy(
        update={"data_directory": tmp_path, "database_url": f"sqlite:///{tmp_path / 'store.db'}"}
    )


@pytest.fixture
async def world(temporal_client: Client, own: Settings) -> AsyncGenerator[World]:
    """A world whose worker signs."""
    async with running_world(temporal_client, own, max_cached_workflows=2) as world:
        yield world
    await replay_all(world)


class Export(NamedTuple):
    """An export, and what its verification says."""

    lines: list[bytes]
    verified: Verified

    def entries(self, decision_id: str | None) -> list[dict[str, Any]]:
        """The entries about a decision, in order; without one, those about none."""
        parsed = [json.loads(line) for line in self.lines]
        return [line["leaf"] for line in parsed if "leaf" in line and line["leaf"]["decision_id"] == decision_id]


async def export(world: World, *, withhold: bool = False) -> Export:
    """Export the log and verify it, offline, up to its last entry: the head over that was signed as it was closed."""
    async with world.database.reading() as session:
        lines = [line async for line in export_lines(session, TENANT, withhold=withhold)]
        size = (await AuditLog(session, TENANT).frontier()).size
    verified = verify_export(lines, Trust([KEY.verifying]))
    assert verified.size == size
    return Export(lines, verified)


def told(entries: list[dict[str, Any]]) -> list[Said]:
    """The kind of each entry with the one word of its body that tells most."""
    words = {
        "verdict": "verdict",
        "review": "kind",
        "step": "state",
        "compensation": "state",
        "outcome": "outcome",
    }
    return [(entry["kind"], str(entry["body"].get(words.get(entry["kind"], ""), ""))) for entry in entries]


async def recorded_once(world: World) -> None:
    """No key stands twice, and every step and compensation stands once."""
    async with world.database.reading() as session:
        keys = list(await session.scalars(select(AuditEntryRow.key).where(AuditEntryRow.tenant == TENANT)))
        leaves = list(await session.scalars(select(AuditEntryRow.leaf).where(AuditEntryRow.tenant == TENANT)))
    assert None not in keys
    assert len(set(keys)) == len(keys)
    contents = [{name: value for name, value in json.loads(leaf).items() if name != "index"} for leaf in leaves]
    changes = [(one["run_id"], str(one["body"])) for one in contents if one["kind"] in ("step", "compensation")]
    assert len(set(changes)) == len(changes)


STEPS: list[Said] = [("step", "applied")] * 2


async def test_a_decision_that_runs_alone(world: World) -> None:
    digest = await world.policy(policy(rule("cheap", "proposed.cost < 1e9", "escalate")))
    decision = await start(world, request())
    assert (await decision.result()).outcome == "executed"
    found = await export(world)
    entries = found.entries(decision.id)
    assert told(entries) == [("verdict", "execute"), ("authorization", ""), *STEPS, ("outcome", "executed")]
    verdict, permission, first, _, outcome = entries
    proposed = (await status(decision)).proposals[0].digest
    assert verdict["body"]["policy"] == permission["body"]["policy"] == digest
    assert verdict["body"]["proposal"] == permission["body"]["permission"] == proposed
    assert (verdict["body"]["violated"], verdict["body"]["held"][""]) == ([], ["cheap"])
    assert (first["body"]["action"], first["run_id"].partition("/")[0]) == (
        "parameter.set",
        f"{decision.id}-execution",
    )
    assert outcome["body"]["settings"] == RECOMMENDED
    policies = [entry["body"] for entry in found.entries(None) if entry["kind"] == "policy"]
    assert [(one["version"], one["policy"]) for one in policies][-1] == (2, digest)
    await recorded_once(world)
    broken = [line.replace(b'"verdict":"execute"', b'"verdict":"escalate"') for line in found.lines]
    with pytest.raises(ExportInvalid, match=r"entry \d+"):
        verify_export(broken, Trust([KEY.verifying]))


async def test_what_people_said_is_sealed_and_can_be_erased(world: World) -> None:
    await world.policy(policy(ASK, quorum=2))
    decision, _ = await start_waiting(world, request())
    await say(decision, "comment", "alice", reason="I looked at it")
    await say(decision, "approve", "alice", reason="fine by me")
    await say(decision, "approve", "bob")
    assert (await decision.result()).outcome == "executed"
    found = await export(world)
    entries = found.entries(decision.id)
    assert told(entries) == [
        ("verdict", "escalate"),
        ("review", "approve"),
        ("review", "approve"),
        ("authorization", ""),
        *STEPS,
        ("review", "comment"),
        ("outcome", "executed"),
    ]
    assert not any(name in json.dumps(entries) for name in ("alice", "bob", "olivia", "fine by me"))
    digests = [entry.content_digest() for entry in (await decision.result()).reviews]
    assert not any(digest in json.dumps(entries) for digest in digests)
    shown = b"".join(found.lines)
    assert all(text in shown for text in (b"alice", b"bob", b"olivia", b"fine by me"))
    assert b"alice" not in b"".join((await export(world, withhold=True)).lines)
    async with world.database.transaction() as session:
        log = AuditLog(session, TENANT)
        assert await log.erase("alice") is not None
        await log.sign_head(KEY)
    await purge_destroyed_keys(world.database)
    later = await export(world)
    assert later.verified.erased == 6
    assert b"alice" not in b"".join(later.lines)
    assert b"fine by me" not in b"".join(later.lines)
    assert b"bob" in b"".join(later.lines)
    assert later.entries(decision.id) == entries


async def test_a_decision_that_people_reject(world: World) -> None:
    await world.policy(policy(ASK))
    decision, _ = await start_waiting(world, request())
    await say(decision, "reject", "bob", reason="too cheap")
    await decision.result()
    entries = (await export(world)).entries(decision.id)
    assert told(entries) == [("verdict", "escalate"), ("review", "reject"), ("outcome", "rejected")]


async def test_a_decision_that_a_rule_rejects_and_one_in_shadow(world: World) -> None:
    await world.policy(policy(rule("never", "false", "block")))
    rejected = await start(world, request())
    await rejected.result()
    await world.policy(governed(mode={"mode": "shadow"}))
    shadow = await start(world, request())
    await shadow.result()
    found = await export(world)
    assert told(found.entries(rejected.id)) == [("verdict", "reject"), ("outcome", "rejected")]
    assert found.entries(rejected.id)[0]["body"]["violated"] != []
    assert told(found.entries(shadow.id)) == [("verdict", "execute"), ("outcome", "unchanged")]
    assert found.entries(shadow.id)[0]["body"]["mode"] == "shadow"


async def test_each_step_and_compensation_of_a_rollback_whose_attempts_fail(world: World) -> None:
    flaky = faulty_step("flaky", 1, fail_after=1, fail_undo=1)
    decision = await start(world, request(flaky, faulty_step("bad", 2, "flaky", refuse=True)))
    assert (await decision.result()).outcome == "rolled_back"
    entries = (await export(world)).entries(decision.id)
    assert told(entries)[2:] == [
        *[("step", "applied")] * 3,
        *[("compensation", "compensated")] * 3,
        ("outcome", "rolled_back"),
    ]
    states = {step["name"]: step["state"] for step in entries[-1]["body"]["steps"]}
    assert states == dict.fromkeys(("set-agents.day", "set-agents.night", "flaky", "bad"), "compensated")
    await recorded_once(world)


async def test_a_decision_cancelled_midway(world: World) -> None:
    decision = await start(world, request(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow")))
    await until(world.begun("slow"))
    await decision.cancel()
    await cancelled(decision)
    said = told((await export(world)).entries(decision.id))
    assert said[-1] == ("outcome", "rolled_back")
    assert said.count(("compensation", "compensated")) == said.count(("step", "applied")) >= 2


async def test_a_plan_that_is_started_by_hand(world: World) -> None:
    execution = await world.start(faulty_plan(faulty_step("slow", 1, seconds=0.7), faulty_step("last", 2, "slow")))
    await until(world.begun("slow"))
    await execution.signal("rollback", {"reviewer": "bob", "reason": "no"})
    assert (await execution.result()).outcome == "rolled_back"
    entries = (await export(world)).entries(execution.id)
    assert told(entries) == [
        ("verdict", "execute"),
        ("step", "applied"),
        ("compensation", "compensated"),
        ("review", "rollback"),
        ("outcome", "rolled_back"),
    ]
    assert "bob" not in json.dumps(entries)
    await recorded_once(world)


async def test_a_plan_by_hand_named_like_a_decisions_execution_writes_nothing_into_its_trail(world: World) -> None:
    decision = await start(world, request())
    assert (await decision.result()).outcome == "executed"
    before = (await export(world)).entries(decision.id)
    copied = ExecutionRequest(
        tenant=TENANT, deployment="elsewhere", requester="mallory", plan=faulty_plan(faulty_step("a", 1))
    )
    squatter = await world.client.start_workflow(
        "ExecutionWorkflow",
        copied,
        id=f"{decision.id}-execution",
        task_queue=world.settings.task_queue,
        result_type=ExecutionResult,
    )
    assert (await squatter.result()).outcome == "applied"
    found = await export(world)
    assert found.entries(decision.id) == before
    said = told(found.entries(squatter.id))
    assert said == [("verdict", "execute"), ("step", "applied"), ("outcome", "applied")]


async def test_who_stopped_autonomous_work_stands_sealed_and_nowhere_else(world: World) -> None:
    await turn(world, stopped=True)
    decision, _ = await start_waiting(world, request())
    await say(decision, "reject", "bob")
    await decision.result()
    found = await export(world)
    (switch,) = [entry for entry in found.entries(None) if entry["kind"] == "kill_switch"]
    assert switch["body"] == {"number": 1, "stopped": True}
    verdict = found.entries(decision.id)[0]
    assert verdict["body"]["violated"] == [{"id": "kill-switch", "step": "", "severity": "escalate"}]
    assert "alice" not in json.dumps([switch, verdict])
    assert "an incident" not in json.dumps([switch, verdict])
    assert b"an incident" in b"".join(found.lines)


async def test_a_reason_that_no_rule_gave_is_kept_in_words(world: World) -> None:
    await world.policy(policy(rule("asks", "false", "escalate"), threshold=1.0))
    decision, _ = await start_waiting(world, request())
    await say(decision, "reject", "bob")
    await decision.result()
    (reason,) = (await export(world)).entries(decision.id)[0]["body"]["reasons"]
    assert reason.startswith("confidence 0.")
    assert reason.endswith("is under the threshold 1.00")


@pytest.fixture
def model(own: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Any] | Any:
    """Settings of a worker that asks a model at a mock service, and the service."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-5fd1")
    with MockOpenAI() as mock:
        yield mock, own.model_copy(update={"language_model": "mock-1", "language_model_url": mock.base_url})


async def trail_of(world: World) -> tuple[Decision, DecisionOutcome, list[dict[str, Any]]]:
    """Take a decision and return what is on record about it."""
    await world.set(TODAY)
    decision = await start(world, request())
    outcome = await decision.result()
    return decision, outcome, (await export(world)).entries(decision.id)


async def test_with_a_model_each_call_is_recorded_by_its_digests(
    temporal_client: Client, model: tuple[MockOpenAI, Settings]
) -> None:
    mock, settings = model
    async with running_world(temporal_client, settings) as world:
        decision, outcome, entries = await trail_of(world)
        judgement = (await status(decision)).judgement
    assert judgement is not None
    assert judgement.source == "model mock-1"
    assert outcome.outcome == "executed"
    calls = [entry["body"] for entry in entries if entry["kind"] == "model_call"]
    assert len(calls) == len(mock.requests) == 3
    assert [call["prompt_digest"] for call in calls] == [call.prompt_digest for call in judgement.calls]
    assert {len(call["answer_digest"]) for call in calls} == {64}
    assert told(entries)[-6:] == [
        ("model_call", ""),
        ("verdict", "execute"),
        ("authorization", ""),
        *STEPS,
        ("outcome", "executed"),
    ]
    await replay_all(world)


async def test_with_the_model_killed_midway_the_fallback_judges_and_each_call_is_recorded(
    temporal_client: Client, model: tuple[MockOpenAI, Settings]
) -> None:
    mock, settings = model
    mock.plan(FaultPlan(queue=(None,), standing=Fault.REFUSED_CONNECTION))
    async with running_world(temporal_client, settings) as world:
        decision, outcome, entries = await trail_of(world)
        judgement = (await status(decision)).judgement
        assert judgement is not None
        assert outcome.outcome == "executed"
        calls = [entry["body"] for entry in entries if entry["kind"] == "model_call"]
        assert [call["cause"] for call in calls] == [call.cause for call in judgement.calls]
        assert {bool(call["cause"]) for call in calls} == {True, False}
        await recorded_once(world)
    await replay_all(world)


async def test_with_the_model_gone_the_fallback_judges_and_the_log_says_why(
    temporal_client: Client, model: tuple[MockOpenAI, Settings]
) -> None:
    mock, settings = model
    mock.__exit__()
    async with running_world(temporal_client, settings) as world:
        decision, outcome, entries = await trail_of(world)
        judgement = (await status(decision)).judgement
        assert judgement is not None
        assert judgement.source.startswith("fallback")
        assert judgement.cause
        assert outcome.outcome == "executed"
        calls = [entry["body"] for entry in entries if entry["kind"] == "model_call"]
        assert calls
        assert all(call["cause"] and call["answer_digest"] is None for call in calls)
    await replay_all(world)


async def test_without_a_model_nothing_is_recorded_of_one(world: World) -> None:
    _, outcome, entries = await trail_of(world)
    assert outcome.outcome == "executed"
    assert "model_call" not in {entry["kind"] for entry in entries}


async def test_the_head_is_signed_with_the_end_and_not_without_a_key(
    temporal_client: Client, settings: Settings, tmp_path: Path
) -> None:
    unsigned = settings.model_copy(
        update={"data_directory": tmp_path, "database_url": f"sqlite:///{tmp_path / 'store.db'}"}
    )
    async with running_world(temporal_client, unsigned) as world:
        assert (await (await start(world, request())).result()).outcome == "executed"
        async with world.database.reading() as session:
            assert await AuditLog(session, TENANT).heads() == []
    write_signing_key(tmp_path / KEY_FILE, KEY)
    async with running_world(temporal_client, unsigned) as world:
        await world.set(TODAY)
        assert (await (await start(world, request())).result()).outcome == "executed"
        async with world.database.reading() as session:
            ((size, note),) = await AuditLog(session, TENANT).heads()
            assert size == (await AuditLog(session, TENANT).frontier()).size
        checkpoint = Checkpoint.parse(note.text)
        assert (checkpoint.origin, checkpoint.size) == (f"tests.example/voicehive/{TENANT}", size)


async def test_what_is_tried_again_is_recorded_and_counted_once(world: World) -> None:
    """As where a worker dies after the transaction and before the server hears of it."""
    await world.policy(governed(budgets=[HOURLY]))
    await world.set(TODAY)
    decided = await start(world, request())
    await decided.result()
    proposal = await plan(decided)
    assert proposal is not None
    environment = ActivityEnvironment()
    environment.info = environment.default_info()
    holder = f"{environment.info.workflow_id}/{environment.info.workflow_run_id}"
    database = world.database
    activities = AutonomyActivities(database, Controllers(), None, None, None, signing_key=KEY)  # pyright: ignore[reportArgumentType]
    async with database.reading() as session:
        controller = await Controllers().in_force(session, TENANT, ())
    budget = Budget.model_validate_json(json.dumps(HOURLY))
    charge = Charge(budget=budget.id, amount=1.0, at_most=budget.at_most, period=budget.period)
    permission = AuthorizationInput(
        tenant=TENANT,
        decision_id="retried",
        holder=holder,
        authorization=Authorization(
            deployment="d", kind="capacity", plan=proposal, constraints=(), policy_digest=controller.policy_digest
        ),
        reviews=(),
        demand=Demand(charges=(charge,)),
    )
    record = DecisionRecord.model_validate_json(
        json.dumps(
            {
                "tenant": TENANT,
                "decision_id": "retried",
                "kind": "capacity",
                "deployment": "d",
                "requester": "olivia",
                "started_at": "2026-11-24T12:00:00Z",
                "closed_at": "2026-11-24T12:00:01Z",
                "outcome": {
                    "outcome": "rejected",
                    "reason": "",
                    "verdict": "execute",
                    "settings": {},
                    "steps": [],
                    "reviews": [],
                },
            }
        )
    )
    for _ in range(2):
        assert await environment.run(activities.authorize, permission)
    assert await _used(database, charge) == 2
    for _ in range(2):
        await environment.run(activities.record_decision, record)
    assert await _used(database, charge) == 1
    entries = (await export(world)).entries("retried")
    assert told(entries) == [("authorization", ""), ("outcome", "rejected")]
    await recorded_once(world)


async def test_an_attempt_that_finds_otherwise_is_recorded_beside_the_first(world: World) -> None:
    """The kill switch is turned off, or a model answers otherwise, between an attempt's transaction and its end."""
    await world.set(TODAY)
    decided = await start(world, request())
    await decided.result()
    stood = await status(decided)
    assert stood.solution is not None
    assert stood.result is not None
    executed = Proposal(solution=stood.solution, plan=None, result=stood.result, digest="d")
    escalated = executed.model_copy(update={"result": executed.result.model_copy(update={"verdict": "escalate"})})
    answers = [ModelCall(purpose="choose", model="m", prompt_digest="0" * 64, answer_digest=c * 64) for c in "12"]
    environment = ActivityEnvironment()
    environment.info = environment.default_info()

    async def record(drafts: Callable[[], list[Draft]]) -> None:
        async with world.database.transaction() as session:
            await AuditLog(session, TENANT).append(drafts())

    for proposal in (escalated, executed, executed):
        await environment.run(record, lambda proposal=proposal: [audit_trail.of_proposal(proposal)])
    for answer in (*answers, answers[1]):
        await environment.run(record, lambda answer=answer: audit_trail.of_model_calls([answer]))
    async with world.database.reading() as session:
        found = await AuditLog(session, TENANT).of_decision(environment.info.workflow_id or "")
    entries = [json.loads(entry.leaf) for entry in found]
    assert told(entries) == [("verdict", "escalate"), ("verdict", "execute"), ("model_call", ""), ("model_call", "")]
    assert [entry["body"].get("answer_digest") for entry in entries[2:]] == ["1" * 64, "2" * 64]


async def _used(database: Database, charge: Charge) -> int:
    """How many actions count against the budget now."""
    async with database.reading() as session:
        actions = AutonomousActions(session, TENANT)
        for used in range(1, 4):
            tight = charge.model_copy(update={"at_most": float(used)})
            if not await actions.shortages(Demand(charges=(tight,)), datetime.now(UTC)):
                return used - 1
    raise AssertionError("more than three")
