"""Heads kept outside the log's own reach: appended to a file there, and read again to compare with."""

import json
import os
from pathlib import Path
from typing import Any

from voicehive.audit.entries import canonical_json
from voicehive.audit.errors import FileInvalid, NoteInvalid
from voicehive.audit.notes import Note


def anchor(path: Path, note: Note) -> None:
    """Append a head to a file, as one line of JSON, and wait until it is on the disk.

    Worth as much as the place is hard to change for whoever can change the log: another host, append-only storage.

    Raises:
        FileInvalid: the file cannot be written.
    """
    line = canonical_json({"checkpoint": str(note)}) + "\n"
    try:
        with path.open("a", encoding="ascii") as file:  # one write, so that lines of several writers stay whole
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FileInvalid(f"{path}: cannot be written ({error.strerror}); name a file that can") from None


def read_heads(path: Path) -> list[Note]:
    """The heads in a file: one signed note as it is, or lines of JSON as `anchor` writes them; not verified.

    Raises:
        FileInvalid: it cannot be read.
        NoteInvalid: a line holds no signed note.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise FileInvalid(f"{path}: cannot be read ({reason}); check the path") from None
    if not text.startswith("{"):
        return [Note.parse(text)]
    return [_read_line(line) for line in text.splitlines()]


def _read_line(line: str) -> Note:
    try:
        content: Any = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"checkpoint": str(note)}:
            return Note.parse(note)
        case _:
            raise NoteInvalid(f"this line holds no head: {line[:100]!r}")
