"""Exports a tenant's audit log, as a file that `voicehive.audit.verification` verifies with no database."""

from collections.abc import AsyncGenerator, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.entries import Entry
from voicehive.audit.errors import OutOfRange
from voicehive.audit.export_lines import Erased, ExportLines, Withheld
from voicehive.audit.sealing import Disclosure, SubjectKey, open_sealed
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.audit_subject_keys import AuditSubjectKeys

_ENTRIES_AT_ONCE = 1_000


async def export_lines(session: AsyncSession, tenant: str, *, withhold: bool = False) -> AsyncGenerator[bytes]:
    """The lines of an export up to the newest signed head; with `withhold`, personal fields are not shown.

    A session that only reads is enough: what is exported never changes, whatever is appended meanwhile.

    Raises:
        OutOfRange: no head was ever signed.
        SealBroken: a sealed field does not open; the database was changed from outside.
    """
    log, lines = AuditLog(session, tenant), ExportLines()
    heads = dict(await log.heads())
    if not heads:
        raise OutOfRange(f"no head of tenant {tenant}'s log was ever signed; sign one with `voicehive audit head`")
    size = max(heads)
    yield lines.header(tenant)
    if 0 in heads:
        yield lines.checkpoint(heads[0])
    for start in range(0, size, _ENTRIES_AT_ONCE):
        some = [entry async for entry in log.entries(start, min(start + _ENTRIES_AT_ONCE, size))]
        personal = {each.index: Entry.parse(each.leaf) for each in some if '"subject_key":' in each.leaf}
        ids = {sealed.subject_key for entry in personal.values() for sealed in entry.personal.values()}
        keys = await AuditSubjectKeys(session, tenant).find(ids)
        for each in some:
            shown = _open(personal[each.index], keys, size, withhold) if each.index in personal else {}
            yield lines.entry(each.leaf, each.nodes, shown)
            if head := heads.get(each.index + 1):
                yield lines.checkpoint(head)
    yield lines.end()


def _open(
    entry: Entry, keys: Mapping[str, SubjectKey | int | None], size: int, withhold: bool
) -> dict[str, Disclosure | Erased | Withheld]:
    shown: dict[str, Disclosure | Erased | Withheld] = {}
    for field, sealed in entry.personal.items():
        match keys[sealed.subject_key]:
            case SubjectKey() as key if not withhold:
                shown[field] = open_sealed(sealed, key, entry.tenant, entry.index, field)
            case int(erased_by) if erased_by < size:
                shown[field] = Erased(erased_by=erased_by)
            case _:  # also where the erasure is not yet under a signed head, so that this export cannot show it
                shown[field] = Withheld()
    return shown
