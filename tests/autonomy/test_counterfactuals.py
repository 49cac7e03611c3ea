"""Counterfactuals: true ones only, as near as the boundary is, and in words."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autonomy.policies import context, policy, rule, step
from voicehive.autonomy.boundaries import nearest
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.verdict import DecisionResult

EURO = {"context": {"outcomes": {"cost": {"unit": "EUR"}, "abandonment": {"minimum": 0, "maximum": 1}, "quality": {}}}}


def assessed(*constraints: Any, facts: dict[str, Any] | None = None, **fields: Any) -> DecisionResult:
    return AutonomousController(policy(*constraints, **fields)).assess(context(**(facts or {})))


def test_spend_over_its_limit_would_run_alone_under_it() -> None:
    spending = {"proposed": {"cost": 432.0, "abandonment": 0.03, "quality": 0.9}}
    result = assessed(rule("proposed.cost <= 410.0", "escalate"), facts=spending, **EURO)
    (found,) = result.counterfactuals
    assert found.text == "would run alone if cost were at most 410 EUR (it is 432)"
    assert found.facts == {"proposed.cost": 410.0}
    assert found.at_most == ("proposed.cost",)


def test_a_strict_limit_is_passed_by_little() -> None:
    (found,) = assessed(rule("proposed.cost < 80.0", "escalate")).counterfactuals
    assert 79.9 <= found.facts["proposed.cost"] < 80.0


def test_a_whole_number_stays_whole() -> None:
    (found,) = assessed(rule("settings['agents.day'] >= 30", "escalate")).counterfactuals
    assert found.text == "would run alone if agents.day were at least 30 (it is 28)"


def test_each_fact_that_would_do_alone_is_told() -> None:
    found = assessed(rule("proposed.cost - 100.0 * proposed.quality <= -10.0", "block")).counterfactuals
    assert {tuple(one.facts.items()) for one in found} == {(("proposed.cost", 80.0),), (("proposed.quality", 1.0),)}


def test_facts_are_moved_together_where_no_one_is_enough() -> None:
    found = assessed(rule("proposed.cost <= 50.0", "escalate"), rule("proposed.quality >= 0.95", "escalate", "other"))
    (both,) = found.counterfactuals
    assert both.facts == {"proposed.cost": 50.0, "proposed.quality": 0.95}
    assert both.text == (
        "would run alone if cost were at most 50 (it is 90) and quality were at least 0.95 (it is 0.9)"
    )


def test_too_little_confidence_is_told_by_the_threshold() -> None:
    result = assessed(facts={"preference": 0.2}, autonomy={"threshold": 0.8})
    (found,) = result.counterfactuals
    assert found.facts == {"confidence": 0.8}
    assert "confidence were at least 0.8" in found.text


def test_a_value_between_two_limits_is_not_told_as_a_bound() -> None:
    between = rule("proposed.cost <= 60.0 && proposed.cost >= 59.0", "escalate")
    (found,) = assessed(between).counterfactuals
    assert found.text == "would run alone if cost were 60 (it is 90)"


@pytest.mark.parametrize(
    ("constraints", "facts", "fields"),
    [
        ((rule("true"),), {}, {}),
        ((rule("false", "escalate"),), {}, {}),
        ((rule("current.cost <= 50.0", "escalate"),), {}, {}),
        ((rule("proposed.cost <= 50.0", "escalate"), rule("proposed.cost >= 60.0", identifier="other")), {}, {}),
        ((rule("proposed.cost <= 50.0", "escalate"),), {"feasible": False}, {}),
        ((rule("proposed.cost <= 50.0", "escalate"),), {}, {"autonomy": {"threshold": 0.0, "mode": "manual"}}),
        ((rule("proposed.nothing <= 50.0", "escalate"),), {}, {}),
        ((rule("kind == 'other' || kind == 'third'", "escalate"),), {}, {}),
        ((rule("proposed.cost <= 50.0", "escalate"),), {}, {"concurrency": [{"id": "one"}]}),
    ],
)
def test_where_no_number_would_do_nothing_is_told(constraints: Any, facts: Any, fields: Any) -> None:
    assert assessed(*constraints, facts=facts, **fields).counterfactuals == ()


def test_a_step_in_the_way_leaves_nothing_to_tell() -> None:
    wanted = policy(rule("proposed.cost <= 50.0", "escalate"), rule("false", "escalate", "step", when="step"))
    assert AutonomousController(wanted).assess(context(), (step(),)).counterfactuals == ()


@given(
    limit=st.floats(1, 1e4),
    floor=st.floats(0, 1),
    cost=st.floats(0, 1e5),
    quality=st.floats(0, 1),
    threshold=st.sampled_from([0.0, 0.5, 0.95]),
    trust=st.floats(0.2, 1),
)
def test_every_one_that_is_told_is_true(
    limit: float, floor: float, cost: float, quality: float, threshold: float, trust: float
) -> None:
    """Asked again with exactly those facts, the decision runs alone; confidence is asked for by its threshold."""
    rules = (
        rule(f"proposed.cost <= double('{limit!r}')", "escalate", "cost"),
        rule(f"proposed.quality >= double('{floor!r}')", "block", "quality"),
        rule("proposed.cost <= 1000.0 * proposed.quality", "escalate", "both"),
    )
    facts = context(proposed={"cost": cost, "quality": quality}, reasoner_confidence=trust)
    controller = AutonomousController(policy(*rules, autonomy={"threshold": threshold}))
    result = controller.assess(facts)
    for found in result.counterfactuals:
        assert result.verdict != "execute"
        moved = {name.removeprefix("proposed."): value for name, value in found.facts.items() if name != "confidence"}
        lenient = min(threshold, result.confidence.value) if "confidence" in found.facts else threshold
        again = AutonomousController(policy(*rules, autonomy={"threshold": lenient}))
        assert again.assess(facts.model_copy(update={"proposed": {**facts.proposed, **moved}})).verdict == "execute"


@given(start=st.floats(-1e6, 1e6), boundary=st.floats(-1e6, 1e6))
def test_the_nearest_value_is_at_the_boundary(start: float, boundary: float) -> None:
    if start <= boundary or abs(boundary) < 1e-3 or start - boundary < 1e-6:
        return
    found = nearest(lambda value: value <= boundary, start, -math.inf, math.inf)
    assert found is not None
    assert found <= boundary
    assert found == pytest.approx(boundary, rel=2e-3, abs=1e-6)
