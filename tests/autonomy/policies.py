"""Policies and contexts that the tests of the autonomy engine share."""

import json
from typing import Any

from voicehive.autonomy.context import Change, DecisionContext, StepContext
from voicehive.autonomy.policy import Policy, SafetyConstraint


def document(**fields: Any) -> dict[str, Any]:
    """A policy that holds nothing back."""
    return {
        "name": "tests",
        "autonomy": {"threshold": 0.0},
        "reviewers": {"alice": ["supervisor"]},
        "review": {"ladder": [{"name": "supervisors", "roles": ["supervisor"], "deadline": "PT4H"}]},
        **fields,
    }


def policy(*constraints: SafetyConstraint, **fields: Any) -> Policy:
    rules = [constraint.model_dump(mode="json") for constraint in constraints]
    return Policy.model_validate_json(json.dumps(document(constraints=rules, **fields)))


def rule(expression: str, severity: Any = "block", identifier: str = "rule", **more: Any) -> SafetyConstraint:
    return SafetyConstraint(id=identifier, expression=expression, severity=severity, message="no", **more)


def context(**fields: Any) -> DecisionContext:
    """A small saving in cost."""
    facts: dict[str, Any] = {
        "tenant": "t",
        "deployment": "d",
        "kind": "capacity",
        "requester": "olivia",
        "current": {"cost": 100.0, "abandonment": 0.02, "quality": 0.9},
        "proposed": {"cost": 90.0, "abandonment": 0.03, "quality": 0.9},
        "settings": {"agents.day": 28, "model.tier": "plain"},
        "changes": (Change(name="agents.day", earlier=30, value=28),),
        "preference": 1.0,
        "reasoner_confidence": 1.0,
    }
    return DecisionContext(**{**facts, **fields})


def step(name: str = "agents.day", value: Any = 28, earlier: Any = 30) -> StepContext:
    return StepContext(
        tenant="t",
        deployment="d",
        kind="capacity",
        step=f"set-{name}",
        action="parameter.set",
        arguments={"name": name, "value": value},
        earlier=earlier,
    )
