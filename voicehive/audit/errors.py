"""What can go wrong with an audit log, its proofs and its files."""


class AuditError(Exception):
    """Anything this package raises."""


class KeyInvalid(AuditError):
    """A signing or verifying key cannot be read or used."""


class NoteInvalid(AuditError):
    """A signed note or checkpoint is malformed, or a signature of a known key does not verify."""


class ProofInvalid(AuditError):
    """A Merkle proof does not prove what it is said to prove."""


class OutOfRange(AuditError):
    """The log has no such entry, or is not of that size yet."""


class SealBroken(AuditError):
    """A sealed field does not open with its subject's key, or a disclosed value is not the one that was sealed."""


class PurgeBlocked(AuditError):
    """A key is destroyed, but what it was may still stand in the database's files, because somebody is reading."""


class FileInvalid(AuditError):
    """A file of this package's is not of the form it should have."""


class ExportInvalid(AuditError):
    """An export does not verify.

    `first` and `last` are the indices of the entries of which the first is bad or missing; both are the same where it
    is known exactly, and None where the fault lies outside the entries. `line` counts from 1.
    """

    def __init__(self, reason: str, line: int, first: int | None = None, last: int | None = None) -> None:
        self.reason, self.line, self.first = reason, line, first
        self.last = first if last is None else last
        where = f"line {line}"
        if first is not None:
            where = f"entry {first} ({where})" if self.last == first else f"entries {first} to {self.last} ({where})"
        super().__init__(f"{where}: {reason}")


class CosignatureRefused(AuditError):
    """A witness will not cosign: the head is not shown to continue the last one that it saw."""


class TimestampInvalid(AuditError):
    """A time-stamp is not of this head, or not by this authority."""


class PlaceUnavailable(AuditError):
    """A witness or time-stamping authority gave no answer, after every attempt."""


class PlaceRefused(AuditError):
    """A witness or time-stamping authority answers, but not with what it was asked for."""
