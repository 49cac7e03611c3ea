"""Proofs as files: inclusion as c2sp.org/tlog-proof, consistency as the request of c2sp.org/tlog-witness."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from voicehive.audit.checkpoints import SignedHead, verify_checkpoint
from voicehive.audit.entries import Entry
from voicehive.audit.errors import FileInvalid, NoteInvalid, ProofInvalid
from voicehive.audit.keys import NOTE, VerifyingKey
from voicehive.audit.merkle import hash_leaf
from voicehive.audit.notes import Note, decode_base64
from voicehive.audit.proofs import verify_inclusion

INCLUSION_HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 64
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class InclusionProof:
    """Shows that a leaf is in the log at `index`; the leaf itself travels as the format's `extra` data."""

    leaf: str
    index: int
    hashes: tuple[bytes, ...]
    head: Note

    @classmethod
    def parse(cls, text: str) -> "InclusionProof":
        """Read a file.

        Raises:
            FileInvalid, NoteInvalid: it is no such proof, or brings no leaf.
        """
        above, _, head = text.partition("\n\n")
        lines = above.split("\n")
        index = _INDEX.fullmatch(lines[2]) if len(lines) > 2 else None
        if lines[0] != INCLUSION_HEADER or index is None or not lines[1].startswith("extra "):
            raise FileInvalid(f"this is no proof of `voicehive audit prove`: {INCLUSION_HEADER}, extra, index, hashes")
        leaf = decode_base64(lines[1].removeprefix("extra "))
        try:
            return cls(leaf.decode("ascii"), int(index[1]), _decode_hashes(lines[3:]), Note.parse(head))
        except UnicodeDecodeError:
            raise FileInvalid("extra: holds no entry of an audit log") from None

    def __str__(self) -> str:
        extra = base64.b64encode(self.leaf.encode()).decode()
        lines = [INCLUSION_HEADER, f"extra {extra}", f"index {self.index}", *_encode_hashes(self.hashes)]
        return "".join(f"{line}\n" for line in lines) + f"\n{self.head}"

    def verify(self, logs: Sequence[VerifyingKey]) -> tuple[Entry, SignedHead]:
        """The entry, and the head that it is shown to be under.

        Raises:
            NoteInvalid: the head is signed by none of these logs.
            ProofInvalid: the entry is not shown to be in the log, or not at this index.
        """
        head = verify_head(self.head, logs)
        size, root = head.checkpoint.size, head.checkpoint.root
        verify_inclusion(self.index, size, hash_leaf(self.leaf.encode()), self.hashes, root)
        entry = Entry.parse(self.leaf)
        if entry.index != self.index or not head.checkpoint.origin.endswith(f"/{entry.tenant}"):
            raise ProofInvalid(f"the entry says that it is entry {entry.index} of tenant {entry.tenant}")
        return entry, head


@dataclass(frozen=True)
class ConsistencyProof:
    """Shows that the log at `head` begins with the log of `old_size` entries; what a witness is asked with."""

    old_size: int
    hashes: tuple[bytes, ...]
    head: Note

    @classmethod
    def parse(cls, text: str) -> "ConsistencyProof":
        """Read a file.

        Raises:
            FileInvalid, NoteInvalid: it is no such proof.
        """
        above, _, head = text.partition("\n\n")
        lines = above.split("\n")
        old = _OLD.fullmatch(lines[0])
        if old is None:
            raise FileInvalid("this is no request for a cosignature: old SIZE, hashes, an empty line, a checkpoint")
        return cls(int(old[1]), _decode_hashes(lines[1:]), Note.parse(head))

    def __str__(self) -> str:
        lines = [f"old {self.old_size}", *_encode_hashes(self.hashes)]
        return "".join(f"{line}\n" for line in lines) + f"\n{self.head}"


def verify_head(note: Note, logs: Sequence[VerifyingKey]) -> SignedHead:
    """The head, if it is signed by one of these keys.

    Raises:
        NoteInvalid: it is not, or such a signature does not verify.
    """
    for log in logs:
        if note.signatures_by(log.name, log.key_id(NOTE)):
            return verify_checkpoint(note, log)
    signed = ", ".join(sorted({one.name for one in note.signatures}))
    given = ", ".join(log.text() for log in logs)
    raise NoteInvalid(f"the head is signed by {signed}, and with none of the keys given ({given})")


def _encode_hashes(hashes: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in hashes]


def _decode_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > MOST_HASHES:
        raise FileInvalid(f"a proof has at most {MOST_HASHES} hashes, and this one has {len(lines)}")
    return tuple(decode_base64(line) for line in lines)
