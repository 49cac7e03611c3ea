"""Proofs and heads as files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.logs import LOG_KEY, Log, grow, plain_log
from voicehive.audit.anchors import anchor, read_heads
from voicehive.audit.errors import AuditError, FileInvalid, NoteInvalid, ProofInvalid
from voicehive.audit.keys import SigningKey
from voicehive.audit.merkle import inclusion_path, join_subtrees
from voicehive.audit.proof_files import ConsistencyProof, InclusionProof

LOG = plain_log(20)


def proof_of(index: int, size: int, log: Log = LOG) -> InclusionProof:
    hashes = [join_subtrees([node.cut(log.nodes[node.last_leaf]) for node in place])
              for place in inclusion_path(index, size)]  # fmt: skip
    return InclusionProof(log.leaves[index], index, tuple(hashes), log.head(size))


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 20), (7, 8), (19, 20), (12, 13)])
def test_a_proof_of_an_entry_is_read_back_and_verifies(index: int, size: int) -> None:
    proof = InclusionProof.parse(str(proof_of(index, size)))
    assert proof == proof_of(index, size)
    entry, head = proof.verify([LOG_KEY.verifying])
    assert (entry.index, entry.body, head.checkpoint.size) == (index, {"n": index}, size)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_proof_changed_anywhere_but_in_what_nobody_signed_fails(data: st.DataObject) -> None:
    text = str(proof_of(12, 20))
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=10, max_codepoint=126).filter(lambda one: one != text[at]))
    with pytest.raises(AuditError):
        InclusionProof.parse(text[:at] + other + text[at + 1 :]).verify([LOG_KEY.verifying])


def test_an_entry_of_another_index_is_not_taken_for_the_one() -> None:
    leaves = [leaf.replace('"index":3', '"index":5') for leaf in LOG.leaves]
    with pytest.raises(ProofInvalid, match="entry 5"):
        proof_of(3, 20, grow(leaves)).verify([LOG_KEY.verifying])


@pytest.mark.parametrize("text", ["", "old 3\n", "c2sp.org/tlog-proof@v1\nindex 3\n\n", "c2sp.org/tlog-proof@v1"])
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(AuditError):
        InclusionProof.parse(text)


def test_a_request_with_too_many_hashes_or_an_odd_size_is_refused() -> None:
    head = LOG.head(3)
    with pytest.raises(FileInvalid, match="at most"):
        ConsistencyProof.parse(str(ConsistencyProof(3, (bytes(32),) * 65, head)))
    for size in ("03", "-1", "x", "1e3"):
        with pytest.raises(FileInvalid):
            ConsistencyProof.parse(f"old {size}\n\n{head}")


def test_anchored_heads_are_read_again_in_order(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    heads = [LOG.head(size) for size in (3, 9, 20)]
    for head in heads:
        anchor(path, head)
    assert read_heads(path) == heads
    path.write_text(str(heads[1]))
    assert read_heads(path) == [heads[1]]


@pytest.mark.parametrize("content", ["{}\n", "{\n", '{"checkpoint":1}\n', '{"checkpoint":"x"}\n', "nothing"])
def test_a_file_without_heads_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "anchors"
    path.write_text(content)
    with pytest.raises(NoteInvalid):
        read_heads(path)
    with pytest.raises(FileInvalid):
        read_heads(tmp_path / "absent")
    with pytest.raises(FileInvalid):
        anchor(tmp_path / "absent" / "file", LOG.head(3))


def test_a_proof_signed_by_another_log_is_refused() -> None:
    with pytest.raises(NoteInvalid, match="none of the keys"):
        proof_of(3, 20).verify([SigningKey.generate(LOG_KEY.name).verifying])
