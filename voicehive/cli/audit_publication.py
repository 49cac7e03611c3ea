"""Publishes the log's head to the places outside that the installation names."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from voicehive.audit.checkpoints import Checkpoint
from voicehive.audit.errors import AuditError, CosignatureRefused, PlaceRefused, PlaceUnavailable, TimestampInvalid
from voicehive.audit.keys import COSIGNATURE, SigningKey, VerifyingKey
from voicehive.audit.notes import Note, NoteSignature
from voicehive.audit.submission import (
    AuthorityPlace,
    Place,
    Places,
    WitnessPlace,
    request_cosignature,
    request_timestamp,
)
from voicehive.audit.timestamps import TimestampAuthority
from voicehive.cli import rendering
from voicehive.cli.audit_actions import sign_head
from voicehive.cli.audit_keys import read_authority, required_key, told
from voicehive.cli.deployment_settings import open_store
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode
from voicehive.cli.input_files import read_model
from voicehive.cli.output import Output
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from workers.settings import Settings

PLACES_FILE = "audit-places.json"


@dataclass(frozen=True)
class _Published:
    """How one place answered; `code` is what it alone would end the command with."""

    place: Place
    said: str
    code: ExitCode


async def publish(output: Output, tenant: str, file: Path | None) -> ExitCode:
    """Sign the head, submit it everywhere at once, and keep each answer as it comes.

    Raises:
        InputInvalid: there is no signing key, or the places cannot be read.
    """
    with told():
        settings = Settings.load()
        key = required_key(settings)
        places, authorities = _read_places(file or settings.data_directory / PLACES_FILE)
        async with open_store(settings) as database, httpx.AsyncClient() as client:
            head = await sign_head(database, tenant, key)
            publication = _Publication(client, database, tenant, head, key)
            answers = await asyncio.gather(
                *(publication.to_witness(place) for place in places.witnesses),
                *(publication.to_authority(place, authorities[place.name]) for place in places.timestamp_authorities),
            )
    _show(output, head, answers)
    return next((code for code in _GRAVEST_FIRST if any(one.code == code for one in answers)), ExitCode.DONE)


_GRAVEST_FIRST = (ExitCode.REFUSED, ExitCode.UNREACHABLE)


class _Publication:
    """A head on its way out."""

    def __init__(self, client: httpx.AsyncClient, database: Database, tenant: str, head: Note, key: SigningKey) -> None:
        self._client, self._database, self._tenant = client, database, tenant
        self._head = head
        self._size = Checkpoint.parse(head.text).size
        # Others are shown the log's own signatures only, not each other's.
        self._shown = Note(head.text, tuple(one for one in head.signatures if one.name == key.name))

    async def to_witness(self, place: WitnessPlace) -> _Published:
        """Have a witness cosign it, unless it did."""
        key = VerifyingKey.parse(place.key)
        if self._head.signatures_by(key.name, key.key_id(COSIGNATURE)):
            return _Published(place, f"{key.name} has cosigned this head before", ExitCode.DONE)
        try:
            last = await self._last_cosigned(key)
            signature = await request_cosignature(self._client, place, self._shown, last, self._prove)
            return await self._keep(place, signature, f"cosigned by {key.name}")
        except AuditError as error:
            return _failed(place, error)

    async def to_authority(self, place: AuthorityPlace, authority: TimestampAuthority) -> _Published:
        """Have an authority time-stamp it, unless it did."""
        if self._head.signatures_by(authority.name, authority.key_id):
            return _Published(place, f"{authority.name} has time-stamped this head before", ExitCode.DONE)
        try:
            signature = await request_timestamp(self._client, place, authority, self._shown)
            return await self._keep(place, signature, f"time-stamped by {authority.name}")
        except AuditError as error:
            return _failed(place, error)

    async def _prove(self, old_size: int) -> Sequence[bytes]:
        async with self._database.reading() as session:
            return await AuditLog(session, self._tenant).consistency_proof(old_size, self._size)

    async def _last_cosigned(self, key: VerifyingKey) -> int:
        async with self._database.reading() as session:
            heads = await AuditLog(session, self._tenant).heads()
        return max((size for size, note in heads if note.signatures_by(key.name, key.key_id(COSIGNATURE))), default=0)

    async def _keep(self, place: Place, signature: NoteSignature, said: str) -> _Published:
        async with self._database.transaction() as session:
            await AuditLog(session, self._tenant).add_cosignatures(self._size, [signature])
        return _Published(place, said, ExitCode.DONE)


def _failed(place: Place, error: AuditError) -> _Published:
    if not isinstance(error, CosignatureRefused | PlaceRefused | PlaceUnavailable | TimestampInvalid):
        error = PlaceRefused(f"{place.url} answers what cannot be used: {error}")
    code = ExitCode.UNREACHABLE if isinstance(error, PlaceUnavailable) else ExitCode.REFUSED
    return _Published(place, str(error), code)


def _read_places(file: Path) -> tuple[Places, dict[str, TimestampAuthority]]:
    if not file.exists():
        raise InputInvalid(f'{file}: there is no such file; name places outside in it, as in {{"witnesses": '
                           '[{"url": "https://witness.example", "key": "NAME+ID+KEY"}]}')  # fmt: skip
    places = read_model(file, Places)
    for place in places.witnesses:
        VerifyingKey.parse(place.key)
    authorities = {
        place.name: read_authority(place.name, file.parent / place.roots) for place in places.timestamp_authorities
    }
    if len(authorities) < len(places.timestamp_authorities):
        raise InputInvalid(f"{file}: timestamp_authorities: two have the same name; give each its own")
    if not (places.witnesses or authorities):
        raise InputInvalid(f"{file}: names no place: give witnesses or timestamp_authorities")
    return places, authorities


def _show(output: Output, head: Note, answers: Sequence[_Published]) -> None:
    checkpoint = Checkpoint.parse(head.text)
    results = [{"url": one.place.url, "done": one.code == ExitCode.DONE, "said": one.said} for one in answers]
    output.document({"origin": checkpoint.origin, "size": checkpoint.size, "places": results})
    output.console.print(f"the head of {checkpoint.size:,} entries of {checkpoint.origin}")
    for one in answers:
        mark, colour = ("✔", "green") if one.code == ExitCode.DONE else ("✘", "red")
        output.console.print(rendering.line(mark, one.said, colour), soft_wrap=True)
