"""Signed tree heads as checkpoints (c2sp.org/tlog-checkpoint), and cosignatures (c2sp.org/tlog-cosignature).

The log signs each head twice with its one key: the note's text, which every tool can verify, and the statement of the
time at which it was the newest head. A witness makes the second kind of signature only. The two have different domains.
"""

import base64
import re
import struct
from datetime import UTC, datetime
from typing import NamedTuple

from voicehive.audit.errors import NoteInvalid
from voicehive.audit.keys import COSIGNATURE, NOTE, SigningKey, VerifyingKey
from voicehive.audit.merkle import HASH_BYTES
from voicehive.audit.notes import Note, NoteSignature, decode_base64

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_TENANT = re.compile(r"[^\s+/\x00-\x1f\x7f]+")
_TIMED_SIGNATURE = struct.Struct(">Q64s")


class Checkpoint(NamedTuple):
    """The head of a log: which one, how many entries, and the root over them."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note's text; extension lines are let pass, as the format demands.

        Raises:
            NoteInvalid: it is no checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not _NUMBER.fullmatch(lines[1]):
            raise NoteInvalid("this is no checkpoint: an origin, a size and a root, each on a line of its own")
        root = decode_base64(lines[2])
        if len(root) != HASH_BYTES:
            raise NoteInvalid(f"the root of the checkpoint of {lines[0]} is not of {HASH_BYTES} bytes")
        return cls(lines[0], int(lines[1]), root)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class SignedHead(NamedTuple):
    """A head whose signature by the log was verified, and when the log last said that it is the newest."""

    checkpoint: Checkpoint
    time: datetime
    note: Note


def origin_of(log_name: str, tenant: str) -> str:
    """The origin of a tenant's log: the signing key's name, then the tenant's.

    Raises:
        NoteInvalid: the tenant's name cannot stand there.
    """
    if not _TENANT.fullmatch(tenant):
        raise NoteInvalid(f"tenant: {tenant!r} holds white space, '/' or '+', or nothing, and cannot name a log")
    return f"{log_name}/{tenant}"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey, now: datetime) -> Note:
    """The head of a log, signed by the log."""
    text = str(checkpoint)
    plain = NoteSignature(key.name, key.verifying.key_id(NOTE), key.sign(text.encode()))
    return Note(text, (plain, cosign(text, key, now)))


def cosign(text: str, key: SigningKey, now: datetime) -> NoteSignature:
    """State that a checkpoint, given by its note's text, is the newest known now; what witnesses write."""
    seconds = int(now.timestamp())
    signature = key.sign(_statement(text, seconds))
    return NoteSignature(key.name, key.verifying.key_id(COSIGNATURE), _TIMED_SIGNATURE.pack(seconds, signature))


def verify_checkpoint(note: Note, log: VerifyingKey) -> SignedHead:
    """Check both of the log's signatures and that the origin is one of the log's.

    Raises:
        NoteInvalid: a signature is missing or does not verify, or the log is another one.
    """
    checkpoint = Checkpoint.parse(note.text)
    if not checkpoint.origin.startswith(log.name + "/"):
        raise NoteInvalid(f"the checkpoint is of {checkpoint.origin}, which is no log of {log.name}: use its key")
    plain = note.signatures_by(log.name, log.key_id(NOTE))
    if not plain:
        raise NoteInvalid(f"the head of {checkpoint.size} entries is not signed by this key of {log.name}")
    if not all(log.verifies(signature, note.text.encode()) for signature in plain):
        raise NoteInvalid(f"the signature of {log.name} under the head of {checkpoint.size} entries does not verify")
    time = cosigned_at(note, log)
    if time is None:
        raise NoteInvalid(f"{log.name} did not say when it signed the head of {checkpoint.size} entries")
    return SignedHead(checkpoint, time, note)


def cosigned_at(note: Note, key: VerifyingKey) -> datetime | None:
    """When this key last stated that the checkpoint is the newest; None where it did not.

    Raises:
        NoteInvalid: a signature that claims to be by this key does not verify.
    """
    times = [_statement_time(note, key, one) for one in note.signatures_by(key.name, key.key_id(COSIGNATURE))]
    return max(times, default=None)


def _statement_time(note: Note, key: VerifyingKey, content: bytes) -> datetime:
    if len(content) == _TIMED_SIGNATURE.size:
        seconds, signature = _TIMED_SIGNATURE.unpack(content)
        if key.verifies(signature, _statement(note.text, seconds)):
            return datetime.fromtimestamp(seconds, UTC)
    raise NoteInvalid(f"the cosignature of {key.name} does not verify")


def _statement(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
