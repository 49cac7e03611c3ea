"""Results too large for a workflow's history, by the digest of what they answer."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import ResultRow


class Results:
    """A tenant's results, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def put(self, digest: str, kind: str, document: bytes, *, pinned: bool = True) -> None:
        """Keep a document; the first one under a digest and kind stays, so that what was read once never changes.

        One that is not `pinned` is kept until `discard`; pinned later, it stays.
        """
        identity = {"tenant": self._tenant, "digest": digest, "kind": kind}
        values = {"document": document, "created_at": datetime.now(UTC), "pinned": pinned}
        if not await insert_if_absent(self._session, ResultRow, identity | values) and pinned:
            await self.pin(digest, kind)

    async def pin(self, digest: str, kind: str) -> bool:
        """Keep a document for good; whether there is one."""
        this = (ResultRow.tenant == self._tenant, ResultRow.digest == digest, ResultRow.kind == kind)
        pinned = update(ResultRow).where(*this).values(pinned=True).returning(ResultRow.digest)
        return await self._session.scalar(pinned) is not None

    async def get(self, digest: str, kind: str) -> bytes | None:
        """The document, or None."""
        row = await self._session.get(ResultRow, (self._tenant, digest, kind))
        return row.document if row else None

    async def discard(self, digests: Iterable[str], kind: str) -> None:
        """Remove those of the documents that are not pinned."""
        these = (ResultRow.tenant == self._tenant, ResultRow.digest.in_(list(digests)), ResultRow.kind == kind)
        await self._session.execute(delete(ResultRow).where(*these, ResultRow.pinned.is_(False)))
