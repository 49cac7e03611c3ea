"""A tenant's policy: what must hold, how far the controller may go alone, and whom it asks."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, FiniteFloat, model_validator

from voicehive.autonomy.budgets import Budget, ConcurrencyLimit, PositiveDuration, RuleId, Scoped
from voicehive.autonomy.context_schema import ContextSchema
from voicehive.autonomy.freezes import FreezeWindow
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.model import Identifier, Model

Severity: TypeAlias = Literal["block", "escalate", "warn"]
When: TypeAlias = Literal["verdict", "step", "after"]
Mode: TypeAlias = Literal["manual", "supervised", "autonomous", "shadow"]


def _unset(value: Any) -> bool:
    """Fields left at these are no part of the dump, so that digests of policies that do not use them stay the same."""
    return value is None or value in ((), {})


class SafetyConstraint(Scoped):
    """A rule: a CEL expression that states what must hold, and what follows where it does not.

    Anything but the value true, an error or a missing value included, counts as a violation. `when` is where the rule
    is asked: of a decision as a whole (`verdict`), of each step immediately before it runs (`step`), or of each step
    immediately after, with what it answered (`after`); the variables of each are in `voicehive.autonomy.context`.

    `message` may name facts in braces, such as `{proposed.cost}`. `rung` is where on the ladder a violation of an
    `escalate` rule asks first; the lowest rung without one. Empty `kinds`, `deployments` and `tenants` mean all.
    """

    id: RuleId
    expression: str = Field(min_length=1, max_length=2_000)
    severity: Severity
    message: str = Field(min_length=1, max_length=500)
    when: When = "verdict"
    rung: str | None = Field(default=None, exclude_if=_unset)
    tenants: tuple[str, ...] = Field(default=(), exclude_if=_unset)

    @model_validator(mode="after")
    def _rung_of_an_escalation(self) -> "SafetyConstraint":
        if self.rung is not None and self.severity != "escalate":
            raise ValueError(f"constraint {self.id!r}: only an escalate rule has a rung, not one that {self.severity}s")
        return self

    def applies(self, when: str, tenant: str, kind: str, deployment: str) -> bool:
        """Whether the rule is asked here."""
        return self.when == when and self.concerns(kind, deployment) and (not self.tenants or tenant in self.tenants)


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
    """How sure the controller must be to act alone, and whether it may at all.

    - `manual`: never alone; people decide everything, with the controller's recommendation.
    - `supervised`: alone only the kinds named in `alone`; people decide all else.
    - `autonomous`: alone whatever no rule objects to.
    - `shadow`: judges as `autonomous` would, and the verdict is recorded; nothing is asked and nothing executed.

    With a `promise` a kind of decision runs alone only from the threshold on that its recorded outcomes certify, and
    not at all without one; `threshold` then counts for nothing. A plan made by hand has no record: people decide.
    """

    mode: Mode = "autonomous"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.8
    alone: tuple[Identifier, ...] = Field(default=(), exclude_if=_unset)
    promise: RiskPromise | None = Field(default=None, exclude_if=_unset)

    def asks_people_about(self, kind: str) -> bool:
        """Whether the mode itself keeps this kind of decision from running alone."""
        return self.mode == "manual" or (self.mode == "supervised" and kind not in self.alone)


def holders_of(reviewers: Mapping[str, tuple[str, ...]], roles: Iterable[str]) -> tuple[str, ...]:
    """The reviewers, by name with the roles of each, who hold one of these roles."""
    wanted = set(roles)
    return tuple(name for name, held in reviewers.items() if wanted.intersection(held))


class Policy(Model):
    """Everything a tenant has decided about decisions.

    `allowed_actions` are those of the registry that plans may use; None, all. `limits` are numbers with a name, which
    expressions and messages use as `limits.name`. `context` declares what rules may name.
    """

    name: str
    autonomy: Autonomy = Autonomy()
    constraints: tuple[SafetyConstraint, ...] = ()
    reviewers: dict[str, tuple[str, ...]]
    review: ReviewRules
    allowed_hosts: tuple[str, ...] = ()
    allowed_actions: tuple[str, ...] | None = None
    limits: dict[Identifier, FiniteFloat] = Field(default={}, exclude_if=_unset)
    context: ContextSchema | None = Field(default=None, exclude_if=_unset)
    budgets: tuple[Budget, ...] = Field(default=(), exclude_if=_unset)
    concurrency: tuple[ConcurrencyLimit, ...] = Field(default=(), exclude_if=_unset)
    freezes: tuple[FreezeWindow, ...] = Field(default=(), exclude_if=_unset)

    @model_validator(mode="after")
    def _consistent(self) -> "Policy":
        seen = set[str]()
        for rule in (*self.constraints, *self.budgets, *self.concurrency, *self.freezes):
            if rule.id in seen:
                raise ValueError(f"constraint {rule.id!r} stands twice; give each its own id")
            seen.add(rule.id)
        held = {role for roles in self.reviewers.values() for role in roles}
        for rung in self.review.ladder:
            if not held.intersection(rung.roles):
                raise ValueError(f"rung {rung.name!r}: no reviewer holds any of its roles {list(rung.roles)}")
        if self.review.quorum > max(len(self.holders(rung.roles)) for rung in self.review.ladder):
            raise ValueError(f"review.quorum {self.review.quorum}: no rung has so many reviewers")
        self.check_rungs(self.constraints)
        return self

    def holders(self, roles: Iterable[str]) -> tuple[str, ...]:
        """The reviewers who hold one of these roles."""
        return holders_of(self.reviewers, roles)

    def check_rungs(self, constraints: Iterable[SafetyConstraint]) -> None:
        """See that every rung that a rule escalates to is one of the ladder's.

        Raises:
            ValueError: naming the rule, its rung and the rungs there are.
        """
        rungs = [rung.name for rung in self.review.ladder]
        for constraint in constraints:
            if constraint.rung is not None and constraint.rung not in rungs:
                raise ValueError(
                    f"constraint {constraint.id!r}: {constraint.rung!r} is no rung of the ladder; "
                    f"use {', '.join(rungs)}"
                )
