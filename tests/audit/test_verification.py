import base64
import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.logs import (
    LOG_KEY,
    START,
    TENANT,
    WITNESS_KEY,
    Log,
    export_of,
    grow,
    personal_export,
    plain_log,
)
from voicehive.audit.checkpoints import cosign
from voicehive.audit.errors import ExportInvalid
from voicehive.audit.export_lines import ExportLines
from voicehive.audit.keys import SigningKey
from voicehive.audit.merkle import hash_leaf
from voicehive.audit.verification import Trust, Verified, verify_export

TRUST = Trust([LOG_KEY.verifying])
LOG = plain_log(13)
EXPORT = export_of(LOG, heads=(4, 9))
PERSONAL = personal_export()


def verify(lines: list[bytes], trust: Trust = TRUST) -> Verified:
    return verify_export(b"".join(lines).splitlines(keepends=True), trust)


def fault(lines: list[bytes], trust: Trust = TRUST) -> ExportInvalid:
    with pytest.raises(ExportInvalid) as caught:
        verify(lines, trust)
    return caught.value


def sealed_again(lines: list[bytes]) -> list[bytes]:
    """With the digest at the end made right, as whoever changes a file on purpose would do."""
    body = lines[:-1]
    digest = hashlib.sha256(b"".join(body)).hexdigest()
    return [*body, f'{{"sha256":"{digest}"}}\n'.encode()]


def line_of(index: int) -> int:
    """Where entry `index` stands in EXPORT: after the header and the heads above it."""
    return 1 + index + sum(index >= head for head in (4, 9))


def test_an_export_verifies_and_says_what_it_shows() -> None:
    verified = verify(EXPORT)
    assert (verified.tenant, verified.size, verified.heads) == (TENANT, 13, 3)
    assert base64.b64decode(verified.root) == LOG.trees[13].root()
    assert verified.origin == f"{LOG_KEY.name}/{TENANT}"


def test_personal_fields_verify_shown_erased_and_withheld() -> None:
    verified = verify(PERSONAL)
    assert (verified.shown, verified.erased, verified.withheld) == (1, 1, 1)
    assert b"Alice" not in b"".join(PERSONAL)


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_byte_changed_inserted_or_removed_is_found(data: st.DataObject) -> None:
    content = b"".join(data.draw(st.sampled_from((EXPORT, PERSONAL))))
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != content[at]))
    changed = data.draw(
        st.sampled_from(
            (
                content[:at] + bytes([byte]) + content[at + 1 :],
                content[:at] + bytes([byte]) + content[at:],
                content[:at] + content[at + 1 :],
                content[:at],
            )
        )
    )
    if changed == content:
        return
    with pytest.raises(ExportInvalid):
        verify_export(changed.splitlines(keepends=True), TRUST)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_change_inside_an_entry_names_that_entry_even_with_the_digest_made_right(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 12))
    line = EXPORT[line_of(index)]
    at = data.draw(st.integers(0, len(line) - 2))
    byte = data.draw(st.integers(32, 126).filter(lambda one: one != line[at]))
    lines = list(EXPORT)
    lines[line_of(index)] = line[:at] + bytes([byte]) + line[at + 1 :]
    found = fault(sealed_again(lines))
    assert found.line == line_of(index) + 1
    assert found.first is not None
    assert found.first <= index == found.last


def rewritten(index: int, hashes: Callable[[Log], list[bytes]]) -> list[bytes]:
    leaf = json.loads(LOG.leaves[index]) | {"body": {"n": 1_000}}
    text = json.dumps(leaf, sort_keys=True, separators=(",", ":"))
    other = grow([*LOG.leaves[:index], text, *LOG.leaves[index + 1 :]])
    lines = list(EXPORT)
    for at, nodes in enumerate(hashes(other)):
        lines[line_of(at)] = ExportLines().entry(other.leaves[at], nodes, {})
    return sealed_again(lines)


@pytest.mark.parametrize("index", range(13))
def test_a_changed_entry_is_named(index: int) -> None:
    found = fault(rewritten(index, lambda other: LOG.nodes))
    assert (found.first, found.last) == (index, index)
    assert "not what was recorded" in found.reason


@pytest.mark.parametrize("index", [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11])  # 8 stands alone before a signed head
def test_an_entry_changed_together_with_its_own_hash_is_named_with_its_neighbours(index: int) -> None:
    leaf_hash = hash_leaf(json.dumps(json.loads(LOG.leaves[index]) | {"body": {"n": 1_000}}, sort_keys=True,
                                     separators=(",", ":")).encode())  # fmt: skip
    found = fault(rewritten(index, lambda other: [
        (leaf_hash + nodes[32:] if at == index else nodes) for at, nodes in enumerate(LOG.nodes)
    ]))  # fmt: skip
    assert found.first is not None
    assert found.last is not None
    assert found.first <= index <= found.last
    assert found.last - found.first == 1


@pytest.mark.parametrize(("index", "span"), [(0, (0, 3)), (3, (0, 3)), (4, (4, 8)), (8, (4, 8)), (9, (9, 12))])
def test_an_entry_changed_with_every_hash_is_found_between_two_signed_heads(index: int, span: tuple[int, int]) -> None:
    found = fault(rewritten(index, lambda other: other.nodes))
    assert (found.first, found.last) == span
    assert "signed head" in found.reason


@pytest.mark.parametrize("index", range(13))
def test_a_removed_entry_is_named(index: int) -> None:
    found = fault(sealed_again([line for at, line in enumerate(EXPORT) if at != line_of(index)]))
    assert found.first == index
    assert "missing" in found.reason


def test_a_repeated_swapped_or_foreign_entry_is_named() -> None:
    def with_(at: int, *others: bytes) -> list[bytes]:
        return sealed_again([*EXPORT[:at], *others, *EXPORT[at + len(others) :]])

    repeated = [*EXPORT[:3], EXPORT[2], *EXPORT[3:]]
    assert fault(sealed_again(repeated)).first == 2
    assert fault(with_(line_of(5), EXPORT[line_of(6)], EXPORT[line_of(5)])).first == 5
    stranger = json.loads(LOG.leaves[5]) | {"tenant": "other"}
    text = json.dumps(stranger, sort_keys=True, separators=(",", ":"))
    other = grow([*LOG.leaves[:5], text])
    found = fault(with_(line_of(5), ExportLines().entry(text, other.nodes[5], {})))
    assert found.first == 5
    assert "tenant other" in found.reason


@pytest.mark.parametrize("kept", range(len(EXPORT)))
def test_an_export_that_breaks_off_at_any_line_is_found(kept: int) -> None:
    found = fault(EXPORT[:kept])
    assert "breaks off" in found.reason


def test_entries_after_the_last_signed_head_are_found() -> None:
    unsigned = [line for at, line in enumerate(EXPORT) if at != len(EXPORT) - 2]
    found = fault(sealed_again(unsigned))
    assert (found.first, found.last) == (9, 12)
    assert "no signed head" in found.reason


def test_anything_after_the_end_is_found() -> None:
    assert "after the end" in fault([*EXPORT, EXPORT[1]]).reason


def test_what_is_no_export_is_said_to_be_none() -> None:
    assert fault([b'{"a":1}\n']).line == 1
    assert "canonical" in fault([b'{ "format":"voicehive-audit-export/1","tenant":"acme"}\n']).reason
    assert "format" in fault([b'{"format":"voicehive-audit-export/2","tenant":"acme"}\n']).reason
    assert fault([b"[" * 100_000 + b"\n"]).line == 1
    assert fault([EXPORT[0], b'{"leaf":{},"nodes":NaN}\n']).first == 0


def test_a_log_signed_by_another_key_or_of_another_tenant_is_refused() -> None:
    impostor = SigningKey.generate(LOG_KEY.name)
    assert "none of the keys" in fault(export_of(LOG, key=impostor)).reason
    renamed = [line.replace(b'"tenant":"acme"', b'"tenant":"acne"') for line in EXPORT[:1]] + EXPORT[1:]
    assert "tenant acme" in fault(sealed_again(renamed)).reason


def test_a_key_that_was_replaced_can_be_trusted_beside_the_new_one() -> None:
    new = SigningKey.generate(LOG_KEY.name)
    lines = list(EXPORT)
    lines[-2] = ExportLines().checkpoint(LOG.head(13, new))
    lines = sealed_again(lines)
    assert verify(lines, Trust([LOG_KEY.verifying, new.verifying])).heads == 3
    assert "none of the keys" in fault(lines).reason


def test_a_value_that_is_shown_must_be_the_one_that_was_sealed() -> None:
    lines = [line.replace(b'"name":"Bob"', b'"name":"Rob"') for line in PERSONAL]
    found = fault(sealed_again(lines))
    assert (found.first, found.last) == (1, 1)
    assert "not the one that was sealed" in found.reason


def test_a_field_is_not_taken_for_erased_without_its_erasure() -> None:
    for before, after, index in (
        (b'{"withheld":true}', b'{"erased_by":3}', 2),
        (b'{"erased_by":3}', b'{"erased_by":2}', 0),
    ):
        found = fault(sealed_again([line.replace(before, after) for line in PERSONAL]))
        assert found.first == index
        assert "no such erasure" in found.reason


def test_personal_fields_cannot_be_added_or_left_out() -> None:
    added = PERSONAL[4][:-2] + b',"personal":{}}\n'
    assert fault(sealed_again([*PERSONAL[:4], added, *PERSONAL[5:]])).first == 3
    left_out = PERSONAL[3][: PERSONAL[3].rindex(b',"personal"')] + b"}\n"
    assert fault(sealed_again([*PERSONAL[:3], left_out, *PERSONAL[4:]])).first == 2


def test_known_heads_must_be_continued() -> None:
    for size in (0, 3, 13):
        assert verify(EXPORT, Trust([LOG_KEY.verifying], known=[LOG.head(size)])).known_heads == 1
    longer = plain_log(14)
    assert "older than a known head of 14" in fault(EXPORT, Trust([LOG_KEY.verifying], known=[longer.head(14)])).reason


def test_a_log_that_was_rewritten_and_signed_anew_is_found_by_a_known_head() -> None:
    other = grow([LOG.leaves[0].replace('"n":0', '"n":7'), *LOG.leaves[1:]])
    rewritten_log = export_of(other, heads=(1,))
    assert verify(rewritten_log).size == 13
    found = fault(rewritten_log, Trust([LOG_KEY.verifying], known=[LOG.head(6)]))
    assert "known head of 6 entries" in found.reason
    assert (found.first, found.last) == (1, 5)


def test_a_witness_must_have_cosigned_a_head() -> None:
    trust = Trust([LOG_KEY.verifying], witnesses=[WITNESS_KEY.verifying])
    assert "cosigned by witness.example" in fault(EXPORT, trust).reason
    head = LOG.head(9)
    lines = list(EXPORT)
    lines[line_of(9) - 1] = ExportLines().checkpoint(head.with_signatures(cosign(head.text, WITNESS_KEY, START)))
    assert verify(sealed_again(lines), trust).cosigned == {WITNESS_KEY.name: 9}
    misused = head.with_signatures(cosign(LOG.head(4).text, WITNESS_KEY, START))
    lines[line_of(9) - 1] = ExportLines().checkpoint(misused)
    assert "cosignature" in fault(sealed_again(lines), trust).reason


def test_a_byte_that_belongs_to_no_entry_and_no_known_key_is_found_by_the_digest() -> None:
    head = LOG.head(9)
    stranger = SigningKey.generate("stranger.example")
    line = ExportLines().checkpoint(head.with_signatures(cosign(head.text, stranger, START)))
    at = line.rindex(b"\\n") - 20
    whole = list(EXPORT)
    whole[line_of(9) - 1] = line
    whole = sealed_again(whole)
    assert verify(whole).size == 13
    other = [*whole]
    other[line_of(9) - 1] = line[:at] + (b"A" if line[at : at + 1] != b"A" else b"B") + line[at + 1 :]
    assert "the digest differs" in fault(other).reason
    digit = b"0" if EXPORT[-1][20:21] != b"0" else b"1"
    assert "the digest differs" in fault([*EXPORT[:-1], EXPORT[-1][:20] + digit + EXPORT[-1][21:]]).reason


def test_an_empty_log_verifies() -> None:
    empty = grow([])
    lines = ExportLines()
    made = [lines.header(TENANT), lines.checkpoint(empty.head(0)), lines.end()]
    assert verify(made).size == 0
    assert fault([EXPORT[0], *sealed_again([EXPORT[0], made[-1]])[1:]]).line == 2
