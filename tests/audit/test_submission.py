"""Submitting heads over HTTP to places that answer well, badly, late or not at all."""

import socket
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.audit.logs import LOG_KEY, WITNESS_KEY, Log, grow, plain_log
from tests.audit.places import Reply, add_checkpoint, make_authority, served, stamp
from voicehive.audit.checkpoints import cosign, cosigned_at
from voicehive.audit.errors import CosignatureRefused, PlaceRefused, PlaceUnavailable, TimestampInvalid
from voicehive.audit.keys import SigningKey
from voicehive.audit.merkle import consistency_path, join_subtrees
from voicehive.audit.submission import (
    MOST_BYTES,
    AuthorityPlace,
    ProveSince,
    WitnessPlace,
    request_cosignature,
    request_timestamp,
)
from voicehive.audit.timestamps import TimestampAuthority
from voicehive.audit.witness import Witness

LOG = plain_log(40)
OTHER = grow([leaf.replace('"n":0', '"n":1') for leaf in LOG.leaves])


def since(size: int, log: Log = LOG) -> ProveSince:
    async def prove(old: int) -> Sequence[bytes]:
        return [join_subtrees([node.cut(log.nodes[node.last_leaf]) for node in place])
                for place in consistency_path(old, size)]  # fmt: skip

    return prove


def place(url: str, attempts: int = 1, timeout: float = 5) -> WitnessPlace:
    return WitnessPlace(url=url, key=WITNESS_KEY.verifying.text(), attempts=attempts, timeout_seconds=timeout)


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as made:
        yield made


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(WITNESS_KEY, [LOG_KEY.verifying], tmp_path / "witness.json")


async def test_a_witness_cosigns_and_says_itself_where_the_proof_must_start(
    client: httpx.AsyncClient, witness: Witness
) -> None:
    with served(add_checkpoint(witness, [LOG_KEY.verifying])) as url:
        for last_size, size in ((0, 7), (7, 20), (0, 33), (5, 33), (33, 40)):
            head = LOG.head(size)
            line = await request_cosignature(client, place(f"{url}/prefix/"), head, last_size, since(size))
            assert cosigned_at(head.with_signatures(line), WITNESS_KEY.verifying) is not None


async def test_a_log_that_was_rewritten_or_cut_is_told_from_a_place_that_is_away(
    client: httpx.AsyncClient, witness: Witness
) -> None:
    with served(add_checkpoint(witness, [LOG_KEY.verifying])) as url:
        await request_cosignature(client, place(url), LOG.head(20), 0, since(20))
        for size in (20, 33):
            with pytest.raises(CosignatureRefused, match="rewritten"):
                await request_cosignature(client, place(url), OTHER.head(size), 20, since(size, OTHER))
        with pytest.raises(CosignatureRefused, match="cut"):
            await request_cosignature(client, place(url), LOG.head(7), 0, since(7))
        impostor = LOG.head(33, SigningKey.generate(LOG_KEY.name))
        with pytest.raises(PlaceRefused, match="403"):
            await request_cosignature(client, place(url), impostor, 20, since(33))
    with pytest.raises(PlaceUnavailable, match="nothing is lost"):
        await request_cosignature(client, place(url), LOG.head(33), 20, since(33))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_place_in_trouble_is_asked_again_but_not_for_ever(client: httpx.AsyncClient, status: int) -> None:
    asked: list[str] = []

    def answer(path: str, body: bytes) -> Reply:
        asked.append(path)
        line = cosign(LOG.head(7).text, WITNESS_KEY, datetime.now(UTC))
        return Reply(200, body=f"{line}\n".encode()) if len(asked) == 3 else Reply(status)

    with served(answer) as url:
        with pytest.raises(PlaceUnavailable, match=str(status)):
            await request_cosignature(client, place(url, attempts=2), LOG.head(7), 0, since(7))
        assert asked == ["/add-checkpoint"] * 2
        await request_cosignature(client, place(url, attempts=2), LOG.head(7), 0, since(7))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, body=f"{cosign(LOG.head(7).text, SigningKey.generate('x'), datetime.now(UTC))}\n".encode()),
        Reply(200),
        Reply(404),
        Reply(302),
        Reply(200, body=b"x" * (MOST_BYTES + 1)),
    ],
)
async def test_an_answer_that_is_no_cosignature_of_the_witness_is_refused(
    client: httpx.AsyncClient, reply: Reply
) -> None:
    with served(lambda path, body: reply) as url, pytest.raises(PlaceRefused):
        await request_cosignature(client, place(url), LOG.head(7), 0, since(7))


async def test_a_place_that_never_answers_holds_nobody_up(client: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(PlaceUnavailable, match=r"no answer in 0\.2 s"):
            await request_cosignature(client, place(url, timeout=0.2), LOG.head(7), 0, since(7))
        assert time.monotonic() - began < 20


async def test_an_authority_stamps_and_one_that_is_not_itself_is_refused(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    root, other = make_authority(tmp_path / "tsa"), make_authority(tmp_path / "other")
    authority = TimestampAuthority.parse("tsa.example", root.read_bytes())
    head = LOG.head(20)
    with served(stamp(tmp_path / "tsa")) as url:
        asked = AuthorityPlace(url=url, name="tsa.example", roots=root)
        line = await request_timestamp(client, asked, authority, head)
        assert authority.stamped_at(head.with_signatures(line)) is not None
        impostor = TimestampAuthority.parse("tsa.example", other.read_bytes())
        with pytest.raises(TimestampInvalid):
            await request_timestamp(client, asked, impostor, head)
    with served(lambda path, body: Reply(200, "text/html", b"<html>")) as url:
        asked = AuthorityPlace(url=url, name="tsa.example", roots=root)
        with pytest.raises(PlaceRefused, match="text/html"):
            await request_timestamp(client, asked, authority, head)
