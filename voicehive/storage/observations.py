"""How far the runs that observe have come. The readings stay here, so that runs' histories need not carry them."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

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

    def _columns(self, run: str, stands: StoredObservation) -> dict[str, Any]:
        return {"tenant": self._tenant, "run": run, **stands.model_dump(mode="json")}
