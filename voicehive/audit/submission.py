"""Submits heads to places outside: to witnesses (c2sp.org/tlog-witness) and time-stamping authorities (RFC 3161).

Nothing is lost while a place is away: a later head covers every entry of an earlier one, and a witness that missed some
is given the proof from the last head that it did see.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import stamina
from pydantic import Field

from voicehive.audit.checkpoints import Checkpoint, cosigned_at
from voicehive.audit.errors import CosignatureRefused, PlaceRefused, PlaceUnavailable
from voicehive.audit.keys import COSIGNATURE, VerifyingKey
from voicehive.audit.notes import Note, NoteSignature
from voicehive.audit.proof_files import ConsistencyProof
from voicehive.audit.timestamps import TimestampAuthority, ask_for_timestamp
from voicehive.audit.witness import with_cosignatures
from voicehive.model import Model
from voicehive.outside_service import ServiceUrl

MOST_BYTES = 64 * 1024
"""An answer that is longer is refused; a time-stamp with its certificates has about 6 KiB."""
_LONGEST_PAUSE_SECONDS = 5.0
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n")
_TEXT, _SIZE_TYPE = "text/plain; charset=utf-8", "text/x.tlog.size"
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"

ProveSince = Callable[[int], Awaitable[Sequence[bytes]]]
"""Gives the consistency proof from a size to the size of the head that is submitted."""


class Place(Model):
    """Where a head is submitted; each of at most `attempts` requests may take `timeout_seconds`."""

    url: ServiceUrl
    timeout_seconds: float = Field(default=10, gt=0, le=60)
    attempts: int = Field(default=3, ge=1, le=10)


class WitnessPlace(Place):
    """A witness: its submission prefix, and its verifying key."""

    key: str


class AuthorityPlace(Place):
    """A time-stamping authority: the name its stamps get here, and the PEM file of the roots they must lead to."""

    name: str = Field(pattern=r"^[^\s+=\x00-\x1f\x7f]+$")
    roots: Path = Field(strict=False)


class Places(Model):
    """The places that every published head goes to."""

    witnesses: tuple[WitnessPlace, ...] = ()
    timestamp_authorities: tuple[AuthorityPlace, ...] = ()


async def request_cosignature(
    client: httpx.AsyncClient, place: WitnessPlace, head: Note, last_size: int, prove: ProveSince
) -> NoteSignature:
    """Have a witness cosign a head; `last_size` is the size of the last head it is known to have cosigned.

    Raises:
        PlaceUnavailable: it gives no answer.
        PlaceRefused: it does not know this log, or answers no cosignature by its key.
        CosignatureRefused: for it, the log was rewritten or cut.
    """
    answer = await _add_checkpoint(client, place, head, last_size, prove)
    if (known := _newest_size(answer)) is not None:
        # It says itself which head it saw last: the store forgot, or another publisher was there meanwhile.
        size = Checkpoint.parse(head.text).size
        if known > size:
            raise CosignatureRefused(
                f"{place.url} has cosigned a head of {known} entries, and this one has {size}: if nobody else "
                "publishes this log, it was cut: keep the witness's head as evidence"
            )
        answer = await _add_checkpoint(client, place, head, known, prove)
    if answer.status in (409, 422):
        raise CosignatureRefused(
            f"{place.url} says that this head does not continue the last it saw ({answer.status} {answer.excerpt}): "
            "the log was rewritten, or its store replaced: keep both heads as evidence"
        )
    _refuse_unless_done(place, answer, "compare the log's key there with `voicehive audit keygen`'s")
    return _read_cosignature(place, head, answer)


async def request_timestamp(
    client: httpx.AsyncClient, place: AuthorityPlace, authority: TimestampAuthority, head: Note
) -> NoteSignature:
    """Have an authority time-stamp a head.

    Raises:
        PlaceUnavailable: it gives no answer.
        PlaceRefused: it refuses.
        TimestampInvalid: its answer is no time-stamp of this head that leads to its root certificates.
    """
    request = ask_for_timestamp(head)
    answer = await _post(client, place, place.url, request.as_bytes(), _QUERY)
    _refuse_unless_done(place, answer, "check its address")
    if answer.kind != _REPLY:
        raise PlaceRefused(f"{place.url} answers {answer.kind or 'no type'}, not {_REPLY}: check its address")
    return authority.accept(head, request, answer.body)


class _Answer(NamedTuple):
    status: int
    kind: str
    body: bytes

    @property
    def excerpt(self) -> str:
        return repr(self.body[:100].decode(errors="replace"))


async def _add_checkpoint(
    client: httpx.AsyncClient, place: WitnessPlace, head: Note, old_size: int, prove: ProveSince
) -> _Answer:
    proof = ConsistencyProof(old_size, tuple(await prove(old_size)), head)
    return await _post(client, place, f"{place.url.rstrip('/')}/add-checkpoint", str(proof).encode(), _TEXT)


def _newest_size(answer: _Answer) -> int | None:
    found = _SIZE.fullmatch(answer.body.decode(errors="replace"))
    return int(found[1]) if found and (answer.status, answer.kind) == (409, _SIZE_TYPE) else None


def _read_cosignature(place: WitnessPlace, head: Note, answer: _Answer) -> NoteSignature:
    key = VerifyingKey.parse(place.key)
    signed = with_cosignatures(Note(head.text, ()), answer.body.decode(errors="replace"))
    if cosigned_at(signed, key) is None:
        raise PlaceRefused(f"{place.url} answers no cosignature by {key.name}: compare its key")
    return next(one for one in signed.signatures if (one.name, one.key_id) == (key.name, key.key_id(COSIGNATURE)))


def _refuse_unless_done(place: Place, answer: _Answer, remedy: str) -> None:
    if answer.status != 200:
        raise PlaceRefused(f"{place.url} refuses with {answer.status} {answer.excerpt}: {remedy}")


async def _post(client: httpx.AsyncClient, place: Place, url: str, content: bytes, kind: str) -> _Answer:
    retries = stamina.retry_context(
        PlaceUnavailable, attempts=place.attempts, timeout=None, wait_max=_LONGEST_PAUSE_SECONDS
    )
    async for attempt in retries:
        with attempt:
            return await _post_once(client, place, url, content, kind)
    raise AssertionError("the retries end by returning or raising")


async def _post_once(client: httpx.AsyncClient, place: Place, url: str, content: bytes, kind: str) -> _Answer:
    body = b""
    try:
        # The client's own limits are for each read; a place that sends a byte now and then must not hold us up.
        async with (
            asyncio.timeout(place.timeout_seconds),
            client.stream("POST", url, content=content, headers={"Content-Type": kind}) as response,
        ):
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise PlaceRefused(f"{url} answers more than {MOST_BYTES} bytes: check its address")
    except (httpx.HTTPError, TimeoutError) as error:
        reason = str(error) or f"no answer in {place.timeout_seconds:g} s"
        raise PlaceUnavailable(f"{url} gives no answer ({reason}): publish again later, nothing is lost") from None
    if response.status_code == 429 or response.status_code >= 500:
        raise PlaceUnavailable(f"{url} answers {response.status_code}: publish again later, nothing is lost")
    return _Answer(response.status_code, response.headers.get("Content-Type", "").split(";")[0].strip(), body)
