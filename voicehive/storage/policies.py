"""A tenant's policies: every version is kept, the highest is in force."""

from datetime import UTC, datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.entries import Draft, Kind, Personal
from voicehive.model import Model
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import PolicyRow


class StoredPolicy(Model):
    """One version: the document as its author wrote it (YAML), and the digest of what it means.

    `signature` is the author's over that digest, by the key whose public half is `signer`; None where it is unsigned.
    """

    version: int
    document: str
    digest: str
    author: str
    created_at: datetime
    signature: str | None = None
    signer: str | None = None


class Policies:
    """A tenant's policies, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def current(self) -> StoredPolicy | None:
        """The policy in force, or None before the first one."""
        newest = select(PolicyRow).where(PolicyRow.tenant == self._tenant).order_by(PolicyRow.version.desc()).limit(1)
        row = await self._session.scalar(newest)
        return _record(row) if row else None

    async def document(self) -> str | None:
        """Only the text of the policy in force: it is asked for before every step."""
        newest = select(PolicyRow.document).where(PolicyRow.tenant == self._tenant)
        return await self._session.scalar(newest.order_by(PolicyRow.version.desc()).limit(1))

    async def history(self, limit: int = 100) -> list[StoredPolicy]:
        """Its versions, the newest first."""
        of_tenant = select(PolicyRow).where(PolicyRow.tenant == self._tenant)
        rows = await self._session.scalars(of_tenant.order_by(PolicyRow.version.desc()).limit(limit))
        return [_record(row) for row in rows]

    async def get(self, version: int) -> StoredPolicy | None:
        """One version, or None."""
        row = await self._session.get(PolicyRow, (self._tenant, version))
        return _record(row) if row else None

    async def add(
        self, document: str, digest: str, author: str, signature: str | None = None, signer: str | None = None
    ) -> StoredPolicy:
        """Put a document in force as the next version, and append that to the tenant's audit log.

        The one already in force stays as it is.
        """
        while True:
            current = await self.current()
            if current and (current.digest, current.document, current.signature) == (digest, document, signature):
                return current
            policy = StoredPolicy(
                version=current.version + 1 if current else 1,
                document=document,
                digest=digest,
                author=author,
                created_at=datetime.now(UTC),
                signature=signature,
                signer=signer,
            )
            if await insert_if_absent(self._session, PolicyRow, {"tenant": self._tenant} | policy.model_dump()):
                await AuditLog(self._session, self._tenant).append([_audited(policy)])
                return policy


def _audited(policy: StoredPolicy) -> Draft:
    """The version, with the signature and the key that made it, so that it can be checked without this database."""
    body: dict[str, JsonValue] = {"version": policy.version, "policy": policy.digest, "signed": False}
    if policy.signature is not None:
        body |= {"signed": True, "signature": policy.signature, "signer": policy.signer}
    return Draft(
        kind=Kind.POLICY,
        body=body,
        personal={"author": Personal(subject=policy.author, value=policy.author)},
        key=f"policy/{policy.version}",
    )


def _record(row: PolicyRow) -> StoredPolicy:
    return StoredPolicy(
        version=row.version,
        document=row.document,
        digest=row.digest,
        author=row.author,
        created_at=row.created_at,
        signature=row.signature,
        signer=row.signer,
    )
