"""What a permission to run is bound to: change any of it, and it is another thing that nobody permitted."""

from voicehive.autonomy.policy import SafetyConstraint
from voicehive.execution.plan import ExecutionPlan
from voicehive.model import Model


def permission_id(holder: str, digest: str) -> str:
    """Names the permission that one run (its workflow and run id) was given for what has this digest."""
    return f"{holder}/{digest}"


class Authorization(Model):
    """A plan with its arguments, where and as what it runs, and the policy it was judged under.

    Its `content_digest` is what reviews name and what the store holds as permitted, once.
    """

    deployment: str
    kind: str
    plan: ExecutionPlan
    constraints: tuple[SafetyConstraint, ...]
    policy_digest: str
