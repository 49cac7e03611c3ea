"""Budgets and rates, and how many runs may be under way at once: what a policy grants, and what a decision takes."""

from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from voicehive.model import Model

RuleId: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
PositiveDuration: TypeAlias = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=365))]
Strictness: TypeAlias = Literal["block", "escalate"]
Scope: TypeAlias = Literal["tenant", "deployment"]


class Scoped(Model):
    """What concerns only some decisions; empty means all."""

    kinds: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()

    def concerns(self, kind: str, deployment: str) -> bool:
        """Whether a decision of this kind on this deployment is concerned."""
        return (not self.kinds or kind in self.kinds) and (not self.deployments or deployment in self.deployments)


class Budget(Scoped):
    """At most so much in any `period`, which slides: of actions, or of what `charge` says each of them takes.

    `charge` is a CEL expression over the facts of a verdict, a number in `unit` (below zero counts as zero); without
    one each action counts as one. Counted for each deployment apart or for the tenant as a whole (`per`), from the
    moment a run is admitted. Beyond it people are asked (`escalate`) or nothing runs (`block`). What people approved
    is counted only with `counts_approved`.
    """

    id: RuleId
    at_most: Annotated[float, Field(gt=0, le=1e12)]
    period: PositiveDuration
    charge: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    unit: str = Field(default="", max_length=50)
    per: Scope = "tenant"
    severity: Strictness = "escalate"
    counts_approved: bool = False


class ConcurrencyLimit(Scoped):
    """At most so many runs under way at once, on each deployment or in the tenant as a whole."""

    id: RuleId
    at_most: Annotated[int, Field(ge=1, le=1_000)] = 1
    per: Scope = "deployment"
    severity: Strictness = "escalate"
    counts_approved: bool = True
