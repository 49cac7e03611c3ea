"""Signed notes: a text, and signatures below it, as C2SP defines them (c2sp.org/signed-note)."""

import base64
import re
from dataclasses import dataclass, replace

from voicehive.audit.errors import NoteInvalid

MOST_SIGNATURES = 100
_LINE = re.compile(r"— ([^\s+\x00-\x1f\x7f]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_ID_BYTES = 4


@dataclass(frozen=True)
class NoteSignature:
    """One signature line: by which key, and what it wrote."""

    name: str
    key_id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> "NoteSignature":
        """Read a line, without its end.

        Raises:
            NoteInvalid: it is none.
        """
        match = _LINE.fullmatch(line)
        content = decode_base64(match[2]) if match else b""
        if match is None or len(content) <= _ID_BYTES:
            raise NoteInvalid(f"this is no signature line of a note: {line[:100]!r}")
        return cls(match[1], content[:_ID_BYTES], content[_ID_BYTES:])

    def __str__(self) -> str:
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True)
class Note:
    """A text of whole lines, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, content: str) -> "Note":
        """Read a note; verifying its signatures is another matter.

        Raises:
            NoteInvalid: it is none.
        """
        text, blank, below = content.rpartition("\n\n")
        if not blank or not text or not below.endswith("\n") or _CONTROL.search(content):
            raise NoteInvalid(
                "this is no signed note: a text, an empty line, and signature lines, each with a line end"
            )
        lines = below[:-1].split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise NoteInvalid(f"the note has {len(lines)} signatures, and at most {MOST_SIGNATURES} are read")
        return cls(text + "\n", tuple(NoteSignature.parse(line) for line in lines))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{one}\n" for one in self.signatures)

    def with_signatures(self, *signatures: NoteSignature) -> "Note":
        """With further signatures; one that stands there already is not repeated."""
        new = dict.fromkeys((*self.signatures, *signatures))
        return replace(self, signatures=tuple(new))

    def signatures_by(self, name: str, key_id: bytes) -> list[bytes]:
        """What this key wrote; nothing where it did not sign."""
        return [one.signature for one in self.signatures if (one.name, one.key_id) == (name, key_id)]


def decode_base64(text: str) -> bytes:
    """Bytes from their one base64 form: the same bytes written differently are refused.

    Raises:
        NoteInvalid: it is not that form.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        decoded = None
    if decoded is None or base64.b64encode(decoded).decode() != text:
        raise NoteInvalid(f"this is not base64 as it is written here: {text[:100]!r}")
    return decoded
