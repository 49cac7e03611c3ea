"""Verdicts: which finding leads where, and that nothing which should make it stricter makes it more lenient."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autonomy.policies import context, policy, rule, step
from voicehive.autonomy.confidence import assess_confidence
from voicehive.autonomy.context import Change, DecisionContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import PolicyInvalid, SafetyViolation
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.autonomy.standing import Standing
from voicehive.autonomy.trust.in_force import Trust

STRICTNESS = {"execute": 0, "escalate": 1, "reject": 2}
shares = st.floats(0, 1)
amounts = st.floats(0, 1e6)


@st.composite
def contexts(draw: st.DrawFn) -> DecisionContext:
    outcomes = {"cost": amounts, "abandonment": shares, "quality": shares}
    earlier, value = draw(st.integers(0, 100)), draw(st.integers(0, 100))
    return context(
        current=draw(st.fixed_dictionaries(outcomes)),
        proposed=draw(st.fixed_dictionaries(outcomes)),
        settings={"agents.day": value},
        changes=(Change(name="agents.day", earlier=draw(st.sampled_from([earlier, None])), value=value),),
        feasible=draw(st.booleans()),
        preference=draw(shares),
        reasoner_confidence=draw(shares),
    )


def constraints() -> st.SearchStrategy[tuple[SafetyConstraint, ...]]:
    """Rules that hold of some contexts, break on others, and cannot be evaluated at all."""
    expressions = [
        "proposed.cost <= 1.1 * current.cost",
        "proposed.cost / current.cost <= 1.1",
        "proposed.abandonment <= 0.05",
        "size(unknown) == 0",
        "largest_change <= 0.25",
        "confidence >= 0.5",
        "settings['agents.day'] > 10",
        "settings['agents.noon'] > 10",
        "1 / size(unknown) >= 0",
        "true",
        "false",
    ]
    rules = st.builds(rule, st.sampled_from(expressions), st.sampled_from(["block", "escalate", "warn"]))
    return st.lists(rules, max_size=4).map(
        lambda found: tuple(r.model_copy(update={"id": f"r{index}"}) for index, r in enumerate(found))
    )


@pytest.mark.parametrize(
    ("severity", "verdict", "reason"),
    [
        ("block", "reject", "no (rule: false)"),
        ("escalate", "escalate", "no (rule: false)"),
        ("warn", "execute", "every rule holds"),
    ],
)
def test_the_severity_of_a_broken_rule_is_the_verdict(severity: str, verdict: str, reason: str) -> None:
    result = AutonomousController(policy(rule("false", severity))).assess(context())
    assert result.verdict == verdict
    assert reason in result.reasons[0]
    assert [finding.id for finding in result.violated] == ["rule"]


def test_a_broken_rule_on_a_step_names_the_step() -> None:
    controller = AutonomousController(policy(rule("double(value) >= 29.0", "escalate", when="step")))
    result = controller.assess(context(), (step(value=30), step("agents.night", 14)))
    assert result.verdict == "escalate"
    assert result.reasons == ("set-agents.night: no (rule: double(value) >= 29.0)",)
    assert [(finding.step, finding.holds) for finding in result.findings] == [("set-agents.night", False)]
    assert result.held == {"": (), "set-agents.day": ("rule",), "set-agents.night": ()}


@pytest.mark.parametrize(
    ("fields", "facts", "verdict", "reason"),
    [
        ({"autonomy": {"threshold": 1.0}}, {}, "escalate", "is under the threshold 1.00"),
        ({"autonomy": {"threshold": 0.0, "mode": "manual"}}, {}, "escalate", "the policy's mode is manual"),
        ({}, {"feasible": False}, "reject", "no candidate meets the constraints of the request"),
        ({}, {"preference": 0.0}, "execute", "reaches 0.00"),
    ],
)
def test_what_else_counts(fields: dict[str, Any], facts: dict[str, Any], verdict: str, reason: str) -> None:
    result = AutonomousController(policy(**fields)).assess(context(**facts))
    assert result.verdict == verdict
    assert reason in result.reasons[0]


def test_confidence_is_the_least_of_its_parts_so_that_no_doubt_is_bought_off() -> None:
    changes = (Change(name="agents.day", earlier=20, value=25),)
    found = assess_confidence(context(preference=0.5, reasoner_confidence=0.9, changes=changes))
    assert found.parts == {"preference": 0.5, "reasoning": 0.9, "familiarity": pytest.approx(1 / 1.25)}
    assert found.value == 0.5
    predicted = assess_confidence(context(preference=0.5, reasoner_confidence=0.9, certainty=0.3, changes=changes))
    assert (predicted.value, predicted.parts["certainty"]) == (0.3, 0.3)
    certain = assess_confidence(context(preference=1.0, reasoner_confidence=0.2, changes=()))
    assert certain.value == 0.2
    assert not found.calibrated


def test_what_nobody_measured_speaks_for_nothing() -> None:
    unknown = {"preference": None, "reasoner_confidence": None}
    moved = assess_confidence(context(**unknown))
    assert (moved.value, moved.parts) == (pytest.approx(15 / 16), {"familiarity": pytest.approx(15 / 16)})
    nothing = context(**unknown, changes=())
    for found in (assess_confidence(nothing), assess_confidence(nothing, Trust())):
        assert (found.value, found.parts) == (0.0, {})
    assert AutonomousController(policy(autonomy={"threshold": 0.1})).assess(nothing).verdict == "escalate"


@pytest.mark.parametrize(
    "named",
    [
        {"budgets": [{"id": "hourly", "at_most": 2, "period": "PT1H", "kinds": ["capacity"]}]},
        {"concurrency": [{"id": "one", "kinds": ["capacity"]}]},
        {"freezes": [{"id": "weekend", "weekdays": ["sat"], "start": "00:00", "end": "00:00", "kinds": ["capacity"]}]},
    ],
    ids=["budget", "limit", "freeze"],
)
def test_a_kind_that_escapes_what_is_meant_for_another_is_asked_about(named: dict[str, Any]) -> None:
    controller = AutonomousController(policy(**named))
    tuesday = Standing(at=datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert controller.assess(context(), standing=tuesday).verdict == "execute"
    escaping = controller.assess(context(kind="plan"), standing=tuesday)
    assert (escaping.verdict, escaping.reasons) == ("escalate", ("no rule of the policy names the kind 'plan'",))


def test_the_result_carries_what_people_must_know() -> None:
    wanted = policy(rule("true"))
    result = AutonomousController(wanted).assess(context())
    assert result.policy_digest == wanted.content_digest()
    assert result.review.reviewers == {"alice": ("supervisor",)}
    assert result.review.rules == wanted.review


@given(contexts(), constraints(), shares)
def test_a_broken_block_rule_never_executes(
    facts: DecisionContext, rules: tuple[SafetyConstraint, ...], threshold: float
) -> None:
    result = AutonomousController(policy(*rules, autonomy={"threshold": threshold})).assess(facts)
    broken = {finding.severity for finding in result.violated}
    if "block" in broken or not facts.feasible:
        assert result.verdict == "reject"
    elif "escalate" in broken or result.confidence.value < threshold:
        assert result.verdict == "escalate"
    else:
        assert result.verdict == "execute"
    assert len(result.findings) + result.checks_held == len(rules)


@given(contexts(), constraints(), constraints())
def test_further_constraints_only_add(
    facts: DecisionContext, rules: tuple[SafetyConstraint, ...], further: tuple[SafetyConstraint, ...]
) -> None:
    own = policy(*rules)
    alone = AutonomousController(own).assess(facts)
    both = AutonomousController(own, further).assess(facts)
    assert STRICTNESS[both.verdict] >= STRICTNESS[alone.verdict]
    assert both.findings[: len(alone.findings)] == alone.findings
    assert both.checks_held + len(both.findings) == len(rules) + len(further)
    assert both.policy_digest == alone.policy_digest


@given(contexts(), constraints(), shares, shares, shares)
def test_less_confidence_is_never_more_lenient(
    facts: DecisionContext, rules: tuple[SafetyConstraint, ...], threshold: float, trust: float, preference: float
) -> None:
    controller = AutonomousController(policy(*rules, autonomy={"threshold": threshold}))
    less = {
        "reasoner_confidence": min(trust, facts.reasoner_confidence or 0.0),
        "preference": min(preference, facts.preference or 0.0),
    }
    sure, unsure = controller.assess(facts), controller.assess(facts.model_copy(update=less))
    assert unsure.confidence.value <= sure.confidence.value
    assert STRICTNESS[unsure.verdict] >= STRICTNESS[sure.verdict]


def test_a_further_constraint_that_does_not_compile_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="constraint 'mine'"):
        AutonomousController(policy(), (rule("nothing", identifier="mine"),))


def test_the_last_check_before_a_step() -> None:
    wanted = policy(
        rule("double(value) < 50.0", "block", "ceiling", when="step"),
        rule("double(value) < 40.0", "escalate", "watch", when="step"),
        rule("double(value) < 30.0", "warn", "note", when="step"),
    )
    controller = AutonomousController(wanted)
    approved = controller.policy_digest
    controller.check_step(step(value=35), None)
    with pytest.raises(SafetyViolation, match=r"step 'set-agents.day' was not run: .*watch"):
        controller.check_step(step(value=45), None)
    controller.check_step(step(value=45), approved)
    with pytest.raises(SafetyViolation, match="watch"):
        controller.check_step(step(value=45), "digest of an earlier policy")
    with pytest.raises(SafetyViolation, match="ceiling"):
        controller.check_step(step(value=55), approved)
    with pytest.raises(SafetyViolation, match="ceiling"):
        controller.check_step(step(value="many"), approved)
