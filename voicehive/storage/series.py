"""Series of a tenant's own readings: one value a moment, the newest word for it counts."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.database import Database
from voicehive.storage.tables import MetricReadingRow

_ROWS_AT_ONCE = 1_000


class Series:
    """A tenant's series, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def put(self, series: str, readings: Iterable[tuple[datetime, float]]) -> None:
        """Add readings; one of a moment that has a reading takes its place."""
        values = dict(readings)
        rows = [{"tenant": self._tenant, "series": series, "at": at, "value": value} for at, value in values.items()]
        insert = postgresql.insert if self._session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(MetricReadingRow)
        key = ["tenant", "series", "at"]
        statement = statement.on_conflict_do_update(index_elements=key, set_={"value": statement.excluded.value})
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            await self._session.execute(statement, rows[first : first + _ROWS_AT_ONCE])

    async def between(self, series: str, start: datetime, end: datetime) -> list[tuple[datetime, float]]:
        """The readings from `start` to `end`, both included, oldest first."""
        rows = await self._session.execute(
            select(MetricReadingRow.at, MetricReadingRow.value)
            .where(MetricReadingRow.tenant == self._tenant, MetricReadingRow.series == series)
            .where(MetricReadingRow.at >= start, MetricReadingRow.at <= end)
            .order_by(MetricReadingRow.at)
        )
        return [(at, value) for at, value in rows]

    async def newest(self, series: str, limit: int) -> list[tuple[datetime, float]]:
        """The newest readings, oldest first."""
        rows = await self._session.execute(
            select(MetricReadingRow.at, MetricReadingRow.value)
            .where(MetricReadingRow.tenant == self._tenant, MetricReadingRow.series == series)
            .order_by(MetricReadingRow.at.desc())
            .limit(limit)
        )
        return [(at, value) for at, value in reversed(rows.all())]


class StoredSeries:
    """A tenant's series as a source of metrics (`voicehive.autonomy.outcomes.reading.SeriesStore`)."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    async def read_series(self, series: str, start: datetime, end: datetime) -> list[tuple[datetime, float | None]]:
        """The readings from `start` to `end`, both included, oldest first."""
        async with self._database.reading() as session:
            return [*await Series(session, self._tenant).between(series, start, end)]
