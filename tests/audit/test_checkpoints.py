import dataclasses
from datetime import timedelta

import pytest

from tests.audit.logs import LOG_KEY, START, WITNESS_KEY, plain_log
from voicehive.audit.checkpoints import Checkpoint, cosign, cosigned_at, origin_of, verify_checkpoint
from voicehive.audit.errors import NoteInvalid
from voicehive.audit.keys import SigningKey, VerifyingKey
from voicehive.audit.notes import Note

# The checkpoint that c2sp.org/tlog-checkpoint shows; no key to it is published.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
HEAD = plain_log(5).head(5)


def test_the_example_of_the_specification_is_read_and_written() -> None:
    checkpoint = Checkpoint.parse(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a")
    assert str(checkpoint) == EXAMPLE


def test_extension_lines_are_let_pass() -> None:
    assert Checkpoint.parse(EXAMPLE + "more\n") == Checkpoint.parse(EXAMPLE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\nAAAA\n",
        "a\n-1\nAAAA\n",
        "a\n1\nAAAA\n",
        EXAMPLE[:-1],
        EXAMPLE + "\n",
        "\n" + EXAMPLE,
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


def test_a_signed_head_verifies_and_says_when_it_was_signed() -> None:
    head = verify_checkpoint(Note.parse(str(HEAD)), LOG_KEY.verifying)
    assert (head.checkpoint.origin, head.checkpoint.size) == ("example.com/voicehive/acme", 5)
    assert head.time == START + timedelta(seconds=5)


def test_a_head_is_not_taken_from_another_key_name_or_without_both_signatures() -> None:
    other = SigningKey.generate(LOG_KEY.name)
    renamed = VerifyingKey("example.com/voice", LOG_KEY.verifying.public)
    for key in (other.verifying, renamed):
        with pytest.raises(NoteInvalid):
            verify_checkpoint(HEAD, key)
    for kept in HEAD.signatures:
        with pytest.raises(NoteInvalid):
            verify_checkpoint(Note(HEAD.text, (kept,)), LOG_KEY.verifying)


def test_a_head_whose_text_or_signature_was_changed_is_refused() -> None:
    longer = HEAD.text.replace("\n5\n", "\n6\n")
    with pytest.raises(NoteInvalid, match="does not verify"):
        verify_checkpoint(Note(longer, HEAD.signatures), LOG_KEY.verifying)
    for at in range(2):
        one = HEAD.signatures[at]
        broken = dataclasses.replace(one, signature=bytes([one.signature[0] ^ 1]) + one.signature[1:])
        signatures = (*HEAD.signatures[:at], broken, *HEAD.signatures[at + 1 :])
        with pytest.raises(NoteInvalid, match="does not verify"):
            verify_checkpoint(Note(HEAD.text, signatures), LOG_KEY.verifying)


def test_a_cosignature_counts_for_its_text_time_and_key_only() -> None:
    line = cosign(HEAD.text, WITNESS_KEY, START)
    note = HEAD.with_signatures(line)
    assert cosigned_at(note, WITNESS_KEY.verifying) == START
    assert cosigned_at(HEAD, WITNESS_KEY.verifying) is None
    assert cosigned_at(note, SigningKey.generate(WITNESS_KEY.name).verifying) is None
    later = dataclasses.replace(
        line, signature=line.signature[:7] + bytes([line.signature[7] ^ 1]) + line.signature[8:]
    )
    with pytest.raises(NoteInvalid, match="cosignature"):
        cosigned_at(HEAD.with_signatures(later), WITNESS_KEY.verifying)
    with pytest.raises(NoteInvalid, match="cosignature"):
        cosigned_at(plain_log(6).head(6).with_signatures(line), WITNESS_KEY.verifying)


def test_the_newest_of_several_cosignatures_of_a_key_counts() -> None:
    lines = (cosign(HEAD.text, WITNESS_KEY, START + timedelta(days=day)) for day in (1, 9, 3))
    assert cosigned_at(HEAD.with_signatures(*lines), WITNESS_KEY.verifying) == START + timedelta(days=9)


@pytest.mark.parametrize("tenant", ["", "a b", "a/b", "a+b", "a\n"])
def test_a_tenant_that_cannot_name_a_log_is_refused(tenant: str) -> None:
    with pytest.raises(NoteInvalid, match="tenant"):
        origin_of("example.com/voicehive", tenant)
