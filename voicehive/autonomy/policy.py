"""A tenant's policy: what must hold, how far the controller may go alone, and whom it asks."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from voicehive.model import Model

Severity: TypeAlias = Literal["block", "escalate", "warn"]
PositiveDuration: TypeAlias = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=365))]


class SafetyConstraint(Model):
    """A rule: a CEL expression that states what must hold, and what follows where it does not.

    Anything but the value true, an error or a missing value included, counts as a violation. `when` is where the rule
    is asked: of a decision as a whole (`verdict`), or of each step immediately before it runs (`step`); the variables
    of each are in `voicehive.autonomy.context`. Empty `kinds` and `deployments` mean all.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)
    expression: str = Field(min_length=1, max_length=2_000)
    severity: Severity
    message: str = Field(min_length=1, max_length=500)
    when: Literal["verdict", "step"] = "verdict"
    kinds: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()

    def applies(self, when: str, kind: str, deployment: str) -> bool:
        """Whether the rule is asked here."""
        return (
            self.when == when
            and (not self.kinds or kind in self.kinds)
            and (not self.deployments or deployment in self.deployments)
        )


class Rung(Model):
    """One rung of the escalation ladder: who is asked, for how long, and when they are reminded."""

    name: str = Field(min_length=1)
    roles: Annotated[tuple[str, ...], Field(min_length=1)]
    deadline: PositiveDuration
    remind_before: PositiveDuration | None = None
    webhook: str | None = None

    @model_validator(mode="after")
    def _reminder_inside_deadline(self) -> "Rung":
        if self.remind_before is not None and self.remind_before >= self.deadline:
            raise ValueError(f"rung {self.name!r}: remind_before must be shorter than the deadline")
        return self


class ReviewRules(Model):
    """How people decide: how many, who may not, in which order they are asked, and what silence means.

    `at_end` after the last rung's deadline: `reject`; `default`, the request's declared default, if the policy lets it
    run alone; or `wait`, marked as needing attention. Silence never approves.
    """

    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    four_eyes: bool = True
    ladder: Annotated[tuple[Rung, ...], Field(min_length=1)]
    at_end: Literal["reject", "default", "wait"] = "reject"


class Autonomy(Model):
    """How sure the controller must be to act alone; `manual` never does."""

    mode: Literal["manual", "autonomous"] = "autonomous"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.8


class Policy(Model):
    """Everything a tenant has decided about decisions.

    `allowed_actions` are those of the registry that plans may use; None, all.
    """

    name: str
    autonomy: Autonomy = Autonomy()
    constraints: tuple[SafetyConstraint, ...] = ()
    reviewers: dict[str, tuple[str, ...]]
    review: ReviewRules
    allowed_hosts: tuple[str, ...] = ()
    allowed_actions: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Policy":
        ids = [constraint.id for constraint in self.constraints]
        for identifier in ids:
            if ids.count(identifier) > 1:
                raise ValueError(f"constraint {identifier!r} stands twice; give each its own id")
        held = {role for roles in self.reviewers.values() for role in roles}
        for rung in self.review.ladder:
            if not held.intersection(rung.roles):
                raise ValueError(f"rung {rung.name!r}: no reviewer holds any of its roles {list(rung.roles)}")
        if self.review.quorum > max(len(self.holders(rung.roles)) for rung in self.review.ladder):
            raise ValueError(f"review.quorum {self.review.quorum}: no rung has so many reviewers")
        return self

    def holders(self, roles: Iterable[str]) -> tuple[str, ...]:
        """The reviewers who hold one of these roles."""
        return tuple(name for name, held in self.reviewers.items() if set(roles).intersection(held))
