"""Checkpoints: what a run that is under way needs again if a worker dies, and nobody needs once it has ended."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import CheckpointRow

LEFT_BEHIND = timedelta(days=30)
"""What is older belongs to a run that was terminated, or was written by an attempt that was believed dead."""


class Checkpoints:
    """One run's checkpoints, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str, owner: str) -> None:
        self._session = session
        self._tenant = tenant
        self._owner = owner

    async def put(self, document: bytes) -> str:
        """Keep a document; returns its SHA-256 in hexadecimal digits, under which it is found again."""
        digest = hashlib.sha256(document).hexdigest()
        identity = {"tenant": self._tenant, "owner": self._owner, "digest": digest}
        values = {"document": document, "created_at": datetime.now(UTC)}
        await insert_if_absent(self._session, CheckpointRow, identity | values)
        return digest

    async def get(self, digest: str) -> bytes | None:
        """The document, or None."""
        row = await self._session.get(CheckpointRow, (self._tenant, self._owner, digest))
        return row.document if row else None

    async def keep(self, digests: Iterable[str]) -> None:
        """Remove all of this run's documents but these, and whatever ended runs of the tenant left behind."""
        mine = (CheckpointRow.tenant == self._tenant, CheckpointRow.owner == self._owner)
        await self._session.execute(delete(CheckpointRow).where(*mine, CheckpointRow.digest.not_in(list(digests))))
        old = (CheckpointRow.tenant == self._tenant, CheckpointRow.created_at < datetime.now(UTC) - LEFT_BEHIND)
        await self._session.execute(delete(CheckpointRow).where(*old, CheckpointRow.owner != self._owner))
