"""Whether the people that a plan's gates wait for exist."""

from voicehive.autonomy.errors import GateUnanswerable
from voicehive.autonomy.policy import Policy
from voicehive.execution.plan import ExecutionPlan


def check_gates(plan: ExecutionPlan, policy: Policy, requester: str) -> None:
    """Find a gate that could never open.

    Raises:
        GateUnanswerable: naming the step, whom it would take, and who there is.
    """
    for step in plan.steps:
        if (gate := step.gate) is None:
            continue
        rungs = [gate.roles] if gate.roles else [rung.roles for rung in policy.review.ladder]
        barred = {requester} if policy.review.four_eyes else set[str]()
        holders = max((set(policy.holders(roles)) - barred for roles in rungs), key=len)
        if len(holders) < gate.quorum:
            roles = ", ".join(gate.roles) or "any role of the ladder"
            raise GateUnanswerable(
                f"step {step.name!r}: its gate needs {gate.quorum} of {roles}, but the policy has "
                f"{', '.join(sorted(holders)) or 'nobody'} besides the requester; change the gate or the policy"
            )
