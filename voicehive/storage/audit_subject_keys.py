"""The keys that personal fields of the audit log are sealed with: one for each person, until it is destroyed."""

from collections.abc import Collection, Iterable
from typing import Any, cast

from sqlalchemy import CursorResult, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.errors import PurgeBlocked
from voicehive.audit.sealing import SubjectKey
from voicehive.storage.database import Database
from voicehive.storage.tables import AuditSubjectKeyRow

_IDS_IN_ONE_QUERY = 500


class AuditSubjectKeys:
    """A tenant's keys, within the caller's transaction, which must hold the audit log's lock to change any."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def get_or_create(self, subjects: Collection[str]) -> dict[str, SubjectKey]:
        """The key of each subject, made for those who have none."""
        keys = await self._by_subject(subjects)
        made = {subject: SubjectKey.generate() for subject in subjects if subject not in keys}
        if made:
            rows = [
                {"tenant": self._tenant, "id": key.id, "subject": subject, "secret": key.secret}
                for subject, key in made.items()
            ]
            await self._session.execute(insert(AuditSubjectKeyRow), rows)
        return keys | made

    async def find(self, ids: Collection[str]) -> dict[str, SubjectKey | int | None]:
        """By id: the key; for a destroyed one the index of the entry that records its erasure; None if unknown."""
        found: dict[str, SubjectKey | int | None] = dict.fromkeys(ids)
        for some in _chunks(ids):
            columns = select(AuditSubjectKeyRow.id, AuditSubjectKeyRow.secret, AuditSubjectKeyRow.erased_by)
            where = columns.where(AuditSubjectKeyRow.tenant == self._tenant, AuditSubjectKeyRow.id.in_(some))
            for key_id, secret, erased_by in await self._session.execute(where):
                found[key_id] = erased_by if secret is None else SubjectKey(id=key_id, secret=secret)
        return found

    async def id_of(self, subject: str) -> str | None:
        """The id of a subject's key; None where there is none, or none any more."""
        where = select(AuditSubjectKeyRow.id).where(AuditSubjectKeyRow.tenant == self._tenant)
        return await self._session.scalar(where.where(AuditSubjectKeyRow.subject == subject))

    async def destroy(self, key_id: str, erased_by: int) -> bool:
        """Destroy a key and forget whose it was; whether it was still there.

        The bytes may stand in the database's files until `purge_destroyed_keys` has run.
        """
        if self._session.get_bind().dialect.name == "sqlite":
            await self._session.execute(text("PRAGMA secure_delete=ON"))  # overwrites what an update or delete frees
        statement = (
            update(AuditSubjectKeyRow)
            .where(AuditSubjectKeyRow.tenant == self._tenant, AuditSubjectKeyRow.id == key_id)
            .where(AuditSubjectKeyRow.erased_by.is_(None))
            .values(subject=None, secret=None, erased_by=erased_by)
        )
        return cast(CursorResult[Any], await self._session.execute(statement)).rowcount == 1

    async def _by_subject(self, subjects: Collection[str]) -> dict[str, SubjectKey]:
        found: dict[str, SubjectKey] = {}
        for some in _chunks(subjects):
            columns = select(AuditSubjectKeyRow.subject, AuditSubjectKeyRow.id, AuditSubjectKeyRow.secret)
            where = columns.where(AuditSubjectKeyRow.tenant == self._tenant, AuditSubjectKeyRow.subject.in_(some))
            for subject, key_id, secret in await self._session.execute(where):
                found[str(subject)] = SubjectKey(id=key_id, secret=cast(bytes, secret))
        return found


async def purge_destroyed_keys(database: Database, attempts: int = 3) -> None:
    """Remove what destroyed keys have left in the database's own files, once the erasure is committed.

    SQLite: the write-ahead log is written back and emptied; each attempt waits for readers as long as any statement
    does (`BUSY_TIMEOUT_SECONDS`). PostgreSQL: the table is vacuumed. Backups, replicas and archived logs are beyond
    this; they keep a destroyed key for as long as they are kept.

    Raises:
        PurgeBlocked: somebody was still reading the SQLite file at the last attempt.
    """
    async with database.reading() as session:
        if session.get_bind().dialect.name == "sqlite":
            await _empty_write_ahead_log(session, attempts)
            return
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text(f"VACUUM {AuditSubjectKeyRow.__tablename__}"))


async def _empty_write_ahead_log(session: AsyncSession, attempts: int) -> None:
    for _ in range(attempts):
        # Its row: whether it was blocked, the frames in the log, and how many of them were written back.
        blocked, _, _ = (await session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()
        if not blocked:
            return
    raise PurgeBlocked(
        "the key is destroyed, but its bytes may still stand in the database's -wal file, because another connection "
        "is reading an older state: end it (a long export, a backup, an open SQLite shell), then erase the same "
        "subject again, which empties the file also where nothing is left to destroy"
    )


def _chunks(names: Iterable[str]) -> Iterable[list[str]]:
    distinct = sorted(set(names))
    for start in range(0, len(distinct), _IDS_IN_ONE_QUERY):
        yield distinct[start : start + _IDS_IN_ONE_QUERY]
