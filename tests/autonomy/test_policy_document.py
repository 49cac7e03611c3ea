"""Policies as people write them: what does not fit is named, and the default one holds."""

from typing import Any

import pytest
import yaml

from tests.autonomy.policies import context, document, step
from voicehive.autonomy.context import Change
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.errors import PolicyInvalid
from voicehive.autonomy.policy_document import default_policy_text, parse_policy

RULE = {"id": "r", "expression": "true", "severity": "block", "message": "m"}
RUNG = {"name": "s", "roles": ["supervisor"], "deadline": "PT4H"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"autonmy": {}}, "autonmy: Extra inputs are not permitted"),
        ({"autonomy": {"threshold": 1.5}}, "autonomy.threshold: Input should be less than or equal to 1"),
        ({"autonomy": {"threshold": float("nan")}}, "autonomy.threshold: "),
        ({"autonomy": {"mode": "yolo"}}, "autonomy.mode: Input should be 'manual', 'supervised',"),
        ({"constraints": [{**RULE, "severity": "deny"}]}, "constraints.0.severity: Input should be 'block'"),
        ({"constraints": [RULE, RULE]}, "constraint 'r' stands twice"),
        ({"constraints": [{**RULE, "id": "Not Good"}]}, "constraints.0.id: "),
        ({"constraints": [{**RULE, "when": "never"}]}, "constraints.0.when: "),
        ({"constraints": [{"id": "r"}]}, "constraints.0.expression: Field required"),
        ({"reviewers": {"alice": "supervisor"}}, "reviewers.alice: Input should be a valid"),
        ({"reviewers": {"alice": ["director"]}}, "rung 'supervisors': no reviewer holds any of its roles"),
        ({"review": {"ladder": []}}, "review.ladder: "),
        ({"review": {"ladder": [{**RUNG, "deadline": "4 hours"}]}}, "review.ladder.0.deadline: "),
        ({"review": {"ladder": [{**RUNG, "deadline": "PT0S"}]}}, "review.ladder.0.deadline: "),
        ({"review": {"ladder": [{**RUNG, "remind_before": "PT4H"}]}}, "remind_before must be shorter"),
        ({"review": {"ladder": [RUNG], "quorum": 0}}, "review.quorum: "),
        ({"review": {"ladder": [RUNG], "at_end": "approve"}}, "review.at_end: "),
        ({"review": {"ladder": [RUNG], "four_eyes": "no"}}, "review.four_eyes: "),
    ],
)
def test_what_does_not_fit_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyInvalid) as error:
        parse_policy(yaml.safe_dump(document(**fields)))
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["{", "a: b: c", "- x", "just words", "", "!!python/object:os.system {}"])
def test_what_is_no_policy_at_all_is_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid, match="the policy"):
        parse_policy(text)


@pytest.mark.parametrize("value", ["2024-01-01", "!!binary aGk=", "!!set {a}", "&a [*a]"])
def test_yaml_that_json_cannot_express_is_refused(value: str) -> None:
    with pytest.raises(PolicyInvalid, match="put it in quotes"):
        parse_policy(f"name: {value}\nreviewers: {{alice: [supervisor]}}\n")


def test_the_digest_names_what_a_policy_means_not_how_it_is_written() -> None:
    flow = parse_policy(yaml.safe_dump(document(), default_flow_style=True))
    block = parse_policy(yaml.safe_dump(document(), default_flow_style=False))
    other = parse_policy(yaml.safe_dump(document(autonomy={"threshold": 0.1})))
    assert flow.content_digest() == block.content_digest() != other.content_digest()


def test_the_default_policy_compiles_and_lets_a_small_known_change_run() -> None:
    controller = AutonomousController(parse_policy(default_policy_text()))
    result = controller.assess(context(), (step(),))
    assert (result.verdict, result.violated) == ("execute", ())


WORSE = {"cost": 90.0, "abandonment": 0.03, "quality": 0.9}


@pytest.mark.parametrize(
    ("fields", "steps", "rule", "verdict"),
    [
        ({"proposed": {**WORSE, "abandonment": 0.081}}, (), "abandonment-ceiling", "reject"),
        ({"proposed": {**WORSE, "quality": 0.84}}, (), "quality-floor", "reject"),
        ({"proposed": {**WORSE, "cost": 111.0}}, (), "spend-step", "escalate"),
        ({"changes": (Change(name="x", earlier=None, value=1),)}, (), "known-settings", "escalate"),
        ({"changes": (Change(name="x", earlier=30, value=22),)}, (), "step-size", "escalate"),
        ({"kind": "plan"}, (), "hand-made-plan", "escalate"),
        ({}, (step(value=0, earlier=1),), "agents-positive", "reject"),
        ({}, (step(name="callback.threshold", value=61, earlier=30),), "step-factor", "reject"),
    ],
)
def test_each_rule_of_the_default_policy_speaks(fields: Any, steps: Any, rule: str, verdict: str) -> None:
    result = AutonomousController(parse_policy(default_policy_text())).assess(context(**fields), steps)
    assert rule in [finding.id for finding in result.violated]
    assert result.verdict == verdict
