"""Trust on the real server: no decision runs alone before outcomes have earned it, nor once they show too much risk."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom  # pyright: ignore[reportMissingTypeStubs]

from activities.trust import observed_loss, record_observed
from tests.workflows.requests import (
    ASK,
    CHEAPER,
    TODAY,
    Decision,
    policy,
    request,
    rule,
    say,
    start,
    start_waiting,
    status,
    waiting,
)
from tests.workflows.world import TENANT, World, faulty_plan, faulty_step, until
from voicehive.autonomy.context import Facts
from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.outcomes.verdict import OutcomeVerdict
from voicehive.autonomy.request import DecisionOutcome, DecisionRecord
from voicehive.autonomy.trust.outcome import Outcome
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.report import TrustReport, measure_trust
from voicehive.autonomy.trust.withdrawal import begin_monitor, fold_outcome
from voicehive.autonomy.verdict import Assurance, DecisionResult
from voicehive.execution.record import ExecutionStatus
from voicehive.storage.assessments import Assessments
from voicehive.storage.outcomes import AssessedCase, TrustOutcomes
from voicehive.storage.tables import TrustOutcomeRow

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PROMISE = RiskPromise(alpha=0.05, delta=0.05)


def promising() -> str:
    """The policy of the tests, with a promise."""
    document = json.loads(policy())
    document["autonomy"] = {"mode": "autonomous", "promise": PROMISE.model_dump(mode="json")}
    return json.dumps(document)


def earned(kind: str) -> TrustReport:
    """Two hundred faultless outcomes: whatever comes may run alone."""
    outcomes = [
        Outcome(
            decision_id=f"past-{number}", kind=kind, loss=0.0, at=NOW, confidence=0.5,
            parts={"preference": 0.01, "reasoning": 0.01, "familiarity": 0.01},
        )
        for number in range(200)
    ]  # fmt: skip
    return measure_trust(kind, outcomes, PROMISE, np.random.default_rng(0), at=NOW)


async def found(decision: Decision) -> DecisionResult:
    result = (await status(decision)).result
    assert result is not None
    return result


async def test_outcomes_earn_autonomy_and_lose_it(world: World) -> None:
    await world.policy(promising())
    asking, digest = await start_waiting(world, request())
    result = await found(asking)
    assert (result.verdict, result.confidence.calibrated) == ("escalate", False)
    assert result.in_force is not None
    assert (result.in_force.threshold, result.in_force.more_faultless) == (None, 59)
    await say(asking, "approve", "alice", digest=digest)
    assert (await asking.result()).outcome == "executed"

    kind = request()["kind"]
    async with world.database.transaction() as session:
        outcomes = TrustOutcomes(session, TENANT)
        kept = await outcomes.record(asking.id, 0.0, NOW)
        assert kept.parts == result.confidence.parts
        await outcomes.put_report(earned(kind))
        assert (await outcomes.trust(kind)).known.right == 1.0

    await world.set(TODAY)
    alone = await start(world, request())
    assert (await alone.result()).outcome == "executed"
    result = await found(alone)
    assert (result.verdict, result.confidence.value >= result.threshold) == ("execute", True)
    async with world.database.reading() as session:
        [newest] = await Assessments(session, TENANT).list(1)
    kept = Facts.model_validate_json(json.dumps(newest.facts)).assurance
    assert kept == Assurance(confidence=result.confidence, in_force=result.in_force, promise=PROMISE)  # pyright: ignore[reportArgumentType]

    async with world.database.transaction() as session:
        outcomes = TrustOutcomes(session, TENANT)
        await outcomes.record(alone.id, 1.0, NOW)
        report = await outcomes.report(kind)
        assert report is not None
        assert (report.monitor.outcomes, report.monitor.loss) == (1, 1.0)  # the one approved by people is no part of it
        while not report.monitor.withdrawn:
            report = report.observed(1.0)
        await outcomes.put_report(report, begin_anew=True)
    await world.set(TODAY)
    withdrawn, _ = await start_waiting(world, request())
    assert any("withdrawn" in reason for reason in (await found(withdrawn)).reasons)
    await say(withdrawn, "reject", "alice")
    await withdrawn.result()


async def kept(world: World, decision: Decision) -> AssessedCase | None:
    async with world.database.reading() as session:
        row = await session.get(TrustOutcomeRow, (TENANT, decision.id))
    if row is None:
        return None
    return AssessedCase.model_validate({name: getattr(row, name) for name in AssessedCase.model_fields})


async def test_a_refused_edit_leaves_no_trace_in_what_is_learned_from(world: World) -> None:
    await world.policy(policy(ASK, rule("ceiling", "proposed.abandonment <= 0.045", "block")))
    decision, digest = await start_waiting(world, request())
    assert await kept(world, decision) is None
    proposed, today = await found(decision), (await status(decision)).solution
    assert not (await say(decision, "edit", "alice", reason="cheaper", settings=CHEAPER)).accepted
    await say(decision, "approve", "alice", digest=digest)
    assert (await decision.result()).outcome == "executed"
    case = await kept(world, decision)
    assert case is not None
    assert today is not None
    assert (case.parts, case.alone) == (proposed.confidence.parts, False)
    assert case.situation["proposed.cost"] == today.outcomes["cost"]


async def test_what_people_edited_and_approved_did_not_run_alone(world: World) -> None:
    await world.policy(policy(rule("ask", "settings['agents.day'] != 28", "escalate")))
    decision, digest = await start_waiting(world, request())
    assert (await say(decision, "edit", "alice", reason="cheaper", settings=CHEAPER)).accepted
    edited = await waiting(decision, other_than=digest)
    assert edited.result is not None
    assert edited.result.verdict == "execute"
    assert (await say(decision, "approve", "bob", digest=edited.waiting[0].digest)).accepted
    assert (await decision.result()).outcome == "executed"
    case = await kept(world, decision)
    assert case is not None
    assert (case.parts, case.alone) == (edited.result.confidence.parts, False)


async def test_what_ends_without_permission_is_kept_as_it_was_last_laid_open(world: World) -> None:
    await world.policy(policy(ASK))
    decision, digest = await start_waiting(world, request())
    await say(decision, "reject", "alice", digest=digest)
    await decision.result()
    case = await kept(world, decision)
    assert case is not None
    assert (case.parts, case.alone) == ((await found(decision)).confidence.parts, False)


async def test_what_ran_alone_is_kept_as_such_and_shadow_at_its_verdict(world: World) -> None:
    await world.policy(policy())
    alone = await start(world, request())
    assert (await alone.result()).outcome == "executed"
    case = await kept(world, alone)
    assert case is not None
    assert case.alone
    document = json.loads(policy())
    document["autonomy"]["mode"] = "shadow"
    await world.policy(json.dumps(document))
    await world.set(TODAY)
    shadow = await start(world, request())
    assert (await shadow.result()).outcome == "unchanged"
    case = await kept(world, shadow)
    assert case is not None
    assert not case.alone


async def test_a_verdict_shows_what_the_reasoners_word_is_made_of(world: World) -> None:
    await world.policy(policy())
    decision = await start(world, request())
    await decision.result()
    confidence = (await found(decision)).confidence
    assert confidence.reasoning == {"fallback": 0.9}
    assert confidence.parts["reasoning"] == 0.9


async def test_a_plan_made_by_hand_asks_people_under_a_promise_whatever_decisions_have_earned(world: World) -> None:
    await world.policy(promising())
    async with world.database.transaction() as session:
        for kind in (request()["kind"], "plan"):
            await TrustOutcomes(session, TENANT).put_report(earned(kind))
    execution = await world.start(faulty_plan(faulty_step("a", 1)))

    async def asked() -> ExecutionStatus | None:
        found = await execution.query("status", result_type=ExecutionStatus)
        return found if found.waiting else None

    found: ExecutionStatus = await until(asked)
    assert found.admission is not None
    assert (found.admission.verdict, found.steps) == ("escalate", ())
    assert any("made by hand" in reason for reason in found.admission.reasons)
    await execution.signal("approve", {"reviewer": "alice", "digest": found.waiting[0].digest})
    assert (await execution.result()).outcome == "applied"


def ended(outcome: str, verdict: str | None) -> DecisionOutcome:
    seen = None if verdict is None else {"verdict": verdict, "final": True, "reasons": ["r"], "metrics": []}
    observation = Observation(
        started_at=NOW,
        until=NOW,
        verdict=None if seen is None else OutcomeVerdict.model_validate_json(json.dumps(seen)),
    )
    document: dict[str, Any] = {
        "outcome": outcome,
        "reason": "",
        "verdict": "execute",
        "settings": {},
        "steps": [],
        "reviews": [],
    }
    ended = DecisionOutcome.model_validate_json(json.dumps(document))
    return ended.model_copy(update={"observation": observation})


@pytest.mark.parametrize(
    ("outcome", "verdict", "loss"),
    [
        ("rolled_back", "bad", 1.0),
        ("rolled_back", "unclear", None),
        ("rolled_back", None, None),
        ("executed", "good", 0.0),
        ("rolled_back", "good", None),
        ("rejected", "good", None),
        ("executed", "unclear", None),
    ],
)
def test_a_final_observation_says_what_was_good_and_what_was_undone_as_bad(
    outcome: str, verdict: str | None, loss: float | None
) -> None:
    assert observed_loss(ended(outcome, verdict)) == loss


def test_an_observation_that_ended_before_it_was_final_says_nothing() -> None:
    watched = ended("executed", "good")
    assert watched.observation is not None
    assert watched.observation.verdict is not None
    begun = watched.observation.verdict.model_copy(update={"final": False})
    observation = watched.observation.model_copy(update={"verdict": begun})
    assert observed_loss(watched.model_copy(update={"observation": observation})) is None


@pytest.mark.parametrize("noticed_later", [0.0, 0.5], ids=["all observed", "half said by people later"])
def test_what_observations_record_withdraws_a_good_controller_no_more_often_than_promised(noticed_later: float) -> None:
    """Three in a hundred of the decisions go wrong under a promise of five, in 300 runs of 400 decisions."""
    good, bad = observed_loss(ended("executed", "good")), observed_loss(ended("rolled_back", "bad"))
    generator, runs, late = np.random.default_rng(11), 300, 20
    withdrawn = 0
    for _ in range(runs):
        monitor, corrections = begin_monitor(PROMISE.alpha, PROMISE.delta), list[int]()
        for number in range(400):
            wrong, unseen = generator.random() < 0.03, generator.random() < noticed_later
            loss = bad if wrong and not unseen else good
            corrections += [number + late] if wrong and unseen else []
            monitor = monitor if loss is None else fold_outcome(monitor, loss)
            if number in corrections:
                monitor = fold_outcome(monitor, 1.0)
        withdrawn += monitor.withdrawn
    assert withdrawn <= binom.ppf(0.999, runs, PROMISE.delta)


async def test_what_an_observation_undid_is_recorded_once(world: World) -> None:
    decision = await start(world, request())
    await decision.result()
    record = DecisionRecord(
        tenant=TENANT,
        decision_id=decision.id,
        kind="capacity",
        deployment="d",
        requester="olivia",
        started_at=NOW,
        closed_at=NOW,
        outcome=ended("rolled_back", "bad"),
    )
    for new in (True, True):
        async with world.database.transaction() as session:
            assert await record_observed(session, record) is new
    async with world.database.reading() as session:
        [outcome] = await TrustOutcomes(session, TENANT).of_kind(request()["kind"])
    assert (outcome.decision_id, outcome.loss) == (decision.id, 1.0)
    async with world.database.transaction() as session:
        unheard_of = record.model_copy(update={"decision_id": "unheard-of"})
        assert not await record_observed(session, unheard_of)
