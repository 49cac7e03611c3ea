"""The audit log of a tenant: entries, the Merkle tree over them, its signed heads, and proofs.

Entries are appended in the caller's transaction, so that a change and its entry commit together or not at all. The
tree's row is locked for that until the transaction ends: entries get their numbers without gaps, in the order in which
their transactions commit. So append last: whatever comes after it keeps the tenant's other writers waiting.

Each entry's row also holds the nodes of the tree that it completes (`voicehive.audit.merkle`). Against tiles
(c2sp.org/tlog-tiles) this needs no further row, and no rewriting of a last, partial tile for every small append;
against a table of nodes it halves the rows. A proof is one query by primary key for at most two entries a level.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.checkpoints import Checkpoint, origin_of, sign_checkpoint
from voicehive.audit.entries import Draft, Kind, Sealed, render_leaves
from voicehive.audit.errors import OutOfRange
from voicehive.audit.keys import NOTE, SigningKey
from voicehive.audit.merkle import (
    Frontier,
    Node,
    complete_subtrees,
    consistency_path,
    hash_leaf,
    inclusion_path,
    join_subtrees,
    split_hashes,
)
from voicehive.audit.notes import Note, NoteSignature
from voicehive.audit.sealing import seal
from voicehive.storage.audit_subject_keys import AuditSubjectKeys
from voicehive.storage.database import get_or_insert, insert_if_absent, update_row
from voicehive.storage.tables import AuditEntryRow, AuditHeadRow, AuditTreeRow

_ROWS_AT_ONCE = 1_000
_ROWS_IN_ONE_INSERT = 50
_COLUMNS = ("tenant", "sequence", "nodes", "leaf", "decision_id", "key")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored: its number, its leaf, and the nodes of the tree that it completes, joined."""

    index: int
    leaf: str
    nodes: bytes


@dataclass(frozen=True)
class Erasure:
    """What an erasure destroyed, and the entry that records it."""

    subject_key: str
    index: int


class AuditLog:
    """A tenant's audit log, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def append(self, drafts: Sequence[Draft], now: datetime | None = None) -> list[int]:
        """Record these, in this order and at the time `now`, and return the number of each.

        A draft whose `key` was recorded before is not recorded again: the number is that of the first.

        Raises:
            ValueError: a number in a body is not finite, or `now` has no time zone.
        """
        if not drafts:
            return []
        row = await self._lock()
        frontier = _frontier(row)
        numbers, new = await self._number(drafts, frontier.size)
        if new:
            await self._write(row, frontier, new, _utc(now))
        return numbers

    async def erase(self, subject: str, reason: str = "", now: datetime | None = None) -> Erasure | None:
        """Destroy a subject's key, so that no sealed field about the subject can ever be read again, and record that.

        None where the subject has no key. `reason` is kept for ever and must hold nothing personal. Call
        `purge_destroyed_keys` after the transaction.
        """
        await self._lock()
        keys = AuditSubjectKeys(self._session, self._tenant)
        if (key_id := await keys.id_of(subject)) is None:
            return None
        (index,) = await self.append([Draft(kind=Kind.ERASURE, body={"subject_key": key_id, "reason": reason})], now)
        await keys.destroy(key_id, index)
        return Erasure(key_id, index)

    async def frontier(self) -> Frontier:
        """The tree as it stands."""
        table = cast(Table, AuditTreeRow.__table__)
        row = (await self._session.execute(select(table).where(table.c.tenant == self._tenant))).mappings().first()
        return _frontier(dict(row)) if row else Frontier()

    async def entries(self, start: int = 0, end: int | None = None) -> AsyncGenerator[StoredEntry]:
        """The entries from `start` to before `end`, a thousand at a time."""
        stop = (await self.frontier()).size if end is None else end
        columns = select(AuditEntryRow.sequence, AuditEntryRow.leaf, AuditEntryRow.nodes)
        mine = columns.where(AuditEntryRow.tenant == self._tenant).order_by(AuditEntryRow.sequence)
        for first in range(start, stop, _ROWS_AT_ONCE):
            last = min(first + _ROWS_AT_ONCE, stop)
            some = mine.where(AuditEntryRow.sequence >= first, AuditEntryRow.sequence < last)
            for row in (await self._session.execute(some)).all():
                yield StoredEntry(*row)

    async def of_decision(self, decision_id: str) -> list[StoredEntry]:
        """Everything recorded about a decision, in order."""
        columns = select(AuditEntryRow.sequence, AuditEntryRow.leaf, AuditEntryRow.nodes)
        mine = columns.where(AuditEntryRow.tenant == self._tenant, AuditEntryRow.decision_id == decision_id)
        return [StoredEntry(*row) for row in (await self._session.execute(mine.order_by(AuditEntryRow.sequence))).all()]

    async def root(self, size: int) -> bytes:
        """The root of the tree as it was with `size` entries.

        Raises:
            OutOfRange: there are fewer.
        """
        return (await self._hashes([complete_subtrees(0, size)]))[0]

    async def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Shows that entry `index` is in the tree of `size` entries (RFC 6962, section 2.1.1).

        Raises:
            OutOfRange: the index is not below the size, or there are fewer entries.
        """
        if not 0 <= index < size:
            raise OutOfRange(f"entry {index} is not among the first {size}; the entries count from 0")
        return await self._hashes(inclusion_path(index, size), size)

    async def consistency_proof(self, old_size: int, size: int) -> list[bytes]:
        """Shows that the tree of `size` entries begins with that of `old_size` (RFC 6962, section 2.1.2).

        Raises:
            OutOfRange: the old size is larger, or there are fewer entries.
        """
        if not 0 <= old_size <= size:
            raise OutOfRange(f"a log of {size} entries continues no log of {old_size}")
        return await self._hashes(consistency_path(old_size, size), size)

    async def sign_head(self, key: SigningKey, now: datetime | None = None) -> Note:
        """Sign the head of the log as it stands and keep it; a size that was signed before keeps its head.

        Raises:
            NoteInvalid: the tenant's name cannot name a log.
        """
        frontier = await self.frontier()
        checkpoint = Checkpoint(origin_of(key.name, self._tenant), frontier.size, frontier.root())
        note = sign_checkpoint(checkpoint, key, _utc(now))
        values = {"tenant": self._tenant, "size": frontier.size, "note": str(note)}
        if await insert_if_absent(self._session, AuditHeadRow, values):
            return note
        row = await self._head_row(frontier.size)
        kept = Note.parse(row.note)
        if kept.text == note.text and kept.signatures_by(key.name, key.verifying.key_id(NOTE)):
            return kept
        # The key was replaced since: under the same origin its signatures go beside the old ones.
        row.note = str(kept.with_signatures(*note.signatures) if kept.text == note.text else note)
        await self._session.flush()
        return Note.parse(row.note)

    async def add_cosignatures(self, size: int, signatures: Iterable[NoteSignature]) -> Note:
        """Keep witnesses' signatures, which the caller has verified, with the head of this size.

        Raises:
            OutOfRange: no head of this size was signed.
        """
        row = await self._head_row(size)
        note = Note.parse(row.note).with_signatures(*signatures)
        row.note = str(note)
        await self._session.flush()
        return note

    async def heads(self) -> list[tuple[int, Note]]:
        """Every signed head with its size, the smallest first."""
        rows = select(AuditHeadRow.size, AuditHeadRow.note).where(AuditHeadRow.tenant == self._tenant)
        found = (await self._session.execute(rows.order_by(AuditHeadRow.size))).all()
        return [(size, Note.parse(note)) for size, note in found]

    async def _head_row(self, size: int) -> AuditHeadRow:
        row = await self._session.get(AuditHeadRow, (self._tenant, size), with_for_update=True, populate_existing=True)
        if row is None:
            raise OutOfRange(f"no head of {size} entries was signed; sign one with `voicehive audit head`")
        return row

    async def _lock(self) -> dict[str, Any]:
        return await get_or_insert(self._session, AuditTreeRow, {"tenant": self._tenant, "size": 0, "peaks": b""})

    async def _number(self, drafts: Sequence[Draft], first: int) -> tuple[list[int], Sequence[Draft]]:
        """The number of each draft, and the drafts that are to be recorded, which get those from `first` on."""
        keys = [draft.key for draft in drafts if draft.key is not None]
        if not keys:
            return list(range(first, first + len(drafts))), drafts
        recorded = await self._recorded(keys)
        numbers: list[int] = []
        new: list[Draft] = []
        for draft in drafts:
            number = None if draft.key is None else recorded.get(draft.key)
            if number is None:
                number = first + len(new)
                new.append(draft)
                if draft.key is not None:
                    recorded[draft.key] = number
            numbers.append(number)
        return numbers, new

    async def _recorded(self, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(keys), _ROWS_AT_ONCE):
            some = keys[start : start + _ROWS_AT_ONCE]
            columns = select(AuditEntryRow.key, AuditEntryRow.sequence)
            where = columns.where(AuditEntryRow.tenant == self._tenant, AuditEntryRow.key.in_(some))
            found |= {cast(str, key): sequence for key, sequence in (await self._session.execute(where)).all()}
        return found

    async def _write(self, row: dict[str, Any], frontier: Frontier, drafts: Sequence[Draft], now: datetime) -> None:
        sealed = await self._seal(frontier.size, drafts)
        leaves = render_leaves(self._tenant, frontier.size, now, drafts, sealed)
        grown, completed = frontier.extend([hash_leaf(leaf.encode()) for leaf in leaves])
        rows = [
            (self._tenant, index, nodes, leaf, draft.decision_id, draft.key)
            for index, (draft, leaf, nodes) in enumerate(zip(drafts, leaves, completed, strict=True), frontier.size)
        ]
        await self._insert(rows)
        await update_row(self._session, AuditTreeRow, row, size=grown.size, peaks=b"".join(grown.peaks))

    async def _insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        # Many rows to a statement: SQLite's driver takes a third longer where each row is bound and run alone.
        whole = len(rows) - len(rows) % _ROWS_IN_ONE_INSERT
        blocks = [
            tuple(chain.from_iterable(rows[start : start + _ROWS_IN_ONE_INSERT]))
            for start in range(0, whole, _ROWS_IN_ONE_INSERT)
        ]
        for number, parameters in ((_ROWS_IN_ONE_INSERT, blocks), (1, rows[whole:])):
            if parameters:
                values = ", ".join([f"({_marks(len(_COLUMNS))})"] * number)
                await self._execute(f"INSERT INTO audit_entries ({', '.join(_COLUMNS)}) VALUES {values}", parameters)

    async def _seal(self, first: int, drafts: Sequence[Draft]) -> dict[int, dict[str, Sealed]]:
        having = [(index, draft) for index, draft in enumerate(drafts, start=first) if draft.personal]
        if not having:
            return {}
        subjects = {personal.subject for _, draft in having for personal in draft.personal.values()}
        keys = await AuditSubjectKeys(self._session, self._tenant).get_or_create(subjects)
        return {
            index: {
                field: seal(personal.value, keys[personal.subject], self._tenant, index, field)
                for field, personal in draft.personal.items()
            }
            for index, draft in having
        }

    async def _hashes(self, path: Sequence[Sequence[Node]], size: int = 0) -> list[bytes]:
        """The hash of each place, from the nodes that the entries hold; also checks that the log has `size` entries."""
        wanted = sorted({node.last_leaf for place in path for node in place}.union([size - 1] if size else []))
        query = f"SELECT sequence, nodes FROM audit_entries WHERE tenant = ? AND sequence IN ({_marks(len(wanted))})"
        nodes = dict(await self._fetch(query, (self._tenant, *wanted))) if wanted else {}
        if missing := [index for index in wanted if index not in nodes]:
            raise OutOfRange(f"the log of tenant {self._tenant} has no entry {missing[-1]}; it is shorter than that")
        return [join_subtrees([node.cut(nodes[node.last_leaf]) for node in place]) for place in path]

    # Both go straight to the driver, for they are measured: SQLAlchemy's own part of an insert of many rows takes
    # as long as SQLite's, and its part of a proof's query three times as long, because it passes each of a cursor's
    # four steps to the connection's thread alone.

    async def _execute(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        connection = await self._session.connection()
        if connection.dialect.name == "postgresql":
            statement = statement.replace("?", "%s")
        await connection.exec_driver_sql(statement, cast(Any, rows))

    async def _fetch(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[int, bytes]]:
        connection = await self._session.connection()
        if connection.dialect.name == "postgresql":
            result = await connection.exec_driver_sql(query.replace("?", "%s"), parameters)
            return cast(list[tuple[int, bytes]], result.all())
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return list(await driver.execute_fetchall(query, parameters))


def _marks(number: int) -> str:
    return ", ".join("?" * number)


def _frontier(row: dict[str, Any]) -> Frontier:
    return Frontier(row["size"], split_hashes(row["peaks"]))


def _utc(now: datetime | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
    if now.tzinfo is None:
        raise ValueError(f"{now.isoformat()} has no time zone; give one, such as datetime.now(UTC)")
    return now.astimezone(UTC)
