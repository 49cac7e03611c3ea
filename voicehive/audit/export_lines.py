"""The lines of an export: canonical JSON, each of which says what it is by its keys.

    {"format":"voicehive-audit-export/1","tenant":T}
    {"leaf":L,"nodes":N}                               an entry: its leaf, and the tree's nodes it completes (base64)
    {"leaf":L,"nodes":N,"personal":{FIELD:P,...}}      an entry with sealed fields
    {"checkpoint":NOTE}                                a signed head over all entries above it
    {"sha256":HEX}                                     the end: the digest of all lines above

P is {"salt":HEX,"value":V} for a field that is shown, {"erased_by":INDEX} for one whose key was destroyed, or
{"withheld":true}. The bytes of the leaf are those between `{"leaf":` and `,"nodes":`; they are what was hashed.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Literal

from voicehive.audit.entries import canonical_json
from voicehive.audit.notes import Note
from voicehive.audit.sealing import Disclosure
from voicehive.model import Model

FORMAT = "voicehive-audit-export/1"


class Erased(Model):
    """The field's key was destroyed, as this entry records."""

    erased_by: int


class Withheld(Model):
    """The field could be shown, and is not."""

    withheld: Literal[True] = True


class ExportLines:
    """Makes the lines of one export, in their order; each ends with a line feed."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def header(self, tenant: str) -> bytes:
        """The first line."""
        return self._line(canonical_json({"format": FORMAT, "tenant": tenant}))

    def entry(self, leaf: str, nodes: bytes, personal: Mapping[str, Disclosure | Erased | Withheld]) -> bytes:
        """The next entry."""
        shown = canonical_json({name: one.model_dump() for name, one in personal.items()}) if personal else ""
        tail = f',"personal":{shown}' if shown else ""
        return self._line(f'{{"leaf":{leaf},"nodes":"{base64.b64encode(nodes).decode()}"{tail}}}')

    def checkpoint(self, note: Note) -> bytes:
        """A head over all entries so far."""
        return self._line(canonical_json({"checkpoint": str(note)}))

    def end(self) -> bytes:
        """The last line."""
        return self._line(canonical_json({"sha256": self._digest.hexdigest()}))

    def _line(self, text: str) -> bytes:
        line = text.encode("ascii") + b"\n"
        self._digest.update(line)
        return line
