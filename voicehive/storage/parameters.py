"""Parameters of a deployment, each with a version that only ever grows."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import get_or_insert, update_row
from voicehive.storage.errors import VersionConflict
from voicehive.storage.tables import ParameterRow


class Parameter(Model):
    """A value and its version. A value of None is absence; version 0 means that it never existed."""

    deployment: str
    name: str
    value: JsonValue = None
    version: int = 0
    updated_at: datetime | None = None


class ParameterChange(Model):
    """What a `set` replaced, and what holds since."""

    earlier: Parameter
    current: Parameter


class Parameters:
    """A tenant's parameters, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def get(self, deployment: str, name: str) -> Parameter:
        """The parameter as it stands; absent ones have the value None."""
        row = await self._session.get(ParameterRow, (self._tenant, deployment, name))
        return _record(row) if row else Parameter(deployment=deployment, name=name)

    async def get_all(self, deployment: str, names: Iterable[str]) -> dict[str, Parameter]:
        """The parameters of these names as they stand, absent ones included, in one query."""
        wanted = list(names)
        rows = await self._session.scalars(
            select(ParameterRow)
            .where(ParameterRow.tenant == self._tenant, ParameterRow.deployment == deployment)
            .where(ParameterRow.name.in_(wanted))
        )
        absent = {name: Parameter(deployment=deployment, name=name) for name in wanted}
        return absent | {row.name: _record(row) for row in rows}

    async def list(self, deployment: str) -> list[Parameter]:
        """All parameters that are present, by name."""
        rows = await self._session.scalars(
            select(ParameterRow)
            .where(ParameterRow.tenant == self._tenant, ParameterRow.deployment == deployment)
            .where(ParameterRow.value.is_not(None))
            .order_by(ParameterRow.name)
        )
        return [_record(row) for row in rows]

    async def set(
        self, deployment: str, name: str, value: JsonValue, expected_version: int | None = None
    ) -> ParameterChange:
        """Give it a value (None removes it), if it is still at the expected version where one is given.

        Raises:
            VersionConflict: it is at another version.
        """
        absent = {
            "tenant": self._tenant,
            "deployment": deployment,
            "name": name,
            "version": 0,
            "updated_at": datetime.now(UTC),
        }
        row = await get_or_insert(self._session, ParameterRow, absent)
        version, now = row["version"], datetime.now(UTC)
        if expected_version not in (None, version):
            raise VersionConflict(f"parameter {name!r} of {deployment!r}", expected_version, version)
        await update_row(self._session, ParameterRow, row, value=value, version=version + 1, updated_at=now)
        place = {"deployment": deployment, "name": name}
        since = row["updated_at"] if version else None
        return ParameterChange(
            earlier=Parameter(**place, value=row["value"], version=version, updated_at=since),
            current=Parameter(**place, value=value, version=version + 1, updated_at=now),
        )


def _record(row: ParameterRow) -> Parameter:
    updated_at = row.updated_at if row.version else None
    return Parameter(
        deployment=row.deployment, name=row.name, value=row.value, version=row.version, updated_at=updated_at
    )
