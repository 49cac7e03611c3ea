"""How far a run has come, and whom it waits for."""

from datetime import datetime
from typing import Literal, TypeAlias

from voicehive.model import Model

Stage: TypeAlias = Literal[
    "optimizing",
    "reasoning",
    "assessing",
    "waiting_for_people",
    "executing",
    "observing",
    "rolling_back",
    "needs_attention",
    "closed",
]


class Waiting(Model):
    """Who is being waited for, on what, and until when."""

    subject: str
    rung: str
    reviewers: tuple[str, ...]
    approvals: tuple[str, ...]
    quorum: int
    until: datetime | None
    digest: str


class Notification(Model):
    """A message to people: something waits for them, or was undone because of what was observed."""

    tenant: str
    decision_id: str
    key: str
    kind: Literal["requested", "reminder", "delegated", "needs_attention", "rolled_back"]
    recipients: tuple[str, ...]
    message: str
    webhook: str | None = None
