"""Verifies and cosigns files of other sites; nothing here needs a database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from voicehive.audit.anchors import read_heads
from voicehive.audit.checkpoints import cosigned_at
from voicehive.audit.errors import ExportInvalid, FileInvalid
from voicehive.audit.notes import Note
from voicehive.audit.proof_files import INCLUSION_HEADER, ConsistencyProof, InclusionProof, verify_head
from voicehive.audit.proofs import verify_consistency
from voicehive.audit.timestamps import TimestampAuthority
from voicehive.audit.verification import Trust, Verified, verify_export
from voicehive.audit.witness import Witness
from voicehive.cli import rendering
from voicehive.cli.audit_keys import NotVerified, logs, read_authority, read_text, required_key, told, verifying_keys
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.output import Output
from workers.settings import Settings

WITNESS_FILE = "audit-witness.json"
LONGEST_LINE = 64 * 1024 * 1024
"""A line of an export that is longer is read in parts, and so fails; no entry is that long."""


def verify(
    output: Output,
    file: Path,
    *,
    log: Sequence[str],
    witness: Sequence[str],
    known: Sequence[Path],
    authorities: Sequence[str],
) -> ExitCode:
    """Verify an export, or a proof.

    Raises:
        InputInvalid: the file or a key cannot be used.
        NotVerified: a proof does not prove it. (An export's fault is shown, with the code `REJECTED`.)
    """
    with told():
        keys = logs(log)
        heads = [note for path in known for note in read_heads(path)]
        trust = Trust(keys, verifying_keys(witness), heads, _authorities(authorities))
        kind = _kind(file)
        if kind == "export":
            return _verify_export(output, file, trust)
        text = read_text(file)
        if kind == "inclusion":
            return _verify_inclusion(output, InclusionProof.parse(text), trust)
        return _verify_consistency(output, ConsistencyProof.parse(text), trust)


def cosign(output: Output, file: Path, log: Sequence[str], state: Path | None) -> ExitCode:
    """Cosign a head for another site.

    Raises:
        NotCosigned: it does not continue the last one.
    """
    with told():
        settings = Settings.load()
        path = state or settings.data_directory / WITNESS_FILE
        witness = Witness(required_key(settings), verifying_keys(log), path)
        line = str(witness.cosign(ConsistencyProof.parse(read_text(file)), datetime.now(UTC)))
    output.document({"cosignature": line})
    output.console.print(line, soft_wrap=True, markup=False)
    return ExitCode.DONE


def _authorities(given: Sequence[str]) -> list[TimestampAuthority]:
    return [read_authority(name, Path(path)) for name, path in map(_named_file, given)]


def _named_file(given: str) -> tuple[str, str]:
    name, equals, path = given.partition("=")
    if not (name and equals and path):
        raise InputInvalid(f"--authority: give NAME=FILE, with the PEM file of its root certificates, not {given!r}")
    return name, path


def _kind(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(len(INCLUSION_HEADER))
    except OSError as error:
        raise InputInvalid(f"{file}: cannot be read ({error.strerror}); check the path") from None
    if start == INCLUSION_HEADER.encode():
        return "inclusion"
    return "consistency" if start.startswith(b"old ") else "export"


def _verify_export(output: Output, file: Path, trust: Trust) -> ExitCode:
    try:
        verified = verify_export(_lines(file), trust)
    except ExportInvalid as error:
        found = {
            "verified": False,
            "reason": error.reason,
            "line": error.line,
            "first": error.first,
            "last": error.last,
        }
        output.document({"file": str(file), **found})
        output.console.print(rendering.line("✘", f"{file}: {error}", "red"), soft_wrap=True)
        return ExitCode.REJECTED
    output.document({"file": str(file), "verified": True, **verified.model_dump(mode="json")})
    _show(output, file, verified)
    return ExitCode.DONE


def _show(output: Output, file: Path, verified: Verified) -> None:
    output.console.print(rendering.line("✔", f"{file}: every entry is as it was recorded and signed", "green"))
    shown = rendering.table("", "value")
    shown.add_row("log", verified.origin)
    shown.add_row("entries", f"{verified.size:,}")
    shown.add_row("root", verified.root)
    shown.add_row("signed (UTC)", f"{verified.time:%Y-%m-%d %H:%M:%S}")
    shown.add_row("signed heads", f"{verified.heads:,}")
    shown.add_row("known heads continued", f"{verified.known_heads:,}")
    for name, size in verified.cosigned.items():
        shown.add_row(f"cosigned by {name}", f"the first {size:,} entries")
    for name, stamped in verified.stamped.items():
        shown.add_row(f"time-stamped by {name}", f"the first {stamped.size:,} at {stamped.time:%Y-%m-%d %H:%M:%S} UTC")
    counts = f"{verified.shown:,} shown, {verified.erased:,} erased, {verified.withheld:,} withheld"
    shown.add_row("personal fields", counts)
    output.console.print(shown)


def _verify_inclusion(output: Output, proof: InclusionProof, trust: Trust) -> ExitCode:
    entry, head = proof.verify(trust.logs)
    _check_outside(proof.head, trust)
    size = head.checkpoint.size
    output.document({"verified": True, "entry": entry.model_dump(mode="json"), "size": size})
    said = f"entry {entry.index} ({entry.kind}) is in {head.checkpoint.origin}, under the signed head of {size} entries"
    output.console.print(rendering.line("✔", said, "green"))
    return ExitCode.DONE


def _verify_consistency(output: Output, proof: ConsistencyProof, trust: Trust) -> ExitCode:
    new = verify_head(proof.head, trust.logs).checkpoint
    _check_outside(proof.head, trust)
    heads = (verify_head(note, trust.logs).checkpoint for note in trust.known)
    old = next((one for one in heads if (one.origin, one.size) == (new.origin, proof.old_size)), None)
    if old is None:
        raise FileInvalid(f"--known: give the head of {proof.old_size} entries that this proof starts from")
    verify_consistency(old.size, new.size, old.root, new.root, proof.hashes)
    output.document({"verified": True, "origin": new.origin, "old_size": old.size, "size": new.size})
    said = f"{new.origin}: the log of {new.size} entries continues the one of {old.size}"
    output.console.print(rendering.line("✔", said, "green"))
    return ExitCode.DONE


def _check_outside(head: Note, trust: Trust) -> None:
    missing = [one.name for one in trust.witnesses if cosigned_at(head, one) is None]
    missing += [one.name for one in trust.authorities if one.stamped_at(head) is None]
    if missing:
        raise NotVerified(f"the head is neither cosigned nor time-stamped by {', '.join(missing)}: publish it first")


def _lines(file: Path) -> Iterable[bytes]:
    with file.open("rb") as opened:
        while line := opened.readline(LONGEST_LINE):
            yield line
