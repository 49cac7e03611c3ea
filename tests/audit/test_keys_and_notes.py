import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicehive.audit.errors import KeyInvalid, NoteInvalid
from voicehive.audit.keys import (
    COSIGNATURE,
    KEY_FILE,
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    NOTE,
    SigningKey,
    VerifyingKey,
    find_signing_key,
    write_signing_key,
)
from voicehive.audit.notes import Note, NoteSignature

# The example of Go's golang.org/x/mod/sumdb/note: both keys, and a note that they sign.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The key of Go's checksum database.
SUM_GOLANG_ORG = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def test_the_keys_and_the_note_of_go_are_read_signed_and_verified_alike() -> None:
    signing, verifying = SigningKey.parse(GO_PRIVATE), VerifyingKey.parse(GO_PUBLIC)
    assert signing.verifying == verifying
    assert (signing.text, verifying.text()) == (GO_PRIVATE, GO_PUBLIC)
    note = Note.parse(GO_NOTE)
    assert str(note) == GO_NOTE
    (signature,) = note.signatures_by("PeterNeumann", verifying.key_id(NOTE))
    assert verifying.verifies(signature, note.text.encode())
    assert signing.sign(note.text.encode()) == signature
    assert not verifying.verifies(signature, note.text.encode() + b" ")


def test_a_published_verifying_key_is_read() -> None:
    assert VerifyingKey.parse(SUM_GOLANG_ORG).text() == SUM_GOLANG_ORG


@given(data=st.data())
def test_a_key_with_any_character_changed_is_refused_or_another_name(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GO_PUBLIC) - 1))
    other = data.draw(st.sampled_from("ABCabc019+/= \n").filter(lambda one: one != GO_PUBLIC[at]))
    with pytest.raises(KeyInvalid):
        VerifyingKey.parse(GO_PUBLIC[:at] + other + GO_PUBLIC[at + 1 :] + "x")
    with pytest.raises(KeyInvalid):
        VerifyingKey.parse(GO_PUBLIC[:at] + other + GO_PUBLIC[at + 1 :])


@pytest.mark.parametrize("text", ["", "a", "a+b", GO_PRIVATE, "a+00000000+AAAA", f"a b{GO_PUBLIC}", "ü+1+é"])
def test_what_is_no_verifying_key_is_refused(text: str) -> None:
    with pytest.raises(KeyInvalid):
        VerifyingKey.parse(text)


@pytest.mark.parametrize("text", ["", GO_PUBLIC, GO_PRIVATE[:-4], GO_PRIVATE.replace("Peter", "Paul")])
def test_what_is_no_signing_key_is_refused_and_never_shown(text: str) -> None:
    with pytest.raises(KeyInvalid) as caught:
        SigningKey.parse(text)
    assert "AYEKFALVFGyNhP" not in str(caught.value)


def test_a_signing_key_does_not_show_itself() -> None:
    key = SigningKey.parse(GO_PRIVATE)
    assert "AYEK" not in repr(key) + str(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_a_name_that_a_note_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(KeyInvalid, match="white space"):
        SigningKey.generate(name)


def test_a_key_file_is_its_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path, key = tmp_path / "new" / KEY_FILE, SigningKey.generate("example.com/a")
    write_signing_key(path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(KeyInvalid, match="exists already"):
        write_signing_key(path, SigningKey.generate("example.com/b"))
    assert find_signing_key({}, path.parent) == key


def test_the_signing_key_comes_from_its_variable_before_its_file(tmp_path: Path) -> None:
    by_name, default = SigningKey.generate("example.com/named"), SigningKey.generate("example.com/default")
    assert find_signing_key({}, tmp_path) is None
    write_signing_key(tmp_path / "named", by_name)
    write_signing_key(tmp_path / KEY_FILE, default)
    named = {KEY_FILE_VARIABLE: str(tmp_path / "named")}
    assert find_signing_key({KEY_VARIABLE: GO_PRIVATE, **named}, tmp_path) == SigningKey.parse(GO_PRIVATE)
    assert find_signing_key(named, tmp_path) == by_name
    assert find_signing_key({}, tmp_path) == default
    with pytest.raises(KeyInvalid, match="absent"):
        find_signing_key({KEY_FILE_VARIABLE: str(tmp_path / "absent")}, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "text\n",
        "text\n\n",
        "\n\n— a QUJDREVG\n",
        "text\n\n— a QUJDREVG",
        "text\n\n- a QUJDREVG\n",
        "text\n\n— a b QUJDREVG\n",
        "text\n\n— a QUJDREVH=\n",
        "text\n\n— a QUJD\n",
        "text\r\n\n— a QUJDREVG\n",
        "text\n\n— a QUJDREV\n",
        "text\n\n— a QUJDREVG\n\n",
        "text\n\n" + "— a QUJDREVG\n" * 101,
    ],
)
def test_what_is_no_signed_note_is_refused(content: str) -> None:
    with pytest.raises(NoteInvalid):
        Note.parse(content)


def test_base64_has_one_form_only() -> None:
    content = base64.b64encode(b"ABCDE").decode()
    assert Note.parse(f"text\n\n— a {content}\n").signatures == (NoteSignature("a", b"ABCD", b"E"),)
    with pytest.raises(NoteInvalid):
        Note.parse(f"text\n\n— a {content.replace('U=', 'V=')}\n")


def test_a_key_has_another_id_for_each_kind_of_signature() -> None:
    key = VerifyingKey.parse(GO_PUBLIC)
    cosigner = key.text(COSIGNATURE)
    assert cosigner != GO_PUBLIC
    assert VerifyingKey.parse(cosigner) == key
