"""Verifies an export line by line, with nothing but the keys to trust; memory does not grow with its entries."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from voicehive.audit.checkpoints import Checkpoint, SignedHead, cosigned_at
from voicehive.audit.entries import Entry, Kind, canonical_json
from voicehive.audit.errors import AuditError, ExportInvalid, FileInvalid, SealBroken
from voicehive.audit.export_lines import FORMAT, Erased, Withheld
from voicehive.audit.keys import VerifyingKey
from voicehive.audit.merkle import HASH_BYTES, Frontier, hash_leaf
from voicehive.audit.notes import Note, decode_base64
from voicehive.audit.proof_files import verify_head
from voicehive.audit.sealing import Disclosure, verify_disclosure
from voicehive.audit.timestamps import TimestampAuthority
from voicehive.model import Model

_PERSONAL = TypeAdapter[dict[str, Disclosure | Erased | Withheld]](dict[str, Disclosure | Erased | Withheld])


@dataclass(frozen=True)
class Trust:
    """What an export is verified against.

    `witnesses` must each have cosigned a head in it, and `authorities` have time-stamped one. `known` are heads seen
    before or anchored outside: the export must continue each of its own log's.
    """

    logs: Sequence[VerifyingKey]
    witnesses: Sequence[VerifyingKey] = ()
    known: Sequence[Note] = ()
    authorities: Sequence[TimestampAuthority] = ()


class Stamped(Model):
    """Up to which entry a log is shown to have existed at a time that the log did not state itself."""

    size: int
    time: datetime


class Verified(Model):
    """What a verified export shows: the log as of `time`, and how many personal fields stand how."""

    tenant: str
    origin: str
    size: int
    root: str
    time: datetime
    heads: int
    known_heads: int
    cosigned: dict[str, int]
    stamped: dict[str, Stamped]
    shown: int
    erased: int
    withheld: int


def verify_export(lines: Iterable[bytes], trust: Trust) -> Verified:
    """Check a whole export: every entry, its place, every signed head, every personal field, and every other byte.

    Raises:
        ExportInvalid: at the first fault; it names the entry.
    """
    verifier = _Verifier(trust)
    for line in lines:
        verifier.read(line)
    return verifier.finish()


@dataclass
class _Verifier:
    trust: Trust
    line: int = 0
    tenant: str | None = None
    frontier: Frontier = field(default_factory=Frontier)
    head: SignedHead | None = None
    heads: int = 0
    ended: bool = False
    known: dict[int, list[Checkpoint]] = field(default_factory=dict[int, list[Checkpoint]])
    compared: int = 0
    cosigned: dict[str, int] = field(default_factory=dict[str, int])
    stamped: dict[str, Stamped] = field(default_factory=dict[str, Stamped])
    counts: dict[type[Model], int] = field(default_factory=lambda: {Disclosure: 0, Erased: 0, Withheld: 0})
    erasures: dict[int, str] = field(default_factory=dict[int, str])
    claims: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict[tuple[str, int], tuple[int, int]])
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self, raw: bytes) -> None:
        self.line += 1
        content = self._parse(raw)
        match content:
            case {"format": _, "tenant": str(tenant), **rest} if not rest and self.line == 1:
                self._header(content["format"], tenant)
            case _ if self.line == 1:
                self._fail("is not the first line of an export: the file is another one, or its beginning is missing")
            case _ if self.ended:
                self._fail("stands after the end of the export")
            case {"leaf": dict(), "nodes": str(), **rest} if rest.keys() <= {"personal"}:
                self._entry(content)
            case {"checkpoint": str(note), **rest} if not rest:
                self._checkpoint(note)
            case {"sha256": str(digest), **rest} if not rest:
                self._end(digest)
            case _:
                self._fail("is no line of an export", self.frontier.size)
        self.digest.update(raw)

    def finish(self) -> Verified:
        if not self.ended or self.head is None or self.tenant is None:
            self._fail("the export breaks off here: entries or its end are missing", self.frontier.size)
        for (key_id, erased_by), (index, line) in self.claims.items():
            if self.erasures.get(erased_by) != key_id:
                reason = f"a personal field is said to be erased by entry {erased_by}, which records no such erasure"
                raise ExportInvalid(reason, line, index)
        if self.known:
            size = min(self.known)
            self._fail(
                f"the export is older than a known head of {size} entries: ask for a newer one", self.frontier.size
            )
        if missing := [one.name for one in self.trust.witnesses if one.name not in self.cosigned]:
            self._fail(f"no head in the export is cosigned by {', '.join(missing)}")
        if missing := [one.name for one in self.trust.authorities if one.name not in self.stamped]:
            self._fail(f"no head in the export is time-stamped by {', '.join(missing)}")
        return Verified(
            tenant=self.tenant,
            origin=self.head.checkpoint.origin,
            size=self.frontier.size,
            root=base64.b64encode(self.frontier.root()).decode(),
            time=self.head.time,
            heads=self.heads,
            known_heads=self.compared,
            cosigned=self.cosigned,
            stamped=self.stamped,
            shown=self.counts[Disclosure],
            erased=self.counts[Erased],
            withheld=self.counts[Withheld],
        )

    def _parse(self, raw: bytes) -> Any:
        index = None if self.line == 1 or raw.startswith((b'{"checkpoint"', b'{"sha256"')) else self.frontier.size
        if not raw.endswith(b"\n"):
            self._fail("the export breaks off in this line", index)
        try:
            text = raw[:-1].decode("ascii")
            content: Any = json.loads(text)
            canonical = canonical_json(content) == text
        except (ValueError, RecursionError):
            self._fail("is damaged: it is not JSON", index)
        if not canonical:
            self._fail("is damaged: it is not the canonical JSON of its content", index)
        return content

    def _header(self, format_: object, tenant: str) -> None:
        if format_ != FORMAT:
            self._fail(f"is of format {format_!r}, and this program reads {FORMAT}: use another version")
        self.tenant = tenant
        for note in self.trust.known:
            try:
                known = verify_head(note, self.trust.logs).checkpoint
            except AuditError as error:
                self._fail(f"a known head cannot be used: {error}")
            if known.origin.endswith(f"/{tenant}"):
                self.known.setdefault(known.size, []).append(known)
        self._compare_with_known()

    def _entry(self, content: Mapping[str, Any]) -> None:
        index, leaf = self.frontier.size, canonical_json(content["leaf"])
        leaf_hash = hash_leaf(leaf.encode())
        try:
            recorded = decode_base64(content["nodes"])
        except AuditError as error:
            self._fail(f"its nodes are damaged: {error}", index)
        if recorded[:HASH_BYTES] != leaf_hash:
            self._fail("its content is not what was recorded: the hash of one differs from the other's", index)
        entry = self._check_place(leaf, index)
        grown, (completed,) = self.frontier.extend([leaf_hash])
        if recorded != completed:
            self._fail_nodes(index, recorded, completed)
        if entry.kind == Kind.ERASURE and isinstance(key_id := entry.body.get("subject_key"), str):
            self.erasures[index] = key_id
        if entry.personal or "personal" in content:
            self._personal(entry, content.get("personal"))
        self.frontier = grown
        self._compare_with_known()

    def _check_place(self, leaf: str, index: int) -> Entry:
        try:
            entry = Entry.parse(leaf)
        except FileInvalid as error:
            self._fail(f"is no entry of an audit log: {error}", index)
        if entry.index > index:
            self._fail(f"is missing: entry {entry.index} stands in its place", index)
        if entry.index < index:
            self._fail(f"entry {entry.index} stands in its place, a second time or out of order", index)
        if entry.tenant != self.tenant:
            self._fail(f"is of tenant {entry.tenant}, in an export of tenant {self.tenant}", index)
        return entry

    def _fail_nodes(self, index: int, recorded: bytes, completed: bytes) -> NoReturn:
        level = 1
        while completed[level * HASH_BYTES :][:HASH_BYTES] == recorded[level * HASH_BYTES :][:HASH_BYTES] != b"":
            level += 1
        first = index + 1 - (1 << level) if level * HASH_BYTES < len(completed) else index
        reason = (
            "the recorded hash over them is not theirs: one was changed together with its own hash, or that hash was"
        )
        self._fail(reason, first, index)

    def _personal(self, entry: Entry, content: Any) -> None:
        try:
            personal = _PERSONAL.validate_json(canonical_json(content))
        except ValidationError:
            self._fail("its personal fields are damaged", entry.index)
        if not personal or personal.keys() != entry.personal.keys():
            self._fail("other personal fields are given than were recorded", entry.index)
        for name, given in personal.items():
            sealed = entry.personal[name]
            self.counts[type(given)] += 1
            match given:
                case Disclosure():
                    try:
                        verify_disclosure(sealed, given)
                    except SealBroken as error:
                        self._fail(f"{name}: {error}", entry.index)
                case Erased():
                    self.claims.setdefault((sealed.subject_key, given.erased_by), (entry.index, self.line))
                case Withheld():
                    pass

    def _checkpoint(self, text: str) -> None:
        try:
            note = Note.parse(text)
            head = verify_head(note, self.trust.logs)
            times = {one.name: cosigned_at(note, one) for one in self.trust.witnesses}
            stamps = {one.name: one.stamped_at(note) for one in self.trust.authorities}
        except AuditError as error:
            self._fail(f"the signed head here cannot be trusted: {error}")
        checkpoint, size = head.checkpoint, self.frontier.size
        if not checkpoint.origin.endswith(f"/{self.tenant}"):
            self._fail(f"the signed head here is of {checkpoint.origin}, in an export of tenant {self.tenant}")
        if checkpoint.size > size:
            self._fail(f"is missing: the signed head here is over {checkpoint.size} entries", size)
        if checkpoint.size < size:
            self._fail(f"the signed head here is over {checkpoint.size} entries only", checkpoint.size, size - 1)
        self._compare(checkpoint, "the signed head here")
        self.cosigned |= {name: size for name, time in times.items() if time is not None}
        self.stamped |= {name: Stamped(size=size, time=time) for name, time in stamps.items() if time is not None}
        self.head, self.heads = head, self.heads + 1

    def _compare_with_known(self) -> None:
        for known in self.known.pop(self.frontier.size, []):
            self._compare(known, f"the known head of {known.size} entries")
            self.compared += 1

    def _compare(self, checkpoint: Checkpoint, what: str) -> None:
        if checkpoint.root == self.frontier.root():
            return
        first = self.head.checkpoint.size if self.head else 0
        reason = f"{what} is over other entries: one was changed, and every hash recorded over it as well"
        self._fail(reason, min(first, max(0, self.frontier.size - 1)), max(0, self.frontier.size - 1))

    def _end(self, digest: str) -> None:
        size = self.frontier.size
        if self.head is None or self.head.checkpoint.size != size:
            first = self.head.checkpoint.size if self.head else 0
            self._fail("no signed head follows: who holds the key has not signed them", first, max(first, size - 1))
        if digest != self.digest.hexdigest():
            self._fail("something above was changed that belongs to no entry: the digest differs")
        self.ended = True

    def _fail(self, reason: str, first: int | None = None, last: int | None = None) -> NoReturn:
        raise ExportInvalid(reason, self.line, first, last)
