"""What people say to a decision or to a running plan, and what becomes of it."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import Field, JsonValue, ValidationError, model_validator

from voicehive.model import Model

ReviewKind: TypeAlias = Literal[
    "approve", "reject", "edit", "delegate", "comment", "pause", "resume", "rollback", "retry", "skip", "done"
]


class Review(Model):
    """One person's word.

    `digest` names what the reviewer saw; it is refused if that is no longer what would run. `step` names the gate or
    the parked compensation it is about, where more than one waits. An edit names another solution of the front by its
    index, other settings, or other arguments of steps by their names.
    """

    kind: ReviewKind
    reviewer: str = Field(min_length=1, max_length=200)
    reason: str = Field(default="", max_length=2_000)
    digest: str | None = None
    step: str | None = None
    to: str | None = None
    solution: int | None = Field(default=None, ge=0)
    settings: dict[str, int | float | str | bool] = {}
    arguments: dict[str, dict[str, JsonValue]] = {}

    @model_validator(mode="after")
    def _complete(self) -> "Review":
        if self.kind == "delegate" and not self.to:
            raise ValueError('say to whom, for example {"reviewer": "alice", "to": "bob"}')
        if self.kind == "edit" and self.solution is None and not self.settings and not self.arguments:
            raise ValueError('give solution, settings or arguments, for example {"solution": 3}')
        if self.kind == "skip" and not self.reason:
            raise ValueError("give the reason why the compensation may be left out")
        return self


class RecordedReview(Model):
    """A word as it was received, numbered from 1; a refused one changed nothing, and `refusal` says why."""

    number: int
    review: Review
    at: datetime
    subject: str
    accepted: bool
    refusal: str = ""


def read_review(kind: str, message: Any) -> Review:
    """Read what arrived as a signal or an update.

    Raises:
        ValueError: naming the kind and each field that does not fit.
    """
    if not isinstance(message, dict):
        raise ValueError(f'{kind}: send one JSON object, for example {{"reviewer": "alice"}}')
    try:
        return Review.model_validate({**message, "kind": kind})
    except ValidationError as error:
        problems = (
            ": ".join(filter(None, (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, "))))
            for item in error.errors()
        )
        raise ValueError(f"{kind}: {'; '.join(problems)}") from None
