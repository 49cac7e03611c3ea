"""The tables. The tenant leads every primary key, so that no query can forget whose rows it wants."""

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import BigInteger, DateTime, Dialect, Index, LargeBinary, Text, text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A time-zone-aware time, kept and given back in UTC also where the database knows no zones (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive time is refused, because nobody can say when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; give one, such as datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """In UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON value, kept as text, so that exactly the same value comes back; None is NULL.

    The databases' own types are not that faithful: SQLite makes a floating-point number of an integer past 2**63 (its
    JSON columns have numeric affinity), and PostgreSQL's JSONB an integer of 1e30, and it refuses U+0000.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """As text; a number that JSON cannot express (NaN, infinity) raises ValueError."""
        return None if value is None else json.dumps(value, allow_nan=False)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        """The value."""
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """The metadata all tables share."""


class Tenanted(Base):
    """A table whose rows belong to a tenant."""

    __abstract__ = True

    tenant: Mapped[str] = mapped_column(Text, primary_key=True, sort_order=-1)


class ParameterRow(Tenanted):
    """A deployment's parameter. A NULL value is absence; the row stays, so that `version` never goes back."""

    __tablename__ = "parameters"

    deployment: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[JsonValue] = mapped_column(Json, nullable=True)
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerRow(Tenanted):
    """What became of one idempotency key; `ledger.py` explains the states."""

    __tablename__ = "action_ledger"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    arguments_digest: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[dict[str, str] | None] = mapped_column(Json)
    withdrawn: Mapped[list[str] | None] = mapped_column(Json)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    compensation: Mapped[dict[str, Any] | None] = mapped_column(Json)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PolicyRow(Tenanted):
    """One version of a tenant's policy; the highest is in force."""

    __tablename__ = "policies"

    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signature: Mapped[str | None] = mapped_column(Text)
    signer: Mapped[str | None] = mapped_column(Text)


class AuthorizationRow(Tenanted):
    """A granted permission to run exactly what `digest` names, once."""

    __tablename__ = "authorizations"
    __table_args__ = (
        Index("authorizations_by_digest", "tenant", "digest"),
        Index("authorizations_by_consumer", "tenant", "consumed_by"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[str] = mapped_column(Text)
    policy_digest: Mapped[str] = mapped_column(Text)
    decision_id: Mapped[str] = mapped_column(Text)
    reviews: Mapped[list[Any]] = mapped_column(Json)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consumed_by: Mapped[str | None] = mapped_column(Text)


class ResultRow(Tenanted):
    """A result by content digest. One that is not pinned goes when the cache, which alone refers to it, drops it."""

    __tablename__ = "results"

    digest: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    pinned: Mapped[bool] = mapped_column(server_default=true())


class CheckpointRow(Tenanted):
    """What a run that is under way needs again, by content digest."""

    __tablename__ = "checkpoints"
    __table_args__ = (Index("checkpoints_by_age", "tenant", "created_at"),)

    owner: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[str] = mapped_column(Text, primary_key=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OptimizationRow(Tenanted):
    """A finished optimisation in the cache: what it answers (`key`), what it resembles, and where its result is."""

    __tablename__ = "optimization_cache"
    __table_args__ = (
        Index("optimization_cache_by_key", "tenant", "key"),
        Index("optimization_cache_by_structure", "tenant", "structure"),
        Index("optimization_cache_by_use", "tenant", "used_at"),
    )

    result: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str | None] = mapped_column(Text)
    structure: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DecisionRow(Tenanted):
    """A decision as the list and the dashboard show it; the workflow's history stays the authority."""

    __tablename__ = "decisions"

    decision_id: Mapped[str] = mapped_column(Text, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    verdict: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NotificationRow(Tenanted):
    """A notification that was sent, once for each key."""

    __tablename__ = "notifications"
    __table_args__ = (Index("notifications_by_decision", "tenant", "decision_id"),)

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    decision_id: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditTreeRow(Tenanted):
    """How far a tenant's audit log has grown: what the next entry is appended to, and the lock for doing so."""

    __tablename__ = "audit_trees"

    size: Mapped[int] = mapped_column(BigInteger)
    peaks: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntryRow(Tenanted):
    """An entry of the audit log, and the nodes of the Merkle tree that it completes; `audit_log.py` explains them."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(
            "audit_entries_by_decision",
            "decision_id",
            sqlite_where=text("decision_id IS NOT NULL"),
            postgresql_where=text("decision_id IS NOT NULL"),
        ),
        Index(
            "audit_entries_by_key",
            "tenant",
            "key",
            unique=True,
            sqlite_where=text("key IS NOT NULL"),
            postgresql_where=text("key IS NOT NULL"),
        ),
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    nodes: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[str] = mapped_column(Text)
    decision_id: Mapped[str | None] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(Text)


class AuditSubjectKeyRow(Tenanted):
    """The key that a person's fields are sealed with.

    Erasure leaves the id and the index of its entry in the log, but neither the key nor whose it was.
    """

    __tablename__ = "audit_subject_keys"
    __table_args__ = (Index("audit_subject_keys_by_subject", "tenant", "subject", unique=True),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    erased_by: Mapped[int | None] = mapped_column(BigInteger)


class AuditHeadRow(Tenanted):
    """A signed head of the audit log, with the cosignatures it has got since."""

    __tablename__ = "audit_heads"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(Text)


class AutonomousActionRow(Tenanted):
    """A run that was admitted to act: what it asked for, and whether it is under way, settled or released."""

    __tablename__ = "autonomous_actions"

    run: Mapped[str] = mapped_column(Text, primary_key=True)
    demand: Mapped[str] = mapped_column(Text)
    approved: Mapped[bool]
    state: Mapped[str] = mapped_column(Text)
    reserved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BudgetChargeRow(Tenanted):
    """What a run took from one budget, in millionths of its unit; `place` is a deployment, or empty for the tenant."""

    __tablename__ = "budget_charges"
    __table_args__ = (Index("budget_charges_by_time", "tenant", "budget", "place", "charged_at"),)

    run: Mapped[str] = mapped_column(Text, primary_key=True)
    budget: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    millionths: Mapped[int] = mapped_column(BigInteger)
    charged_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConcurrencySlotRow(Tenanted):
    """A place that a run holds while it is under way; `place` as in the charges."""

    __tablename__ = "concurrency_slots"
    __table_args__ = (Index("concurrency_slots_by_place", "tenant", "limit_id", "place"),)

    run: Mapped[str] = mapped_column(Text, primary_key=True)
    limit_id: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class KillSwitchRow(Tenanted):
    """One turn of a kill switch; the highest number is how it stands. The tenant `*` is everyone."""

    __tablename__ = "kill_switches"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stopped: Mapped[bool]
    author: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class AssessmentRow(Tenanted):
    """The facts a verdict was given on, and the verdict."""

    __tablename__ = "assessments"
    __table_args__ = (Index("assessments_by_time", "tenant", "assessed_at"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    decision_id: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    verdict: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text)
    policy_digest: Mapped[str] = mapped_column(Text)
    assessed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelUsageRow(Tenanted):
    """What a tenant's language models have used in a period, with what is set aside for calls under way."""

    __tablename__ = "model_usage"

    period: Mapped[str] = mapped_column(Text, primary_key=True)
    tokens: Mapped[int] = mapped_column(BigInteger)
    cost_micros: Mapped[int] = mapped_column(BigInteger)


class ModelReservationRow(Tenanted):
    """What is set aside for one call to a language model until its cost is known."""

    __tablename__ = "model_reservations"

    call: Mapped[str] = mapped_column(Text, primary_key=True)
    period: Mapped[str] = mapped_column(Text)
    tokens: Mapped[int] = mapped_column(BigInteger)
    cost_micros: Mapped[int] = mapped_column(BigInteger)
    reserved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ModelAnswerRow(Tenanted):
    """A language model's answer, by the digest of all that it depends on."""

    __tablename__ = "model_answers"
    __table_args__ = (Index("model_answers_by_age", "tenant", "created_at"),)

    digest: Mapped[str] = mapped_column(Text, primary_key=True)
    answer: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MetricReadingRow(Tenanted):
    """A reading of a series, at a moment."""

    __tablename__ = "metric_readings"

    series: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    value: Mapped[float]


class ObservationRow(Tenanted):
    """A run's watch, and how far it has come: `readings` intervals, folded into `state`."""

    __tablename__ = "observations"

    run: Mapped[str] = mapped_column(Text, primary_key=True)
    watch: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[dict[str, Any]] = mapped_column(Json)
    readings: Mapped[int]
    observation: Mapped[dict[str, Any] | None] = mapped_column(Json)


class TrustOutcomeRow(Tenanted):
    """A decision as it was last assessed, and, once known, what became of it: `loss` from 0 to 1."""

    __tablename__ = "trust_outcomes"
    __table_args__ = (Index("trust_outcomes_by_kind", "tenant", "kind", "known_at"),)

    decision_id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    parts: Mapped[dict[str, Any]] = mapped_column(Json)
    confidence: Mapped[float]
    situation: Mapped[dict[str, Any]] = mapped_column(Json)
    alone: Mapped[bool]
    assessed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    loss: Mapped[float | None]
    known_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TrustReportRow(Tenanted):
    """The trust in force in one kind of decision: a `voicehive.autonomy.trust.report.TrustReport` as JSON."""

    __tablename__ = "trust_reports"

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    report: Mapped[dict[str, Any]] = mapped_column(Json)
