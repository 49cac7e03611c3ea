"""What the audit commands do with the log in the store."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from voicehive.audit.anchors import anchor as anchor_head
from voicehive.audit.checkpoints import Checkpoint, cosigned_at
from voicehive.audit.errors import NoteInvalid, OutOfRange
from voicehive.audit.keys import COSIGNATURE, KEY_FILE, SigningKey, VerifyingKey, write_signing_key
from voicehive.audit.notes import Note
from voicehive.audit.proof_files import ConsistencyProof, InclusionProof
from voicehive.audit.witness import with_cosignatures
from voicehive.cli import rendering
from voicehive.cli.audit_keys import NotVerified, own_key, read_text, required_key, told, verifying_keys
from voicehive.cli.deployment_settings import open_store
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from voicehive.storage.audit_export import export_lines
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.audit_subject_keys import purge_destroyed_keys
from voicehive.storage.database import Database
from workers.settings import Settings


def keygen(output: Output, name: str, file: Path | None) -> ExitCode:
    """Make a signing key in a new file."""
    with told():
        path = file or Settings.load().data_directory / KEY_FILE
        key = SigningKey.generate(name)
        write_signing_key(path, key)
    log, witness = key.verifying.text(), key.verifying.text(COSIGNATURE)
    output.document({"file": str(path), "name": key.name, "log": log, "witness": witness})
    output.console.print(rendering.line("✔", f"{path}: the signing key; keep it, and let nobody read it", "green"))
    for what, text in (("a log's heads", log), ("a witness's cosignatures", witness)):
        output.console.print(f"to verify {what}:")
        output.console.print(f"  {text}", soft_wrap=True, markup=False)
    return ExitCode.DONE


async def head(output: Output, tenant: str, anchor: Path | None) -> ExitCode:
    """Sign the head as it stands."""
    with told():
        settings = Settings.load()
        key = required_key(settings)
        async with open_store(settings) as database:
            note = await sign_head(database, tenant, key)
        _show_head(output, note, anchor)
    return ExitCode.DONE


async def keep_cosignature(
    output: Output, tenant: str, file: Path, witnesses: Sequence[str], anchor: Path | None
) -> ExitCode:
    """Keep what a witness answered with the head that it is about.

    Raises:
        NotVerified: it is about none of the log's heads, or by another key.
    """
    with told():
        keys = verifying_keys(witnesses)
        if not keys:
            raise InputInvalid("--witness: give the verifying key of the witness whose cosignature this is")
        lines = read_text(file)
        async with open_store(Settings.load()) as database, database.transaction() as session:
            log = AuditLog(session, tenant)
            size, known = _cosigned(await log.heads(), lines, keys)
            note = await log.add_cosignatures(size, known.signatures)
        _show_head(output, note, anchor)
    return ExitCode.DONE


async def prove(output: Output, tenant: str, entry: int | None, since: int | None, size: int | None) -> ExitCode:
    """Print the proof of an entry, or of the log's having only grown."""
    if (entry is None) == (since is None):
        raise InputInvalid("give either --entry INDEX or --since SIZE")
    with told():
        async with open_store(Settings.load()) as database, database.reading() as session:
            log = AuditLog(session, tenant)
            heads = dict(await log.heads())
            if not heads or (size is not None and size not in heads):
                raise OutOfRange(
                    f"no head {f'of {size} entries ' if size is not None else ''}was signed: see `voicehive audit head`"
                )
            under = max(heads) if size is None else size
            if entry is not None:
                hashes = tuple(await log.inclusion_proof(entry, under))
                (stored,) = [one async for one in log.entries(entry, entry + 1)]
                proof = InclusionProof(stored.leaf, entry, hashes, heads[under])
            else:
                old = since or 0
                proof = ConsistencyProof(old, tuple(await log.consistency_proof(old, under)), heads[under])
    output.document({"proof": str(proof), "size": under})
    output.console.print(str(proof), end="", soft_wrap=True, markup=False)
    return ExitCode.DONE


async def export(output: Output, tenant: str, file: Path, withhold: bool) -> ExitCode:
    """Write the log to a file, which appears whole or not at all."""
    with told():
        settings = Settings.load()
        key = own_key(settings)
        async with open_store(settings) as database:
            if key is not None:
                await sign_head(database, tenant, key)
            async with database.reading() as session:
                entries = await _write(file, export_lines(session, tenant, withhold=withhold))
                later = (await AuditLog(session, tenant).frontier()).size - entries
    output.document({"file": str(file), "tenant": tenant, "entries": entries, "not_signed_yet": later})
    output.console.print(rendering.line("✔", f"{file}: {entries:,} entries of tenant {tenant}", "green"))
    if later:
        output.console.print(
            f"  {later:,} newer ones are under no signed head yet: sign it with `voicehive audit head`"
        )
    return ExitCode.DONE


async def erase(output: Output, tenant: str, subject: str, reason: str) -> ExitCode:
    """Destroy a subject's key, record it, and sign the head over that."""
    with told():
        settings = Settings.load()
        key = own_key(settings)
        async with open_store(settings) as database:
            async with database.transaction() as session:
                erasure = await AuditLog(session, tenant).erase(subject, reason)
            await purge_destroyed_keys(database)  # also where nothing was left: an earlier purge may have been blocked
            if erasure is None:
                raise InputInvalid(f"nothing of tenant {tenant} is sealed about {subject!r}: check how it was recorded")
            if key is not None:
                await sign_head(database, tenant, key)
    output.document({"tenant": tenant, "subject_key": erasure.subject_key, "entry": erasure.index})
    output.console.print(
        rendering.line("✔", f"destroyed the key {erasure.subject_key}: entry {erasure.index}", "green")
    )
    output.console.print("  backups of the database from before hold it still: let them expire, or delete them")
    return ExitCode.DONE


async def sign_head(database: Database, tenant: str, key: SigningKey) -> Note:
    """Sign the head as it stands, and keep it."""
    async with database.transaction() as session:
        return await AuditLog(session, tenant).sign_head(key, datetime.now(UTC))


async def _write(file: Path, lines: AsyncIterator[bytes]) -> int:
    part = file.with_name(file.name + ".part")
    entries = 0
    try:
        with part.open("wb") as target:
            async for line in lines:
                target.write(line)
                entries += line.startswith(b'{"leaf":')
        part.replace(file)
    except OSError as error:
        raise InputInvalid(f"{file}: cannot be written ({error.strerror}); name another file") from None
    finally:
        part.unlink(missing_ok=True)
    return entries


def _cosigned(heads: list[tuple[int, Note]], lines: str, keys: Sequence[VerifyingKey]) -> tuple[int, Note]:
    """The newest head that these signature lines are about, and of them those by the keys."""
    for size, note in reversed(heads):
        signed = with_cosignatures(Note(note.text, ()), lines)
        try:
            by = [key for key in keys if cosigned_at(signed, key) is not None]
        except NoteInvalid:
            continue
        known = {(key.name, key.key_id(COSIGNATURE)) for key in by}
        if known:
            ours = (one for one in signed.signatures if (one.name, one.key_id) in known)
            return size, Note(note.text, tuple(ours))
    raise NotVerified(
        "the cosignature is about none of this log's heads, or not by the witness given: compare --witness"
    )


def _show_head(output: Output, note: Note, anchor: Path | None) -> None:
    if anchor is not None:
        anchor_head(anchor, note)
    checkpoint = Checkpoint.parse(note.text)
    output.document({"origin": checkpoint.origin, "size": checkpoint.size, "checkpoint": str(note)})
    output.console.print(str(note), end="", soft_wrap=True, markup=False)
