"""What the README sends people to is valid today."""

from pathlib import Path

import pytest

from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.gates import check_gates
from voicehive.autonomy.policy_document import parse_policy
from voicehive.autonomy.request import DecisionRequest
from voicehive.execution.plan import ExecutionPlan
from voicehive.execution.registry import ActionRegistry

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("path", sorted((EXAMPLES / "decisions").glob("*.json")), ids=lambda path: path.stem)
def test_decisions(path: Path) -> None:
    DecisionRequest.model_validate_json(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((EXAMPLES / "plans").glob("*.json")), ids=lambda path: path.stem)
def test_plans_under_the_example_policy(path: Path) -> None:
    policy = parse_policy((EXAMPLES / "policy.yaml").read_text(encoding="utf-8"))
    AutonomousController(policy)
    plan = ExecutionPlan.model_validate_json(path.read_text(encoding="utf-8"))
    ActionRegistry.load().validate(plan, policy.allowed_actions)
    check_gates(plan, policy, "olivia")
