"""How a tenant stands at the moment of a verdict: the time, its kill switches, and its budgets."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime

from voicehive.autonomy.freezes import FreezeWindow, thawed_at
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.verdict import Finding
from voicehive.model import Model
from voicehive.storage.allowances import Demand, Shortage, Stop


class Standing(Model):
    """What the store says at `at`; `shortages` are what the decision's demand does not fit into."""

    at: AwareDatetime
    stops: tuple[Stop, ...] = ()
    shortages: tuple[Shortage, ...] = ()


def standing_findings(
    policy: Policy, demand: Demand, standing: Standing | None, kind: str, deployments: Iterable[str]
) -> tuple[Finding, ...]:
    """What stands in the way of acting now, as findings that are violated.

    Without a standing nothing is known, so every budget, limit and freeze that concerns the decision is violated.
    """
    if standing is None:
        asked = [(charge.budget, charge.severity) for charge in demand.charges]
        asked += [(slot.limit, slot.severity) for slot in demand.slots]
        asked += [(freeze.id, freeze.severity) for freeze in _concerning(policy, kind, deployments)]
        return tuple(_finding(name, severity, "it could not be told how it stands") for name, severity in asked)
    stops = [_finding("kill-switch", "escalate", _stopped(stop)) for stop in standing.stops]
    shortages = [_finding(s.id, s.severity, s.reason + _free(s.free_at)) for s in standing.shortages]
    return (*stops, *shortages, *freezes_holding(policy, kind, deployments, standing.at))


def freezes_holding(policy: Policy, kind: str, deployments: Iterable[str], at: datetime) -> tuple[Finding, ...]:
    """The freezes that hold at this moment for this kind on any of these deployments."""
    concerned = _concerning(policy, kind, deployments)
    holding = [freeze for freeze in concerned if freeze.until(at) is not None]
    if not holding:
        return ()
    free = _free(thawed_at(concerned, at))
    return tuple(_finding(freeze.id, freeze.severity, freeze.message + free) for freeze in holding)


def _concerning(policy: Policy, kind: str, deployments: Iterable[str]) -> list[FreezeWindow]:
    places = tuple(deployments)
    return [freeze for freeze in policy.freezes if any(freeze.concerns(kind, place) for place in places)]


def _stopped(stop: Stop) -> str:
    where = "everywhere" if stop.everywhere else "for this tenant"
    return f"{stop.author} stopped autonomous work {where} at {stop.at:%Y-%m-%d %H:%M} UTC: {stop.reason}"


def _free(at: datetime | None) -> str:
    return "" if at is None else f"; free again at {at:%Y-%m-%d %H:%M:%S} UTC"


def _finding(name: str, severity: str, message: str) -> Finding:
    return Finding.model_validate(
        {"id": name, "severity": severity, "holds": False, "expression": "", "message": message}
    )
