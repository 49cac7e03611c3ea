"""How far the runs that observe have come. The readings stay here, so that runs' histories need not carry them."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Text, case, cast, delete, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.outcomes.state import WatchState
from voicehive.autonomy.outcomes.watch import OutcomeWatch
from voicehive.model import Model
from voicehive.storage.database import get_or_insert, insert_if_absent, update_row
from voicehive.storage.tables import ObservationRow


class StoredObservation(Model):
    """A run's watch, and its state after `readings` intervals; `observation` is what was answered after the last."""

    watch: OutcomeWatch
    state: WatchState
    readings: int = 0
    observation: Observation | None = None


class Observations:
    """A tenant's observations, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def begin(self, run: str, begun: StoredObservation) -> bool:
        """Keep a run's watch, unless it has begun already; returns whether it is new."""
        return await insert_if_absent(self._session, ObservationRow, self._columns(run, begun))

    async def get(self, run: str) -> StoredObservation | None:
        """A run's observation as it stands."""
        of_run = select(ObservationRow).where(ObservationRow.tenant == self._tenant, ObservationRow.run == run)
        row = (await self._session.scalars(of_run)).one_or_none()
        if row is None:
            return None
        document = {
            "watch": row.watch,
            "state": row.state,
            "readings": row.readings,
            "observation": row.observation,
        }
        return StoredObservation.model_validate_json(json.dumps(document))

    async def advance(self, run: str, stood: int, advanced: StoredObservation) -> bool:
        """Keep it as it stands now, unless somebody has done so since it stood at `stood` intervals."""
        columns = self._columns(run, advanced)
        row = await get_or_insert(self._session, ObservationRow, columns)
        if row["readings"] != stood:
            return False
        changed = {name: columns[name] for name in ("state", "readings", "observation")}
        await update_row(self._session, ObservationRow, row, **changed)
        return True

    async def prune(self, before: datetime, most: int = 500) -> int:
        """Remove at most so many whose window ended before a time, the longest ended first; returns how many.

        One without a reading yet counts from its beginning, so `before` must lie further back than any window is long.
        """
        over = func.coalesce(
            self._moment(ObservationRow.observation, "until"), self._moment(ObservationRow.state, "started_at")
        )
        ended = select(ObservationRow.run).where(ObservationRow.tenant == self._tenant, over < _written(before))
        old = list(await self._session.scalars(ended.order_by(over, ObservationRow.run).limit(most)))
        if old:
            these = (ObservationRow.tenant == self._tenant, ObservationRow.run.in_(old))
            await self._session.execute(delete(ObservationRow).where(*these))
        return len(old)

    def _moment(self, column: InstrumentedAttribute[Any], field: str) -> ColumnElement[str]:
        """A time in a document, as it is written there; NULL where PostgreSQL cannot look into the document."""
        if self._session.get_bind().dialect.name == "sqlite":
            return type_coerce(column, JSON)[field].as_string()
        text = type_coerce(column, Text)
        return case((text.contains(r"\u0000", autoescape=True), None), else_=cast(column, JSON)[field].as_string())

    def _columns(self, run: str, stands: StoredObservation) -> dict[str, Any]:
        return {"tenant": self._tenant, "run": run, **stands.model_dump(mode="json")}


def _written(time: datetime) -> str:
    """As models write it, in UTC; such texts are in the order of their times, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
