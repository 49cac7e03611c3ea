"""A witness: another site that cosigns a log's heads, and refuses one that does not continue the last it saw.

The rules are those of c2sp.org/tlog-witness. What was cosigned last stands in one JSON file, which is on the disk
before a cosignature is given out.
"""

import fcntl
import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from voicehive.audit.checkpoints import Checkpoint, cosign
from voicehive.audit.errors import CosignatureRefused, FileInvalid, ProofInvalid
from voicehive.audit.keys import SigningKey, VerifyingKey
from voicehive.audit.merkle import EMPTY_ROOT
from voicehive.audit.notes import Note, NoteSignature
from voicehive.audit.proof_files import ConsistencyProof, verify_head
from voicehive.audit.proofs import verify_consistency

_STATE = TypeAdapter[dict[str, str]](dict[str, str])


class Witness:
    """Cosigns the heads of the logs whose keys it was given; `state` is its file."""

    def __init__(self, key: SigningKey, logs: Sequence[VerifyingKey], state: Path) -> None:
        self._key = key
        self._logs = logs
        self._state = state

    def last_seen(self, origin: str) -> Checkpoint:
        """The head of this log that was cosigned last; an empty log where none was.

        Raises:
            FileInvalid, NoteInvalid: the file cannot be read.
        """
        text = _read(self._state).get(origin)
        return Checkpoint(origin, 0, EMPTY_ROOT) if text is None else Checkpoint.parse(text)

    def cosign(self, proof: ConsistencyProof, now: datetime) -> NoteSignature:
        """Cosign the proof's head, as the newest that was seen at this time.

        Raises:
            NoteInvalid: the head is not signed by a log of this witness's.
            CosignatureRefused: it is not shown to continue the last head, or the proof starts from another size.
            FileInvalid: the file cannot be used; nothing was cosigned.
        """
        head = verify_head(proof.head, self._logs).checkpoint
        with _locked(self._state):
            last = self.last_seen(head.origin)
            if proof.old_size != last.size:
                raise CosignatureRefused(
                    f"the last head of {head.origin} cosigned here has {last.size} entries, and the proof starts from "
                    f"{proof.old_size}: send `voicehive audit prove --since {last.size}`"
                )
            _check_continues(last, head, proof.hashes)
            _write(self._state, _read(self._state) | {head.origin: str(head)})
            return cosign(proof.head.text, self._key, now)


def with_cosignatures(note: Note, lines: str) -> Note:
    """A note with the signature lines that a witness answered; they are not verified here.

    Raises:
        NoteInvalid: a line is none.
    """
    return note.with_signatures(*(NoteSignature.parse(line) for line in lines.splitlines() if line))


def _check_continues(last: Checkpoint, head: Checkpoint, proof: Sequence[bytes]) -> None:
    try:
        verify_consistency(last.size, head.size, last.root, head.root, proof)
    except ProofInvalid as error:
        raise CosignatureRefused(
            f"the head of {head.size} entries of {head.origin} is not shown to continue the one of {last.size} "
            f"that was cosigned here: {error}. If the proof is whole, the log was rewritten: keep it as evidence"
        ) from None


@contextmanager
def _locked(state: Path) -> Generator[None]:
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        with state.with_name(state.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise FileInvalid(f"{state}: cannot be used ({error.strerror}); name a file that can be written") from None


def _read(state: Path) -> dict[str, str]:
    try:
        return _STATE.validate_json(state.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FileInvalid(f"{state}: cannot be read ({error.strerror}); it says what was cosigned") from None
    except ValidationError:
        raise FileInvalid(f"{state}: is no witness's file; restore it, for it says what was cosigned") from None


def _write(state: Path, content: dict[str, str]) -> None:
    new = state.with_name(state.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    new.replace(state)
    folder = os.open(state.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
