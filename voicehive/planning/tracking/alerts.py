"""What people are told when a goal turns worse, and the wish for a new plan."""

from typing import Literal, TypeAlias

from pydantic import AwareDatetime

from voicehive.model import Identifier, Model
from voicehive.planning.goals import StrategicGoal
from voicehive.planning.tracking.state import Standing
from voicehive.planning.tracking.status import SEVERITY

AlertSeverity: TypeAlias = Literal["warning", "critical"]


class Alert(Model):
    """A goal turned worse: `critical` where it is red now or its probability fell under the floor."""

    goal: Identifier
    tenant: Identifier
    owner: str
    at: AwareDatetime
    severity: AlertSeverity
    message: str
    reasons: tuple[str, ...]


class ReplanningWanted(Model):
    """The probability of success fell under the goal's floor, so people should decide on a new plan."""

    goal: Identifier
    tenant: Identifier
    at: AwareDatetime
    probability: float
    floor: float
    reasons: tuple[str, ...]


def alerts_between(
    goal: StrategicGoal, before: Standing, after: Standing, at: AwareDatetime, reasons: tuple[str, ...]
) -> tuple[Alert, ...]:
    """The alerts for what turned worse from one standing to the next: one at most."""
    messages: list[str] = []
    if SEVERITY[after.colour] > SEVERITY[before.colour]:
        messages.append(f"turned from {before.colour} to {after.colour}")
    fell = after.below_floor and not before.below_floor
    if fell:
        messages.append(f"is less likely to succeed than its floor {goal.probability_floor:.0%}")
    if not messages:
        return ()
    severity = "critical" if fell or after.colour == "red" else "warning"
    message = f"{goal.name} {' and '.join(messages)}"
    alert = Alert(
        goal=goal.id, tenant=goal.tenant, owner=goal.owner, at=at, severity=severity, message=message, reasons=reasons
    )
    return (alert,)


def replanning_between(
    goal: StrategicGoal,
    before: Standing,
    after: Standing,
    *,
    at: AwareDatetime,
    probability: float | None,
    reasons: tuple[str, ...],
) -> ReplanningWanted | None:
    """The wish for a new plan, once for each time that the probability falls under the floor."""
    if probability is None or before.below_floor or not after.below_floor:
        return None
    return ReplanningWanted(
        goal=goal.id,
        tenant=goal.tenant,
        at=at,
        probability=probability,
        floor=goal.probability_floor,
        reasons=reasons,
    )
