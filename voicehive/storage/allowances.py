"""What a run asks of budgets before it may act, and what stands in its way; plain models, no database."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from voicehive.model import Model

Strictness: TypeAlias = Literal["block", "escalate"]
Amount: TypeAlias = Annotated[float, Field(ge=0, le=1e12)]
"""What a budget counts, in its own unit; kept exactly to a millionth."""


class Charge(Model):
    """What a run would take from one budget: `amount` of at most `at_most` in any `period`.

    Counted for one deployment where it is given, else for the tenant. `amount` is None where it could not be told,
    which counts as too much; `cause` says why. What people approved neither counts nor is held up, unless
    `counts_approved`; then it counts, and only `block` holds it up.
    """

    budget: str
    amount: Amount | None
    at_most: Amount
    period: timedelta
    deployment: str | None = None
    severity: Strictness = "escalate"
    counts_approved: bool = False
    unit: str = ""
    cause: str = ""


class Slot(Model):
    """One of the places for runs that are under way at once, of one deployment or of the tenant."""

    limit: str
    at_most: Annotated[int, Field(ge=1, le=1_000)]
    deployment: str | None = None
    severity: Strictness = "escalate"
    counts_approved: bool = True


class Demand(Model):
    """Everything a run asks for."""

    charges: tuple[Charge, ...] = ()
    slots: tuple[Slot, ...] = ()


class Shortage(Model):
    """A budget or limit that a demand does not fit into: why, and when it would; None where nobody can say."""

    id: str
    severity: Strictness
    reason: str
    free_at: datetime | None = None


class Stop(Model):
    """A kill switch that is on: of one tenant, or of all; by whom, when and why."""

    everywhere: bool
    author: str
    reason: str
    at: datetime
