"""Time-stamps by a real authority, `openssl ts`, verified by our side alone."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rfc3161_client import TimeStampRequest

from tests.audit.logs import LOG_KEY, export_of, plain_log
from tests.audit.places import make_authority, stamp
from voicehive.audit.errors import ExportInvalid, KeyInvalid, TimestampInvalid
from voicehive.audit.export_lines import ExportLines
from voicehive.audit.notes import Note
from voicehive.audit.timestamps import TimestampAuthority, ask_for_timestamp
from voicehive.audit.verification import Trust, verify_export

LOG = plain_log(20)
NAME = "tsa.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("authorities")
    make_authority(made / "tsa")
    make_authority(made / "other", "Other")
    return made


@pytest.fixture(scope="module")
def authority(folder: Path) -> TimestampAuthority:
    return TimestampAuthority.parse(NAME, (folder / "tsa" / "root.pem").read_bytes())


def ask(folder: Path, request: TimeStampRequest) -> bytes:
    return stamp(folder)("/", request.as_bytes()).body


def stamped(folder: Path, authority: TimestampAuthority, head: Note) -> Note:
    request = ask_for_timestamp(head)
    return head.with_signatures(authority.accept(head, request, ask(folder / "tsa", request)))


def test_a_stamped_head_tells_when_it_was_shown(folder: Path, authority: TimestampAuthority) -> None:
    head = Note.parse(str(stamped(folder, authority, LOG.head(20))))
    at = authority.stamped_at(head)
    assert at is not None
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert authority.stamped_at(LOG.head(20)) is None
    assert authority.stamped_at(Note(LOG.head(20).text, head.signatures)) == at


def test_openssl_verifies_what_stands_in_the_note(folder: Path, authority: TimestampAuthority, tmp_path: Path) -> None:
    head = stamped(folder, authority, LOG.head(7))
    (answer,) = head.signatures_by(NAME, authority.key_id)
    (tmp_path / "answer.tsr").write_bytes(answer)
    (tmp_path / "head").write_text(head.text)
    command = ["openssl", "ts", "-verify", "-data", "head", "-in", "answer.tsr"]
    root = ("-CAfile", folder / "tsa" / "root.pem")
    subprocess.run([*command, *root], cwd=tmp_path, check=True, capture_output=True, timeout=30)


def test_a_stamp_of_another_head_by_another_authority_or_changed_is_refused(
    folder: Path, authority: TimestampAuthority
) -> None:
    head = stamped(folder, authority, LOG.head(20))
    with pytest.raises(TimestampInvalid, match=NAME):
        authority.stamped_at(Note(LOG.head(19).text, head.signatures))
    other = TimestampAuthority.parse(NAME, (folder / "other" / "root.pem").read_bytes())
    with pytest.raises(TimestampInvalid, match=NAME):
        other.stamped_at(head)
    (answer,) = head.signatures_by(NAME, authority.key_id)
    for broken in (b"", answer[:-1], answer[:100], answer[:-5] + bytes(5)):
        with pytest.raises(TimestampInvalid):
            authority.accept(LOG.head(20), ask_for_timestamp(LOG.head(20)), broken)


def test_an_answer_to_an_earlier_request_is_refused(folder: Path, authority: TimestampAuthority) -> None:
    head = LOG.head(20)
    earlier = ask(folder / "tsa", ask_for_timestamp(head))
    with pytest.raises(TimestampInvalid, match=r"[Nn]once"):
        authority.accept(head, ask_for_timestamp(head), earlier)


def test_an_export_shows_the_stamp_and_one_without_it_is_not_taken(folder: Path, authority: TimestampAuthority) -> None:
    trust = Trust([LOG_KEY.verifying], authorities=[authority])
    with pytest.raises(ExportInvalid, match=f"time-stamped by {NAME}"):
        verify_export(export_of(LOG), trust)
    lines, made = ExportLines(), list[bytes]()
    made.append(lines.header("acme"))
    made += [lines.entry(leaf, nodes, {}) for leaf, nodes in zip(LOG.leaves, LOG.nodes, strict=True)]
    made += [lines.checkpoint(stamped(folder, authority, LOG.head(20))), lines.end()]
    verified = verify_export(made, trust)
    assert verified.stamped[NAME].size == 20
    assert verify_export(made, Trust([LOG_KEY.verifying])).stamped == {}
    other = TimestampAuthority.parse(NAME, (folder / "other" / "root.pem").read_bytes())
    with pytest.raises(ExportInvalid, match="cannot be trusted"):
        verify_export(made, Trust([LOG_KEY.verifying], authorities=[other]))


def test_a_file_without_certificates_is_no_authority() -> None:
    for content in (b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(KeyInvalid, match=NAME):
            TimestampAuthority.parse(NAME, content)
