"""Results too large for a workflow's history, by the digest of what they answer."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import ResultRow


class Results:
    """A tenant's results, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def put(self, digest: str, kind: str, document: bytes) -> None:
        """Keep a document; the first one under a digest and kind stays, so that what was read once never changes."""
        identity = {"tenant": self._tenant, "digest": digest, "kind": kind}
        await insert_if_absent(
            self._session, ResultRow, identity | {"document": document, "created_at": datetime.now(UTC)}
        )

    async def get(self, digest: str, kind: str) -> bytes | None:
        """The document, or None."""
        row = await self._session.get(ResultRow, (self._tenant, digest, kind))
        return row.document if row else None
