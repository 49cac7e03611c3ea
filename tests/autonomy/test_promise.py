"""With a promise, only a threshold certified by outcomes lets a kind of decision run alone."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.autonomy.policies import context, policy, rule
from voicehive.autonomy.confidence import assess_confidence, situation
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.trust.in_force import KnownCases, Trust
from voicehive.autonomy.trust.outcome import Outcome
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.report import TrustReport, measure_trust
from voicehive.autonomy.verdict import Assurance

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PROMISE = RiskPromise(alpha=0.05, delta=0.05)
PLAIN = AutonomousController(policy())
PROMISED = AutonomousController(policy(autonomy={"promise": {"alpha": 0.05, "delta": 0.05}}))


def report(promise: RiskPromise = PROMISE, count: int = 1_000) -> TrustReport:
    """Wrong only where the preference is low; the other parts say nothing."""
    generator = np.random.default_rng(1)
    rows = zip(generator.random(count).tolist(), generator.random((count, 2)).tolist(), strict=True)
    outcomes = [
        Outcome(
            decision_id=f"d{number}",
            kind="capacity",
            parts={"preference": sure, "reasoning": other[0], "familiarity": other[1]},
            confidence=sure,
            loss=float(generator.random() < (1 - sure) ** 3),
            at=NOW,
        )
        for number, (sure, other) in enumerate(rows)
    ]
    return measure_trust("capacity", outcomes, promise, np.random.default_rng(0), at=NOW)


@pytest.fixture(scope="module")
def earned() -> TrustReport:
    return report()


def known(count: int = 60) -> KnownCases:
    generator = np.random.default_rng(2)
    here = situation(context())
    situations = tuple({name: value * generator.normal(1, 0.1) for name, value in here.items()} for _ in range(count))
    return KnownCases(right=count - 1.0, wrong=1.0, situations=situations)


def test_a_policy_without_a_promise_is_what_it_was() -> None:
    dumped = policy().model_dump(mode="json")
    assert "promise" not in dumped["autonomy"]
    assert policy(autonomy={"promise": {}}).content_digest() != policy().content_digest()


def test_without_a_promise_history_changes_nothing(earned: TrustReport) -> None:
    trust = Trust(known(), earned.measured)
    assert PLAIN.assess(context(), trust=trust) == PLAIN.assess(context())
    assert PLAIN.assess(context()).in_force is None


def test_nothing_runs_alone_before_it_is_measured_and_it_says_what_it_takes() -> None:
    for trust in (Trust(), Trust(measured=report(count=0).measured)):
        result = PROMISED.assess(context(), trust=trust)
        assert (result.verdict, result.threshold) == ("escalate", 1.0)
        assert result.in_force is not None
        assert (result.in_force.threshold, result.in_force.more_faultless) == (None, 59)
        assert any("59" in reason and "capacity" in reason for reason in result.reasons)
        assert result.counterfactuals == ()
        assert not result.confidence.calibrated


def test_what_no_outcomes_can_speak_for_never_runs_alone() -> None:
    result = PROMISED.assess(context())
    assert (result.verdict, result.threshold, result.confidence.calibrated) == ("escalate", 1.0, False)
    assert any("made by hand" in reason for reason in result.reasons)
    assert PLAIN.assess(context()).verdict == "execute"


def test_what_was_asked_once_need_not_be_asked_again(earned: TrustReport) -> None:
    trust = Trust(measured=earned.measured)
    assurance = PROMISED.assurance(context(preference=0.99), trust)
    assert assurance.promise == PROMISE
    kept = Assurance.model_validate_json(assurance.model_dump_json())
    assert PROMISED.assess(context(preference=0.99), assurance=kept) == PROMISED.assess(
        context(preference=0.99), trust=trust
    )


def test_the_certified_threshold_decides_by_the_calibrated_confidence(earned: TrustReport) -> None:
    trust = Trust(measured=earned.measured)
    sure, unsure = (PROMISED.assess(context(preference=each), trust=trust) for each in (0.99, 0.1))
    assert (sure.verdict, unsure.verdict) == ("execute", "escalate")
    for result in (sure, unsure):
        assert result.confidence.calibrated
        assert result.confidence.value == earned.confidence(result.confidence.parts)
        assert result.threshold == earned.threshold
    assert sure.confidence.value >= sure.threshold > unsure.confidence.value
    assert sure.in_force is not None
    assert "show a risk of at most 0.05" in sure.in_force.reason


def test_rules_still_speak_and_see_the_calibrated_confidence(earned: TrustReport) -> None:
    trust = Trust(measured=earned.measured)
    value = earned.confidence(assess_confidence(context(preference=0.99)).parts)
    strict = AutonomousController(policy(rule(f"confidence > {value}"), autonomy={"promise": {}}))
    assert strict.assess(context(preference=0.99), trust=trust).verdict == "reject"
    lenient = AutonomousController(policy(rule(f"confidence >= {value}"), autonomy={"promise": {}}))
    assert lenient.assess(context(preference=0.99), trust=trust).verdict == "execute"


def test_what_was_withdrawn_does_not_run_alone(earned: TrustReport) -> None:
    harmed = earned
    for _ in range(5):
        harmed = harmed.observed(1.0)
    result = PROMISED.assess(context(preference=0.99), trust=Trust(measured=harmed.measured))
    assert result.verdict == "escalate"
    assert any("withdrawn" in reason for reason in result.reasons)


def test_a_certificate_holds_for_its_own_promise_only(earned: TrustReport) -> None:
    stricter = AutonomousController(policy(autonomy={"promise": {"alpha": 0.01, "delta": 0.05}}))
    result = stricter.assess(context(preference=0.99), trust=Trust(measured=earned.measured))
    assert result.verdict == "escalate"
    assert result.in_force is not None
    assert (result.in_force.threshold, result.in_force.more_faultless) == (None, 299)
    assert "another promise" in result.in_force.reason


def test_a_certificate_holds_for_its_own_parts_only(earned: TrustReport) -> None:
    result = PROMISED.assess(context(preference=0.99), trust=Trust(known(), earned.measured))
    assert (result.verdict, result.confidence.calibrated) == ("escalate", False)
    assert any("track_record, typicality" in reason for reason in result.reasons)


def test_history_becomes_parts_once_there_is_enough() -> None:
    assert assess_confidence(context(), Trust(known(19))).parts == assess_confidence(context()).parts
    usual = assess_confidence(context(), Trust(known()))
    odd = assess_confidence(context(current={"cost": 900.0, "abandonment": 0.4, "quality": 0.1}), Trust(known()))
    assert usual.parts.keys() - assess_confidence(context()).parts.keys() == {"typicality", "track_record"}
    assert odd.parts["typicality"] == pytest.approx(1 / 61)
    assert usual.parts["typicality"] > 0.3
    assert 0.9 < usual.parts["track_record"] < 59 / 60
    assert odd.value < usual.value


def test_outcomes_of_any_size_leave_typicality_finite() -> None:
    assessed = assess_confidence(
        context(current={"cost": 1e308, "abandonment": -1e308, "quality": 0.0}), Trust(known())
    )
    assert 0 < assessed.parts["typicality"] <= 1 / 61 + 1e-9
