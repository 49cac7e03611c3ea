"""What became of decisions, and the trust that was measured on it. Each change is audited in its own transaction."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.entries import Draft, Kind
from voicehive.autonomy.trust.errors import OutcomeRefused
from voicehive.autonomy.trust.in_force import KnownCases, Trust
from voicehive.autonomy.trust.outcome import AssessedCase, Outcome
from voicehive.autonomy.trust.report import TrustReport
from voicehive.autonomy.trust.withdrawal import RiskMonitor
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import get_or_insert, update_row
from voicehive.storage.tables import TrustOutcomeRow, TrustReportRow

_SITUATIONS = 500
"""Situations read for one verdict at most, the most recent."""


class HistoryExtent(NamedTuple):
    """How many outcomes of a kind are known, the sum of their losses, and when the last became known.

    A loss that is known can only become greater, so a history that grew, worsened or was pruned has another extent.
    """

    outcomes: int
    loss: float
    newest: datetime | None


class TrustOutcomes:
    """A tenant's outcomes and reports, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def assessed(self, case: AssessedCase) -> bool:
        """Keep a case, in place of how it was assessed before, until its outcome is known; returns whether it was.

        A later run under the same id as one whose outcome is known is not kept: people name decisions by that id.
        """
        columns = {"tenant": self._tenant, "loss": None, "known_at": None} | case.model_dump()
        row = await get_or_insert(self._session, TrustOutcomeRow, columns)
        if row["loss"] is not None:
            return False
        changed = {name: value for name, value in columns.items() if name not in ("tenant", "decision_id")}
        await update_row(self._session, TrustOutcomeRow, row, **changed)
        return True

    async def record(self, decision_id: str, loss: float, at: datetime) -> Outcome:
        """Keep what became of a decision; if it ran alone, the monitor of its kind folds it in at once.

        The same loss given again changes nothing. Of two words the worse counts: what an observation found good may
        turn out to have done harm. The monitor has then seen the better one, and folds in what it is worse by as one
        more outcome.

        Raises:
            OutcomeRefused: no such decision was assessed, or a greater loss is recorded.
        """
        key = (self._tenant, decision_id)
        row = await self._session.get(TrustOutcomeRow, key, with_for_update=True, populate_existing=True)
        if row is None:
            raise OutcomeRefused(f"decision {decision_id!r}: no verdict on it is known for tenant {self._tenant!r}")
        before = row.loss
        if before is not None and before > loss:
            raise OutcomeRefused(f"decision {decision_id!r}: its outcome was recorded before, with loss {before:g}")
        if before != loss:
            row.loss, row.known_at = loss, at
            await self._session.flush()
            key = f"trust/outcome/{decision_id}" + ("" if before is None else f"/{loss!r}")
            await self._audit(key, {"kind": row.kind, "loss": loss}, decision_id)
            if row.alone:
                await self._update(row.kind, lambda report: report.observed(loss - (before or 0.0)))
        return _outcome(row)

    async def unknown(self, kind: str) -> int:
        """How many decisions of a kind were kept whose outcome nobody knows, such as those observed as unclear."""
        table = TrustOutcomeRow
        of_kind = (table.tenant == self._tenant, table.kind == kind, table.loss.is_(None))
        return await self._session.scalar(select(func.count()).where(*of_kind)) or 0

    async def of_kind(self, kind: str) -> tuple[Outcome, ...]:
        """Every outcome known of a kind of decision, in the order they became known."""
        rows = await self._session.scalars(
            select(TrustOutcomeRow)
            .where(TrustOutcomeRow.tenant == self._tenant, TrustOutcomeRow.kind == kind)
            .where(TrustOutcomeRow.loss.is_not(None))
            .order_by(TrustOutcomeRow.known_at, TrustOutcomeRow.decision_id)
        )
        return tuple(map(_outcome, rows))

    async def kinds(self) -> tuple[str, ...]:
        """The kinds of decision that were ever assessed, sorted."""
        of_tenant = select(TrustOutcomeRow.kind).where(TrustOutcomeRow.tenant == self._tenant)
        return tuple(await self._session.scalars(of_tenant.distinct().order_by(TrustOutcomeRow.kind)))

    async def report(self, kind: str) -> TrustReport | None:
        """What is in force for a kind; None where nothing was measured."""
        of_kind = select(TrustReportRow).where(TrustReportRow.tenant == self._tenant, TrustReportRow.kind == kind)
        row = (await self._session.scalars(of_kind)).one_or_none()
        return None if row is None else _report(row.report)

    async def trust(self, kind: str) -> Trust:
        """What a verdict needs: the history of a kind, and what was measured on it."""
        return await self.trust_with(kind, await self.known_cases(kind, await self.extent(kind)))

    async def trust_with(self, kind: str, known: KnownCases) -> Trust:
        """The same, with a history that was read before."""
        report = await self.report(kind)
        return Trust(known=known, measured=None if report is None else report.measured)

    async def extent(self, kind: str) -> HistoryExtent:
        """How far the history of a kind goes: cheap to ask, and as long as it is the same, so is the history."""
        known = self._known(kind)
        told = select(func.count(), func.sum(TrustOutcomeRow.loss), func.max(TrustOutcomeRow.known_at)).where(*known)
        count, total, newest = (await self._session.execute(told)).one()
        return HistoryExtent(count, float(total or 0.0), newest)

    async def known_cases(self, kind: str, extent: HistoryExtent) -> KnownCases:
        """The history of a kind, which goes as far as `extent` says."""
        newest = select(TrustOutcomeRow.situation).where(*self._known(kind)).order_by(TrustOutcomeRow.known_at.desc())
        situations = list(await self._session.scalars(newest.limit(_SITUATIONS)))
        right = max(extent.outcomes - extent.loss, 0.0)
        return KnownCases(right=right, wrong=extent.loss, situations=tuple(reversed(situations)))

    def _known(self, kind: str) -> tuple[ColumnElement[bool], ...]:
        table = TrustOutcomeRow
        return table.tenant == self._tenant, table.kind == kind, table.loss.is_not(None)

    async def put_report(self, report: TrustReport, *, begin_anew: bool = False) -> TrustReport:
        """Put a report in force. The monitor that runs goes on, with what it saw while the report was being fitted.

        Another begins where the promise changed, or where a person says so; what was withdrawn takes that person.
        """
        columns: dict[str, Any] = {
            "tenant": self._tenant,
            "kind": report.kind,
            "report": report.model_dump(mode="json"),
        }
        row = await get_or_insert(self._session, TrustReportRow, columns)
        running = _report(row["report"]).monitor
        if not begin_anew and (running.withdrawn or _watches_the_same(running, report.monitor)):
            report = report.model_copy(update={"monitor": running})
        await update_row(self._session, TrustReportRow, row, report=report.model_dump(mode="json"))
        said = {
            "kind": report.kind,
            "at": report.at.isoformat(),
            "threshold": report.threshold,
            "reason": report.reason,
            "begun_anew": begin_anew,
        }
        await self._audit(f"trust/report/{report.kind}/{report.at.isoformat()}", said)
        return report

    async def _update(self, kind: str, change: Callable[[TrustReport], TrustReport]) -> None:
        row = await self._session.get(
            TrustReportRow, (self._tenant, kind), with_for_update=True, populate_existing=True
        )
        if row is None:
            return
        before = _report(row.report)
        after = change(before)
        row.report = after.model_dump(mode="json")
        await self._session.flush()
        if after.monitor.withdrawn and not before.monitor.withdrawn:
            said = {"kind": kind, "threshold": None, "reason": after.reason}
            await self._audit(f"trust/withdrawn/{kind}/{before.at.isoformat()}", said)

    async def _audit(self, key: str, body: dict[str, Any], decision_id: str | None = None) -> None:
        draft = Draft(kind=Kind.TRUST, body=body, decision_id=decision_id, key=key)
        await AuditLog(self._session, self._tenant).append([draft])


def _watches_the_same(running: RiskMonitor, begun: RiskMonitor) -> bool:
    return (running.alpha, running.level) == (begun.alpha, begun.level)


def _report(document: dict[str, Any]) -> TrustReport:
    return TrustReport.model_validate_json(json.dumps(document))


def _outcome(row: TrustOutcomeRow) -> Outcome:
    return Outcome(
        decision_id=row.decision_id,
        kind=row.kind,
        parts=row.parts,
        confidence=row.confidence,
        loss=cast(float, row.loss),
        at=cast(datetime, row.known_at),
    )
